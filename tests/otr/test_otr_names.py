"""The contract's sections 1 to 3: importable names, enumerations, exceptions, transports."""

import enum

import pytest

from otrfast import otr
from otrfast.otr import (
    GenericOTRTransport,
    OTRSession,
    OTRState,
    OTRTransport,
    SMPStatus,
    cryptography,
    exceptions,
)
from otrfast.otr import __info__ as info


def test_package_then_the_five_names_of_python_otr_and_install():
    assert set(otr.__all__) == {
        "OTRSession", "OTRTransport", "GenericOTRTransport", "OTRState", "SMPStatus", "install",
    }  # fmt: skip


def test_submodules_then_the_names_that_programs_import():
    for name in ("DSAPrivateKey", "PrivateKey", "PublicKey", "DSAPublicKey"):
        assert isinstance(getattr(cryptography, name), type)
    for name in ("project", "summary", "webpage", "version", "author", "email", "license"):
        assert isinstance(getattr(info, f"__{name}__"), str)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (OTRState, ["Plaintext", "Encrypted", "Finished"]),
        (SMPStatus, ["Success", "Interrupted", "ProtocolError"]),
    ],
)
def test_enumerations_then_members_with_their_names_as_values(kind, names):
    assert issubclass(kind, enum.Enum)
    assert [each.name for each in kind] == [each.value for each in kind] == names
    assert all(kind(name) is getattr(kind, name) for name in names)


def test_exceptions_then_related_as_except_clauses_expect():
    for kind in (exceptions.IgnoreMessage, exceptions.UnencryptedMessage, exceptions.OTRError):
        assert kind.__bases__ == (Exception,)
    for kind in (exceptions.OTRFinishedError, exceptions.EncryptedMessageError):
        assert kind.__bases__ == (exceptions.OTRError,)


def test_transport_when_a_class_is_registered_then_its_objects_will_do(quick, make_key):
    class Stream:
        def __init__(self):
            self.lines = []

        def inject_otr_message(self, message):
            self.lines.append(message)
            return "ignored"

    stream = Stream()
    with pytest.raises(TypeError, match="register"):
        OTRSession(make_key("alice"), stream)
    OTRTransport.register(Stream)
    session = OTRSession(make_key("alice"), stream, supported_versions={3})
    assert session.transport is stream
    session.start()
    assert stream.lines == [b"?OTRv3?"]


def test_transport_when_abstract_then_not_made_and_the_generic_one_calls_its_function():
    with pytest.raises(TypeError):
        OTRTransport()
    lines = []
    GenericOTRTransport(lines.append).inject_otr_message(b"line")
    assert lines == [b"line"]
