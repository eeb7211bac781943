"""A command that runs a program for python-potr on otrfast."""

from __future__ import annotations

from otrfast import potr
from otrfast.drop_in import run_program


def main() -> None:
    """Install the layer and run the program that the command line names."""
    run_program(potr.install, "potr", "python-potr", "docs/potr.md", "poezio")


if __name__ == "__main__":
    main()
