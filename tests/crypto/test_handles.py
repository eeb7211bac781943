"""Handles: they print nothing, can not leave the process, and keep their secrets apart."""

import copy
import gc
import pickle
import sys
import threading

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

    def talk(name):
        sender, receiver = duo(backend)
        for n in range(200):
            text = b"%s %d" % (name, n)
            if receiver.open_line(head(), sender.seal(prefix(), text, b"", b"")) != text:
                wrong.append(text)
            texts = [text + b" %d" % i for i in range(5)]
            if receiver.open_many(head(), sender.seal_many(prefix(), texts)) != texts:
                wrong.append(text)

    threads = [threading.Thread(target=talk, args=(name,)) for name in (b"a", b"bb", b"ccc")]
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
