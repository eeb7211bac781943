"""Build what pyproject.toml cannot say: the version, the C core and the wheel's SBOM.

The C core is a cffi extension for the stable ABI; OTRFAST_PURE=1 leaves it out. Words in CFLAGS
have the last say over how it is compiled.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import uuid
from datetime import UTC, datetime
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent

REMEDY = """
The C core of otrfast could not be built: the compiler's own message stands above.
  * It needs a C compiler and Python's headers. On Debian or Ubuntu: apt install gcc python3-dev
  * Or set OTRFAST_PURE=1 and install again: everything then runs in Python, and much slower.
"""

# Each option is taken where the compiler takes it. The third level of _FORTIFY_SOURCE is left out:
# it checks sizes that are computed at run time, which costs a message of a burst 2 % more.
HARDENED = ["-fstack-protector-strong", "-fcf-protection", "-mbranch-protection=standard"]
FORTIFIED = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"]
READ_ONLY_AFTER_LINKING = "-Wl,-z,relro,-z,now"
STRIPPED = "-Wl,-x" if sys.platform == "darwin" else "-Wl,-s"

SYMBOLS_WANTED = re.compile(r"-g(?!0)")
INSTRUMENTED = re.compile(r"-O0|-Og|-fsanitize|--coverage|-fprofile|-ftest-coverage")

PROBE = '#include <string.h>\nint probe(char *to) { strcpy(to, "x"); return to[0]; }\n'


def takes(command: list[str], *options: str) -> bool:
    """Tell whether the compiler that `command` starts compiles and links with `options`."""
    with tempfile.TemporaryDirectory() as scratch:
        source, output = Path(scratch, "probe.c"), Path(scratch, "probe.so")
        source.write_text(PROBE, encoding="utf-8")
        arguments = [*command, "-O2", "-fPIC", "-Werror", *options, source, "-o", output]
        return subprocess.run(arguments, capture_output=True, check=False).returncode == 0  # noqa: S603


class BuildExt(build_ext):
    """Harden and strip the C core; stop a failed build with the remedy, not with a traceback."""

    def build_extensions(self) -> None:
        asked = os.environ.get("CFLAGS", "").split()
        instrumented = any(map(INSTRUMENTED.match, asked))
        symbols = instrumented or any(map(SYMBOLS_WANTED.match, asked))
        linker: list[str] = self.compiler.linker_so
        compiling = [option for option in HARDENED if takes(linker, option)]
        if not instrumented and takes(linker, *FORTIFIED):
            compiling += FORTIFIED
        linking = []
        if sys.platform != "darwin" and takes(linker, READ_ONLY_AFTER_LINKING):
            linking.append(READ_ONLY_AFTER_LINKING)
        if not symbols and takes(linker, STRIPPED):
            linking.append(STRIPPED)
        for extension in self.extensions:
            extension.extra_compile_args += [*compiling, *asked]
            extension.extra_link_args += linking
        try:
            super().build_extensions()
        except Exception as error:
            raise SystemExit(f"{error}\n{REMEDY}") from error


def version() -> str:
    """Return `otrfast.__version__`, the one place where the version is written."""
    text = (ROOT / "otrfast" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise SystemExit("otrfast/__init__.py has no __version__")
    return found[1]


def home() -> str:
    """Return the address of the repository."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        address: str = tomllib.load(file)["project"]["urls"]["Homepage"]
    return address


def component(requirement: str) -> dict[str, object]:
    """Return the entry of a package that the wheel needs at run time."""
    name, specifier = re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}"
    constraint = {"name": "python:requires", "value": specifier or "*"}
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "purl": purl,
        "scope": "required",
        "properties": [constraint],
    }


def sbom(metadata: object, requirements: list[str]) -> dict[str, object]:
    """Return the bill of materials as CycloneDX has it: otrfast itself, and what it needs to run.

    It says nothing about the time of the build unless SOURCE_DATE_EPOCH does, so that equal
    sources make equal wheels.
    """
    needed = [component(requirement) for requirement in sorted(requirements)]
    purl = f"pkg:pypi/{metadata.get_name()}@{metadata.get_version()}"
    about: dict[str, object] = {
        "component": {
            "type": "library",
            "bom-ref": purl,
            "name": metadata.get_name(),
            "version": metadata.get_version(),
            "description": metadata.get_description(),
            "licenses": [{"license": {"id": metadata.license_expression}}],
            "purl": purl,
            "externalReferences": [{"type": "vcs", "url": home()}],
        }
    }
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        about["timestamp"] = datetime.fromtimestamp(int(epoch), UTC).isoformat()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, purl)}",
        "version": 1,
        "metadata": about,
        "components": needed,
        "dependencies": [
            {"ref": purl, "dependsOn": [entry["bom-ref"] for entry in needed]},
            *({"ref": entry["bom-ref"]} for entry in needed),
        ],
    }


class BdistWheel(bdist_wheel):
    """Put the SBOM into the wheel, where PEP 770 wants it: .dist-info/sboms/."""

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        folder = Path(distinfo_path, "sboms")
        folder.mkdir(exist_ok=True)
        bill = sbom(self.distribution.metadata, self.distribution.install_requires)
        text = json.dumps(bill, indent=2) + "\n"
        (folder / "otrfast.cdx.json").write_text(text, encoding="utf-8")


def arguments() -> dict[str, object]:
    """Return what is added to the arguments of `setup` from pyproject.toml."""
    commands: dict[str, type] = {"bdist_wheel": BdistWheel, "build_ext": BuildExt}
    added: dict[str, object] = {
        "version": version(),
        "cmdclass": commands,
    }
    pure = os.environ.get("OTRFAST_PURE", "")
    if pure not in ("", "0", "1"):
        raise SystemExit(f"expected OTRFAST_PURE to be 0 or 1, found {pure!r}")
    if pure == "1":
        return added
    added["cffi_modules"] = ["csrc/build_native.py:ffi"]
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        added["options"] = {"bdist_wheel": {"py_limited_api": "cp311"}}
    return added


setup(**arguments())
