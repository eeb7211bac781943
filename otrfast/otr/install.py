"""Registration of the layer under the name `otr`."""

from __future__ import annotations

import sys
from types import ModuleType

from otrfast.drop_in import install_as
from otrfast.otr import __info__, cryptography, exceptions

_MODULES: dict[str, ModuleType] = {
    "otr.cryptography": cryptography,
    "otr.exceptions": exceptions,
    "otr.__info__": __info__,
}


def install() -> None:
    """Make `import otr` import this layer, in the whole process.

    A second call has no effect. Raises `ImportError`, and changes nothing, if another otr has been
    imported: its classes would not be those of this layer.
    """
    install_as("otr", {"otr": sys.modules["otrfast.otr"], **_MODULES})
