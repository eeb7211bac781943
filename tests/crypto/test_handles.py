"""Handles: they print nothing, cannot leave the process, and keep their secrets apart."""

import copy
import gc
import pickle
import sys
import threading
import time
from base64 import b64decode
from collections import Counter, UserList
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from .messages import X, duo, head, prefix


def handles(backend, rng):
    key = backend.dh_key(X.to_bytes(40, "big"))
    shared = key.agree(backend.dh_key(rng.randbytes(40)).public)
    exponent = backend.exponent(rng.randbytes(192))
    return [key, shared, shared.ake_keys(), shared.data_keys(True), exponent]


def test_handles_refuse_pickling_and_copying(backend, rng):
    for handle in handles(backend, rng):
        for leave in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                leave(handle)


def test_handles_print_nothing(backend, rng):
    for handle in handles(backend, rng):
        assert repr(handle) == f"<{type(handle).__name__}: redacted>"
        assert str(handle) == repr(handle)


def test_handles_take_no_attributes(backend, rng):
    for handle in handles(backend, rng):
        with pytest.raises(AttributeError):
            handle.note = "more"


def test_handles_of_one_secret_are_apart(backend, rng):
    shared = handles(backend, rng)[1]
    first, second = shared.data_keys(True), shared.data_keys(True)
    first.seal(prefix(), b"text", b"", b"")
    assert first.send_counter == 1
    assert second.send_counter == 0


def test_handles_outlive_what_they_came_from(backend):
    sender, receiver = duo(backend)
    gc.collect()
    line = sender.seal(prefix(), b"text", b"", b"")
    del sender
    gc.collect()
    assert receiver.open_line(head(), line) == b"text"


def test_sessions_of_several_threads_do_not_mix(backend):
    wrong = []

    def converse(name):
        sender, receiver = duo(backend)
        for n in range(200):
            text = b"%s %d" % (name, n)
            if receiver.open_line(head(), sender.seal(prefix(), text, b"", b"")) != text:
                wrong.append(text)
            texts = [text + b" %d" % i for i in range(5)]
            if receiver.open_many(head(), sender.seal_many(prefix(), texts)) != texts:
                wrong.append(text)

    threads = [threading.Thread(target=converse, args=(name,)) for name in (b"a", b"bb", b"ccc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("wrong", [None, 5, "text", bytearray(b"text"), memoryview(b"text")])
def test_data_keys_take_bytes_alone(native, wrong):
    sender, receiver = duo(native)
    for arguments in ((wrong, b"", b"", b""), (prefix(), wrong, b"", b"")):
        with pytest.raises(TypeError):
            sender.seal(*arguments)
    with pytest.raises(TypeError):
        sender.seal_many(prefix(), [b"text", wrong])
    with pytest.raises(TypeError):
        receiver.open_line(head(), wrong)
    with pytest.raises(TypeError):
        receiver.open_many(head(), [wrong])
    assert receiver.open_line(head(), sender.seal(prefix(), b"text", b"", b"")) == b"text"


def test_data_keys_when_arguments_are_missing_then_type_error(native):
    sender, receiver = duo(native)
    with pytest.raises(TypeError):
        sender.seal(prefix(), b"text")
    with pytest.raises(TypeError):
        receiver.open_line(b"")


def test_data_keys_do_not_keep_what_they_are_given(native):
    sender, receiver = duo(native)
    text = b"text " + b"x" * 100
    before = sys.getrefcount(text)
    for _ in range(100):
        assert receiver.open_line(head(), sender.seal(prefix(), text, b"", b"")) == text
        assert receiver.open_many(head(), sender.seal_many(prefix(), [text] * 3)) == [text] * 3
    assert sys.getrefcount(text) == before


class Yielding(UserList):
    """Texts that let other threads run whenever one of them is asked for."""

    def __getitem__(self, at):
        time.sleep(0)
        return super().__getitem__(at)

    def __iter__(self):
        for text in self.data:
            time.sleep(0)
            yield text


def test_seal_many_when_its_texts_run_code_then_the_prefix_is_that_of_the_call(native):
    """Whatever the texts do while they are listed, it is over before the first is sealed."""
    sender, receiver = duo(native)

    def texts():
        sender.seal(prefix(flags=1), b"in between", b"", b"")
        yield b"one"
        sender.seal(prefix(flags=1), b"in between", b"", b"")
        yield b"two"

    lines = sender.seal_many(prefix(), texts())
    assert [b64decode(line[5:-1])[: len(head())] for line in lines] == [head()] * 2
    assert receiver.open_many(head(), lines) == [b"one", b"two"]


def test_counters_when_texts_let_other_threads_in_then_none_comes_twice(native):
    sender, _ = duo(native)

    def send(_: int) -> list[bytes]:
        lines: list[bytes] = []
        for _ in range(20):
            with suppress(RuntimeError):
                lines += sender.seal_many(prefix(), Yielding([b"x" * 4096] * 20))
        return lines

    with ThreadPoolExecutor(4) as pool:
        lines = [line for sent in pool.map(send, range(8)) for line in sent]
    at = len(prefix())
    counters = Counter(b64decode(line[5:-1])[at : at + 8] for line in lines)
    assert len(counters) == len(lines) > 0
