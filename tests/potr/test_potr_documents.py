"""docs/potr.md: its sample runs, and it names every difference in the package's docstring."""

import re
import subprocess
import sys
from pathlib import Path

from otrfast import potr

PAGE = Path(__file__).parents[2] / "docs" / "potr.md"


def test_the_bot_of_the_page_answers(tmp_path):
    sample = max(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL), key=len)
    names = {"key_path": tmp_path / "bot.key3"}
    exec(sample, names)
    bots = {name: names["Bot"](name, "test", 0) for name in ("bot", "user")}
    texts = []

    def carry(sender, peer, line):
        if sender == "bot":
            texts.append(bots["user"].getContext("bot").receiveMessage(line)[0])
        else:
            names["on_line"](bots["bot"], "user", line)

    for name, bot in bots.items():
        bot.transport = lambda peer, line, name=name: carry(name, peer, line)
    names["on_line"](bots["bot"], "user", bots["user"].getContext("bot").sendMessage(0, b"?OTR?"))
    assert bots["user"].getContext("bot").state == names["STATE_ENCRYPTED"]
    bots["user"].getContext("bot").sendMessage(0, b"hello")
    assert texts[-1] == b"you said hello"
    assert names["key_path"].exists()


def test_the_line_for_programs_that_can_be_edited_runs():
    (line,) = [sample for sample in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
               if "install()" in sample]  # fmt: skip
    program = f"{line}\nimport potr.context, otrfast.potr.context as ours\n"
    program += "assert potr.context.Context is ours.Context"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_package_says_what_differs():
    for word in ("UnencryptedMessage", "unknown type", "whitespace tag", "ALLOW_V3", "RESEND_HELD"):
        assert word in potr.__doc__
        assert word in PAGE.read_text()
