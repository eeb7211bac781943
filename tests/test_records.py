"""Records: the methods and attributes that `record` adds to a class."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import ClassVar, get_type_hints

import pytest

from otrfast import Limits, Padding, events
from otrfast._records import field, record, replace
from otrfast.errors import BadMac
from otrfast.protocol import ake, smp
from otrfast.wire import lines, messages
from otrfast.wire.tlv import Tlv


@record
class Nothing:
    """No fields."""


@record
class Point:
    """Some fields."""

    KIND: ClassVar[str] = "point"

    x: int
    y: int = 0
    note: str = field(default="", repr=False, compare=False)
    tags: list[str] = field(factory=list, compare=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@record
class Solid(Point):
    """More fields, after those."""

    z: int = 7


@record
class Checked:
    """One that looks at what it is made of."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("below 0")


@record
class Hidden:
    """One that writes its own repr."""

    secret: bytes

    def __repr__(self) -> str:
        return "<hidden>"


class Outer:
    """A class that holds a record class."""

    @record
    class Inner:
        x: int


def test_record_when_made_by_position_or_name_then_the_same():
    assert Point(1, 2, "a", ["b"]) == Point(x=1, y=2, note="a", tags=["b"])
    assert Solid(1, 2, "a", [], 3).z == 3


def test_record_when_made_then_defaults_fill_the_rest():
    made = Solid(1)
    assert (made.x, made.y, made.note, made.tags, made.z) == (1, 0, "", [], 7)


def test_factory_then_a_value_for_each_instance():
    assert Point(1).tags is not Point(1).tags


@pytest.mark.parametrize(
    ("arguments", "names"), [((), {}), ((1, 2, "", [], 5), {}), ((1,), {"w": 1}), ((1,), {"x": 1})]
)
def test_record_when_made_of_other_arguments_then_a_type_error_that_names_it(arguments, names):
    with pytest.raises(TypeError, match=r"Point\.__init__\(\)"):
        Point(*arguments, **names)


def test_field_without_default_after_one_that_has_then_refused():
    with pytest.raises(TypeError, match="default"):

        @record
        class Wrong:
            x: int = 0
            y: int


def test_signature_then_names_defaults_and_annotations():
    shown = inspect.signature(Solid)
    assert list(shown.parameters) == ["x", "y", "note", "tags", "z"]
    assert shown.parameters["y"].default == 0
    assert shown.parameters["x"].annotation == "int"


def test_attribute_when_set_or_deleted_then_refused():
    made = Point(1)
    for name in ("x", "w"):
        with pytest.raises(AttributeError, match=name):
            setattr(made, name, 2)
        with pytest.raises(AttributeError, match=name):
            delattr(made, name)
    assert made == Point(1)


def test_record_of_a_class_within_another_then_its_name_is_kept():
    assert Outer.Inner.__qualname__ == "Outer.Inner"
    assert pickle.loads(pickle.dumps(Outer.Inner(1))) == Outer.Inner(1)


def test_record_then_slots_and_no_dict():
    assert Point.__slots__ == ("x", "y", "note", "tags")
    assert Solid.__slots__ == ("z",)
    assert not hasattr(Solid(1), "__dict__")


def test_class_variable_then_no_field():
    assert Point.KIND == Point(1).KIND == "point"
    assert Point.__match_args__ == ("x", "y", "note", "tags")


def test_methods_of_the_class_then_kept():
    assert Solid(1, 2).sum == 3
    assert repr(Hidden(b"k")) == "<hidden>"
    assert (Point.__doc__, Point.__module__, Point.__qualname__) == (
        "Some fields.",
        __name__,
        "Point",
    )


def test_equality_then_by_class_and_compared_values():
    assert Point(1, 2, "a") == Point(1, 2, "b", ["c"])
    assert Point(1, 2) != Point(1, 3)
    assert Solid(1, z=2) != Solid(1, z=3)
    assert Point(1) != Solid(1)
    assert Point(1) != (1, 0, "", [])
    assert Nothing() == Nothing()
    assert Nothing() != Point(1)


