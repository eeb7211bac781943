"""What a stranger's flood does to the others of an XMPP bot: how long echoes take before it and
while it lasts. Needs prosody and openssl.

    .venv/bin/python benchmarks/xmpp_flood.py [--people 20] [--rate 500] [--texts 100]

`otrfast bot xmpp` with a store on a private prosody on loopback; each person sends five texts
a second, the stranger `rate` lines. Both ends, the server and the flood share the machine.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from xmpp.crowd import Crowd
from xmpp.prosody import Bot, Prosody

from otrfast.crypto.backends import load


def percentile(values, part):
    return sorted(values)[int(part * (len(values) - 1))]


async def measure(server, arguments):
    texts = [b"text %d" % number for number in range(arguments.texts)]
    async with Crowd(server, load(), arguments.people) as crowd:
        await crowd.talk(texts[:10], 0.2)
        for flood in (False, True, False, True):
            flooding = asyncio.create_task(crowd.flood(arguments.rate)) if flood else None
            start = time.perf_counter()
            took = await crowd.talk(texts, 0.2)
            seconds = time.perf_counter() - start
            if flooding is not None:
                flooding.cancel()
            p50, p99 = (1000 * percentile(took, part) for part in (0.5, 0.99))
            lines = crowd.flooded / seconds if flood else 0
            print(
                f"{'flood' if flood else 'quiet':6} {len(took)} echoes, p50 {p50:.1f} ms, "
                f"p99 {p99:.1f} ms, max {1000 * max(took):.1f} ms, flood {lines:.0f} lines/s"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--texts", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        store = "--store", Path(directory) / "bot.db", "--key-env", "BOT_KEY"
        with Prosody(Path(directory)) as server, Bot(server, *store):
            asyncio.run(measure(server, arguments))


if __name__ == "__main__":
    main()
