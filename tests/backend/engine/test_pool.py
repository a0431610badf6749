"""A step's loop whose items share processes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from labline_compiler.pipeline import Foreach, Loop, Pipeline
from labline_runtime.failed import Failed
from tests.backend.engine import driver
from tests.backend.engine.bench import Bench, wait_until
from tests.backend.engine.pipelines import cell, step, waiting
from tests.backend.engine.test_loop import MARK, found, states
from tests.backend.engine.test_loop import looping as looping_apart
from tests.backend.engine.test_resume import is_unlocked

POOL = Foreach(parallel=1, pool=True)


def looping(body: str, gathered: str = "x", *, foreach: Foreach = POOL, **asked: str) -> Pipeline:
    """As the pipeline of loops whose items run apart, but for how they run."""
    return looping_apart(body, gathered, foreach=foreach, **asked)


def comprehending(source: str) -> Pipeline:
    """Steps ``a``, which makes ``xs``, and ``s``, which is one comprehension over them."""
    own = cell(source)
    start = own.source.index("xs")
    looped = step("s", own, takes={"xs": "a"}, gives="found", foreach=POOL)
    looped = replace(looped, loop=Loop(own.index, start, start + 2, ("found",), ("xs",)))
    return waiting(step("a", "xs = list(range(20))", gives="xs"), looped)


def test_items_share_processes(bench: Bench) -> None:
    run = bench.run(looping("import os", "(x, os.getpid())", xs="list(range(100))", foreach=Foreach(pool=True)))
    made = found(bench, run)
    assert [x for x, _ in made] == list(range(100))
    assert len({process for _, process in made}) == 8  # four for each of two cores
    assert states(bench, run) == ["succeeded"] * 100


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("found = [x * 2 for x in xs if x % 3]", [x * 2 for x in range(20) if x % 3]),
        ("found = {x % 7: [x] for x in xs}", {x % 7: [x] for x in range(20)}),
    ],
)
def test_what_a_comprehension_makes_is_gathered_by_item(bench: Bench, source: str, expected: object) -> None:
    run = bench.run(comprehending(source))
    assert found(bench, run) == expected
    assert states(bench, run) == ["succeeded"] * 20


def test_what_items_print_is_shown_in_their_order(bench: Bench) -> None:
    run = bench.run(looping("print('item', x)"))
    notebook = json.loads((bench.home.step_folder(run.id, "s") / "executed.ipynb").read_text())
    shown = [output["text"] for output in notebook["cells"][-1]["outputs"]]
    assert shown == ["item 1\nitem 2\nitem 3\n"]


def test_of_a_changed_list_only_changed_items_run(bench: Bench) -> None:
    bench.run(looping("print(x)", "[x]"))
    run = bench.run(looping("print(x)", "[x]", xs="[1, 5, 2, 3]"))
    assert found(bench, run) == [[1], [5], [2], [3]]
    assert states(bench, run) == ["cached", "succeeded", "cached", "cached"]
    notebook = json.loads((bench.home.step_folder(run.id, "s") / "executed.ipynb").read_text())
    assert notebook["cells"][-1]["outputs"][0]["text"] == "1\n5\n2\n3\n"


def test_an_item_that_ran_with_others_is_found_by_one_that_runs_alone(bench: Bench) -> None:
    bench.run(looping("0", "[x]", xs="[1, 2]"))
    run = bench.run(looping("0", "[x]", xs="[2, 1]", foreach=Foreach()))
    assert found(bench, run) == [[2], [1]]
    assert states(bench, run) == ["cached"] * 2


def test_a_crash_costs_the_item_that_ran_one_attempt_and_those_that_were_stored_none(bench: Bench) -> None:
    crash = "import os\n    x == 6 and os.path.getsize('ran-6') == 1 and os._exit(3)"
    own = looping(f"{MARK}\n    __import__('time').sleep(0.06)\n    {crash}", xs="list(range(24))")
    own = replace(own, steps=(own.steps[0], replace(own.steps[1], options=replace(own.steps[1].options, retries=1))))
    run = bench.run(own)
    assert found(bench, run) == list(range(24))
    attempts = [len(bench.file(f"ran-{x}").read_text()) for x in range(24)]
    assert attempts[6] == 2
    assert attempts[:3] + attempts[7:] == [1] * 20


def test_a_failed_item_ends_those_after_it_and_says_which_it_is(bench: Bench) -> None:
    run = bench.run(looping(f"{MARK}\n    x == 30 and [][0]", xs="list(range(100))"))
    error = bench.step(run, "s").error
    assert error is not None
    assert error.message.startswith("Item 31 of 100: Cell ")
    assert not bench.file("ran-99").exists()


def test_where_failures_are_allowed_the_others_go_on(bench: Bench) -> None:
    run = bench.run(looping("1 / (x % 5)", xs="list(range(20))", foreach=Foreach(allow_failures=True, pool=True)))
    made = found(bench, run)
    assert [isinstance(each, Failed) for each in made] == [x % 5 == 0 for x in range(20)]
    assert made[15].item == 15


@pytest.mark.parametrize(
    ("body", "gathered"),
    [
        ("globals()['xs'].append(9) if len(xs) < 25 else 0", "len(xs)"),  # alters what the next sees
        ("0", "xs"),  # all hold the same list
        ("import functools\n    one = globals().setdefault('one', [])", "one"),
    ],
)
def test_items_that_are_not_apart_run_as_the_notebook_does(bench: Bench, body: str, gathered: str) -> None:
    run = bench.run(looping(body, gathered, xs="list(range(20))"))
    made = found(bench, run)
    result = bench.step(run, "s").result
    assert result is not None
    assert result.in_one is not None
    assert made[0] in (21, made[1])
    assert made[0] == 21 or made[0] is made[19]


def test_the_timeout_holds_for_each_item(bench: Bench) -> None:
    own = looping("import time\n    time.sleep(0.4 if x < 4 else 600)", xs="[1, 2, 3, 4]")
    own = replace(own, steps=(own.steps[0], replace(own.steps[1], options=replace(own.steps[1].options, timeout=3.0))))
    error = bench.step(bench.run(own), "s").error
    assert error is not None
    assert (error.code, error.message[:12]) == ("LL403", "Item 4 of 4:")


def test_a_run_that_goes_on_repeats_no_item_that_was_stored(bench: Bench) -> None:
    going_on = looping(f"{MARK}\n    import time; time.sleep(0.06)\n    x == 3 and (tell('on'), wait_for('go'))")
    going_on = replace(going_on, cache=False)
    process, run_id = driver.start(bench, going_on)
    bench.await_file("on")
    pool = bench.home.step_folder(run_id, "s") / "pool"
    wait_until(lambda: len(list(pool.glob("*/batch-*.json"))) == 2, "two items were not stored")
    driver.kill(process)
    wait_until(lambda: all(is_unlocked(log) for log in pool.glob("*/log.txt")), "an item outlives its engine")
    bench.file("go").touch()
    bench.engine.adopt()
    run = bench.end(bench.store.get(run_id))
    assert found(bench, run) == [1, 2, 3]
    assert [bench.file(f"ran-{x}").read_text() for x in (1, 2, 3)] == ["x", "x", "xx"]
