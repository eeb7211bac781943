"""docs/python-otr.md: its sample runs, and what it says of limits and names is so."""

import re
import subprocess
import sys
from pathlib import Path

from otrfast.otr import GenericOTRTransport, OTRState, account

from .otr_apps import key_of

PAGE = Path(__file__).parents[2] / "docs" / "python-otr.md"
SAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_program_of_the_page_converses(tmp_path, quick):
    names = {}
    exec(max(SAMPLES, key=len), names)
    path = tmp_path / "otr.key"
    key = names["load_key"](path)
    assert names["load_key"](path).public_key == key.public_key
    shown = {"alice": [], "bob": []}
    wire = []
    alice = names["Conversation"](key, wire.append, shown["alice"].append)
    bob = names["Conversation"](key_of(quick, "bob"), alice.receive, shown["bob"].append)
    alice.send = bob.receive
    alice.otr.transport = GenericOTRTransport(bob.receive)
    alice.say("hello")
    alice.otr.start()
    assert alice.otr.state is OTRState.Encrypted
    alice.say("héllo")
    assert shown["bob"] == ["hello", f"private with {key.public_key.fingerprint.hex()}", "héllo"]
    bob.receive(b"from somebody else")
    assert shown["bob"][-1] == "not encrypted: from somebody else"
    bob.receive(b"?OTR Error: trouble")
    assert shown["bob"][-1] == "trouble"


def test_the_line_for_programs_that_can_be_edited_runs():
    (line,) = [sample for sample in SAMPLES if "install()" in sample]
    program = f"{line}\nimport otr.cryptography, otrfast.otr.cryptography as ours\n"
    program += "assert otr.cryptography.DSAPrivateKey is ours.DSAPrivateKey"
    subprocess.run([sys.executable, "-c", program], check=True, cwd="/")


def test_the_page_names_the_limits_as_they_are():
    text = PAGE.read_text()
    assert account.LIMITS.message_size == 32 << 20
    assert "32 MiB" in text
    assert f"one in {account.LIMITS.error_interval:g} seconds" in text
    assert f"After {account.LIMITS.ake_timeout:g} seconds `start`" in text
