"""The contract's section 2: `Account`."""

import pytest
from potr_apps import AppAccount, AppContext, Duo, key_of

from otrfast.potr.context import Account, Context
from otrfast.potr.crypt import PK


class KeyFile(AppAccount):
    """An account that stores its key as programs do: savePrivkey calls getPrivkey."""

    kept = None

    def loadPrivkey(self):
        return PK.parsePrivateKey(self.kept)[0] if self.kept else None

    def savePrivkey(self):
        self.kept = self.getPrivkey().serializePrivateKey()


def test_an_account_has_potrs_attributes():
    account = Account("näme", "xmpp", 100, privkey=key_of("alice"))
    assert (account.name, account.protocol, account.maxMessageSize) == ("näme", "xmpp", 100)
    assert (account.policy, account.ctxs, account.trusts) == ({}, {}, {})
    assert account.getPrivkey() is account.privkey is key_of("alice")
    assert account.contextclass is Context
    assert "{versions}" in account.defaultQuery
    assert repr(account) == "<Account(name='näme')>"


@pytest.mark.parametrize("name", ["Ünï cödé", ("a", "tuple"), 7])
def test_an_account_may_have_any_name(name):
    account = AppAccount(name)
    duo = Duo(alice=account).start()
    duo.alice.say(b"hello")
    assert duo.bob.texts == [b"hello"]


def test_the_base_class_asks_for_the_methods_that_programs_write():
    account = Account("me", "xmpp", 0)
    for call in (account.loadPrivkey, account.savePrivkey, account.saveTrusts, account.getPrivkey):
        with pytest.raises(NotImplementedError):
            call()


def test_get_privkey_makes_keeps_and_loads_a_key():
    account = KeyFile("me")
    with pytest.raises(LookupError):
        account.getPrivkey(autogen=False)
    key = account.getPrivkey()
    assert account.getPrivkey() is key
    assert account.kept == key.serializePrivateKey()
    account.privkey = None
    assert account.getPrivkey(autogen=False) == key
    account.privkey = account.kept = None
    assert account.getPrivkey() != key


def test_a_key_is_made_only_when_a_key_exchange_needs_it():
    account = KeyFile("me", SEND_TAG=True)
    ctx = account.getContext("peer")
    ctx.sendMessage(0, b"text")
    ctx.sendMessage(0, b"?OTR?")
    for line in (b"?OTR,1,2,xxx,", b"?OTRv3?"):
        ctx.receiveMessage(line)
    assert account.kept is None
    ctx.receiveMessage(b"?OTRv2?")
    assert account.kept is not None


def test_prepare_makes_the_key_ahead():
    account = KeyFile("me")
    account.prepare(dhKeys=2)
    assert account.kept is not None


def test_another_key_counts_from_the_next_key_exchange_on():
    duo = Duo().start()
    duo.accounts[0].privkey = key_of("another")
    duo.alice.say(b"old keys still work")
    assert duo.bob.context.getCurrentKey() == key_of("alice")
    duo.start()
    assert duo.bob.context.getCurrentKey() == key_of("another")
    duo.alice.say(b"new")
    assert duo.bob.texts == [b"old keys still work", b"new"]


def test_get_context_makes_each_context_once_and_shows_it():
    account = AppAccount()
    shown = []
    ctx = account.getContext("peer", shown.append)
    assert account.getContext("peer", shown.append) is ctx
    assert isinstance(ctx, AppContext)
    assert (shown, account.ctxs) == ([ctx], {"peer": ctx})


def test_contexts_made_by_hand_share_nothing_but_the_account():
    account = AppAccount("alice")
    first, second = AppContext(account, "peer"), AppContext(account, "peer")
    first.receiveMessage(b"?OTRv2?")
    assert second.crypto.ake is None
    assert account.ctxs == {}


def test_default_query_is_worded_for_the_policy():
    account = AppAccount()
    account.defaultQuery = account.defaultQuery.replace("\n", " ")
    line = account.getDefaultQueryMessage({"ALLOW_V2": True}.__getitem__)
    assert line.startswith(b"?OTRv2? ")
    assert b"\n" not in line
    assert account.getDefaultQueryMessage(lambda key: False).startswith(b"?OTRv? ")


def test_trusts_are_a_plain_dictionary_that_may_be_replaced():
    account = AppAccount()
    assert account.getTrust("peer", "f" * 40) is None
    account.setTrust("peer", "f" * 40, "smp")
    assert account.trusts == {"peer": {"f" * 40: "smp"}}
    assert account.saves == 1
    account.trusts = {"other": {"e" * 40: ""}}
    assert account.getTrust("peer", "f" * 40, "default") == "default"
    assert account.getTrust("other", "e" * 40) == ""
    account.removeFingerprint("other", "e" * 40)
    account.removeFingerprint("nobody", "e" * 40)
    assert account.trusts == {"other": {}}
    assert account.saves == 1


def test_contexts_that_are_dropped_are_gone():
    import gc
    import weakref

    account = AppAccount("alice")
    ctx = AppContext(account, "peer")
    ctx.receiveMessage(b"?OTRv2?")
    session = weakref.ref(ctx.crypto._session)
    del ctx
    gc.collect()
    assert session() is None
