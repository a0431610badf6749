"""What counts as the same code, and how a difference is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from labline_backend.engine.cachekey import changes, digest, ingredients, key, normalise, of_item
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Loop
from labline_runtime.outcome import ArtifactRecord, Preview, StepResult, ValueRecord
from tests.backend.engine.pipelines import cell, pipeline, step

SAME = [
    ("x = 1", "x=1  # one"),
    ("f(a,\n  b)", "f(a, b)"),
    ("x = 'a'", 'x = "a"'),
    ("x = 0x" + "f" * 5000, "x = 0x" + "F" * 5000 + "  # many"),
    ("!ls\nx = 1", "!ls\n\nx = 1 # one"),
    ("files = !ls\nx = 1", "files = !ls\n# all of them\nx = 1"),
    ("%matplotlib inline\nx = 1", "%matplotlib inline\n\nx = 1"),
    ("if x:\n    %time y = 1", "if x:\n\n    %time y = 1"),
]

DIFFERENT = [
    ("x = 1", "x = 2"),
    ("x = 1", "x = 1.0"),
    ("x = 0x" + "f" * 5000, "x = 0x" + "f" * 4999 + "e"),
    ("!ls", "!ls -l"),
    ("%%bash\necho a", "%%bash\n# comment\necho a"),
    ("s = '''\n# a\n'''", "s = '''\n'''"),
    ("s = '''\n!a\n'''", "s = '''\n!b\n'''"),
    ("x = 1 +", "x = 2 +"),
    ("def f():\n    'one'", "def f():\n    'two'"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_and_comments_do_not_count(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_may_change_the_result_counts(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def made(value: str) -> StepResult:
    record = ValueRecord("x", "int", value, 1, None, Preview(""))
    return StepResult("succeeded", 0.0, 1.0, artifacts=(ArtifactRecord(("x",), "p", "file", 1, (record,)),))


def of(folder: Path, source: str = "y = x", value: str = "d", variables: dict[str, str] | None = None, p: str = "1"):
    trial = pipeline(step("a", "x = 1", gives="x"), step("b", source, takes={"x": "a"}, parameters=("p",)), p=p)
    return ingredients(
        trial,
        trial.step("b"),
        folder=folder,
        parameters={"p": p},
        results={"a": made(value)},
        environment="e",
        variables=variables or {},
    )


def test_the_same_ingredients_give_the_same_key(tmp_path: Path) -> None:
    assert key(of(tmp_path)) == key(of(tmp_path))


def test_another_value_gives_another_key(tmp_path: Path) -> None:
    assert key(of(tmp_path)) != key(of(tmp_path, value="other"))


def test_where_another_step_imports_what_may_draw_counts(tmp_path: Path) -> None:
    draw, end = ("a", "import random, rich.style\nrandom.seed(1)\nprint(random.random())"), ("a", "x = 1")
    other = "import rich.table"
    found = []
    for cells in ([("b", other), draw, end], [draw, ("b", other), end]):
        text = "\n".join(f"# %% tags=['step:{name}']\n{source}" for name, source in cells)
        trial = compile_notebook(parse(text, "little.py")).pipeline
        assert trial is not None
        a = trial.step("a")
        known = ingredients(trial, a, folder=tmp_path, parameters={}, results={}, environment="e", variables={})
        found.append(known["imports"])
    assert found[0] != found[1]


def test_how_a_literal_is_written_does_not_count(tmp_path: Path) -> None:
    assert key(of(tmp_path, p="[1,2]")) == key(of(tmp_path, p="[1, 2]"))


def test_a_value_that_is_not_bound_is_not_the_same_as_one_that_is(tmp_path: Path) -> None:
    trial = pipeline(step("a", "1", gives="x"), step("b", "1", takes={"x": "a"}))
    found = ingredients(
        trial, trial.step("b"), folder=tmp_path, parameters={}, results={"a": StepResult("succeeded", 0, 0)},
        environment="e", variables={},
    )  # fmt: skip
    assert found["value/a/x"] == "unbound"


def test_modules_are_followed_through_modules(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("from pack import two")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "two.py").write_text("import json")
    found = of(tmp_path, "import one")
    assert {name for name in found if name.startswith("module/")} == {"module/one.py", "module/pack/two.py"}


def test_modules_that_import_each_other_are_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("import two")
    (tmp_path / "two.py").write_text("import one")
    assert "module/two.py" in of(tmp_path, "import one")


def test_variables_that_the_code_does_not_name_do_not_count(tmp_path: Path) -> None:
    found = of(tmp_path, "import os\nos.getenv('A')", variables={"A": "1", "B": "2"})
    assert [name for name in found if name.startswith("variable/")] == ["variable/A"]


def test_texts_are_no_variables_where_the_environment_is_not_read(tmp_path: Path) -> None:
    assert not [name for name in of(tmp_path, "y = 'A'", variables={"A": "1"}) if name.startswith("variable/")]


def test_changes_come_in_the_order_of_their_causes(tmp_path: Path) -> None:
    trial = pipeline(step("b", cell("1", index=4)))
    before = {"code/0": "1", "value/a/x": "1", "environment": "1", "folder": "1"}
    now = {"code/0": "2", "value/a/x": "2", "environment": "2", "folder": "1"}
    assert changes(before, now, trial, trial.step("b")) == ["code of cell 5", "value x from a", "environment"]


def test_a_lone_surrogate_has_a_digest() -> None:
    assert digest("\ud800") != digest("?")


@pytest.mark.parametrize(
    ("over", "counts"), [("range(2)", False), ("range((n := 2))", True), ("listed(2)", True), ("[1, 2]", False)]
)
def test_how_items_are_listed_counts_for_none_where_it_only_lists_them(over: str, counts: bool) -> None:
    own = cell(f"found = [x for x in {over}]")
    start = own.source.index(over)
    looped = replace(step("s", own), loop=Loop(own.index, start, start + len(over), ("found",)))
    found = {"code/0": "before"}
    assert (of_item(found, looped, {}, "item")["code/0"] == "before") == counts
