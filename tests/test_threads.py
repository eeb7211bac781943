"""Threads beside the one that owns an account: a peer has one session, what is iterated over holds
still, and a call into a session that is in use is refused."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest
from helpers import Pair, make_account, parsed

from otrfast import Account, Limits, errors, events
from otrfast._views import View


@pytest.fixture(autouse=True)
def many_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*tasks: Callable[[], object]) -> list[BaseException]:
    """Run tasks in threads that start together; return what they raise."""
    start, raised = threading.Barrier(len(tasks)), []

    def run(task: Callable[[], object]) -> None:
        start.wait()
        try:
            task()
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            raised.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_session_when_threads_ask_for_one_new_peer_then_all_get_the_same(quick):
    account = make_account(quick)
    found: list[list[object]] = [[], [], []]

    def ask(number: int) -> None:
        for peer in range(1000):
            found[number].append(account.session(peer))

    assert at_once(*[lambda number=number: ask(number) for number in range(3)]) == []
    for sessions in zip(*found, strict=True):
        assert len(set(map(id, sessions))) == 1
    assert len(account.sessions) == 1000


def iterated(account: Account) -> None:
    for _ in range(300):
        assert all(session.peer == peer for peer, session in account.sessions.items())
        assert all(count > 0 for count in account.limited.values())
        assert all(len(fingerprint) == 20 for _, fingerprint, _ in account.trust)
        assert all(version in (0, 2, 3) for version in account.trust.versions.values())


def test_views_when_another_thread_changes_what_is_in_them_then_each_iteration_holds_still(quick):
    account = make_account(quick, limits=Limits(peers=200))
    done = threading.Event()

    def work() -> None:
        number = 0
        while not done.is_set():
            number += 1
            account.session(number)
            account.trust.set(number % 500, number.to_bytes(20, "big"), "yes")
            account.trust.note(number % 300, number.to_bytes(20, "big"))
            account._context.usage.limited[f"limit {number % 400}"] = 1
            if number % 3 == 0:
                account.trust.forget(number % 500, number.to_bytes(20, "big"))
                account._context.usage.limited.pop(f"limit {number % 100}", None)

    def read() -> None:
        try:
            iterated(account)
        finally:
            done.set()

    assert at_once(work, read) == []


def test_view_then_live_in_look_ups_and_a_snapshot_in_iterations():
    items = {"a": 1}
    view = View(items)
    keys, values, pairs = iter(view), view.values(), view.items()
    items["b"] = 2
    assert (view["b"], view.get("b"), view.get("c"), view.get("c", 5)) == (2, 2, None, 5)
    assert "b" in view
    assert (list(keys), list(values), list(pairs)) == (["a"], [1], [("a", 1)])
    assert (list(view.keys()), len(view)) == (["a", "b"], 2)
    assert view == items
    with pytest.raises(TypeError):
        view["c"] = 3
    with pytest.raises(KeyError):
        view["c"]


def test_session_when_another_thread_is_inside_its_keys_then_a_local_error(quick):
    """The text is long enough for the core to release the interpreter lock."""
    pair = Pair(quick, 3, limits=Limits(message_size=1 << 24))
    pair.establish()
    pair.converse()
    text, sent, refused = b"x" * 4_000_000, [], []

    def send() -> None:
        for _ in range(6):
            try:
                sent.append(pair.alice.session.send(text))
            except errors.ThreadMisuse as error:
                refused.append(error)

    assert at_once(send, send) == []
    assert len(sent) + len(refused) == 12
    assert refused
    assert all(isinstance(error, errors.LocalError) for error in refused)
    lines = sorted((outcome.wire[0] for outcome in sent), key=lambda line: parsed(line).counter)
    assert pair.bob.session.receive_many(lines).events == (
        events.MessageReceived(text, True, pair.bob.session.instance_tags[1]),
    ) * len(sent)
