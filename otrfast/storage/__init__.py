"""Files of keys, fingerprints and instance tags, in the forms of libotr and other programs, and the
same forms as bytes."""

from otrfast.storage.fingerprints import dumps_trust, load_trust, loads_trust, save_trust
from otrfast.storage.instance_tags import (
    dumps_instance_tag,
    load_instance_tag,
    loads_instance_tag,
    save_instance_tag,
)
from otrfast.storage.private_key import PrivateKey
from otrfast.storage.versions import (
    dumps_versions,
    load_versions,
    loads_versions,
    save_versions,
)

__all__ = [
    "PrivateKey",
    "dumps_instance_tag",
    "dumps_trust",
    "dumps_versions",
    "load_instance_tag",
    "load_trust",
    "load_versions",
    "loads_instance_tag",
    "loads_trust",
    "loads_versions",
    "save_instance_tag",
    "save_trust",
    "save_versions",
]
