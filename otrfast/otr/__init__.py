"""The API of AG Projects' python-otr on otrfast's engine, for programs written for it.

Call `install()` before the program's first `import otr`; `python -m otrfast.otr PROGRAM` does that
for a program that cannot be edited. What is the same and what differs is in docs/python-otr.md.
"""

from otrfast.otr.install import install
from otrfast.otr.session import OTRSession
from otrfast.otr.states import OTRState, SMPStatus
from otrfast.otr.transport import GenericOTRTransport, OTRTransport

__all__ = ["GenericOTRTransport", "OTRSession", "OTRState", "OTRTransport", "SMPStatus", "install"]
