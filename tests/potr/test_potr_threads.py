"""Contexts of one account in several threads, one thread each."""

from concurrent.futures import ThreadPoolExecutor

from potr_apps import AppAccount, AppContext, Side


def test_contexts_of_one_account_may_be_used_by_different_threads():
    accounts = [AppAccount(name) for name in ("alice", "bob")]
    for account in accounts:
        account.prepare()

    def converse(number):
        alice, bob = (Side(AppContext(account, number)) for account in accounts)
        alice.context.line, bob.context.line = bob.receive, alice.receive
        bob.receive(b"?OTRv2?")
        for n in range(20):
            alice.say(b"%d" % n)
            bob.say(b"%d" % n)
        return alice.texts == bob.texts == [b"%d" % n for n in range(20)]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(converse, range(24)))
