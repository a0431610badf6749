"""What passes a step by, as the steps of a run look it up in the file that they share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labline_runtime.passing import Passing, table
from labline_runtime.specification import Reading

NAMES = st.sampled_from(["a", "ab", "b", "é", "@patch:a\tb", "@random"]) | st.text(max_size=3)
STEPS = st.sampled_from(["one", "two", "three"])
PLACES = st.integers(-1, 6)
READINGS = st.lists(st.builds(Reading, STEPS | st.just(""), NAMES, PLACES, STEPS, PLACES, PLACES), max_size=12)


@given(READINGS, NAMES, STEPS, PLACES, PLACES)
def test_a_name_passes_as_the_readings_say(readings: list[Reading], name: str, step: str, first: int, last: int):
    passes = {each.source for each in readings if each.name == name and each.passes(step, first, last)}
    assert Passing({}, table(readings), step, (first, last)).sources(name) == passes


def test_what_is_told_besides_passes_too():
    shared = table([Reading("one", "a", 0, "three", 5, -1)])
    assert Passing({"": ("a",)}, shared, "two", (2, 3)).sources("a") == {"", "one"}
