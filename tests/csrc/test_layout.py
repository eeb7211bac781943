"""The folders of the core stand in an order: no file includes one of a later folder, and no files
include each other in a circle."""

import re

import pytest

from . import build

ORDER = ("include", "platform", "field", "group", "hash", "aes", "base64", "dsa", "otr", "python")
QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
FILES = sorted(
    path.relative_to(build.CORE).as_posix()
    for pattern in ("*.c", "*.h")
    for path in build.CORE.rglob(pattern)
)


def folder(file):
    return file.split("/")[0]


def included(file):
    """The files of the core that `file` includes, relative to csrc/."""
    text = (build.CORE / file).read_text(encoding="utf-8")
    found = ["include/otrfast.h" if name == "otrfast.h" else name for name in QUOTED.findall(text)]
    assert set(found) <= set(FILES), f"{file} includes what is not named from csrc/"
    return found


def test_each_file_is_in_a_folder_of_the_order():
    assert {folder(file) for file in FILES} == set(ORDER)


@pytest.mark.parametrize("file", FILES)
def test_file_then_it_includes_nothing_of_a_later_folder(file):
    place = ORDER.index(folder(file))
    assert [name for name in included(file) if ORDER.index(folder(name)) > place] == []


def test_hashes_ciphers_and_base64_do_not_know_of_the_field():
    for file in FILES:
        if folder(file) in ("hash", "aes", "base64"):
            assert {folder(name) for name in included(file)} <= {
                "include",
                "platform",
                folder(file),
            }


def test_headers_then_no_circle():
    finished, open_ = set(), []

    def walk(file):
        assert file not in open_, [*open_, file]
        if file in finished:
            return
        open_.append(file)
        for name in included(file):
            walk(name)
        finished.add(open_.pop())

    for file in FILES:
        walk(file)


def test_header_then_guarded_by_its_folder_and_name():
    for file in FILES:
        if file.endswith(".h") and folder(file) != "include":
            guard = "OTRF_" + re.sub(r"\W", "_", file).upper()
            lines = (build.CORE / file).read_text(encoding="utf-8").split("*/\n", 1)[1]
            assert lines.startswith(f"#ifndef {guard}\n#define {guard}\n"), file
