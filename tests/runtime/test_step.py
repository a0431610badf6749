"""A step as a target sees it: specification in, result, notebook, log and exit code out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat

from labline_runtime.execute import unexpected
from labline_runtime.specification import StepOutput

BUNDLE = Path(__file__).parents[2] / "backend"


def test_a_step_runs_its_cells_and_succeeds(steps):
    ran = steps.run("x = 1", "print(x + 1)")
    assert (ran.exit_code, ran.result.state, ran.printed()) == (0, "succeeded", "2\n")


def test_progress_names_each_cell_as_it_starts_and_ends(steps):
    ran = steps.run("x = 1", "1/0", "never")
    told = [(p.event, p.index, p.id, p.state) for p in ran.progress]
    assert told == [
        ("cell_started", 0, "id0", "running"),
        ("cell_finished", 0, "id0", "succeeded"),
        ("cell_started", 1, "id1", "running"),
        ("cell_finished", 1, "id1", "failed"),
    ]


def test_the_executed_notebook_is_a_valid_notebook(steps):
    ran = steps.run("print('a')\n1", "from IPython.display import HTML, display; display(HTML('<b>x</b>'))", "1/0")
    nbformat.validate(nbformat.from_dict(ran.notebook), version=4, version_minor=5)


def test_the_executed_notebook_keeps_the_notebooks_metadata(steps):
    ran = steps.run("1", metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    assert ran.notebook["metadata"]["kernelspec"]["name"] == "python3"


def test_parameters_are_bound_after_the_preamble_and_before_the_steps_cells(steps):
    ran = steps.run(("depth = 1", "imports"), "print(depth, rate, names)", parameters={
        "depth": "-3", "rate": "1 / 4", "names": "['a', None]"
    })  # fmt: skip
    assert ran.printed() == "-3 0.25 ['a', None]\n"


def test_a_parameter_that_is_no_literal_fails_the_step_and_is_named(steps):
    ran = steps.run("1", parameters={"depth": "open('x')"})
    assert (ran.exit_code, ran.result.error.variable) == (1, "depth")
    assert "open('x')" in ran.result.error.message


def test_an_input_that_needs_another_to_be_loaded_comes_after_it(steps):
    keys = "class K:\n    def __hash__(self): return salt\nsalt = 7\nkeys = {K()}"
    ran = steps.chain(keys, ["K keys", "salt"], "print(hash(keys.pop()))")
    assert ran.printed() == "7\n"


def test_inputs_override_what_the_preamble_bound(steps):
    before = steps.run("limit = 10", outputs=["limit"])
    ran = steps.run(("limit = 5", "functions"), "print(limit)", inputs=before.inputs())
    assert ran.printed() == "10\n"


def test_a_failing_cell_stops_the_step(steps):
    ran = steps.run("raise KeyError('a')", "open('made', 'w')")
    assert (ran.exit_code, ran.result.state) == (1, "failed")
    assert not (steps.folder / "made").exists()


def test_an_error_names_cell_line_and_exception(steps):
    error = steps.run("x = 1", "\n\ny = 2\nraise KeyError('a')").result.error
    assert (error.cell_index, error.cell_id, error.line, error.ename, error.evalue) == (1, "id1", 4, "KeyError", "'a'")
    assert error.message == "Cell 2, line 4 raised KeyError: 'a'"


def test_an_error_in_a_function_of_another_cell_names_the_line_that_called_it(steps):
    error = steps.run("def f():\n    x = 1\n    return 1 / 0", "y = 1\nf()").result.error
    assert (error.cell_index, error.line) == (1, 2)
    text = re.sub(r"\x1b\[[0-9;]*m", "", "".join(error.traceback))
    assert "Cell 2, line 2" in text
    assert "return 1 / 0" in text


def test_the_error_is_on_its_cell_in_the_executed_notebook(steps):
    ran = steps.run("1/0")
    (output,) = ran.outputs()
    assert (output["output_type"], output["ename"]) == ("error", "ZeroDivisionError")
    assert "ZeroDivisionError" in ran.log


def test_a_syntax_error_names_cell_and_line(steps):
    error = steps.run("x = 1", "\ny = 2\nz = = 3").result.error
    assert (error.cell_index, error.line, error.ename) == (1, 3, "SyntaxError")
    assert error.message.startswith("Cell 2, line 3 is not valid Python")


def test_a_group_of_exceptions_is_an_error_output_too(steps):
    ran = steps.run("class G(Exception): pass\nraise G('inner') from ValueError('outer')", outputs=[])
    assert ran.outputs()[-1]["output_type"] == "error"


def test_sys_exit_fails_the_step(steps):
    error = steps.run("import sys; sys.exit(0)").result.error
    assert error.ename == "SystemExit"
    assert "called exit" in error.message


def test_quit_fails_the_step(steps):
    assert steps.run("quit()").result.error.ename == "SystemExit"


def test_input_is_refused_with_a_way_out(steps):
    error = steps.run("input('name? ')").result.error
    assert "pipeline parameter" in error.evalue


def test_an_output_that_is_not_bound_fails_the_step(steps):
    error = steps.run("x = 1", outputs=["y"]).result.error
    assert error.variable == "y"
    assert "without a value for y" in error.message


def test_an_optional_output_that_is_not_bound_is_left_out(steps):
    ran = steps.run("x = 1", outputs=[StepOutput(("x", "y"), optional=("y",))])
    assert ran.result.artifacts[0].names == ("x",)


def test_an_output_all_of_whose_names_are_missing_makes_no_artifact(steps):
    assert steps.run("x = 1", outputs=[StepOutput(("y",), optional=("y",))]).result.artifacts == ()


def test_every_value_of_an_artifact_has_its_own_size(steps):
    (record,) = steps.run("short = 1\nlong = 'x' * 5000", outputs=["short long"]).result.artifacts
    small, big = (value.size for value in record.values)
    assert 0 < small < 100 < 5000 < big < 5100


def test_equal_outputs_are_one_file_across_runs(steps):
    source = "class A:\n    def f(self): return 1\na = A()\na.v = [1, 'x', {2.5}]\ng = lambda n: n + 1"
    first, second = (steps.run(source, outputs=["a g"]).result.artifacts[0] for _ in range(2))
    assert first == second or first.digest == second.digest


def test_a_damaged_input_is_detected_before_it_is_loaded(steps):
    before = steps.run("x = 1", outputs=["x"])
    path = before.result.artifacts[0].path
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(20)
        file.write(b"!")
    error = steps.run("print(x)", inputs=before.inputs()).result.error
    assert (error.code, error.variable) == ("LL404", "x")


def test_a_missing_input_is_told_by_its_step(steps):
    before = steps.run("x = 1", outputs=["x"])
    os.unlink(before.result.artifacts[0].path)
    error = steps.run("print(x)", inputs=before.inputs()).result.error
    assert error.code == "LL404"
    assert "step before" in error.message


def test_a_value_that_cannot_be_stored_names_variable_culprit_and_type(steps):
    error = steps.run(
        "import threading\nclass M: pass\nmodel = M()\nmodel.callbacks = [1, 2, M()]\n"
        "model.callbacks[2]._lock = threading.Lock()",
        outputs=["model"],
    ).result.error
    assert (error.code, error.variable, error.culprit) == ("LL401", "model", "model.callbacks[2]._lock")
    assert "lock" in error.message
    assert "merge the steps" in error.hint


def test_a_full_disk_is_said(steps):
    source = (
        "import errno, labline_runtime.values.artifact as a\n"
        "def full(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "a.os.fsync = full\nx = 1"
    )
    error = steps.run(source, outputs=["x"]).result.error
    assert error.code == "LL503"
    assert not [path for path in steps.artifacts.rglob("*") if path.is_file()]


def test_a_step_that_is_told_to_stop_leaves_a_result(steps):
    path, _ = steps.specify("import sys, time\nprint('ready', flush=True)\nopen('ready', 'w').close()\ntime.sleep(60)")
    process = steps.start(path)
    while not (steps.folder / "ready").exists():
        assert process.poll() is None
        os.sched_yield()
    process.send_signal(signal.SIGTERM)
    ran = steps.collect(path, process.wait(timeout=30))
    assert (ran.exit_code, ran.result.state) == (1, "failed")
    assert ran.result.error.cell_index == 0
    assert "told to stop" in ran.result.error.message


def test_the_working_directory_is_the_specifications(steps):
    assert steps.run("import os; print(os.getcwd())").printed() == f"{steps.folder}\n"


def test_modules_beside_the_notebook_can_be_imported(steps):
    (steps.folder / "helper.py").write_text("answer = 42\n")
    assert steps.run("import helper; print(helper.answer)").printed() == "42\n"


def test_the_users_ipython_folder_is_not_touched(steps, tmp_path):
    folder = tmp_path / "ipython"
    ran = steps.run("1", environment={"IPYTHONDIR": str(folder)})
    assert ran.exit_code == 0
    assert not folder.exists()


def test_nothing_but_result_and_notebook_is_left_in_the_output_folder(steps):
    ran = steps.run("1")
    assert sorted(path.name for path in ran.output.iterdir()) == ["executed.ipynb", "log", "result.json", "spec.json"]


def _call(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "labline_runtime", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(BUNDLE)},
        check=False,
    )


def test_a_specification_that_does_not_exist_is_one_sentence(tmp_path):
    done = _call(str(tmp_path / "none.json"))
    assert done.returncode == 2
    assert "none.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_specification_that_does_not_fit_names_the_field(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text('{"run": 3}')
    done = _call(str(path))
    assert done.returncode == 2
    assert "StepSpecification" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_specification_of_another_schema_is_refused(steps):
    path, _ = steps.specify("1", schema=99)
    done = _call(str(path))
    assert done.returncode == 2
    assert "schema 99" in done.stderr


def test_an_exception_that_cannot_say_what_it_is_names_its_cell_all_the_same(steps):
    mute = "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\nraise Mute"
    assert steps.run(mute).result.error.message == "Cell 1, line 4 raised Mute: <its text raises ValueError>"


def test_a_cell_that_interrupts_itself_was_not_told_to_stop(steps):
    assert steps.run("raise KeyboardInterrupt").result.error.message == "Cell 1, line 1 raised KeyboardInterrupt."


def test_a_cell_that_takes_the_streams_away_fails_of_its_own_error(steps):
    broken = "import sys\nsys.stdout = sys.stderr = None\n1 / 0"
    assert "line 3 raised ZeroDivisionError" in steps.run(broken).result.error.message


def test_a_cell_that_closes_what_runs_it_is_named(steps):
    assert steps.run("import os\nos.closerange(3, 256)").result.error.message.startswith("Cell 1 broke what runs it: ")


def test_a_recursion_limit_that_leaves_no_room_is_told(monkeypatch):
    limits = [44]
    monkeypatch.setattr(sys, "getrecursionlimit", lambda: limits[-1])
    monkeypatch.setattr(sys, "setrecursionlimit", limits.append)
    assert unexpected(RecursionError()).message.startswith("The notebook has set a recursion limit of 44,")
    assert limits[-1] > 44  # so that the rest can be told


def test_a_value_that_refuses_every_question_fails_where_it_is_stored(steps):
    refuses = "class Mule:\n    def __getattribute__(self, name):\n        raise RuntimeError\nx = Mule()"
    assert steps.run(refuses, outputs=["x"]).result.error.code == "LL401"


def test_a_step_that_removes_the_folder_it_works_in_says_so(steps):
    gone = "import os\nos.mkdir('sub')\nos.chdir('sub')\nos.rmdir('../sub')"
    error = steps.run(gone, outputs=["@cwd"]).result.error
    assert error.message.startswith("The step removed the folder that it works in")
