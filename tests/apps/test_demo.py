"""`otrfast demo`: every text comes back, and a lost text is a failure."""

import argparse
import os
import pty
import subprocess
import sys

import pytest

from otrfast import events
from otrfast.apps import demo

from .program import WAIT, otrfast

QUIET = ("--partners", "2", "--no-rates")


def test_demo_sends_each_line_of_its_input_and_gets_it_back():
    lines = b"first line\n\nand [bold]another[/bold]\nthe third: \xff\xfe\n"
    done = otrfast("demo", *QUIET, given=lines)
    shown = done.stdout.decode()
    assert done.returncode == 0, shown
    assert "all 6 texts came back" in shown
    assert "3 of 3" in shown
    assert "and [bold]another[/bold]" in shown
    assert "?OTR:" in shown
    assert "same secret" in shown


def test_demo_without_input_holds_its_own_dialogue():
    done = otrfast("demo", "--partners", "1", "--no-rates", given=b"")
    assert done.returncode == 0
    assert "all 5 texts came back" in done.stdout.decode()


def test_demo_with_a_terminal_as_input_holds_its_own_dialogue():
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "otrfast.cli", "demo", "--partners", "1", "--no-rates"],
            stdin=theirs,
            capture_output=True,
            check=False,
            timeout=WAIT,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 0
    assert "all 5 texts came back" in done.stdout.decode()


def test_demo_prints_rates_at_the_end():
    done = otrfast("demo", "--partners", "1", given=b"hello\n")
    assert done.returncode == 0
    assert "key exchanges" in done.stdout.decode()


@pytest.mark.parametrize("number", ["0", "1001", "many"])
def test_demo_with_a_senseless_number_of_partners_explains_its_use(number):
    done = otrfast("demo", "--partners", number)
    assert done.returncode == 2
    assert b"--partners" in done.stderr


def run_with(monkeypatch, answer):
    """Run a demonstration in which the bot answers texts with what `answer` returns."""

    class Unreliable(demo.Bot):
        def answer(self, session, outcome):
            texts = [event for event in outcome.events if isinstance(event, events.MessageReceived)]
            if not texts:
                return super().answer(session, outcome)
            return [line for event in texts for line in answer(session, event.text)]

    monkeypatch.setattr(demo, "Bot", Unreliable)
    monkeypatch.setattr(demo, "_PATIENCE", 1.0)
    monkeypatch.setattr(demo, "_read_texts", lambda: [b"one", b"two"])
    return demo.run(argparse.Namespace(partners=1, no_rates=True))


def test_demo_when_a_text_is_lost_fails(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda session, text: []) == 1
    assert "2 texts did not come back" in capsys.readouterr().out


def test_demo_when_a_text_comes_back_changed_fails(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda session, text: session.send(text.upper()).wire) == 1
    assert "2 texts did not come back" in capsys.readouterr().out


def test_demo_when_a_text_comes_back_in_the_clear_fails(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda session, text: [text]) == 1
    assert "2 texts did not come back" in capsys.readouterr().out


def test_demo_when_every_text_comes_back_succeeds(monkeypatch, capsys):
    assert run_with(monkeypatch, lambda session, text: session.send(text).wire) == 0
    assert "all 2 texts came back" in capsys.readouterr().out
