"""Registration of the layer under the name `potr`."""

from __future__ import annotations

import sys
from types import ModuleType

from otrfast.drop_in import install_as
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
    install_as("potr", {"potr": sys.modules["otrfast.potr"], **_MODULES})
