"""Files of keys, fingerprints and instance tags, in the forms of libotr and other programs."""

from otrfast.storage.fingerprints import load_trust, save_trust
from otrfast.storage.instance_tags import load_instance_tag, save_instance_tag
from otrfast.storage.private_key import PrivateKey

__all__ = ["PrivateKey", "load_instance_tag", "load_trust", "save_instance_tag", "save_trust"]
