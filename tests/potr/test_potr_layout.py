"""The contract's section 1, and the constants of the others: the importable names and their
values."""

import logging

import pytest

from otrfast import potr
from otrfast.potr import compatcrypto, context, crypt, proto, utils


def test_version_is_a_release_of_potr_ending_in_a_word():
    assert len(potr.VERSION) == 4
    assert potr.VERSION >= (1, 0, 0, "beta5")
    assert isinstance(potr.VERSION[-1], str)


def test_submodules_are_attributes_of_the_package():
    assert potr.context is context
    assert potr.proto is proto
    assert potr.crypt is crypt
    assert potr.compatcrypto is compatcrypto
    assert potr.utils is utils
    assert potr.human_hash is utils.human_hash


def test_names_that_programs_import_are_there():
    from otrfast.potr.compatcrypto import PK, generateDefaultKey
    from otrfast.potr.compatcrypto.pycrypto import DSAKey
    from otrfast.potr.context import crypt as reexported

    assert reexported is crypt
    assert crypt.PK is PK is compatcrypto.PK
    assert compatcrypto.pkTypes[compatcrypto.DEFAULT_KEYTYPE] is DSAKey
    assert callable(generateDefaultKey)


@pytest.mark.parametrize("name", ["potr", "potr.context", "potr.crypt"])
def test_loggers_have_potrs_names(name):
    loggers = {module.logger.name for module in (context, crypt)}
    assert name == "potr" or name in loggers
    assert logging.getLogger(name).name == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXC_UNREADABLE_MESSAGE", 1),
        ("EXC_FINISHED", 2),
        ("HEARTBEAT_INTERVAL", 60),
        ("STATE_PLAINTEXT", 0),
        ("STATE_ENCRYPTED", 1),
        ("STATE_FINISHED", 2),
        ("FRAGMENT_SEND_ALL", 0),
        ("FRAGMENT_SEND_ALL_BUT_FIRST", 1),
        ("FRAGMENT_SEND_ALL_BUT_LAST", 2),
        ("OFFER_NOTSENT", 0),
        ("OFFER_SENT", 1),
        ("OFFER_REJECTED", 2),
        ("OFFER_ACCEPTED", 3),
    ],
)
def test_context_constants(name, value):
    assert getattr(context, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STATE_NONE", 0),
        ("STATE_AWAITING_DHKEY", 1),
        ("STATE_AWAITING_REVEALSIG", 2),
        ("STATE_AWAITING_SIG", 4),
        ("STATE_V1_SETUP", 5),
        ("SMPPROG_OK", 0),
        ("SMPPROG_CHEATED", -2),
        ("SMPPROG_FAILED", -1),
        ("SMPPROG_SUCCEEDED", 1),
        ("DH_GENERATOR", 2),
        ("DH_BITS", 1536),
        ("DH_MAX", 2**1536),
    ],
)
def test_crypt_constants(name, value):
    assert getattr(crypt, name) == value


def test_group_constants_belong_together():
    assert crypt.DH_MODULUS.bit_length() == crypt.DH_BITS
    assert crypt.DH_MODULUS_2 == crypt.DH_MODULUS - 2
    assert crypt.DH_MODULUS - 1 == 2 * crypt.SM_ORDER


@pytest.mark.parametrize(
    "trouble",
    [
        context.NotEncryptedError,
        context.UnencryptedMessage,
        context.ErrorReceived,
        context.NotOTRMessage,
        crypt.InvalidParameterError,
        proto.UnknownTLV,
    ],
)
def test_exceptions_are_children_of_runtime_error(trouble):
    assert trouble.__bases__ == (RuntimeError,)
