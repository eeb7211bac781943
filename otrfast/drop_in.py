"""What the drop-in layers share: registration under the name of the package that a layer stands
for, and the command that runs a program on it."""

from __future__ import annotations

import argparse
import runpy
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from otrfast import __version__

_EPILOG = """\
examples:
  {command} bot.py --account bot@example.org
  {command} -m somebot --verbose
  {command} {example}

In the program `import {name}` imports otrfast's layer instead of {package}, which need not be
installed. Everything after PROGRAM, or after the module's name, belongs to the program. See
{page} for the differences.
"""


def install_as(name: str, modules: Mapping[str, ModuleType]) -> None:
    """Have `import NAME` import a layer, in the whole process; `modules` are the layer's by their
    full names there.

    A second call has no effect. Raises `ImportError`, and changes nothing, if another package of
    that name has been imported: its classes would not be those of the layer.
    """
    ours = modules[name].__name__
    for each, module in list(sys.modules.items()):
        if each.partition(".")[0] == name and module is not modules.get(each):
            if _imports_us(module):
                continue
            raise ImportError(
                f"another {name} has been imported: call {ours}.install() before the first "
                f"import of {name} ({each} is {getattr(module, '__file__', module)})",
                name=each,
            )
    sys.modules.update(modules)


def _imports_us(module: ModuleType) -> bool:
    """Whether a module is being imported: a `potr` or `otr` that only calls `install`."""
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def run_program(
    install: Callable[[], None], name: str, package: str, page: str, example: str
) -> None:
    """Install a layer and run the program that the command line names; the other arguments are
    for the help: the name that programs import, the package, the page of the documentation, and a
    program."""
    parser = _parser(name, package, page, example)
    options = parser.parse_args()
    install()
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


def _parser(name: str, package: str, page: str, example: str) -> argparse.ArgumentParser:
    command = f"python -m otrfast.{name}"
    parser = argparse.ArgumentParser(
        prog=command,
        usage="%(prog)s [-h] [--version] (PROGRAM | -m MODULE) [ARGS ...]",
        description=f"A command that runs a program for {package} on otrfast.",
        epilog=_EPILOG.format(
            command=command, name=name, package=package, page=page, example=example
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"otrfast {__version__} as {name}")
    parser.add_argument("-m", action="store_true", dest="module", help="run a module, as python -m")
    parser.add_argument(
        "program", metavar="PROGRAM", help="a Python file, a directory, or a command on the PATH"
    )
    parser.add_argument(
        "args", nargs=argparse.REMAINDER, metavar="ARGS", help="arguments of the program"
    )
    return parser
