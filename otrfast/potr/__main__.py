"""A command that runs a program for python-potr on otrfast."""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
from pathlib import Path

import otrfast
from otrfast import potr

_EPILOG = """\
examples:
  python -m otrfast.potr bot.py --account bot@example.org
  python -m otrfast.potr -m somebot --verbose
  python -m otrfast.potr poezio

In the program `import potr` imports otrfast's layer instead of python-potr, which need not be
installed. Everything after PROGRAM, or after the module's name, belongs to the program. See
docs/potr.md for the differences.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m otrfast.potr",
        usage="%(prog)s [-h] [--version] (PROGRAM | -m MODULE) [ARGS ...]",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"otrfast {otrfast.__version__} as potr"
    )
    parser.add_argument("-m", action="store_true", dest="module", help="run a module, as python -m")
    parser.add_argument(
        "program", metavar="PROGRAM", help="a Python file, a directory, or a command on the PATH"
    )
    parser.add_argument(
        "args", nargs=argparse.REMAINDER, metavar="ARGS", help="arguments of the program"
    )
    return parser


def main() -> None:
    """Install the layer and run the program that the command line names."""
    parser = _parser()
    options = parser.parse_args()
    potr.install()
    if options.module:
        sys.argv = [options.program, *options.args]
        sys.path[0] = str(Path.cwd())
        runpy.run_module(options.program, run_name="__main__", alter_sys=True)
        return
    program = options.program
    if not Path(program).exists():
        program = shutil.which(program) or parser.error(f"found no program {program!r}")
    sys.argv = [program, *options.args]
    sys.path[0] = str(Path(program).resolve().parent)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
