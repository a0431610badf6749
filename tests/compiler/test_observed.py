"""What the guards go by, and what is made of what they saw."""

from __future__ import annotations

from typing import Any

import pytest

from labline_compiler.analysis.hidden_state import AMBIENT, PATCH
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Pipeline
from labline_runtime.outcome import Observation
from tests.compiler.helpers import edges, pipeline_of, run_notebook, run_pipeline
from tests.compiler.test_graph import steps


def compiled(text: str, *facts: Observation) -> Pipeline:
    compilation = compile_notebook(parse(text, "little.py"), observed=facts)
    assert compilation.pipeline is not None
    return compilation.pipeline


def final(text: str, name: str, *facts: Observation) -> Any:
    """What *name* is in the last step of the pipeline."""
    pipeline = compiled(text, *facts)
    return run_pipeline(pipeline)[pipeline.steps[-1].name][name]


def test_a_step_that_was_seen_to_alter_a_value_hands_it_on() -> None:
    text = steps(a="x = [1]", b="print(x)", c="y = x")
    assert edges(compiled(text, Observation("b", "alters", ("x",)))) == {"a>b:x", "b>c:x"}


def test_a_step_that_was_seen_to_bind_a_name_hands_it_on() -> None:
    text = steps(a="n = 1", b="print(0)", c="y = n")
    assert edges(compiled(text, Observation("b", "binds", ("n",)))) == {"a>b:n", "b>c:n"}


def test_values_that_were_seen_to_share_an_object_travel_together() -> None:
    text = steps(a="import numpy as np\nx = np.zeros(2)\ny = np.array(x)", b="x[0] = 1", c="z = y")
    pipeline = compiled(text, Observation("a", "shares", ("x", "y")))
    assert [output.names for output in pipeline.step("a").outputs if "x" in output.names] == [("x", "y")]
    assert "y" in {name for taken in pipeline.step("b").inputs for name in taken.names}


def test_sharing_that_was_seen_gives_what_the_notebook_gives() -> None:
    text = steps(a="import gc\nx = [1]\ny = gc.get_referents([x])[0]", b="x.append(2)", c="z = list(y)")
    assert final(text, "z", Observation("a", "shares", ("x", "y"))) == run_notebook(text)["z"]


def test_a_value_that_was_seen_to_share_with_an_input_is_handed_on_with_it() -> None:
    text = steps(a="x = [1]", b="import gc\ny = gc.get_referents([x])[0]", c="y.append(2)", d="z = list(x)")
    assert final(text, "z", Observation("a", "shares", ("y", "x"))) == run_notebook(text)["z"]


def test_hidden_state_that_was_seen_to_change_is_handed_on() -> None:
    text = steps(a="import random\nrandom.seed(1)", b="print(0)", c="import random\nx = random.random()")
    assert "b>c:@random" in edges(compiled(text, Observation("b", "changes", ("@random",))))


def test_who_reads_a_file_that_was_seen_to_be_written_waits() -> None:
    text = steps(a="print(0)", b="x = open('data.csv').read()")
    assert edges(compiled(text, Observation("a", "writes", ("data.csv",)))) == {"a>b"}


READING = {
    "a frame": ("pandas.DataFrame", "v.nlargest(3, 'x')"),
    "a frame of an older pandas": ("pandas.core.frame.DataFrame", "v.nlargest(3, 'x')"),
    "a series": ("pandas.Series", "v.nlargest(3)"),
    "an array": ("numpy.ndarray", "v.searchsorted(3)"),
    "a text": ("str", "v.swapcase()"),
    "a number": ("int", "v.bit_length()"),
    "a list": ("list", "v.index(3)"),
    "an estimator": ("sklearn.linear_model._base.LinearRegression", "v.get_params()"),
}
MADE_ELSEWHERE = "import helpers\nv = helpers.load()"


@pytest.mark.parametrize("case", READING)
def test_steps_that_only_read_a_value_of_a_type_that_was_seen_run_side_by_side(case: str) -> None:
    type_name, read = READING[case]
    text = steps(a=MADE_ELSEWHERE, b=f"w = {read}", c="print(v)")
    assert "c" not in {edge[2] for edge in edges(pipeline_of(text)) if edge.startswith("a>")}
    assert edges(compiled(text, Observation("a", "is", ("v", type_name)))) == {"a>b:v", "a>c:v"}


ALTERING = {
    "a frame": ("pandas.DataFrame", "v.insert(0, 'y', 1)"),
    "an item of a frame": ("pandas.DataFrame", "v['y'] = 1"),
    "an array": ("numpy.ndarray", "v.sort()"),
    "a list": ("list", "v.append(1)"),
    "what a list holds": ("list", "v[0].refresh()"),
    "an estimator": ("sklearn.linear_model._base.LinearRegression", "v.fit([[1]], [1])"),
    "an unknown type": ("helpers.Table", "v.nlargest(3)"),
    "an estimator made of others": ("sklearn.pipeline.Pipeline", "v.refresh()"),
}


