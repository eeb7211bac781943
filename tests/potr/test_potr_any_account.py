"""Contexts whose account is no `Account`: None, or an object of the program (issue G, 23)."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from potr_apps import POLICY, key_of

from otrfast.potr.account import LIMITS
from otrfast.potr.context import STATE_ENCRYPTED, Context, NotOTRMessage


class Plain(Context):
    policies = POLICY
    line = None

    def getPolicy(self, key):
        return self.policies[key]

    def inject(self, msg, appdata=None):
        self.line(msg)


class Encrypting(Plain):
    policies = POLICY | {"REQUIRE_ENCRYPTION": True, "SEND_TAG": True}


class Own:
    """An account that a program has written without potr's base class."""

    def __init__(self, name):
        self.name = name

    def getPrivkey(self):
        return key_of(self.name)


class Slots:
    """No weak reference, no hash, no attribute."""

    __slots__ = ()
    __hash__ = None


ACCOUNTS = {
    "None": lambda: None,
    "text": lambda: "me@here",
    "namespace": SimpleNamespace,
    "mock": Mock,
    "slots": Slots,
    "dict": dict,
}


@pytest.mark.parametrize("make", ACCOUNTS.values(), ids=ACCOUNTS)
def test_g23_context_of_any_object_keeps_it_and_reads_and_sends_plain_text(make):
    account = make()
    context = Plain(account, "peer")
    assert context.user is account
    assert (context.peer, context.trustName) == ("peer", "peer")
    assert context.getCurrentTrust() is None
    assert not context.optedIntoV3()
    assert context.sendMessage(0, b"hello") == b"hello"
    with pytest.raises(NotOTRMessage):
        context.receiveMessage(b"hello")
    assert context.receiveMessage(b"?OTR,1,2,?OTR:AAIK,") == (None, [])  # within the default limits
    assert context.crypto.ake is None


WITHOUT_QUERY = {name: make for name, make in ACCOUNTS.items() if name != "mock"}


@pytest.mark.parametrize("make", WITHOUT_QUERY.values(), ids=WITHOUT_QUERY)
def test_g23_context_of_any_object_offers_a_query_and_needs_no_size(make):
    context = Encrypting(make(), "peer")
    assert context.maxMessageSize() == 0
    assert context.sendMessage(0, b"hello").startswith(b"?OTRv2?")


@pytest.mark.parametrize("make", ACCOUNTS.values(), ids=ACCOUNTS)
def test_g23_context_without_a_private_key_says_so_when_keys_are_exchanged(make):
    context = Plain(make(), "peer")
    with pytest.raises(LookupError, match="expected an account with a private key, found"):
        context.receiveMessage(b"?OTRv2?")


def test_g23_account_of_another_class_converses():
    alice, bob = Plain(Own("alice"), "bob"), Plain(Own("bob"), "alice")
    received = []
    alice.line = bob.receiveMessage
    bob.line = lambda line: received.append(alice.receiveMessage(line))
    alice.receiveMessage(b"?OTRv2?")
    assert alice.state == bob.state == STATE_ENCRYPTED
    bob.sendMessage(0, b"hello")
    assert received[-1] == (b"hello", [])
    assert alice.getCurrentTrust() is None


def test_g23_attributes_of_another_type_have_defaults():
    account = SimpleNamespace(LIMITS=None, ALLOW_V3=Mock(), defaultQuery=Mock())
    context = Encrypting(account, "peer")
    assert not context.optedIntoV3()
    assert context.sendMessage(0, b"hello").startswith(b"?OTRv2?")
    assert context.otrReassembly._limit == LIMITS.message_size
