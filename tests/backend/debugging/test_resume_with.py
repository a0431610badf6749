"""A run that has stopped goes on with its notebook changed: the same run, and nothing that stays is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.engine.engine import RunStateError
from labline_backend.store.records import RunRecord
from labline_compiler.pipeline import Pipeline
from tests.backend.cli.conftest import Labline
from tests.backend.engine.bench import CONTENT, Bench
from tests.backend.engine.pipelines import pipeline, step
from tests.backend.notebooks import code, write

COUNT = "with open('ran', 'a') as f: f.write('{} ')\n"


def chain(use: str = "1 / 0", make: str = "x = size", **parameters: str) -> Pipeline:
    """make -> use -> show; every execution leaves a mark, and no step may use the cache."""
    return pipeline(
        step("make", COUNT.format("make") + make, gives="x", parameters=("size",), cache=False),
        step("use", COUNT.format("use") + use, takes={"x": "make"}, gives="y", cache=False),
        step("show", COUNT.format("show") + "print(y)", takes={"y": "use"}, cache=False),
        **{"size": "2", **parameters},
    )


def go_on(bench: Bench, run: RunRecord, changed: Pipeline) -> RunRecord:
    return bench.end(bench.engine.patch(run.id, changed, notebook="trial.ipynb", content=CONTENT))


def test_the_same_run_goes_on_from_the_step_that_failed(bench: Bench) -> None:
    run = bench.run(chain())
    assert run.state == "failed"
    ended = go_on(bench, run, chain("y = x + 1"))
    assert (ended.id, ended.state, ended.error) == (run.id, "succeeded", None)
    assert bench.file("ran").read_text() == "make use use show "
    assert bench.log(run, "show") == "3\n"


def test_the_change_is_in_the_runs_history_with_what_was_before(bench: Bench) -> None:
    run = bench.run(chain())
    log = bench.log(run, "use")
    go_on(bench, run, chain("y = x + 1"))
    (patch,) = bench.store.patches(run.id)
    assert (patch.state, patch.error) == ("failed", run.error)
    assert patch.again == {"use": "it had failed", "show": "it had not run"}
    kept = bench.home.run_folder(run.id) / patch.kept
    assert (kept / "steps" / "use" / "log.txt").read_text() == log != bench.log(run, "use")
    assert "1 / 0" in (kept / "pipeline.json").read_text()


def test_a_finished_step_that_was_changed_runs_again_and_so_does_what_comes_after_it(bench: Bench) -> None:
    run = bench.run(chain())
    go_on(bench, run, chain("y = x + 1", make="x = size * 10"))
    assert bench.file("ran").read_text() == "make use make use show "
    assert bench.log(run, "show") == "21\n"


def test_a_comment_repeats_nothing(bench: Bench) -> None:
    run = bench.run(chain())
    go_on(bench, run, chain("y = x + 1", make="x = size  # of the thing"))
    assert bench.file("ran").read_text() == "make use use show "


def test_a_parameter_given_for_the_run_holds_and_a_changed_default_counts(bench: Bench) -> None:
    given = bench.run(chain(), size="7")
    go_on(bench, given, chain("y = x + 1", size="50"))
    assert bench.log(given, "show") == "8\n"
    default = bench.run(chain())
    go_on(bench, default, chain("y = x + 1", size="50"))
    assert bench.log(default, "show") == "51\n"


def test_a_helper_module_that_was_mended_counts(bench: Bench) -> None:
    helper = bench.file("helper.py")
    helper.write_text("def f(): return 1\ndef g(x): return 1 / 0\n")
    trial = pipeline(
        step("make", COUNT.format("make") + "import helper\nx = helper.f()", gives="x"),
        step("use", COUNT.format("use") + "import helper\ny = helper.g(x)", takes={"x": "make"}, gives="y"),
    )
    run = bench.run(trial)
    helper.write_text("def f(): return 100\ndef g(x): return x + 1\n")
    assert go_on(bench, run, trial).state == "succeeded"
    (patch,) = bench.store.patches(run.id)
    assert patch.again == {"make": "changed: module helper.py", "use": "it had failed"}


def test_a_module_that_a_later_step_has_rewritten_does_not(bench: Bench) -> None:
    bench.file("helper.py").write_text("x = 1\n")
    rewrite = "open('helper.py', 'w').write('x = 10')\ny = x"
    trial = pipeline(
        step("make", "import helper\nx = helper.x", gives="x"),
        step("rewrite", rewrite, takes={"x": "make"}, gives="y"),
        step("use", "1 / 0", takes={"y": "rewrite"}),
    )
    run = bench.run(trial)
    mended = step("use", "print(y)", takes={"y": "rewrite"})
    go_on(bench, run, pipeline(*trial.steps[:2], mended))
    assert bench.store.patches(run.id)[0].again == {"use": "it had failed"}
    assert bench.log(run, "use") == "1\n"


def test_new_steps_run_and_removed_ones_are_gone(bench: Bench) -> None:
    run = bench.run(chain())
    fixed = chain("y = x + 1")
    other = pipeline(*fixed.steps[:2], step("tell", "print('told', y)", takes={"y": "use"}, cache=False), size="2")
    go_on(bench, run, other)
    assert bench.states(run) == {"make": "succeeded", "use": "succeeded", "tell": "succeeded"}
    assert bench.log(run, "tell") == "told 3\n"


def test_a_run_can_be_changed_more_than_once(bench: Bench) -> None:
    run = bench.run(chain())
    assert go_on(bench, run, chain("y = nothing")).state == "failed"
    assert go_on(bench, run, chain("y = 5")).state == "succeeded"
    assert [patch.state for patch in bench.store.patches(run.id)] == ["failed", "failed"]


def test_a_cancelled_run_goes_on_too(bench: Bench) -> None:
    slow = "import pathlib, time\npathlib.Path('begun').touch()\nwhile True: time.sleep(0.01)"
    steps = [step("make", "x = 2", gives="x"), step("use", slow, takes={"x": "make"}, gives="y")]
    run = bench.start(pipeline(*steps))
    bench.await_file("begun")
    bench.engine.cancel(run.id)
    assert bench.end(run).state == "cancelled"
    assert go_on(bench, run, pipeline(steps[0], step("use", "y = x", takes={"x": "make"}))).state == "succeeded"
    assert bench.store.patches(run.id)[0].again == {"use": "it was cancelled"}


def test_a_file_that_was_mended_counts_and_one_that_the_failed_step_wrote_does_not(bench: Bench) -> None:
    bench.file("data").write_text("wrong")
    trial = pipeline(
        step("read", "x = open('data').read()", gives="x"),
        step("log", "with open('log', 'w') as f: f.write('begun')\nz = 1", gives="z"),
        step("use", "with open('log', 'a') as f: f.write(x)\nint(x)", takes={"x": "read", "z": "log"}),
    )
    run = bench.run(trial)
    bench.file("data").write_text("12")
    assert go_on(bench, run, trial).state == "succeeded"
    (patch,) = bench.store.patches(run.id)
    assert patch.again == {"read": f"changed: file {bench.file('data')}", "use": "it had failed"}


def test_what_the_failed_step_had_added_to_a_file_is_told(bench: Bench) -> None:
    log = "with open('log', 'a') as f: f.write('x')\n"
    run = bench.run(pipeline(step("use", log + "1 / 0")))
    ended = go_on(bench, run, pipeline(step("use", log)))
    assert [(found.code, found.step) for found in ended.findings] == [("LL506", "use")]
    assert bench.file("log").read_text() == "xx"


def test_a_run_that_has_succeeded_is_not_changed(bench: Bench) -> None:
    run = bench.run(chain("y = 5"))
    with pytest.raises(RunStateError, match="is succeeded, so nothing goes on changed: run the notebook anew"):
        go_on(bench, run, chain("y = 6"))
    assert bench.log(run, "show") == "5\n"


def test_only_one_of_two_engines_goes_on_with_a_run(bench: Bench, tmp_path: Path) -> None:
    run = bench.run(chain())
    before = bench.store.get(run.id)
    other = Bench(tmp_path)
    other.end(other.engine.patch(run.id, chain("y = 5"), notebook="trial.ipynb", content=CONTENT))
    other.close()
    (patch,) = bench.store.patches(run.id)
    assert bench.store.patch(patch, before, before.owner) is False


def test_what_an_earlier_notebook_left_is_not_taken_for_the_steps_own(bench: Bench) -> None:
    """As after a crash between the change and the clearing away of what the step had left."""
    run = bench.run(chain("y = 1", make="x = size\n"))
    folder = bench.home.step_folder(run.id, "use")
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    bench.store.set_run(run.id, state="failed")
    bench.store.set_step(run.id, "use", state="failed")
    patch = bench.engine.patch
    bench.end(patch(run.id, chain("y = 1 / 0"), notebook="trial.ipynb", content=CONTENT))
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    bench.store.set_run(run.id, state="interrupted", owner=None)
    bench.store.set_step(run.id, "use", state="running", attempt=1)
    bench.engine.adopt()
    assert bench.end(bench.store.get(run.id)).state == "failed"


def test_the_command_mends_a_failed_run(labline: Labline, tmp_path: Path) -> None:
    cells = [code("x = 3", "step:make"), code("y = x / 0", "step:use")]
    path = write(tmp_path / "trial.ipynb", *cells)
    assert labline("run", path, "--no-track").code == 1
    write(path, cells[0], code("y = x / 2", "step:use"))
    done = labline("runs", "resume", "latest", "--with", path, "--json", "--no-track")
    assert (done.code, done.document["state"]) == (0, "succeeded"), done
    assert done.document["patches"][0]["again"] == {"use": "it had failed"}
    assert "Run again: use: it had failed." in labline("runs", "show").out
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    refused = labline("runs", "resume", "latest", "--with", write(elsewhere / "trial.ipynb", *cells))
    assert (refused.code, "has to be in there" in refused.err) == (2, True)


def test_a_failed_run_goes_on_as_it_is_from_where_it_failed(labline: Labline, tmp_path: Path) -> None:
    use = "from pathlib import Path\ny = x / float(Path('divisor.txt').read_text())"
    path = write(tmp_path / "trial.ipynb", code("x = 3", "step:make"), code(use, "step:use"))
    (tmp_path / "divisor.txt").write_text("0")
    assert labline("run", path, "--no-track").code == 1
    (tmp_path / "divisor.txt").write_text("2")
    done = labline("runs", "resume", "latest", "--json", "--no-track")
    assert (done.code, done.document["state"]) == (0, "succeeded"), done
    assert done.document["patches"][0]["again"] == {"use": "it had failed"}


def test_a_run_that_has_succeeded_has_nothing_to_resume(bench: Bench) -> None:
    run = bench.run(chain("y = x"))
    with pytest.raises(RunStateError, match="nothing to resume"):
        bench.engine.resume(run.id)


def test_a_failed_run_whose_notebook_is_gone_says_what_to_do(bench: Bench) -> None:
    run = bench.run(chain())
    (bench.home.run_folder(run.id) / "notebook.ipynb").unlink()
    with pytest.raises(RunStateError, match="run the file itself"):
        bench.engine.resume(run.id)
