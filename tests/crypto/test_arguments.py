"""Calls of the C core with arguments that it does not take: each raises, and changes nothing."""

import pytest

from .messages import X, Y, duo, head, prefix, state

ELEMENT = (2).to_bytes(192, "big")
TEXT, MAC = b"text", bytes(20)


class Undecided:
    """Neither true nor false."""

    def __bool__(self):
        raise TypeError("neither true nor false")


def calls(native):
    """Each call of the hand-written types, by name, with arguments of the right kinds."""
    key = native.dh_key(X.to_bytes(40, "big"))
    shared = key.agree(native.dh_key(Y.to_bytes(40, "big")).public)
    ake, (sender, receiver) = shared.ake_keys(), duo(native)
    return {
        "sha1": (native.sha1, TEXT),
        "sha256": (native.sha256, TEXT),
        "hmac_sha1": (native.hmac_sha1, TEXT, TEXT),
        "hmac_sha256": (native.hmac_sha256, TEXT, TEXT),
        "aes_ctr": (native.aes_ctr, bytes(16), bytes(16), TEXT),
        "equal": (native.equal, TEXT, TEXT),
        "in_group": (native.in_group, ELEMENT),
        "dh_keys": (native.dh_keys, [bytes(40)]),
        "agree_many": (native.agree_many, [(key, ELEMENT)]),
        "fields": (native.fields, TEXT, 0, b"b"),
        "read_message": (native.read_message, TEXT, {}),
        "write_message": (native.write_message, TEXT, b"u\4", (1,)),
        "data_message": (native.data_message, head(), TEXT),
        "agree": (key.agree, ELEMENT),
        "ake seal": (ake.seal, True, TEXT),
        "ake open": (ake.open, True, TEXT, MAC),
        "signed_value": (ake.signed_value, True, TEXT, ELEMENT, ELEMENT, bytes(4)),
        "data_keys": (shared.data_keys, True),
        "seal": (sender.seal, prefix(), TEXT, b"", b""),
        "seal_many": (sender.seal_many, prefix(), [TEXT]),
        "open": (receiver.open, TEXT, 1, TEXT, MAC),
        "open_line": (receiver.open_line, head(), TEXT),
        "open_many": (receiver.open_many, head(), [TEXT]),
    }


NAMES = (
    "sha1", "sha256", "hmac_sha1", "hmac_sha256", "aes_ctr", "equal", "in_group", "dh_keys",
    "agree_many", "fields", "read_message", "write_message", "data_message", "agree",
    "ake seal", "ake open",
    "signed_value",
    "data_keys", "seal", "seal_many", "open", "open_line", "open_many",
)  # fmt: skip


def wrong(argument):
    """A value that stands for no argument like this one."""
    return Undecided() if argument is True else 1.5


@pytest.mark.parametrize("name", NAMES)
def test_call_with_an_argument_of_another_type_raises_type_error(native, name):
    call, *arguments = calls(native)[name]
    for position, argument in enumerate(arguments):
        changed = [*arguments[:position], wrong(argument), *arguments[position + 1 :]]
        with pytest.raises(TypeError):
            call(*changed)


@pytest.mark.parametrize("name", NAMES)
def test_call_with_an_argument_too_few_or_too_many_raises_type_error(native, name):
    call, *arguments = calls(native)[name]
    for given in (arguments[:-1], [*arguments, b""]):
        with pytest.raises(TypeError):
            call(*given)


@pytest.mark.parametrize(
    ("name", "position"),
    [("aes_ctr", 0), ("aes_ctr", 1), ("in_group", 0), ("agree", 0), ("ake open", 2),
     ("signed_value", 2), ("signed_value", 3), ("signed_value", 4), ("open", 3)],
)  # fmt: skip
def test_call_with_bytes_of_another_length_raises_value_error(native, name, position):
    call, *arguments = calls(native)[name]
    for changed in (arguments[position][1:], arguments[position] + b"\0"):
        with pytest.raises(ValueError):
            call(*arguments[:position], changed, *arguments[position + 1 :])


@pytest.mark.parametrize("items", [[bytes(39)], [bytes(40), bytes(41)]])
def test_dh_keys_of_exponents_of_another_length_raise_value_error(native, items):
    with pytest.raises(ValueError):
        native.dh_keys(items)


def test_sequences_with_one_wrong_item_raise_type_error(native):
    found = calls(native)
    key, element = found["agree_many"][1][0]
    sender, receiver = found["seal_many"], found["open_many"]
    for call, items in (
        (native.dh_keys, [bytes(40), "text"]),
        (native.agree_many, [(key, element), (key,)]),
        (native.agree_many, [(key, element), (element, key)]),
        (native.agree_many, [(key, element), [key, element]]),
        (native.agree_many, [(key, "text")]),
        (lambda texts: sender[0](prefix(), texts), [TEXT, None]),
        (lambda lines: receiver[0](head(), lines), [TEXT, None]),
    ):
        with pytest.raises(TypeError):
            call(items)


def test_agree_many_with_an_element_of_another_length_raises_value_error(native):
    key = native.dh_key(X.to_bytes(40, "big"))
    with pytest.raises(ValueError):
        native.agree_many([(key, ELEMENT), (key, ELEMENT[1:])])


def test_open_with_a_counter_that_is_no_number_of_64_bits_raises(native):
    _, receiver = duo(native)
    for counter in (-1, 1 << 64):
        with pytest.raises(OverflowError):
            receiver.open(TEXT, counter, TEXT, MAC)


def test_seal_text_takes_a_number_as_the_limit(native):
    sender, _ = duo(native)
    for limit in (1 << 70, 1.5, None):
        with pytest.raises((OverflowError, TypeError)):
            sender.seal_text(prefix(), TEXT, limit)
    assert sender.seal_text(prefix(), "text", 100) is None
    assert sender.seal_text(prefix(), TEXT, 3) is None


@pytest.mark.parametrize("wrong_head", [b"", bytes(300)], ids=["none", "long"])
def test_data_keys_without_a_head_or_with_a_long_one_raise_value_error(native, wrong_head):
    sender, receiver = duo(native)
    with pytest.raises(ValueError):
        sender.seal(wrong_head, TEXT, b"", b"")
    with pytest.raises(ValueError):
        receiver.open_line(wrong_head, TEXT)


def test_refused_calls_leave_the_data_keys_as_they_were(native):
    sender, receiver = duo(native)
    before = state(sender), state(receiver)
    for call, *arguments in (
        (sender.seal, prefix(), TEXT, b"", None),
        (sender.seal_many, prefix(), [TEXT, None]),
        (receiver.open, TEXT, 1, TEXT, MAC[1:]),
        (receiver.open_many, head(), [TEXT, None]),
    ):
        with pytest.raises((TypeError, ValueError)):
            call(*arguments)
    assert (state(sender), state(receiver)) == before
    line = sender.seal(prefix(), TEXT, b"", b"")
    assert receiver.open_line(head(), line) == TEXT
