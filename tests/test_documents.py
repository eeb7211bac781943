"""The documents say what is true: samples run, generated pages are fresh, links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

import otrfast
from otrfast import Account, PrivateKey
from otrfast.events import MessageReceived, SmpSucceeded

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def test_state_machines_page_is_what_the_tables_print():
    path = ROOT / "docs" / "make_state_machines.py"
    spec = importlib.util.spec_from_file_location("make_state_machines", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_to_files(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


class Chat:
    """A chat program: what is sent is kept for the other side."""

    def __init__(self):
        self.sent = []
        self.on_message = None

    def send(self, peer, line):
        self.sent.append(line)


def test_the_bot_of_the_readme_answers_texts_and_smp(tmp_path):
    sample = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    assert len([line for line in sample.splitlines() if line.strip()]) <= 16
    key = tmp_path / "bot.key"
    PrivateKey.generate().save(key)
    chat = Chat()
    names = {
        "chat": chat,
        "answer": lambda text: b"you said " + text,
        "secret_for": lambda question: b"blue" if question == b"which?" else b"",
    }
    exec(sample.replace('"bot.key"', repr(str(key))), names)

    session = Account("alice", "xmpp", PrivateKey.generate()).session("bot")
    seen = []

    def flush(outcome):
        lines = list(outcome.wire)
        seen.extend(outcome.events)
        while lines:
            chat.on_message("alice", lines.pop(0))
            arrived, chat.sent = chat.sent, []
            for line in arrived:
                answer = session.receive(line)
                seen.extend(answer.events)
                lines.extend(answer.wire)

    flush(session.start())
    flush(session.send(b"hello"))
    flush(session.smp_start(b"blue", b"which?"))
    assert [e.text for e in seen if isinstance(e, MessageReceived)] == [b"you said hello"]
    assert any(isinstance(event, SmpSucceeded) for event in seen)


def test_public_names_exist_and_are_documented():
    for name in otrfast.__all__:
        assert getattr(otrfast, name).__doc__, name
