"""What a run does: values, order, failures, parameters, what it leaves behind."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from labline_backend.engine.parameters import ParameterError
from labline_backend.kernels import KernelError
from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench, wait_until
from tests.backend.engine.pipelines import cell, chain, pipeline, step, waiting


def test_a_value_goes_from_step_to_step(bench: Bench) -> None:
    run = bench.run(chain("x = 1", "x = x + 1", "x = x + 1\nprint('x is', x)"))
    assert run.state == "succeeded"
    assert "x is 3" in bench.log(run, "c")


def test_independent_steps_run_at_the_same_time(bench: Bench) -> None:
    diamond = waiting(
        step("top", "x = 1", gives="x"),
        step("left", "tell('left'); wait_for('right'); l = x", takes={"x": "top"}, gives="l"),
        step("right", "tell('right'); wait_for('left'); r = x", takes={"x": "top"}, gives="r"),
        step("bottom", "print(l + r)", takes={"l": "left", "r": "right"}),
    )
    assert bench.run(diamond).state == "succeeded"


def test_what_passes_a_step_by_is_not_told_to_each_anew(bench: Bench) -> None:
    tasks = [step(f"t{n}", f"y{n} = x", takes={"x": "top"}, gives=f"y{n}") for n in range(3)]
    gather = step("gather", "print(y0, y1, y2)", takes={f"y{n}": f"t{n}" for n in range(3)})
    run = bench.run(pipeline(step("top", "x = 1", gives="x"), *tasks, gather))
    told = (bench.home.step_folder(run.id, "t2") / "spec.json").read_text()
    assert (run.state, "y0" in told, "y2" in told) == ("succeeded", False, True)


def test_two_runs_go_on_at_the_same_time(bench: Bench) -> None:
    one = bench.start(waiting(step("a", "tell('one'); wait_for('two')")))
    two = bench.start(waiting(step("a", "tell('two'); wait_for('one')")))
    assert [bench.end(one).state, bench.end(two).state] == ["succeeded", "succeeded"]


def test_no_more_steps_run_at_once_than_there_are_workers(tmp_path) -> None:
    bench = Bench(tmp_path, workers=1)
    alone = "import os\nos.mkdir('busy')\nos.rmdir('busy')\n"  # mkdir fails for the second of two
    run = bench.run(pipeline(*(step(name, alone) for name in "abc")))
    bench.close()
    assert run.state == "succeeded"


def test_a_notebook_with_many_steps_leaves_another_its_turns(tmp_path) -> None:
    def writing(letter: str, count: int) -> Pipeline:
        steps = [step(f"{letter}{number}", f"open('order', 'a').write('{letter}')") for number in range(count)]
        return replace(pipeline(*steps), notebook=f"{letter}.ipynb")

    bench = Bench(tmp_path, workers=1)
    holder = bench.start(waiting(step("holder", "tell('begun'); wait_for('go')")))
    bench.await_file("begun")
    runs = [holder, *(bench.start(writing(*each), cache=False) for each in (("m", 4), ("o", 2)))]
    thread = bench.engine._thread
    assert thread is not None
    wait_until(lambda: len(thread.means.capacity._waiting) == 6, "the steps never waited for their turns")
    bench.file("go").touch()
    states = [bench.end(run).state for run in runs]
    order = bench.file("order").read_text()
    bench.close()
    assert states == ["succeeded"] * 3
    assert [sorted(order[:2]), sorted(order[2:4]), order[4:]] == [["m", "o"], ["m", "o"], "mm"]


def test_a_step_that_only_comes_after_another_waits_for_it(bench: Bench) -> None:
    run = bench.run(
        pipeline(step("write", "open('f', 'w').write('1')"), step("read", "print(open('f').read())", after=("write",)))
    )
    assert run.state == "succeeded"


def test_a_failure_skips_what_depends_on_it_and_nothing_else(bench: Bench) -> None:
    run = bench.run(
        pipeline(
            step("bad", "1 / 0", gives="x"),
            step("below", "print(x)", takes={"x": "bad"}, gives="y"),
            step("further", "print(y)", takes={"y": "below"}),
            step("aside", "print('fine')"),
        )
    )
    assert bench.states(run) == {"bad": "failed", "below": "skipped", "further": "skipped", "aside": "succeeded"}


def test_the_error_of_a_failed_run_names_the_step_and_the_cause(bench: Bench) -> None:
    run = bench.run(pipeline(step("bad", cell("y = 2\n1 / 0", index=3))))
    assert run.state == "failed"
    assert run.error.startswith("Step bad failed: Cell 4, line 2 raised ZeroDivisionError")


def test_the_error_of_a_failed_step_holds_the_traceback(bench: Bench) -> None:
    run = bench.run(pipeline(step("bad", "1 / 0")))
    error = bench.step(run, "bad").error
    assert error.ename == "ZeroDivisionError" and error.traceback


def test_a_value_that_cannot_be_stored_fails_the_step_and_is_named(bench: Bench) -> None:
    run = bench.run(pipeline(step("bad", "x = (i for i in 'ab')", gives="x")))
    error = bench.step(run, "bad").error
    assert (error.code, error.variable) == ("LL401", "x")


def test_an_override_takes_the_place_of_a_default(bench: Bench) -> None:
    run = bench.run(
        pipeline(step("a", "print(p, q)", parameters=("p", "q")), p="1", q="{}"),
        q="{'a': (1, None)}",
    )
    assert bench.log(run, "a") == "1 {'a': (1, None)}\n"
    assert run.parameters == {"p": "1", "q": "{'a': (1, None)}"}


def test_an_unknown_parameter_is_refused_and_the_known_ones_are_named(bench: Bench) -> None:
    with pytest.raises(ParameterError, match="no parameter depht; did you mean depth"):
        bench.start(pipeline(step("a", "1"), depth="1", width="2"), depht="3")


def test_a_parameter_that_is_not_a_literal_is_refused(bench: Bench) -> None:
    with pytest.raises(ParameterError, match=r"Parameter depth is of type int: .* is not a Python literal"):
        bench.start(pipeline(step("a", "1"), depth="1"), depth="open('f')")


def test_an_unknown_kernel_is_refused_and_nothing_is_kept(bench: Bench) -> None:
    with pytest.raises(KernelError, match=r"the kernel 'julia-1', which is not installed; there are: .*python3"):
        bench.start(pipeline(step("a", "1"), kernel="julia-1"))
    assert bench.store.list() == [] and list(bench.home.runs.iterdir()) == []


def test_a_run_without_steps_succeeds(bench: Bench) -> None:
    assert bench.run(pipeline()).state == "succeeded"


def test_the_log_holds_what_the_step_and_its_children_print_to_both_streams(bench: Bench) -> None:
    run = bench.run(
        pipeline(step("a", "import os, sys\nprint('one')\nprint('two', file=sys.stderr)\n_ = os.system('echo three')"))
    )
    assert sorted(bench.log(run, "a").split()) == ["one", "three", "two"]


def test_the_executed_cells_are_kept_as_a_notebook(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "6 * 7")))
    executed = json.loads((bench.home.step_folder(run.id, "a") / "executed.ipynb").read_text())
    assert executed["cells"][0]["outputs"][0]["data"]["text/plain"] == "42"


def test_the_run_folder_holds_the_notebook_as_submitted_and_the_pipeline(bench: Bench) -> None:
    trial = pipeline(step("a", "1"))
    folder = bench.home.run_folder(bench.run(trial).id)
    assert json.loads((folder / "notebook.ipynb").read_text())["nbformat"] == 4
    assert type(trial).from_json((folder / "pipeline.json").read_text()) == trial


def test_a_run_id_begins_with_the_pipeline_and_the_time(bench: Bench) -> None:
    assert re.fullmatch(r"trial-\d{8}-\d{6}-[0-9a-f]{4}", bench.run(pipeline()).id)


def test_steps_run_in_the_notebooks_folder_and_import_from_it(bench: Bench) -> None:
    bench.file("helper.py").write_text("answer = 42\n")
    run = bench.run(pipeline(step("a", "import os, helper\nprint(os.getcwd(), helper.answer)")))
    assert bench.log(run, "a") == f"{bench.folder} 42\n"


def test_steps_do_not_see_the_servers_own_variables(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABLINE_TOKEN", "secret")
    run = bench.run(pipeline(step("a", "import os\nprint([n for n in os.environ if n.startswith('LABLINE')])")))
    assert bench.log(run, "a") == "[]\n"


def test_telemetry_is_off_in_steps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DO_NOT_TRACK")
    run = bench.run(pipeline(step("a", "import os\nprint(os.environ['DO_NOT_TRACK'])")))
    assert bench.log(run, "a") == "true\n"


def test_the_module_search_path_is_the_kernels_own(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "import sys\nprint([p for p in sys.path if 'home/runtime' in p])")))
    assert bench.log(run, "a") == "[]\n"


def test_each_cell_tells_when_it_starts_and_how_it_ends(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell("1", index=5), cell("1 / 0", index=6))))
    told = [(e.data["index"], e.data["state"]) for e in bench.store.events() if e.kind == "cell" and e.run == run.id]
    assert told == [(5, "running"), (5, "succeeded"), (6, "running"), (6, "failed")]


def test_metrics_are_in_the_steps_result(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "score = 0.5", cell("score", "metrics"))))
    assert bench.step(run, "a").result.metrics == {"score": 0.5}


def test_a_notebook_folder_that_is_gone_fails_the_step_with_its_name(bench: Bench) -> None:
    bench.folder.rmdir()
    run = bench.run(pipeline(step("a", "1")))
    assert run.state == "failed"
    assert str(bench.folder) in run.error


def test_waiting_ends_at_the_timeout(bench: Bench) -> None:
    run = bench.start(waiting(step("a", "wait_for('never')")))
    assert bench.engine.wait(run.id, 0.01).ended is None


def test_waiting_for_an_unknown_run_is_an_error(bench: Bench) -> None:
    with pytest.raises(KeyError):
        bench.engine.wait("nothing")
