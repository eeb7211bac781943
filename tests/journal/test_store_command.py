"""`otrfast store`, run as a user runs it."""

from __future__ import annotations

import pytest

from otrfast import cli
from otrfast.journal.database import Database
from otrfast.storage.sealed import Cost

from .conftest import KEY, claimed, in_thread, state, wait

BY_KEY = ["--key-env", "STORE_KEY"]


@pytest.fixture
def run(stores, capsys, monkeypatch):
    """Run a command on the store: run(name, *arguments) -> (status, output, errors)."""
    monkeypatch.setenv("STORE_KEY", KEY.hex())
    monkeypatch.setenv("NEW_KEY", bytes(32).hex())
    monkeypatch.setenv("WORD", "a passphrase")

    def run(name: str, *arguments: str):
        status = cli.main(["store", name, str(stores.path), *arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def filled(stores):
    journal = stores.open()
    shard = claimed(journal, "alice")
    lines = {"alice": [b"secret line"]}
    states = {"alice": state(shard, "alice", b"secret state")}
    wait(shard.commit([], states, lines, [("alice", b"secret text")]))
    yield journal
    stores.close()


def test_info_then_what_anybody_sees_and_with_the_key_whose_it_is(run, filled, stores):
    stores.close()
    status, out, errors = run("info")
    assert (status, errors) == (0, "")
    assert "opened by      a key of 32 bytes" in out
    assert "1 conversations" in out
    assert "bot" not in out
    status, out, errors = run("info", *BY_KEY)
    assert (status, errors) == (0, "")
    assert "account        bot on irc" in out


def test_check_then_sound_or_status_1_with_what_is_damaged(run, filled, stores):
    in_thread(filled, lambda store: store.database.checkpoint())
    stores.close()
    status, out, errors = run("check", *BY_KEY)
    assert (status, out, errors) == (0, "sound: 4 rows\n", "")
    journal = stores.open()
    in_thread(journal, lambda store: store.database.run("update outbox set sealed = x'00'"))
    stores.close()
    status, out, errors = run("check", *BY_KEY)
    assert (status, out) == (1, "")
    assert "outbox: 1 of its rows cannot be read" in errors
    assert "forget-sessions" in errors


def test_check_then_the_file_is_unchanged(run, filled, stores):
    stores.close()
    before = stores.path.read_bytes()
    run("check", *BY_KEY)
    assert stores.path.read_bytes() == before


def test_forget_sessions_then_none_left(run, filled, stores):
    stores.close()
    assert run("forget-sessions", *BY_KEY) == (0, "forgotten: 1 conversations\n", "")
    assert "0 conversations" in run("info")[1]
    assert "1 texts and events not shown" in run("info")[1]


def test_rekey_then_the_new_key_opens(run, filled, stores, monkeypatch):
    stores.close()
    assert run("rekey", *BY_KEY, "--new-key-env", "NEW_KEY")[0] == 0
    status, _, errors = run("check", *BY_KEY)
    assert (status, "the key is wrong" in errors) == (1, True)
    monkeypatch.setattr("otrfast.journal.upkeep.new_derivation.__defaults__", (Cost(log_n=4),))
    monkeypatch.setattr("otrfast.journal.upkeep.rekey.__defaults__", (Cost(log_n=4),))
    by_new = ["--key-env", "NEW_KEY"]
    assert run("rekey", *by_new, "--new-passphrase-env", "WORD")[0] == 0
    assert run("check", "--passphrase-env", "WORD")[0] == 0
    status, _, errors = run("check", *by_new)
    assert (status, "expected a passphrase" in errors) == (1, True)


@pytest.mark.parametrize("command", ["info", "check", "forget-sessions", "rekey"])
def test_command_when_the_bot_runs_then_status_1_at_once_and_nothing_lost(
    run, filled, command: str
):
    status, out, errors = run(command, *BY_KEY)
    assert (status, out) == (1, "")
    assert "is open in process" in errors
    assert wait(filled.out(0)) == [("alice", [b"secret line"])]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give --key-env NAME or --key-command COMMAND"),
        (["--key-env", "MISSING"], "MISSING is not set"),
        (["--key-env", "WORD"], "expected a key of 32 bytes from the environment variable WORD"),
        (["--key-command", "false"], "the key command ended with status 1"),
        (["--passphrase-env", "WORD"], "expected a key of 32 bytes: the store has no passphrase"),
    ],
)
def test_check_when_the_key_is_none_then_status_1_and_the_remedy(
    run, filled, stores, arguments, text: str
):
    stores.close()
    status, out, errors = run("check", *arguments)
    assert (status, out) == (1, "")
    assert text in errors
    assert "a passphrase\n" not in errors


@pytest.mark.parametrize("command", ["info", "check", "forget-sessions", "rekey"])
def test_command_when_there_is_no_store_then_status_1_and_none_is_made(run, stores, command: str):
    status, _, errors = run(command, *BY_KEY)
    assert (status, "there is no such file" in errors) == (1, True)
    assert list(stores.path.parent.iterdir()) == []
    stores.path.touch()
    status, _, errors = run(command, *BY_KEY)
    assert (status, "this is no store yet" in errors) == (1, True)


@pytest.mark.parametrize("command", ["forget-sessions", "rekey"])
def test_command_when_the_disk_is_full_then_status_1_and_nothing_lost(
    run, filled, stores, monkeypatch, command: str
):
    stores.close()
    settings = Database._settings

    def full(self):
        settings(self)
        self.run("pragma query_only=off")
        [(pages,)] = self.rows("pragma page_count")
        self.rows(f"pragma max_page_count={pages}")

    plain = Database.run

    def failing(self, statement, parameters=()):
        if statement == "commit":  # small stores fit into free pages
            plain(self, "create table filler (x)")
            plain(self, "insert into filler values (zeroblob(100000))")
        return plain(self, statement, parameters)

    more = [] if command == "forget-sessions" else ["--new-key-env", "NEW_KEY"]
    with monkeypatch.context() as patch:
        patch.setattr(Database, "_settings", full)
        patch.setattr(Database, "run", failing)
        status, out, errors = run(command, *BY_KEY, *more)
    assert (status, out) == (1, "")
    assert "the disk is full: make space" in errors
    assert run("check", *BY_KEY) == (0, "sound: 4 rows\n", "")
    assert "1 conversations" in run("info")[1]


@pytest.mark.parametrize("command", ["", "info", "check", "forget-sessions", "rekey"])
def test_help_then_it_says_what_the_command_does(capsys, command: str):
    with pytest.raises(SystemExit) as ended:
        cli.main(["store", *[command] * bool(command), "--help"])
    assert ended.value.code == 0
    assert "status 1" in " ".join(capsys.readouterr().out.split())