def test_hash_then_that_of_the_compared_values():
    assert len({Point(1, 2, "a"), Point(1, 2, "b", ["c"]), Point(2), Nothing(), Nothing()}) == 3


def test_repr_then_class_and_shown_values():
    assert repr(Point(1, 2, "secret")) == "Point(x=1, y=2, tags=[])"
    assert repr(Nothing()) == "Nothing()"


def test_post_init_then_called():
    assert Checked(0).x == 0
    with pytest.raises(ValueError, match="below 0"):
        Checked(-1)
    with pytest.raises(ValueError, match="below 0"):
        replace(Checked(1), x=-1)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_record_when_copied_or_pickled_then_an_equal_one(again):
    for made in (Solid(1, 2, "a", ["b"], 3), Nothing(), Hidden(b"k"), Limits(peers=3)):
        other = again(made)
        assert other == made
        assert type(other) is type(made)
    assert again(Solid(1, 2, "a", ["b"], 3)).tags == ["b"]


@pytest.mark.parametrize("how", [replace, Point.__replace__])
def test_record_when_replaced_then_only_the_named_fields_differ(how):
    made = Solid(1, 2, "a", ["b"], 3)
    other = how(made, y=5)
    assert (other.x, other.y, other.note, other.tags, other.z) == (1, 5, "a", ["b"], 3)
    assert made.y == 2
    with pytest.raises(TypeError):
        how(made, w=1)


def test_record_when_matched_then_by_position_and_name():
    match Solid(1, 2, z=3):
        case Solid(x, 2, z=z):
            assert (x, z) == (1, 3)
        case _:
            raise AssertionError


def test_plain_subclass_then_of_the_same_fields_and_a_class_of_its_own():
    class Named(Point):
        pass

    assert repr(Named(1)).endswith("Named(x=1, y=0, tags=[])")
    assert Named(1) != Point(1)
    assert replace(Named(1), x=2) == Named(2)


SOME = [
    events.SecureStarted(b"f" * 20, b"s" * 8, 3, False, 0x100, b"key"),
    events.MessageRejected(BadMac("no"), 0x100),
    events.TlvsReceived(()),
    messages.DHKey(3, 0x100, 0x101, b"\1" * 192),
    lines.PlainText(b"hello"),
    ake.Idle(),
    ake.Start(3),
    smp.Expect1(),
    Padding(128, 1),
    Limits(),
]


@pytest.mark.parametrize("made", SOME, ids=lambda made: type(made).__name__)
def test_public_records_then_frozen_fields_replace_and_copy(made):
    for name in type(made).__match_args__:
        with pytest.raises(AttributeError, match=name):
            setattr(made, name, None)
    assert replace(made) == made
    assert copy.copy(made) == made


def test_secure_started_then_its_public_key_is_neither_shown_nor_compared():
    started = SOME[0]
    assert "public_key" not in repr(started)
    assert started == replace(started, public_key=b"other")
    assert hash(started) == hash(replace(started, public_key=b"other"))


def test_awaiting_dh_key_then_its_secret_is_not_shown():
    waiting = ake.AwaitingDHKey(b"the secret r", None, None, 0.0)
    assert "secret" not in repr(waiting)


def decrypt() -> None:
    raise BadMac("no")


@pytest.mark.parametrize("kind", [events.MessageRejected, events.SmpCheated])
def test_event_of_an_error_then_the_error_has_forgotten_where_it_was_raised(kind):
    with pytest.raises(BadMac) as caught:
        decrypt()
    made = kind(caught.value)
    assert made.error.__traceback__ is None


def test_record_of_the_package_then_its_annotations_can_be_resolved():
    hints = get_type_hints(events.TlvsReceived.__init__)
    assert hints == {"tlvs": tuple[Tlv, ...], "instance": int, "return": type(None)}
    assert "tlvs" in inspect.signature(events.TlvsReceived, eval_str=True).parameters
