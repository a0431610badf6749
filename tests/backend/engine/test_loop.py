"""A step's loop, its items in processes of their own; a step that is one `if`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from labline_compiler.pipeline import Condition, Foreach, Loop, Pipeline
from labline_runtime.failed import Failed
from labline_runtime.values import load
from tests.backend.engine import driver
from tests.backend.engine.bench import Bench, wait_until
from tests.backend.engine.pipelines import cell, step, waiting
from tests.backend.engine.test_resume import is_unlocked

MARK = "with open(f'ran-{x}', 'a') as f: f.write('x')"
"""Every execution of an item leaves a mark."""


def looping(
    body: str, gathered: str = "x", *, xs: str = "[1, 2, 3]", over: str = "xs", foreach: Foreach | None = None
) -> Pipeline:
    """Steps ``a``, which makes ``xs``, and ``s``, which loops over them and appends what is *gathered*."""
    own = cell(f"found = []\nfor x in {over}:\n    {body}\n    found.append({gathered})")
    start = own.source.index(over)
    looped = step("s", own, takes={"xs": "a"}, gives="found", foreach=foreach or Foreach())
    looped = replace(looped, loop=Loop(own.index, start, start + len(over), ("found",), ("xs",)))
    return waiting(step("a", f"xs = {xs}", gives="xs"), looped)


def found(bench: Bench, run: Any) -> Any:
    """What the loop has gathered."""
    assert run.state == "succeeded", run.error
    result = bench.step(run, "s").result
    assert result is not None
    (artifact,) = result.artifacts
    return load(str(bench.artifacts.path(artifact.digest)), artifact.digest)[0]["found"]


def states(bench: Bench, run: Any) -> list[str]:
    result = bench.step(run, "s").result
    return [item.state for item in result.items] if result is not None else []


def test_what_items_gather_is_in_their_order_whichever_ends_first(bench: Bench) -> None:
    run = bench.run(looping("wait_for('last') if x == 1 else tell('last') if x == 3 else 0"))
    assert found(bench, run) == [1, 2, 3]
    assert states(bench, run) == ["succeeded"] * 3


def test_what_items_print_is_shown_as_one(bench: Bench) -> None:
    run = bench.run(looping("print('item', x)"))
    notebook = json.loads((bench.home.step_folder(run.id, "s") / "executed.ipynb").read_text())
    own = notebook["cells"][-1]
    shown = [(output["name"], output["text"]) for output in own["outputs"]]
    assert (own["execution_count"], shown) == (2, [("stdout", "item 1\nitem 2\nitem 3\n")])


def test_of_a_changed_list_only_changed_items_run(bench: Bench) -> None:
    bench.run(looping("x * 2"))
    run = bench.run(looping("x * 2", xs="[1, 5, 2, 3]"))
    assert found(bench, run) == [1, 5, 2, 3]
    assert states(bench, run) == ["cached", "succeeded", "cached", "cached"]


def test_the_first_item_that_fails_fails_the_step(bench: Bench) -> None:
    run = bench.run(looping("0 if x == 1 else (tell('two'), 1 / 0) if x == 3 else (wait_for('two'), [][0])"))
    step_run = bench.step(run, "s")
    assert step_run.state == "failed"
    assert step_run.error is not None
    assert step_run.error.message.startswith("Item 2 of 3: Cell ")
    assert (step_run.error.line, step_run.error.ename) == (3, "IndexError")


def test_where_failures_are_allowed_they_stand_in_the_list(bench: Bench) -> None:
    run = bench.run(looping("1 / (x - 2)", foreach=Foreach(allow_failures=True)))
    first, failed, last = found(bench, run)
    assert (first, last, bool(failed)) == (1, 3, False)
    assert isinstance(failed, Failed)
    assert (failed.item, "ZeroDivisionError" in failed.error) == (1, True)


@pytest.mark.parametrize(
    ("body", "gathered", "expected"),
    [
        ("globals()['xs'].append(9) if len(xs) < 5 else 0", "len(xs)", [4, 5, 5, 5, 5]),  # alters what the next sees
        ("0", "xs", None),  # all hold the same list
    ],
)
def test_items_that_are_not_apart_run_in_one_process(
    bench: Bench, body: str, gathered: str, expected: list[int] | None
) -> None:
    run = bench.run(looping(body, gathered))
    made = found(bench, run)
    result = bench.step(run, "s").result
    assert result is not None
    assert result.in_one is not None and " of 3: " in result.in_one
    assert made == expected if expected else made[0] is made[2]


def test_a_file_that_items_have_changed_is_not_gone_on_with_in_one_process(bench: Bench) -> None:
    bench.file("counted").touch()
    run = bench.run(looping("open('counted', 'a').write(str(x))"))
    error = bench.step(run, "s").error
    assert error is not None
    assert (error.code, error.variable) == ("LL223", "counted")
    assert [(seen.step, seen.kind, seen.names) for seen in error.observed] == [
        ("s", "reads", ("counted",)),
        ("s", "writes", ("counted",)),
    ]


def test_things_are_gone_through_one_by_one(bench: Bench) -> None:
    run = bench.run(looping("0", "(x[0], [*x[1]])", xs="[1, 1, 2]", over="__import__('itertools').groupby(xs)"))
    assert found(bench, run) == [(1, [1, 1]), (2, [2])]
    assert states(bench, run) == ["succeeded"] * 2


def test_one_thing_gone_through_several_times_runs_in_one_process(bench: Bench) -> None:
    run = bench.run(looping("x.append(len(x))", "len(x)", over="[[]] * 2"))
    assert found(bench, run) == [1, 2]


def test_a_run_that_goes_on_repeats_no_item_that_has_ended(bench: Bench) -> None:
    going_on = looping(f"{MARK}\n    tell('on') if x == 3 else 0\n    wait_for('go') if x == 3 else 0")
    going_on = replace(going_on, cache=False)
    process, run_id = driver.start(bench, going_on)
    bench.await_file("on")
    items = bench.home.step_folder(run_id, "s") / "items"
    wait_until(lambda: all((items / place / "result.json").exists() for place in "01"), "two items did not end")
    driver.kill(process)
    wait_until(lambda: is_unlocked(items / "2" / "log.txt"), "an item outlives its engine")
    bench.file("go").touch()
    bench.engine.adopt()
    run = bench.end(bench.store.get(run_id))
    assert found(bench, run) == [1, 2, 3]
    assert [bench.file(f"ran-{x}").read_text() for x in (1, 2, 3)] == ["x", "x", "xx"]


def test_a_run_that_is_cancelled_ends_its_items(bench: Bench) -> None:
    run = bench.start(looping("tell(f'on-{x}'); wait_for('never')"))
    wait_until(lambda: sum(bench.file(f"on-{x}").exists() for x in (1, 2, 3)) == 2, "no two items run")
    bench.engine.cancel(run.id)
    assert bench.states(bench.end(run))["s"] == "cancelled"


@pytest.mark.parametrize("answer", [True, False])
def test_it_is_told_whether_an_if_had_anything_to_do(bench: Bench, answer: bool) -> None:
    own = cell("if x := ask():\n    print('yes')")
    asking = step("s", cell(f"def ask():\n    print('asked')\n    return {[1] if answer else []}"), own)
    run = bench.run(waiting(replace(asking, condition=Condition(own.index, "x := ask()"))))
    result = bench.step(run, "s").result
    assert result is not None
    assert (result.condition, bench.log(run, "s")) == (answer, "asked\nyes\n" if answer else "asked\n")
