"""A command that runs a program for python-otr on otrfast."""

from __future__ import annotations

from otrfast import otr
from otrfast.drop_in import run_program


def main() -> None:
    """Install the layer and run the program that the command line names."""
    run_program(otr.install, "otr", "python-otr", "docs/python-otr.md", "sip-session3")


if __name__ == "__main__":
    main()
