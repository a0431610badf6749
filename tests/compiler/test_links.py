"""What the compiler knows of who holds what is what going along all links finds, in whatever order these come."""

from __future__ import annotations

from collections.abc import Iterable

import hypothesis.strategies as st
import pytest
from hypothesis import given

from labline_compiler.analysis import links as links_module
from labline_compiler.analysis.journal import ABSENT
from labline_compiler.analysis.links import Links
from labline_compiler.analysis.scene import Scene

OBJECTS = st.integers(0, 7)
VALUES = st.frozensets(OBJECTS, max_size=3)
NAMES = st.sampled_from("abcde")
LINK = st.tuples(OBJECTS, st.frozensets(OBJECTS, min_size=1, max_size=2))


def gone_along(links: Links, value: Iterable[int]) -> set[int]:
    """What *value* reaches, found step by step."""
    found, waiting = set(value), list(value)
    while waiting:
        new = links.things[waiting.pop()].holds - found
        found |= new
        waiting += new
    return found


def link(links: Links, holder: int, held: frozenset[int]) -> None:
    if new := held - links.things[holder].holds:
        links.link(holder, new)


@given(st.lists(st.tuples(LINK, VALUES), max_size=30))
def test_what_a_value_reaches_grows_with_every_link(
    happens: list[tuple[tuple[int, frozenset[int]], frozenset[int]]],
) -> None:
    links = Links()
    asked: list[frozenset[int]] = []
    for (holder, held), value in happens:
        link(links, holder, held)
        asked.append(value)
        for each in asked:
            assert links.reach(each) == gone_along(links, each)


@given(st.lists(LINK | VALUES, max_size=40), st.integers(0, 8))
def test_what_nobody_asked_for_meanwhile_is_right_when_it_is_asked_for(
    happens: list[tuple[int, frozenset[int]] | frozenset[int]], large: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(links_module, "_LARGE", large)
        links = Links()
        for each in happens:
            if isinstance(each, frozenset):
                assert links.reach(each) == gone_along(links, each)
            else:
                link(links, *each)
        for one in range(8):
            assert links.reach({one}) == gone_along(links, {one})


@given(
    st.dictionaries(OBJECTS, st.integers(0, 30)),
    st.lists(st.one_of(LINK, st.tuples(NAMES, VALUES | st.just(ABSENT))), max_size=30),
)
def test_names_share_what_is_altered_through_names_in_between(
    until: dict[int, int], happens: list[tuple[int | str, frozenset[int]]]
) -> None:
    scene = Scene(until)
    for now, (who, what) in enumerate(happens):
        if isinstance(who, int):
            link(scene, who, what)
        else:
            scene.name(who, what)
        later = {each for each, end in until.items() if end > now}
        for altered in (each for each, end in until.items() if end >= now):
            found: set[str] = set()
            new, seen = {altered}, {altered}
            while new:
                met = {name for name, value in scene.names.items() if not new.isdisjoint(gone_along(scene, value))}
                found |= met
                reached = {each for name in met for each in gone_along(scene, scene.names[name])}
                new = (reached & later) - seen
                seen |= new
            assert set(scene.named(scene.sharing(frozenset((altered,)), later, now))) == found
