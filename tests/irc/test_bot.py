"""`otrfast bot irc` on a live ngircd: what lets it in, and what does not."""

import pytest
from apps.program import otrfast

from irc.ngircd import Bot, Ngircd, needs_ngircd

pytestmark = needs_ngircd


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Ngircd(tmp_path_factory.mktemp("ngircd")) as server:
        yield server


def test_bot_is_not_let_in_then_it_says_why_and_ends(server):
    def refused(port, *arguments, host="localhost", password="a word"):
        words = "bot", "irc", f"{host}:{port}", "bot", "--password-env", "BOT_PASSWORD"
        done = otrfast(*words, *map(str, arguments), environment={"BOT_PASSWORD": password})
        assert done.returncode == 1
        assert password not in done.stderr.decode()
        return done.stderr.decode()

    ours = "--ca", server.certificate
    assert "the server's certificate" in refused(server.tls_port, *ours, host="127.0.0.1")
    assert "has no SASL" in refused(server.tls_port, *ours, "--sasl", "bot")
    assert "too long" in refused(server.tls_port, "--sasl", "bot", password="x" * 300)


def test_nick_is_taken_then_the_bot_has_another_one(server):
    with Bot(server) as first, Bot(server, nick="BOT", shown="BOT_") as second:
        assert second.stop() == first.stop() == 0
