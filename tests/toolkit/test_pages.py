"""The samples of docs/forgeability.md and docs/toolkit.md: each prints what the page shows."""

from __future__ import annotations

import pytest

from otrfast.toolkit import read_log

from .documents import DOCS, ROOT, console, python, run

PAGES = [DOCS / "forgeability.md", DOCS / "toolkit.md"]
COMMANDS = ("parse", "sesskeys", "mackey", "readforge", "modify", "remac")


def _comparable(command, output):
    # the line breaks of argparse differ between versions of Python
    return output.split() if command.endswith("--help") else output


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_prints_what_the_page_says(page, tmp_path):
    pairs = console(page)
    assert len(pairs) > 8
    outputs = run([command for command, _ in pairs], tmp_path)
    for (command, expected), printed in zip(pairs, outputs, strict=True):
        assert _comparable(command, printed) == _comparable(command, expected), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_the_page_runs(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    samples = python(page)
    assert samples
    for sample in samples:
        exec(sample, {})


@pytest.mark.parametrize("command", COMMANDS)
def test_the_toolkit_page_has_the_help_of_each_command_and_an_example(command):
    commands = [command for command, _ in console(PAGES[1])]
    assert f"otrfast {command} --help" in commands
    assert any(
        f"otrfast {command} " in shown and not shown.endswith("--help") for shown in commands
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_in_the_help_of_each_command_works(command, otrfast, capfdbinary, tmp_path):
    with pytest.raises(SystemExit) as ended:
        otrfast(command, "--help")
    assert ended.value.code == 0
    example = capfdbinary.readouterr().out.decode().partition("example:\n")[2].strip()
    assert example.startswith(f"otrfast {command} ")
    lines = (DOCS / "conversation.log").read_bytes().splitlines(keepends=True)
    (tmp_path / "message").write_bytes(lines[6])
    (printed,) = run([f"{example}; echo status $?"], tmp_path)
    assert printed.endswith("status 0\n")


def test_the_log_of_the_pages_is_whole():
    lines = (DOCS / "conversation.log").read_bytes().splitlines(keepends=True)
    titles = [type(entry.content).__name__ for entry in read_log(lines)]
    assert titles[:5] == ["Query", "DHCommit", "DHKey", "RevealSignature", "Signature"]
    assert titles[5:] == ["DataMessage"] * 6
