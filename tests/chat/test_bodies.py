"""HTML of clients to text and back."""

import pytest

from otrfast.chat import bodies
from otrfast.chat.bodies import Forms, is_html, to_html, to_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", None),
        ("5 > 3", None),
        ("a < b", False),
        ("Tom & Jerry", False),
        ("if (a<b && c>d)", False),
        ("List<int> &amp; more", False),
        ("a &lt; b", True),
        ("<b>bold</b>", True),
        ("one<br>two", True),
        ('<a href="https://x.example/?a=1&amp;b=2">link</a>', True),
    ],
)
def test_text_then_its_form_is_read_off_it(text, expected):
    assert is_html(text) is expected


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ('<FONT COLOR="red">a &lt; b &amp; c</FONT>', "a < b & c"),
        ("one<br>two<BR/>three<br />", "one\ntwo\nthree\n"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("&lt;b&gt;", "<b>"),
        ("&amp;lt;", "&lt;"),
        ("a&nbsp;b", "a b"),
        ('<html><body><span style="color: x">x</span></body></html>', "x"),
    ],
)
def test_html_then_its_words_are_left(markup, expected):
    assert to_text(markup) == expected


@pytest.mark.parametrize("text", ["a < b & c", "<b>no tag</b>\nnext", '&lt; "quoted"', "plain"])
def test_text_to_html_and_back_then_it_is_the_same(text):
    assert to_text(to_html(text)) == text


def test_peer_writes_html_then_it_is_written_html_until_it_writes_something_else(monkeypatch):
    forms = Forms()
    assert forms.write("a", "1 < 2") == "1 < 2"
    assert forms.read("a", "1 &lt; 2") == "1 < 2"
    assert forms.read("a", "no word of it") == "no word of it"
    assert forms.write("a", "1 < 2") == "1 &lt; 2"
    assert forms.write("b", "1 < 2") == "1 < 2"
    assert forms.read("a", "1 < 2") == "1 < 2"
    assert forms.write("a", "1 < 2") == "1 < 2"
    monkeypatch.setattr(bodies, "_PEERS", 2)
    for peer in "abc":
        forms.read(peer, "<b>x</b>")
    assert [forms.write(peer, "<") for peer in "abc"] == ["<", "&lt;", "&lt;"]


def test_many_signs_that_are_no_markup_then_it_takes_no_time():
    for text in ("<a " * 50_000, "&" * 100_000, "<br" * 50_000, "<a" + " " * 50_000):
        is_html(text)
        to_text(text)
