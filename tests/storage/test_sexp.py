"""S-expressions of libgcrypt."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otrfast.errors import KeyFileError
from otrfast.storage import sexp

ATOMS = [
    (b"token", b"token"),
    (b"a-b./_:*+=9", b"a-b./_:*+=9"),
    (b'"two words"', b"two words"),
    (b'""', b""),
    (rb'"\n\r\t\b\v\f\"\'\\"', b"\n\r\t\b\v\f\"'\\"),
    (rb'"\x41\x00\xff"', b"A\x00\xff"),
    (rb'"\101\000\377"', b"A\x00\xff"),
    (b'"a\\\r\nb\\\n\rc\\\nd\\\re"', b"abcde"),
    (b'"raw \x00\x01)(#|\xff\xa1"', b"raw \x00\x01)(#|\xff\xa1"),
    (b"#00fF#", b"\x00\xff"),
    (b"# 0 0\n F\tf #", b"\x00\xff"),
    (b"##", b""),
    (b"|AP8=|", b"\x00\xff"),
    (b"| A P\n8 = |", b"\x00\xff"),
    (b"||", b""),
    (b"3:a)(", b"a)("),
    (b"0:", b""),
    (b"2#00ff#", b"\x00\xff"),
    (b'3"abc"', b"abc"),
    (b"2|AP8=|", b"\x00\xff"),
]


@pytest.mark.parametrize(("written", "value"), ATOMS)
def test_atom_in_each_form_is_read(written, value):
    assert sexp.parse(b"(" + written + b")") == [value]
    assert sexp.parse(b" (a" + b" " + written + b"(" + written + b")) \n") == [b"a", value, [value]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a",
        b"(",
        b")",
        b"(a))",
        b"(a)b",
        b"(a) (b)",
        b'("abc)',
        rb'("\q")',
        rb'("\x4")',
        rb'("\47")',
        rb'("\777")',
        b'("abc\\',
        b"(#0#)",
        b"(#0g#)",
        b"(#00)",
        b"(|A|)",
        b"(|AA=A|)",
        b"(4:abc)",
        b"(9999999999:a)",
        b"(3#00ff#)",
        b"([hint]a)",
        b"(\x00)",
        b"(" * 33 + b")" * 33,
    ],
)
def test_damaged_expression_is_refused(data):
    with pytest.raises(KeyFileError, match="damaged at byte"):
        sexp.parse(data)


def test_deepest_list_is_read():
    assert sexp.parse(b"(" * sexp.MAX_DEPTH + b")" * sexp.MAX_DEPTH)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"token", b"token"),
        (b"", b'""'),
        (b"9", b'"9"'),
        (b'a "b" \\', rb'"a \"b\" \\"'),
        (b"a/b", b"a/b"),
        ("é".encode(), b"#C3A9#"),
        (b"a\nb", b"#610A62#"),
    ],
)
def test_atom_is_written_in_ascii(value, written):
    assert sexp.atom(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, b"#00#"), (1, b"#01#"), (0x7F, b"#7F#"), (0x80, b"#0080#"), (0x1FF, b"#01FF#")],
)
def test_number_never_looks_negative(value, written):
    assert sexp.number(value) == written


nodes = st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=4))


def _written(node):
    if isinstance(node, bytes):
        return sexp.atom(node)
    return b"(" + b" ".join(map(_written, node)) + b")"


@settings(deadline=None)
@given(st.lists(nodes, max_size=5))
def test_what_is_written_is_read_back(top):
    assert sexp.parse(_written(top)) == top


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text('()#|"\\:0a \n', max_size=60).map(str.encode)))
def test_any_bytes_are_read_or_refused(data):
    with suppress(KeyFileError):
        sexp.parse(b"(" + data)


def test_error_shows_nothing_of_the_file():
    with pytest.raises(KeyFileError) as caught:
        sexp.parse(b"(x #5EC4E7zz#)")
    assert "5EC4E7" not in str(caught.value)
    assert caught.value.__context__ is None or "5EC4E7" not in repr(caught.value.__context__)
