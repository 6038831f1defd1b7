"""R17: whatever an object does when it is looked at, it is stored as it is, or refused as
`NotStorable` with its path."""

import json
import math
from collections import ChainMap, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any, ClassVar
from unittest.mock import MagicMock

import pytest
from django.utils.functional import SimpleLazyObject, lazystr
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from sagas.machine.context import (
    CONTEXT_LIMIT,
    DEPTH_LIMIT,
    NotStorable,
    changes,
    digest,
    json_text,
    storable,
    storable_json,
)
from tests.machine.test_values import GIVEN


class RaisingItems(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no item")

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __len__(self) -> int:
        return 1

    def items(self) -> Any:
        raise RuntimeError("no items")


class EndlessItems(RaisingItems):
    def items(self) -> Any:
        return ((str(number), number) for number in iter(int, 1))


class OddDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items")


class LyingDict(dict[str, Any]):
    def items(self) -> Any:
        return [("another", 1)]


class EndlessDict(dict[str, Any]):
    def items(self) -> Any:
        return ((str(number), number) for number in iter(int, 1))


class OddList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError("no members")


class LyingList(list[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter(int, 1)


class OddClass:
    @property  # type: ignore[misc]  # it is odd
    def __class__(self) -> Any:
        raise RuntimeError("no class")


class SaysDict:
    __class__: ClassVar[Any] = dict


class SaysText:
    __class__: ClassVar[Any] = str


class OddText(str):
    __slots__ = ()

    def isascii(self) -> bool:
        raise RuntimeError("not said")

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("not equal")

    __hash__ = str.__hash__


class OddNumber(int):
    def bit_length(self) -> int:
        raise RuntimeError("no length")

    def __abs__(self) -> int:
        raise RuntimeError("no size")


class OddKey:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class OddHash(str):
    __slots__ = ()

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __eq__(self, other: object) -> bool:
        return False


class Color(StrEnum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


Point = namedtuple("Point", "x y")


def cycle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def many_times_over() -> list[Any]:
    """2⁵⁰ members, though no level is too deep."""
    found: list[Any] = []
    for _ in range(50):
        found = [found, found]
    return found


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


ODD: list[Any] = [
    gettext_lazy("text"),
    lazystr("text"),
    SimpleLazyObject(lambda: "text"),
    SimpleLazyObject(dict),
    SimpleLazyObject(lambda: 1 / 0),
    MagicMock(),
    MagicMock(spec=dict),
    MagicMock(spec=str),
    RaisingItems(),
    EndlessItems(),
    UserDict({"a": 1}),
    ChainMap({"a": 1}),
    OddDict(a=1),
    LyingDict(a=1),
    EndlessDict(a=1),
    OddList([1]),
    LyingList([1]),
    OddClass(),
    SaysDict(),
    SaysText(),
    object(),
    b"bytes",
    {1},
    Decimal(1),
    Fraction(1, 2),
    1j,
    10**5000,
    -(10**5000),
    OddNumber(10**5000),
    math.nan,
    "\ud800",
    SafeString("\x00"),
    cycle(),
    many_times_over(),
    nested(DEPTH_LIMIT + 1),
    nested(100_000),
    [0] * (CONTEXT_LIMIT + 1),
    {1: 2},
    {OddKey(): 1},
    {("a", "b"): 1},
    {None: 1},
    {"\ud800": 1},
    {SafeString("\x00"): 1},
]


@pytest.mark.parametrize("number", range(len(ODD)))
def test_it_is_refused_with_its_path(number: int) -> None:
    value = ODD[number]  # pytest would look at them itself
    for call in (storable, storable_json, lambda odd: changes(GIVEN, odd)):
        with pytest.raises(NotStorable) as refused:
            call({"x": {"y": [0, value]}})
        assert refused.value.path.startswith("x.y.1") or "values" in refused.value.message
        assert len(str(refused.value)) < 8000


WHOLE: list[Any] = [gettext_lazy("text"), SimpleLazyObject(dict), MagicMock(), RaisingItems()]
WHOLE += [EndlessItems(), OddDict(a=1), LyingDict(a=1), EndlessDict(a=1), OddClass(), SaysDict()]
WHOLE += [7, "text", [("a", 1)], MagicMock(spec=dict), {OddKey(): 1}]


@pytest.mark.parametrize("number", range(len(WHOLE)))
def test_so_is_what_should_be_a_mapping(number: int) -> None:
    value = WHOLE[number]
    for call in (storable, storable_json, lambda odd: changes(GIVEN, odd)):
        with pytest.raises(NotStorable):
            call(value)


@pytest.mark.parametrize("key", ["saga_id", "attempt", "deadline"])
def test_an_odd_value_is_no_value_of_the_engine(key: str) -> None:
    for value in (MagicMock(), OddText("s-1"), OddClass(), None):
        with pytest.raises(NotStorable, match="the engine's"):
            changes(GIVEN, {key: value})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (Color.RED, "red"),
        (Size.BIG, 3),
        (SafeString("text"), "text"),
        (Point(1, 2), [1, 2]),
        (OddNumber(5), 5),
        ({SafeString("key"): 1}, {"key": 1}),
        ({Color.RED: [Color.RED]}, {"red": ["red"]}),
        (nested(DEPTH_LIMIT - 2), nested(DEPTH_LIMIT - 2)),
        (5e-324, 5e-324),
        (True, True),
    ],
)
def test_what_only_adds_to_a_plain_value_is_stored_as_that(value: Any, plain: Any) -> None:
    found = storable({"x": value})["x"]
    assert found == plain
    assert type(found) is type(plain)
    assert json.loads(storable_json({"x": value})) == {"x": plain}
    assert changes(GIVEN, {"x": value}) == {"x": plain}


@pytest.mark.parametrize(
    "value", [MappingProxyType({"a": 1}), UserDict(a=1), ChainMap({"a": 1}), OrderedDict(a=1)]
)
def test_any_mapping_may_be_a_whole_context(value: Any) -> None:
    assert storable(value) == {"a": 1}
    assert changes(GIVEN, value) == {"a": 1}


def test_what_a_text_overrides_is_not_asked() -> None:
    found = storable({"x": OddText("text")})["x"]
    assert type(found) is str
    assert found == "text"


def test_numbers_of_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    assert type(storable({"x": numpy.float64(1.5)})["x"]) is float
    for value in (numpy.int64(1), numpy.bool_(True), numpy.array([1]), numpy.float32(1)):
        with pytest.raises(NotStorable):
            storable({"x": value})


def test_an_ordinary_context_is_not_copied() -> None:
    value = {"a": [1, {"b": "é"}], "c": None, "d": 1.5, "e": (True,)}
    assert storable(value) is value


ZEROS: dict[str, Any] = {
    "a": -0.0,
    "b": [-0.0, 0.0, -0.05, {"c": -0.0}],
    "d": 'say "-0.0", or \\-0.0',
    "-0.0": "-0.0",
}


def test_a_negative_zero_is_written_so_that_it_is_read_as_one() -> None:
    text = json_text(ZEROS)
    assert text.count("-1e-324") == 3
    assert repr(json.loads(text)) == repr(ZEROS)
    assert changes({**GIVEN, "n": 0.0}, {"n": -0.0}) == {"n": -0.0}
    assert digest({"n": 0.0}) != digest({"n": -0.0})


def test_negative_zeros_count_by_what_is_read_back() -> None:
    """jsonb writes 327 characters for each."""
    with pytest.raises(NotStorable, match="bytes as JSON"):
        storable_json({"x": [-0.0] * 1000})
    storable_json({"x": [-0.0] * 700})
