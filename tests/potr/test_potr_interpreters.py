"""The layer in several sub-interpreters of one process, as in WeeChat."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import otrfast

ROOT = Path(otrfast.__file__).parent.parent

SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import otrfast.potr
otrfast.potr.install()
import potr

class Chat(potr.context.Context):
    def getPolicy(self, key):
        return key == "ALLOW_V2"
    def inject(self, msg, appdata=None):
        self.other.receiveMessage(msg)

class Me(potr.context.Account):
    contextclass = Chat
    def loadPrivkey(self):
        return None
    def savePrivkey(self):
        pass

alice, bob = (Me(name, "test", 0).getContext("peer") for name in ("alice", "bob"))
alice.other, bob.other = bob, alice
bob.receiveMessage(b"?OTRv2?")
assert alice.state == bob.state == potr.context.STATE_ENCRYPTED
alice.other = None
line = alice.sendMessage(1, b"hello")
assert bob.receiveMessage(line) == (b"hello", [])
{report}
"""

REPORT = "import os, otrfast; os.write(REPORT, otrfast.backend_name().encode() + b' ')"

HOST = """
import os, sys
try:
    import _xxsubinterpreters as interpreters
    create = lambda: interpreters.create(isolated=False)
except ImportError:
    import _interpreters as interpreters
    create = lambda: interpreters.create("legacy")

read, write = os.pipe()
script = sys.stdin.read().replace("REPORT", str(write))
made = [create() for _ in range(2)]
for interpreter in made * 2:
    failed = interpreters.run_string(interpreter, script)
    assert failed is None, failed
for interpreter in made:
    interpreters.destroy(interpreter)
again = create()
assert interpreters.run_string(again, script) is None
sys.stdout.write(os.read(read, 1000).decode())
"""


@pytest.mark.sample(pure="")
@pytest.mark.parametrize("pure", ["", "1"], ids=["native", "pure"])
def test_the_layer_runs_in_several_sub_interpreters_of_one_process(pure):
    if not pure and os.environ.get("OTRFAST_PURE") == "1":
        pytest.skip("OTRFAST_PURE=1 asks for a run without the C core")
    script = SCRIPT.format(root=str(ROOT), report=REPORT)
    done = subprocess.run(
        [sys.executable, "-c", HOST],
        input=script,
        capture_output=True,
        text=True,
        env=os.environ | {"OTRFAST_PURE": pure},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["pure" if pure else "native"] * 5
