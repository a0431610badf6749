"""Frozen dataclasses made by us behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from labline_runtime.dataclass import dataclass as ours

Making = Callable[..., Any]


def made(dataclass: Making) -> dict[str, type[Any]]:
    """Classes of every shape that ours have, each made by *dataclass*."""

    @dataclass(frozen=True)
    class Empty:
        """Nothing."""

    @dataclass(frozen=True)
    class One:
        x: Any

    @dataclass(frozen=True)
    class Point:
        """A place."""

        x: Any
        y: Any = 0
        tags: list[str] = field(default_factory=list)
        secret: str = field(default="", repr=False)
        kind: ClassVar[str] = "point"

    @dataclass(frozen=True)
    class Named(Point):
        name: str = "none"

        def __post_init__(self) -> None:
            if self.name == "bad":
                raise ValueError("bad")

    @dataclass(frozen=True, kw_only=True)
    class Keyed:
        x: Any
        y: Any = 0

    @dataclass(frozen=True, eq=False)
    class Same:
        x: Any

    @dataclass(frozen=True)
    class Own:
        x: Any
        y: Any = 0

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and other.x == self.x

        def __repr__(self) -> str:
            return "own"

    @dataclass(frozen=True)
    class Hashed:
        x: Any

        def __hash__(self) -> int:
            return 7

    class Below(Point):
        """A plain class under a frozen one."""

    return {each.__name__: each for each in (Empty, One, Point, Named, Keyed, Same, Own, Hashed, Below)}


OURS, THEIRS = made(ours), made(dataclasses.dataclass)


@ours(frozen=True)
class Kept:
    """One that can be found by its name, so that it pickles."""

    x: int


def _outcome(what: Callable[[dict[str, Any]], Any], classes: dict[str, Any]) -> Any:
    try:
        return what(classes)
    except Exception as error:
        return type(error).__name__, str(error)


def _set_below(c: dict[str, Any]) -> Any:
    instance = c["Below"](1)
    instance.other = 2
    return instance.other


def _recursive(c: dict[str, Any]) -> str:
    items: list[Any] = []
    items.append(c["One"](items))
    return repr(items[0])


@pytest.mark.parametrize(
    "what",
    [
        pytest.param(lambda c: repr(c["Empty"]()), id="the text of an empty one"),
        pytest.param(lambda c: repr(c["Point"](1, secret="hidden")), id="a field not shown"),
        pytest.param(lambda c: repr(c["Named"](1, 2, ["a"], name="n")), id="inherited fields come first"),
        pytest.param(_recursive, id="the text of one that holds itself"),
        pytest.param(lambda c: repr(c["Own"](1)), id="a text of its own"),
        pytest.param(lambda c: c["Point"](), id="a missing argument"),
        pytest.param(lambda c: c["Point"](1, z=2), id="an unknown argument"),
        pytest.param(lambda c: c["Keyed"](1), id="a keyword given by place"),
        pytest.param(lambda c: c["Keyed"](x=1).y, id="a default behind a keyword"),
        pytest.param(lambda c: c["Named"](1, name="bad"), id="refused after it is built"),
        pytest.param(lambda c: c["Point"](1).tags is c["Point"](1).tags, id="a default made anew"),
        pytest.param(lambda c: setattr(c["Point"](1), "x", 2), id="a field set"),
        pytest.param(lambda c: setattr(c["Point"](1), "other", 2), id="another attribute set"),
        pytest.param(lambda c: delattr(c["Point"](1), "x"), id="a field deleted"),
        pytest.param(lambda c: setattr(c["Below"](1), "x", 2), id="a field set in a plain class below"),
        pytest.param(_set_below, id="another attribute set in a plain class below"),
        pytest.param(lambda c: c["Point"](1) == c["Point"](1), id="equal"),
        pytest.param(lambda c: c["Point"](1) == c["Point"](2), id="not equal"),
        pytest.param(lambda c: c["Point"](1) == c["Named"](1), id="of another class"),
        pytest.param(lambda c: c["Empty"]() == c["Empty"](), id="empty ones are equal"),
        pytest.param(lambda c: c["One"](float("nan")) == c["One"](float("nan")), id="NaN differs from another NaN"),
        pytest.param(lambda c: (lambda nan: c["One"](nan) == c["One"](nan))(float("nan")), id="NaN is itself"),
        pytest.param(lambda c: c["Same"](1) == c["Same"](1), id="compared by identity"),
        pytest.param(lambda c: c["Own"](1, 2) == c["Own"](1, 3), id="compared in its own way"),
        pytest.param(lambda c: hash(c["Own"](1, 2)) == hash(c["Own"](1, 2)), id="hashed by fields for all that"),
        pytest.param(lambda c: hash(c["Hashed"](1)), id="a hash of its own"),
        pytest.param(lambda c: hash(c["Point"](1)), id="a field that has no hash"),
        pytest.param(lambda c: hash(c["One"](1)) == hash(c["One"](1)), id="equal ones hash alike"),
        pytest.param(lambda c: dataclasses.asdict(c["Named"](c["One"](3))), id="as a dictionary"),
        pytest.param(lambda c: repr(dataclasses.replace(c["Point"](1), x=5)), id="a field replaced"),
        pytest.param(lambda c: [each.name for each in dataclasses.fields(c["Named"])], id="the names of fields"),
        pytest.param(lambda c: c["Named"].__match_args__, id="the fields in a pattern"),
        pytest.param(lambda c: c["Point"].__doc__, id="the documentation"),
        pytest.param(lambda c: repr(copy.deepcopy(c["Point"](1, tags=["a"]))), id="copied"),
    ],
)
def test_behaves_as_one_of_the_standard_library(what: Callable[[dict[str, Any]], Any]) -> None:
    assert _outcome(what, OURS) == _outcome(what, THEIRS)


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(Kept(1))) == Kept(1)


def test_wishes_beyond_frozen_are_the_standard_librarys() -> None:
    @ours(frozen=True, order=True)
    class Ordered:
        x: int

    assert Ordered(1) < Ordered(2)


def test_one_that_may_change_is_the_standard_librarys() -> None:
    @ours
    class Open:
        x: int

    instance = Open(1)
    instance.x = 2

    assert instance == Open(2)
