"""`otrfast.otr`, the layer for programs of python-otr, against a live libotr."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from otrfast import Environment, PrivateKey
from otrfast.otr import GenericOTRTransport, OTRSession, OTRState, SMPStatus
from otrfast.otr.cryptography import DSAPrivateKey
from otrfast.otr.exceptions import EncryptedMessageError, IgnoreMessage, UnencryptedMessage
from otrfast.otr.notifications import Notification, SMPEnd, SMPStart

from .duo import VERSIONS, Workshop
from .network import Network
from .sides import ENCRYPTED, FINISHED, PLAIN, Diary, LibotrSide, Text

TEXT = "text/plain"
STATES = {
    OTRState.Plaintext: PLAIN,
    OTRState.Encrypted: ENCRYPTED,
    OTRState.Finished: FINISHED,
}


class LayerSide:
    """A session of the layer as a side."""

    account, peer = "alice", "bob"

    def __init__(self, workshop: Workshop, version: int) -> None:
        environment = Environment(
            clock=workshop.clock, random=random.Random(workshop.seed).randbytes
        )
        key = DSAPrivateKey(PrivateKey.load(workshop.key_files["alice"]), environment)
        self.diary = Diary()
        self.said: list[Notification] = []
        self.lines: list[bytes] = []
        self.session = OTRSession(
            key,
            GenericOTRTransport(self.lines.append),
            {version},
            callback=lambda name, session, data: self.said.append(data),
        )

    def _lines(self) -> list[bytes]:
        lines = self.lines[:]
        self.lines.clear()
        return lines

    def receive(self, line: bytes) -> list[bytes]:
        encrypted = self.session.encrypted
        try:
            text = self.session.handle_input(line, TEXT)
            self.diary.texts.append(Text(text, encrypted))
        except IgnoreMessage:
            pass
        except UnencryptedMessage:
            self.diary.texts.append(Text(line, encrypted=False))
        except EncryptedMessageError as error:
            self.diary.problems.append(str(error))
        return self._lines()

    def send(self, text: bytes) -> list[bytes]:
        line = self.session.handle_output(text, TEXT)
        return [*self._lines(), line]

    def start(self) -> list[bytes]:
        self.session.start()
        return self._lines()

    def end(self) -> list[bytes]:
        self.session.stop()
        return self._lines()

    def smp_start(self, secret: bytes, question: bytes | None = None) -> list[bytes]:
        self.session.smp_verify(secret, question)
        return self._lines()

    def smp_answer(self, secret: bytes) -> list[bytes]:
        self.session.smp_answer(secret)
        return self._lines()

    def smp_abort(self) -> list[bytes]:
        self.session.smp_abort()
        return self._lines()

    @property
    def state(self) -> int:
        return STATES[self.session.state]


class Live:
    """The layer's Alice and libotr's Bob on one network."""

    def __init__(self, workshop: Workshop, version: int, limit: int) -> None:
        self.ours = LayerSide(workshop, version)
        self.theirs: LibotrSide = workshop.theirs(VERSIONS[version], limit)
        self.network = Network(self.ours, self.theirs, seed=workshop.seed)

    def post(self, side: LayerSide | LibotrSide, lines: list[bytes]) -> None:
        self.network.post(side, lines)
        self.network.settle()

    def assert_secure(self) -> None:
        session = self.ours.session
        assert session.encrypted
        assert session.id == self.theirs.ssid
        assert session.remote_public_key is not None
        assert session.remote_public_key.fingerprint == self.theirs.otr.own_fingerprint()
        assert session.local_private_key.public_key.fingerprint == self.theirs.peer_fingerprint

    def assert_talks(self) -> None:
        for text in (b"text", "t\u00e9xt \u2713".encode(), b"x" * 3000):
            for sender, receiver in ((self.ours, self.theirs), (self.theirs, self.ours)):
                receiver.diary.texts.clear()
                self.network.tell(sender, text)
                assert receiver.diary.texts == [Text(text, encrypted=True)]


@pytest.fixture
def make_live(workshop: Workshop, version: int) -> object:
    made: list[Live] = []

    def make(limit: int = 0) -> Live:
        made.append(Live(workshop, version, limit))
        return made[-1]

    yield make
    for each in made:
        each.theirs.otr.free()


MakeLive = Callable[..., Live]


@pytest.mark.parametrize("limit", [0, 200])
@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_exchange_with_libotr_when_either_starts_then_one_session_and_texts_both_ways(
    make_live: MakeLive, who: str, limit: int
) -> None:
    live = make_live(limit)
    starter = live.ours if who == "ours" else live.theirs
    for _ in range(2):
        live.network.connect(starter)
        live.assert_secure()
        live.assert_talks()
        live.post(live.ours, live.ours.end())
        assert live.theirs.state == FINISHED
        live.post(live.theirs, live.theirs.end())


def test_exchange_with_libotr_when_both_start_then_one_session(make_live: MakeLive) -> None:
    live = make_live()
    live.network.post(live.ours, live.ours.start())
    live.network.post(live.theirs, live.theirs.start())
    live.network.settle()
    live.assert_secure()
    live.assert_talks()


def test_end_by_libotr_then_finished_and_a_new_session_after_our_stop(make_live: MakeLive) -> None:
    live = make_live()
    live.network.connect(live.ours)
    live.post(live.theirs, live.theirs.end())
    assert live.ours.state == FINISHED
    live.network.connect(live.theirs)
    assert live.ours.state == FINISHED
    live.ours.end()
    live.network.connect(live.ours)
    live.assert_secure()


@pytest.mark.parametrize("secret", [b"the secret", b"another"])
@pytest.mark.parametrize("question", [None, b"which?"])
@pytest.mark.parametrize("who", ["ours", "theirs"])
def test_smp_with_libotr_then_both_see_what_the_secrets_say(
    make_live: MakeLive, who: str, question: bytes | None, secret: bytes
) -> None:
    live = make_live()
    live.network.connect(live.ours)
    asks, answers = (live.ours, live.theirs) if who == "ours" else (live.theirs, live.ours)
    live.post(asks, asks.smp_start(b"the secret", question))
    live.post(answers, answers.smp_answer(secret))
    same = secret == b"the secret"
    originator = "local" if who == "ours" else "remote"
    assert live.ours.said[1:] == [
        SMPStart(originator, question),
        SMPEnd(SMPStatus.Success, same),
    ]
    assert live.theirs.diary.smp_names()[-1] == ("success" if same else "failure")


def test_smp_with_libotr_when_aborted_by_either_then_both_know(make_live: MakeLive) -> None:
    live = make_live()
    live.network.connect(live.ours)
    for ender, reason in ((live.theirs, "aborted from remote"), (live.ours, "cancelled")):
        live.post(live.ours, live.ours.smp_start(b"x", b"?"))
        live.post(ender, ender.smp_abort())
        assert live.ours.said[-1] == SMPEnd(SMPStatus.Interrupted, None, reason)


def test_content_sealed_by_the_layer_when_libotr_reads_it_then_the_text_of_it(
    make_live: MakeLive,
) -> None:
    live = make_live()
    live.network.connect(live.ours)
    markup = b"<?xml version='1.0'?><isComposing><state>active</state></isComposing>"
    line = live.ours.session.handle_output(markup, "application/im-iscomposing+xml")
    live.post(live.ours, [line])
    assert live.theirs.diary.encrypted() == [markup]
    live.network.post(live.theirs, live.theirs.send(markup))
    (line,) = [each.data for each in live.network.transcript[-1:]]
    found = live.ours.session.handle_input(line, "application/im-iscomposing+xml")
    assert found.rstrip(b"\0") == markup  # libotr puts a zero byte, or TLVs, behind every text


def test_damaged_message_of_libotr_then_an_error_line_and_the_session_goes_on(
    make_live: MakeLive,
) -> None:
    live = make_live()
    live.network.connect(live.ours)
    live.assert_talks()
    (line,) = live.theirs.send(b"text")
    middle = len(line) // 2
    damaged = line[:middle] + (b"B" if line[middle : middle + 1] == b"A" else b"A")
    answer = live.ours.receive(damaged + line[middle + 1 :])
    assert len(live.ours.diary.problems) == 1
    assert answer[0].startswith(b"?OTR Error:")
    assert live.ours.receive(line) == []
    assert live.ours.diary.texts[-1] == Text(b"text", encrypted=True)
