"""Reading of whole files and their replacement in one step."""

import os
import stat
import threading

import pytest

from otrfast.errors import KeyFileError, KeyFileMissing
from otrfast.storage import files
from otrfast.storage.files import read_file, update_file, write_file

from .conftest import names_in


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_new_file_is_for_its_owner_alone(tmp_path, umask):
    old = os.umask(umask)
    try:
        write_file(tmp_path / "file", b"content")
    finally:
        os.umask(old)
    assert mode(tmp_path / "file") == 0o600
    assert read_file(tmp_path / "file") == b"content"


def test_open_file_is_closed_to_others_when_written(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_file(path, b"new")
    assert mode(path) == 0o600


def test_reader_of_the_old_file_keeps_it(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_file(path, b"something new")
        assert reader.read() == b"old"


def test_symbolic_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target", tmp_path / "link"
    link.symlink_to("elsewhere/target")
    for content in (b"first", b"second"):
        write_file(link, content)
        assert link.is_symlink()
        assert target.read_bytes() == content
        assert names_in(target.parent) == ["target"]


def test_link_that_leads_to_itself_is_refused(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("link")
    with pytest.raises(KeyFileError):
        write_file(link, b"")
    with pytest.raises(KeyFileError):
        read_file(link)
    assert link.is_symlink()


def test_missing_file_and_directory_have_a_class_of_their_own(tmp_path):
    with pytest.raises(KeyFileMissing):
        read_file(tmp_path / "none")
    with pytest.raises(KeyFileMissing):
        write_file(tmp_path / "none" / "file", b"")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_refused(tmp_path, make):
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(KeyFileError):
        read_file(path)
    with pytest.raises(KeyFileError):
        write_file(path, b"")
    assert names_in(tmp_path) == ["thing"]


def test_path_with_a_zero_byte_is_refused(tmp_path):
    with pytest.raises(KeyFileError):
        read_file(f"{tmp_path}/a\0b")
    with pytest.raises(KeyFileError):
        write_file(f"{tmp_path}/a\0b", b"")


def test_too_long_a_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 10)
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    assert read_file(path) == bytes(10)
    path.write_bytes(bytes(11))
    with pytest.raises(KeyFileError, match="longer than 10"):
        read_file(path)


def test_failing_change_leaves_everything_as_it_was(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def change(old):
        raise KeyFileError(f"{len(old)} bytes are not enough")

    with pytest.raises(KeyFileError, match="file: 3 bytes are not enough"):
        update_file(path, change)
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_failing_disk_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(KeyFileError, match="No space left"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert names_in(tmp_path) == ["file"]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    for name in (".file.0123.otrfast-new", ".file.x.otrfast-new"):
        (tmp_path / name).write_bytes(b"half a k")
    others = {".other.0123.otrfast-new", ".file.bak"}
    for name in others:
        (tmp_path / name).write_bytes(b"")
    write_file(tmp_path / "file", b"new")
    assert set(names_in(tmp_path)) == {"file"} | others


def test_writers_at_once_lose_nothing(tmp_path):
    path = tmp_path / "file"

    def work(number):
        for _ in range(20):
            update_file(path, lambda old: (old or b"") + b"%d\n" % number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.read_bytes().split()) == sorted([b"0", b"1", b"2", b"3"] * 20)


def test_file_system_without_locks_is_written_to(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    write_file(tmp_path / "file", b"content")
    assert read_file(tmp_path / "file") == b"content"
