"""Registration of the layer under the name `potr`."""

from __future__ import annotations

import sys
from types import ModuleType

from otrfast.potr import compatcrypto, context, crypt, proto, utils
from otrfast.potr.compatcrypto import common, pycrypto

_MODULES: dict[str, ModuleType] = {
    "potr.context": context,
    "potr.crypt": crypt,
    "potr.proto": proto,
    "potr.utils": utils,
    "potr.compatcrypto": compatcrypto,
    "potr.compatcrypto.common": common,
    "potr.compatcrypto.pycrypto": pycrypto,
}


def install() -> None:
    """Make `import potr` import this layer, in the whole process.

    A second call has no effect. Raises `ImportError`, and changes nothing, if another potr has
    been imported: its classes would not be those of this layer.
    """
    modules = {"potr": sys.modules["otrfast.potr"], **_MODULES}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "potr" and module is not modules.get(name):
            if _imports_us(module):
                continue
            raise ImportError(
                "another potr has been imported: call otrfast.potr.install() before the first "
                f"import of potr ({name} is {getattr(module, '__file__', module)})",
                name=name,
            )
    sys.modules.update(modules)


def _imports_us(module: ModuleType) -> bool:
    """Whether a module is being imported: a `potr` that only calls `install`."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))
