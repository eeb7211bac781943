"""An application that polls mailboxes, in which lines may be lost, duplicated and late."""

import random

import pytest
from potr_apps import AppAccount, Duo

from otrfast.potr import crypt
from otrfast.potr.context import STATE_ENCRYPTED, Account, Context, NotOTRMessage


class Mailboxes:
    def __init__(self):
        self.lines = {}

    def put(self, name, line):
        self.lines.setdefault(name, []).append(line)

    def collect(self, name):
        return self.lines.pop(name, [])


class Poller(Context):
    """A bot that uses only names of potr."""

    def getPolicy(self, key):
        return {"ALLOW_V2": True, "SEND_TAG": True}.get(key, False)

    def inject(self, msg, appdata=None):
        self.user.mailboxes.put(self.peer, (self.user.name, msg.decode("ascii")))


class Bot(Account):
    contextclass = Poller

    def __init__(self, name, mailboxes):
        super().__init__(name, "mail", 0)
        self.mailboxes = mailboxes
        self.texts = []

    def loadPrivkey(self):
        return AppAccount(self.name).loadPrivkey()

    def savePrivkey(self):
        raise AssertionError("there is a key")

    def poll(self):
        for sender, line in self.mailboxes.collect(self.name):
            context = self.getContext(sender)
            try:
                text, _ = context.receiveMessage(line.encode())
            except NotOTRMessage as received:
                text = received.args[0]
            if text is not None:
                self.texts.append((sender, text, context.state == STATE_ENCRYPTED))

    def send(self, peer, text):
        line = self.getContext(peer).sendMessage(0, text)
        if line:
            self.mailboxes.put(peer, (self.name, line.decode("ascii")))


def test_bots_that_poll_find_each_other_by_their_tags():
    mailboxes = Mailboxes()
    bots = {name: Bot(name, mailboxes) for name in ("alice", "bob", "carol")}
    for name in ("bob", "carol"):
        bots[name].send("alice", b"are you there?")
    while mailboxes.lines:
        for bot in bots.values():
            bot.poll()
    assert [text for _, text, _ in bots["alice"].texts] == [b"are you there?"] * 2
    for name in ("bob", "carol"):
        bots["alice"].send(name, b"yes, " + name.encode())
        bots[name].poll()
        assert bots[name].texts == [("alice", b"yes, " + name.encode(), True)]


@pytest.mark.parametrize("seed", range(5))
def test_lost_doubled_and_late_lines_do_no_lasting_harm(seed):
    chance = random.Random(seed)
    duo = Duo(direct=False).start()
    received = {id(duo.alice): [], id(duo.bob): []}
    sent = {id(duo.alice): [], id(duo.bob): []}
    for n in range(60):
        side, other = chance.sample([duo.alice, duo.bob], 2)
        side.say(b"text %d" % n)
        sent[id(other)].append(b"text %d" % n)
        if chance.random() < 0.3:
            continue  # it stays in the mailbox
        while duo.queue:
            to, line = duo.queue.popleft()
            copies = chance.choices((0, 1, 2), (1, 8, 1))[0]
            for _ in range(copies):
                try:
                    text, _ = to.context.receiveMessage(line)
                except crypt.InvalidParameterError:
                    continue
                received[id(to)].append(text)
    for side in (duo.alice, duo.bob):
        texts = received[id(side)]
        assert len(texts) == len(set(texts)) > 10
        assert [text for text in sent[id(side)] if text in texts] == texts
    duo.start()
    duo.clear()
    duo.alice.say(b"after all")
    duo.deliver()
    assert duo.bob.texts == [b"after all"]
