"""The documents say what is true: samples run, generated pages are fresh, links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

import otrfast
from otrfast import Account, MessageState, PrivateKey
from otrfast.events import MessageReceived, SmpSucceeded
from otrfast.storage import load_instance_tag, load_trust
from otrfast.wire.tlv import Tlv, TlvType

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
FROM_ROOT = {"security.md", "changelog.md", "contributing.md"}

SAMPLES_RUN_ELSEWHERE = {
    "README.md": "test_the_bot_of_the_readme_keeps_its_identity_and_survives_an_end",
    "docs/bot.md": "tests/test_bot_page.py",
    "docs/forgeability.md": "tests/toolkit/test_pages.py",
    "docs/gateway.md": "tests/aio/test_gateway_page.py",
    "docs/potr.md": "tests/potr/test_potr_documents.py",
    "docs/python-otr.md": "tests/otr/test_otr_documents.py",
    "docs/toolkit.md": "tests/toolkit/test_pages.py",
    "docs/xmpp.md": "tests/xmpp/test_xmpp_page.py",
}


def module(name):
    """A program of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def samples(page):
    return re.findall(r"(?ms)^```python[^\n]*\n(.*?)^```$", page.read_text())


def of_root(page):
    return str(page.relative_to(ROOT))


def test_state_machines_page_is_what_the_tables_print():
    program = module("make_state_machines")
    assert program.PAGE.read_text() == program.page()


def test_references_of_the_design_page_lead_to_what_they_name():
    text = (DOCS / "design.md").read_text()
    program = module("make_references")
    assert len(program.REFERENCE.findall(text)) > 15
    assert program.refreshed(text) == text, "run docs/make_references.py"


