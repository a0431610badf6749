"""When which values of the notebook are looked at, and what is made of what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from labline_backend.verification.comparison import HandedOn, compare_value, is_chance, verdict
from labline_backend.verification.plan import Place, Plan, plan
from labline_backend.verification.verify import drawing
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_runtime.outcome import Preview, ValueRecord
from labline_runtime.verification import Moment, Sighting

from ..backend.notebooks import code, notebook

CELLS = (
    code("import math", "imports"),
    code("n = 2\nm = n + 1", "parameters"),
    code("never()", "skip"),
    code("a = n", "step:one"),
    code("b = m", "step:two"),
    code("c = a + b", "step:three"),
    code("print(c)", "step:four"),
)


def planned(*cells: dict[str, Any], **overridden: str) -> Plan:
    document = parse(notebook(*(cells or CELLS)), "x.ipynb")
    compilation = compile_notebook(document)
    assert compilation.pipeline is not None
    defaults = {parameter.name: parameter.default for parameter in compilation.pipeline.parameters}
    return plan(document, compilation.cells, compilation.pipeline, defaults | overridden)


def test_the_reference_runs_the_notebooks_own_cells_in_its_order() -> None:
    sources = [cell["source"] for cell in CELLS if "skip" not in cell["metadata"]["tags"]]
    assert [(each.cell.source, each.parameters) for each in planned().cells] == [(source, {}) for source in sources]


def test_an_overridden_parameter_is_bound_in_place_of_its_line() -> None:
    cell = planned(n="7").cells[1]
    assert (cell.parameters, cell.cell.source.strip()) == ({"n": "7"}, "m = n + 1")


def test_inputs_are_looked_at_before_the_first_cell_of_a_step_and_outputs_after_its_last() -> None:
    places = planned().places
    assert Place("one", "n", "parameter", None, 2) in places
    assert Place("one", "a", "output", "one", 3) in places
    assert Place("three", "a", "input", "one", 4) in places
    assert Place("three", "c", "output", "three", 5) in places
    assert Place("four", "c", "input", "three", 5) in places


def test_an_input_made_between_a_steps_cells_is_looked_at_before_the_cells_below() -> None:
    places = planned(
        code("a = 1", "step:s"), code("b = [2]", "step:m"), code("c = b[0]", "step:s"), code("print(c)", "step:u")
    ).places
    assert [place for place in places if place.name == "b"] == [
        Place("m", "b", "output", "m", 2),
        Place("s", "b", "input", "m", 2),
    ]


def test_what_is_made_above_others_cells_is_looked_at_there() -> None:
    places = planned(code("a = [1]", "step:s"), code("a = [a, 2]", "step:m"), code("c = 1", "step:s")).places
    assert Place("s", "a", "output", "s", 1) in places


def test_a_moment_expects_what_every_step_has_handed_on() -> None:
    places = (Place("b", "x", "output", "b", 2), Place("c", "x", "input", "a", 2))
    moments = Plan((), places).moments({("a", "x"): "1", ("b", "x"): "2"}, {})
    assert moments == (Moment(2, ("x",), {"x": ("1", "2")}),)


PLACE = Place("s", "x", "input", "before", 1)


def seen(digest: str | None, kind: str = "int") -> Sighting:
    if digest is None:
        return Sighting(1, "x", None)
    return Sighting(1, "x", ValueRecord("x", kind, digest, 1, None, Preview("shown")))


def handed(digest: str, kind: str = "int") -> HandedOn:
    return HandedOn(kind, digest)


COMPARISONS = {
    "the same digest": (seen("1"), None, handed("1"), True, "equal"),
    "another digest": (seen("1"), None, handed("2"), True, "different"),
    "another digest, and the notebook is steady": (seen("1"), seen("1"), handed("2"), True, "different"),
    "another digest, and the notebook is not": (seen("1"), seen("3"), handed("2"), True, "nondeterministic"),
    "the second run's digest": (seen("1"), seen("2"), handed("2"), True, "nondeterministic"),
    "bound on no side": (seen(None), None, None, True, "equal"),
    "bound in the notebook only": (seen("1"), seen("1"), None, True, "different"),
    "bound in the pipeline only": (seen(None), seen(None), handed("1"), True, "different"),
    "bound by chance": (seen("1"), seen(None), None, True, "nondeterministic"),
    "no digest on either side": (seen(""), None, handed(""), True, "not comparable"),
    "no digest, and another type": (seen("", "a"), None, handed("", "b"), True, "different"),
    "a step that failed": (seen("1"), None, None, False, "not comparable"),
    "a notebook that did not come so far": (None, None, handed("1"), True, "not comparable"),
}


@pytest.mark.parametrize("role", ["input", "output"])
def test_the_state_of_a_library_that_was_imported_only_later_is_as_it_was_handed_on(role: Any) -> None:
    place = Place("s", "@numpy.printoptions", role, "before", 1)
    assert compare_value(place, seen("1", "dict"), None, handed("2", "NoneType"), ran=True).status == "equal"


def test_steps_that_draw_and_those_that_come_of_them_may_be_chance() -> None:
    pipeline = compile_notebook(
        parse(
            notebook(
                code("a = [1]", "step:plain"),
                code("import random\nb = random.choice([1, 2])", "step:draws"),
                code("print(b)", "step:takes"),
            ),
            "x.ipynb",
        )
    ).pipeline
    assert pipeline is not None
    assert drawing(pipeline) == {"draws", "takes"}


GENERATOR = Place("s", "@random", "input", "before", 1)


def test_where_a_generator_stands_that_nobody_seeds_does_not_count() -> None:
    compared = compare_value(GENERATOR, seen("1", "tuple"), seen("3", "tuple"), handed("2", "tuple"), ran=True)
    assert (compared.status, is_chance(compared)) == ("equal", True)


def test_where_a_generator_stands_that_is_seeded_counts() -> None:
    compared = compare_value(GENERATOR, seen("1", "tuple"), seen("1", "tuple"), handed("2", "tuple"), ran=True)
    assert (compared.status, is_chance(compared)) == ("different", False)


@pytest.mark.parametrize("name", COMPARISONS)
def test_what_is_made_of_what_was_seen(name: str) -> None:
    first, again, theirs, ran, status = COMPARISONS[name]
    assert compare_value(PLACE, first, again, theirs, ran=ran).status == status


VERDICTS = [
    ([], None, "verified"),
    (["equal", "equal"], None, "verified"),
    (["equal", "nondeterministic"], None, "partly verified"),
    (["equal", "not comparable"], None, "partly verified"),
    (["nondeterministic", "different"], None, "different"),
    (["equal"], "it failed", "different"),
]


@pytest.mark.parametrize(("statuses", "failure", "expected"), VERDICTS)
def test_the_verdict_vouches_for_no_more_than_was_seen(statuses: list[str], failure: str | None, expected: str) -> None:
    assert verdict(statuses, failure) == expected
