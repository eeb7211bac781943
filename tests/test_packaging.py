"""What the installed package says about itself, and how its shared object was built."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from conftest import stale

import otrfast

REBUILD = "install the checkout again: its metadata is of an earlier state"


@pytest.fixture
def installed():
    """The metadata that the installer wrote, and not what a build left in the checkout."""
    found = distributions(name="otrfast")
    return next(each for each in found if each.read_text("WHEEL") is not None)


def readelf(*options):
    """What readelf prints about the shared object of the C core."""
    if sys.platform != "linux" or os.environ.get("OTRFAST_PURE") == "1":
        pytest.skip("there is no ELF object")
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    from otrfast.crypto import _native

    command = ["readelf", "--wide", *options, _native.__file__]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def release_build():
    """Skip for an object that CFLAGS kept the symbols of; in CI there is none."""
    if ".debug_info" in readelf("--sections") and os.environ.get("CI") != "true":
        pytest.skip("built with -g, and so neither stripped nor, with -O0, fortified")


def test_object_when_loaded_then_its_relocations_are_read_only():
    assert "GNU_RELRO" in readelf("--segments")
    assert "BIND_NOW" in readelf("--dynamic")


def test_object_when_loaded_then_no_memory_is_writable_and_executable():
    segments = [line.split() for line in readelf("--segments").splitlines()]
    assert any(words[:1] == ["GNU_STACK"] for words in segments)
    assert not [words for words in segments if "RWE" in words]


def test_object_when_built_then_stack_and_sizes_are_checked(release_build):
    symbols = readelf("--dyn-syms")
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__mem\w+_chk", symbols)


def test_object_when_built_then_stripped(release_build):
    sections = readelf("--sections")
    assert ".dynsym" in sections
    assert ".symtab" not in sections
    assert ".debug" not in sections


def test_version_when_installed_then_that_of_the_package(installed):
    assert installed.version == otrfast.__version__, REBUILD


def test_long_description_when_installed_then_every_link_is_absolute(installed):
    text = installed.metadata.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links, REBUILD
    assert not [link for link in links if not link.startswith(("https://", "#"))], REBUILD
    assert next(link for link in links if link.endswith(".svg")).startswith(
        "https://raw.githubusercontent.com/"
    )


def test_sbom_when_installed_then_names_each_requirement(installed):
    text = installed.read_text("sboms/otrfast.cdx.json")
    assert text is not None, REBUILD
    bill = json.loads(text)
    required = [
        re.split(r"[^\w-]", requirement)[0]
        for requirement in installed.requires
        if "extra ==" not in requirement
    ]
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["version"] == otrfast.__version__, REBUILD
    assert [entry["name"] for entry in bill["components"]] == sorted(required)


def test_urls_when_read_then_all_below_the_homepage(installed):
    urls = dict(value.split(", ", 1) for value in installed.metadata.get_all("Project-URL", []))
    assert {"Homepage", "Documentation", "Changelog", "Issues"} <= set(urls), REBUILD
    assert all(url.startswith(urls["Homepage"]) for url in urls.values())


def test_project_file_when_read_then_the_version_is_written_in_one_place():
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert not re.search(r"^version\s*=", text, re.MULTILINE)


def test_shared_object_when_a_source_is_newer_then_stale(tmp_path):
    sources = tmp_path / "csrc"
    (sources / "hash").mkdir(parents=True)
    source, other, built = sources / "hash/sha.c", sources / "build_native.py", tmp_path / "core.so"
    for second, path in enumerate([other, source, built]):
        path.touch()
        os.utime(path, (second, second))
    assert stale(built, sources) is None
    os.utime(source, (3, 3))
    assert stale(built, sources) == source