@pytest.mark.parametrize("page", PAGES, ids=of_root)
def test_links_between_pages_lead_to_files(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        known = page.parent == DOCS and target in FROM_ROOT
        assert known or (page.parent / target).exists(), f"{page.name} links to {target}"
    for target in re.findall(r"github\.com/otrfast/otrfast/blob/main/([^)#\s]+)", text):
        assert (ROOT / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_pages_that_are_read_outside_the_repository_have_absolute_links(name):
    assert not re.findall(r"\]\((?!https?:)[^)]+\)", (ROOT / name).read_text())


@pytest.mark.parametrize("page", [page for page in PAGES if samples(page)], ids=of_root)
def test_the_python_of_every_page_runs(page, tmp_path, monkeypatch):
    if of_root(page) in SAMPLES_RUN_ELSEWHERE:
        return
    PrivateKey.generate().save(tmp_path / "bot.key", "bot@example.org", "xmpp")
    monkeypatch.chdir(tmp_path)
    for sample in samples(page):
        exec(sample, {})


def test_the_sample_of_the_start_page_is_short_and_prints_what_it_says(capsys):
    (sample,) = samples(DOCS / "index.md")
    assert len([line for line in sample.splitlines() if line.strip()]) <= 15
    exec(sample, {})
    assert capsys.readouterr().out == "hello (encrypted)\n"


def test_the_site_has_every_page():
    listed = re.findall(r"([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text())
    written = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}
    assert set(listed) == written | FROM_ROOT
    assert len(listed) == len(set(listed))


def test_links_in_the_site_lead_to_its_pages_or_to_the_source():
    hooks = module("site_hooks")
    known = {"docs/bot.md", "docs/api/limits.md", "docs/performance.svg", "CHANGELOG.md"}

    def relink(text, here="potr.md", lies_in="docs/"):
        return hooks.relink(text, here, lies_in, known)

    for same in ("[a](bot.md)", "[a](#here)", "[a](https://example.org/x)", "[a](api/limits.md)"):
        assert relink(same) == same
    assert relink("[a](../csrc/hash.h)") == f"[a]({hooks.SOURCE}csrc/hash.h)"
    assert relink("[a](../CHANGELOG.md#x)") == "[a](changelog.md#x)"
    assert relink("[a](../bot.md)", "api/index.md", "docs/api") == "[a](../bot.md)"
    assert relink(f"[a]({hooks.SOURCE}docs/bot.md)", "changelog.md", "") == "[a](bot.md)"
    assert relink("[a](docs/api/limits.md)", "security.md", "") == "[a](api/limits.md)"
    assert relink(f"[a]({hooks.SOURCE}gone.md)") == f"[a]({hooks.SOURCE}gone.md)"


def test_state_diagrams_are_drawn_with_every_state_and_transition():
    page = (DOCS / "state-machines.md").read_text()
    drawn = module("site_hooks").draw(page)
    assert "mermaid" not in drawn
    edges = re.findall(r"^    (\w+) --> (\w+): (.*)$", page, re.MULTILINE)
    assert edges
    for before, after, label in edges:
        assert all(f">{word}</text>" in drawn for word in (before, after, label))


CLAIMS = re.compile(r"<!-- claims: begin -->(.*?)<!-- claims: end -->", re.DOTALL)


def table(text):
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.strip().splitlines()
        if line.startswith("|") and "---" not in line
    ]


def test_readme_page_and_chart_claim_the_same():
    page = (DOCS / "performance.md").read_text()
    ratios = table(page.split("**How many times better than libotr**")[1].split("\n\n")[1])
    columns = {"with IFMA": "native-ifma", "with AVX2": "native-avx2", "with GMP": "native-gmp"}
    head, *claims = table(CLAIMS.search((ROOT / "README.md").read_text())[1])
    assert len(claims) == 8
    by_title = {row[0]: dict(zip(ratios[0], row, strict=True)) for row in ratios}
    for row in claims:
        for column, shown in zip(head[2:], row[2:], strict=True):
            assert by_title[row[0]][columns.get(column, column)] == shown
    chart = (DOCS / "performance.svg").read_text()
    drawn = re.findall(r">([\d.,]+x)</text>", chart.partition("logarithmic axis")[2])
    assert drawn == [cell for row in ratios[1:] for cell in row[1:] if cell != "-"]


class Chat:
    """A chat program: what is sent is kept for the other side."""

    def __init__(self):
        self.sent = []
        self.on_message = None

    def send(self, peer, line):
        self.sent.append(line)


def test_the_bot_of_the_readme_keeps_its_identity_and_survives_an_end(tmp_path, monkeypatch):
    (sample,) = samples(ROOT / "README.md")
    me = {"account": "bot@example.org", "protocol": "xmpp"}
    PrivateKey.generate().save(tmp_path / "bot.key", **me)
    monkeypatch.chdir(tmp_path)
    session = Account("alice", "xmpp", PrivateKey.generate()).session("bot")
    seen = []

    def start():
        """Start the bot again; its sessions are gone."""
        chat = Chat()
        names = {
            "chat": chat,
            "answer": lambda text: b"you said " + text,
            "secret_for": lambda question: b"blue" if question == b"which?" else b"",
        }
        exec(sample, names)
        return chat, names

    def flush(bot, outcome):
        chat, names = bot
        lines = list(outcome.wire)
        seen.extend(outcome.events)
        while lines:
            names["on_message"]("alice", lines.pop(0))
            arrived, chat.sent = chat.sent, []
            for line in arrived:
                answer = session.receive(line)
                seen.extend(answer.events)
                lines.extend(answer.wire)
        names["on_timer"]()

    fingerprints = []
    for _ in range(2):
        bot = start()
        flush(bot, session.start())
        flush(bot, session.send(b"hello"))
        flush(bot, session.smp_start(b"blue", b"which?"))
        fingerprints.append((session.fingerprint, session.instance_tags[1]))
        goodbye = (Tlv(TlvType.DISCONNECTED, b""),)
        flush(bot, session.send(b"and goodbye", tlvs=goodbye))  # cannot be answered any more
        session.end()
        assert bot[1]["account"].session("alice").state is MessageState.PLAINTEXT
    assert fingerprints[0] == fingerprints[1]
    assert fingerprints[0][1] == load_instance_tag("bot.tags", **me)
    assert len(load_trust("bot.trust", **me).of("alice")) == 1
    assert [e.text for e in seen if isinstance(e, MessageReceived)] == [b"you said hello"] * 2
    assert [type(event) for event in seen].count(SmpSucceeded) == 2


def test_environment_page_names_every_variable_and_level():
    page = (DOCS / "environment-variables.md").read_text()
    sources = [path.read_text() for path in (ROOT / "otrfast").rglob("*.py")]
    read = set(re.findall(r"environ(?:\.get\(|\[)\"(OTRFAST_\w+)", "".join(sources)))
    written = set(re.findall(r"^## (OTRFAST_\w+)", page, re.MULTILINE))
    assert written == read
    core = next(text for text in sources if "_LEVELS: dict" in text)
    levels = re.findall(r'"(\w+)": lib\.OTRF_LEVEL', core)
    assert re.findall(r"^\| `(\w+)` \|", page.partition("## OTRFAST_LEVEL")[2].partition("##")[0],
                      re.MULTILINE) == levels  # fmt: skip


def test_public_names_exist_and_are_documented():
    for name in otrfast.__all__:
        assert getattr(otrfast, name).__doc__, name
