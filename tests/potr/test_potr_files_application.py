"""An application that stores keys and trusts in files, checks its peers by SMP in both directions,
and is restarted in between."""

import pytest

from otrfast.potr import crypt, proto
from otrfast.potr.context import STATE_ENCRYPTED, Account, Context


class Chat(Context):
    """A context that answers the SMP, and learns its result from the TLVs."""

    secret = b"the password"

    def __init__(self, account, peer):
        super().__init__(account, peer)
        self.trustName = peer.split("/")[0]
        self.log = []

    def getPolicy(self, key):
        return self.user.policies[key]

    def inject(self, msg, appdata=None):
        self.user.network[self.peer].receive(self.user.name, msg)

    def setState(self, newstate):
        if newstate == STATE_ENCRYPTED:
            trust = self.getCurrentTrust()
            if trust is None:
                self.log.append(f"new {self.getCurrentKey()}")
                self.setCurrentTrust("")
            self.log.append("refreshed" if self.state == STATE_ENCRYPTED else f"private {trust!r}")
        super().setState(newstate)

    def take(self, line):
        text, tlvs = self.receiveMessage(line)
        if text:
            self.log.append(text.decode())
        for tlv in tlvs:
            if isinstance(tlv, proto.SMP1QTLV):
                self.log.append(f"asked {tlv.msg.decode()}")
                self.smpGotSecret(self.secret)
            elif isinstance(tlv, proto.SMP1TLV):
                self.log.append("asked")
                self.smpGotSecret(self.secret)
            elif isinstance(tlv, (proto.SMP3TLV, proto.SMP4TLV)):
                self.log.append("same" if self.smpIsSuccess() else "different")
            elif isinstance(tlv, proto.SMPABORTTLV):
                self.log.append("aborted")


class Client(Account):
    contextclass = Chat
    policies = {  # noqa: RUF012
        "ALLOW_V1": False,
        "ALLOW_V2": True,
        "REQUIRE_ENCRYPTION": True,
        "SEND_TAG": True,
    }

    def __init__(self, name, folder, network):
        super().__init__(name, "xmpp", 0)
        self.key_path = folder / f"{name}.key3"
        self.trust_path = folder / f"{name}.fpr"
        self.network = network
        network[f"{name}/home"] = self
        self.load_trusts()

    def receive(self, sender, line):
        self.getContext(f"{sender}/home").take(line)

    def loadPrivkey(self):
        if self.key_path.exists():
            return crypt.PK.parsePrivateKey(self.key_path.read_bytes())[0]
        return None

    def savePrivkey(self):
        self.key_path.write_bytes(self.getPrivkey().serializePrivateKey())

    def load_trusts(self):
        lines = self.trust_path.read_text().splitlines() if self.trust_path.exists() else []
        for line in lines:
            uid, _, _, fingerprint, trust = line.split("\t")
            self.trusts.setdefault(uid, {})[fingerprint] = trust

    def saveTrusts(self):
        self.trust_path.write_text(
            "".join(
                f"{uid}\t{self.name}\t{self.protocol}\t{fingerprint}\t{trust}\n"
                for uid, trusts in self.trusts.items()
                for fingerprint, trust in trusts.items()
            )
        )


class Town:
    """Both clients; `restart` makes them again from their files."""

    def __init__(self, folder):
        self.folder = folder
        self.restart()

    def restart(self):
        network = {}
        self.alice, self.bob = (Client(name, self.folder, network) for name in ("alice", "bob"))
        self.a, self.b = self.alice.getContext("bob/home"), self.bob.getContext("alice/home")

    def start(self):
        query = self.a.sendMessage(0, b"hello?")
        self.b.take(query)


@pytest.fixture
def town(tmp_path):
    return Town(tmp_path)


def test_keys_and_trusts_outlive_the_program(town):
    town.start()
    key = town.alice.getPrivkey()
    assert town.a.log == [f"new {town.bob.getPrivkey()}", "private None"]
    assert town.bob.trusts == {"alice": {key.cfingerprint(): ""}}
    town.restart()
    assert town.bob.trusts == {"alice": {key.cfingerprint(): ""}}
    town.start()
    assert town.alice.getPrivkey() == key
    assert town.a.log == town.b.log == ["private ''"]


def test_smp_both_ways_and_what_is_trusted_after_a_restart(town):
    town.start()
    town.a.smpInit(b"the password", b"what is it?")
    assert town.b.log[-2:] == ["asked what is it?", "same"]
    assert town.a.log[-1] == "same"
    assert (town.a.getCurrentTrust(), town.b.getCurrentTrust()) == ("smp", "")
    town.b.smpInit(b"the password")
    assert town.a.log[-2:] == ["asked", "same"]
    assert (town.a.getCurrentTrust(), town.b.getCurrentTrust()) == ("smp", "smp")
    town.restart()
    town.start()
    assert town.a.log == town.b.log == ["private 'smp'"]


def test_smp_with_a_wrong_secret_takes_trust_away_in_the_files_too(town):
    town.start()
    town.b.smpInit(b"the password")
    assert town.a.getCurrentTrust() == town.b.getCurrentTrust() == "smp"
    town.b.smpInit(b"a guess")
    assert town.b.log[-1] == town.a.log[-1] == "different"
    town.restart()
    assert list(town.alice.trusts["bob"].values()) == [""]
    assert list(town.bob.trusts["alice"].values()) == [""]


def test_smp_broken_off_is_noticed(town):
    town.start()
    town.b.smpGotSecret = lambda secret: town.b.smpAbort()
    town.a.smpInit(b"the password")
    assert town.a.log[-1] == "aborted"
    assert not town.a.smpIsValid()


def test_a_refresh_is_told_from_a_new_session(town):
    town.start()
    town.b.take(b"?OTRv2?")
    assert town.a.log[-1] == town.b.log[-1] == "refreshed"
    town.a.sendMessage(0, b"hi")
    assert town.b.log[-1] == "hi"


def test_potrs_own_files_are_read(town):
    """The two kinds of file of weechat-otr and gajim-otr."""
    key = town.alice.getPrivkey()
    data = town.alice.key_path.read_bytes()
    assert data == key.serializePrivateKey()
    assert data[:2] == b"\0\0"
    assert town.alice.loadPrivkey() == key
    town.alice.setTrust("bob", "ab" * 20, "verified")
    assert town.alice.trust_path.read_text() == f"bob\talice\txmpp\t{'ab' * 20}\tverified\n"