@pytest.mark.parametrize("case", ALTERING)
def test_a_value_of_a_type_that_was_seen_is_still_altered_by_what_alters_that_type(case: str) -> None:
    type_name, alter = ALTERING[case]
    text = steps(a=MADE_ELSEWHERE, b=alter, c="print(v)")
    assert "b>c:v" in edges(compiled(text, Observation("a", "is", ("v", type_name))))


def test_values_of_types_that_were_seen_may_still_share_objects() -> None:
    text = steps(a="import helpers\nv = helpers.load()\nw = [v]", b="v['y'] = 1", c="print(w)")
    assert "b>c:w" in edges(compiled(text, Observation("a", "is", ("v", "pandas.DataFrame"))))


def test_the_type_of_a_value_that_another_step_may_have_made_meanwhile_counts_for_nothing() -> None:
    text = steps(a=MADE_ELSEWHERE, b="v = helpers.other()", **{"a ": "1"}, c="v.nlargest(3)", d="print(v)")
    assert "c>d:v" in edges(compiled(text, Observation("a", "is", ("v", "pandas.DataFrame"))))


def test_who_was_seen_to_read_a_file_that_was_seen_to_be_written_waits() -> None:
    text = steps(a="print(0)", b="print(1)")
    facts = Observation("a", "writes", ("data.csv",)), Observation("b", "reads", ("data.csv",))
    assert edges(compiled(text, *facts)) == {"a>b"}


def test_a_fact_of_a_step_that_is_not_there_changes_nothing() -> None:
    text = steps(a="x = 1", b="print(x)")
    assert compiled(text, Observation("z", "alters", ("x",))).steps == pipeline_of(text).steps


def test_a_pipeline_remembers_what_it_was_compiled_with() -> None:
    fact = Observation("b", "alters", ("x",))
    pipeline = compiled(steps(a="x = [1]", b="print(x)"), fact)
    assert Pipeline.from_json(pipeline.to_json()).observed == (fact,)


# ------------------------------------------------------------------------------------------------------ what passes by

PASSING = {
    "a value taken below": (steps(a="x = [1]", b="print(0)", c="print(x)"), {"a": ("x",)}),
    "a value taken by the step alone": (steps(a="x = [1]", b="print(x)", c="print(0)"), {}),
    "a value made anew on the way": (steps(a="x = [1]", b="x = [2]", c="print(x)"), {}),
    "a name that is read if it is bound": (
        steps(a="x = 1", b="print(0)", c="try:\n    n\nexcept NameError:\n    n = 0"),
        {"": ("n",)},
    ),
    "a name that was unbound on the way": (
        steps(a="n = 1", b="print(0)", d="del n", c="try:\n    n\nexcept NameError:\n    n = 0"),
        {"a": ("n",)},
    ),
    "figures": (
        steps(a="x = 1", b="print(0)", c="import matplotlib.pyplot as plt\nplt.plot([1])"),
        {"": ("@matplotlib.figures",)},
    ),
    "a seeded generator": (
        steps(a="import random\nrandom.seed(1)", b="print(0)", c="import random as r\nr.random()"),
        {"a": ("@random",)},
    ),
    "the working directory": (steps(a="x = 1", b="print(0)", c="open('f').read()"), {"": ("@cwd",)}),
}
EVERYWHERE = {*AMBIENT, PATCH} - {"@cwd"}  # all later code may depend on these


@pytest.mark.parametrize("case", PASSING)
def test_what_passes_a_step_by(case: str) -> None:
    text, expected = PASSING[case]
    found = {source: set(names) - EVERYWHERE for source, names in Passage(pipeline_of(text), "b").passing.items()}
    assert {source: tuple(names) for source, names in found.items() if names} == expected


OPTION = "import pandas as pd\npd.set_option('display.precision', 3)"


def test_options_that_were_set_above_pass_a_step_by() -> None:
    assert "@pandas.options" in Passage(pipeline_of(steps(a=OPTION, b="print(0)", c="y = 1")), "b").passing["a"]


def test_options_that_nobody_has_set_pass_a_step_by() -> None:
    assert "@pandas.options" in Passage(pipeline_of(steps(a="x = 1", b="print(0)", c="y = 1")), "b").passing[""]


def test_options_that_the_step_itself_sets_do_not_pass_it_by() -> None:
    assert "@pandas.options" not in Passage(pipeline_of(steps(a="x = 1", b=OPTION, c="y = 1")), "b").passing[""]


def test_nothing_passes_the_last_step_by() -> None:
    assert Passage(pipeline_of(steps(a="x = 1", b=OPTION, c="y = 1")), "c").passing == {}


UNAWAITED = {
    "a file read below": (steps(a="print(0)", b="open('f').read()"), {"f": "b"}),
    "a file that the step names too": (steps(a="open('f').read()", b="open('f').read()"), {}),
    "a file whose reader waits": (steps(a="x = [1]", b="print(x)\nopen('f').read()"), {}),
}


@pytest.mark.parametrize("case", UNAWAITED)
def test_files_that_later_steps_read_without_waiting(case: str) -> None:
    text, expected = UNAWAITED[case]
    assert Passage(pipeline_of(text), "a").unawaited == expected
