"""How step processes end, and that nothing outlives them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import cell, pipeline, step, waiting

FAMILY = """
import os, subprocess, sys, time
def note(name, pid):
    with open(name + '.part', 'w') as f:
        f.write(str(pid))
    os.rename(name + '.part', name)
note('step', os.getpid())
note('child', subprocess.Popen(['sleep', '600']).pid)
note('deserter', subprocess.Popen(['sleep', '600'], start_new_session=True).pid)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note('daemon', os.getpid())
        time.sleep(600)
    os._exit(0)
os.wait()
while not os.path.exists('daemon'):
    time.sleep(0.005)
"""
"""A step with a child, one that has left the session, and a daemon that has left the family."""

MEMBERS = ("step", "child", "deserter", "daemon")


def family(bench: Bench) -> list[int]:
    return [int(bench.await_file(name)) for name in MEMBERS]


def test_a_cancelled_step_leaves_no_process_behind(bench: Bench) -> None:
    run = bench.start(pipeline(step("a", FAMILY + "time.sleep(600)")))
    pids = family(bench)
    bench.engine.cancel(run.id)
    assert bench.end(run).state == "cancelled"
    assert [is_gone(pid) for pid in pids] == [True] * 4


def test_a_cancelled_step_leaves_no_shared_memory_behind(bench: Bench) -> None:
    source = """
    import numpy, os, pathlib, time
    from joblib import Parallel, delayed
    values = numpy.zeros(1_000_000)
    Parallel(n_jobs=2)(delayed(len)(values) for _ in range(2))
    pathlib.Path('part').write_text(str(os.getpid()))
    os.rename('part', 'step')
    time.sleep(600)
    """
    run = bench.start(pipeline(step("a", source)))
    pid = bench.await_file("step")

    def of_the_step() -> list[str]:
        return [each.name for each in Path("/dev/shm").iterdir() if re.search(rf"[-_]{pid}[-_]", each.name)]

    assert of_the_step()
    bench.engine.cancel(run.id)
    bench.end(run)
    assert of_the_step() == []


def test_a_step_that_has_ended_leaves_no_process_behind(bench: Bench) -> None:
    assert bench.run(pipeline(step("a", FAMILY))).state == "succeeded"
    assert [is_gone(pid) for pid in family(bench)] == [True] * 4


def test_a_step_that_exceeds_its_timeout_is_killed_with_all_its_children(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell(FAMILY + "time.sleep(600)", index=2), timeout=5.0)))
    error = bench.step(run, "a").error
    assert error.code == "LL403"
    assert error.message == "The step ran longer than its timeout of 5 seconds and was stopped in cell 3."
    assert [is_gone(pid) for pid in family(bench)] == [True] * 4


def test_a_step_that_ignores_every_signal_it_can_is_cancelled(bench: Bench) -> None:
    deaf = "import signal\nfor s in (2, 15, 1): signal.signal(s, signal.SIG_IGN)\ntell('deaf'); wait_for('never')"
    run = bench.start(waiting(step("a", deaf)))
    bench.await_file("deaf")
    bench.engine.cancel(run.id)
    assert bench.end(run).state == "cancelled"


def test_cancelling_marks_running_steps_cancelled_and_the_others_skipped(bench: Bench) -> None:
    run = bench.start(
        waiting(
            step("done", "tell('done')"),
            step("busy", "tell('busy'); wait_for('never')", after=("done",)),
            step("later", "1", after=("busy",)),
        )
    )
    bench.await_file("busy")
    bench.engine.cancel(run.id)
    bench.end(run)
    assert bench.states(run) == {"done": "succeeded", "busy": "cancelled", "later": "skipped"}


def test_cancelling_a_run_that_has_ended_changes_nothing(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "1")))
    bench.engine.cancel(run.id)
    assert bench.store.get(run.id) == run


def test_a_step_killed_by_the_system_says_what_memory_it_used(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell("import os\nos.kill(os.getpid(), 9)", index=1))))
    error = bench.step(run, "a").error
    assert error.code == "LL402"
    assert error.message.startswith("The step was killed by the system in cell 2, most likely for memory: it used ")
    assert error.message.endswith(" MB at its peak.")


GREEDY = "x = bytearray(1)\nwhile True:\n    x.extend(bytes(1 << 24))"


def test_a_step_that_holds_more_memory_than_its_limit_is_stopped_and_told_what_it_held(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell(GREEDY, index=1), limits={"memory": "150Mi"})))
    error = bench.step(run, "a").error
    assert error.code == "LL402"
    assert re.fullmatch(
        r"The step held (\d+ MB|\d+\.\d GB) of memory in cell 2, more than its limit of 150Mi, and was stopped\.",
        error.message,
    )


def test_what_a_step_starts_counts_against_its_memory_limit(bench: Bench) -> None:
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {GREEDY!r}])"
    run = bench.run(pipeline(step("a", child, limits={"memory": "150Mi"})))
    assert bench.step(run, "a").error.code == "LL402"


def test_pages_of_files_do_not_count_against_the_memory_limit(bench: Bench) -> None:
    mapped = """
        import mmap, tempfile, time
        def read():
            with tempfile.TemporaryFile() as file:
                file.truncate(100 << 20)
                pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                until = time.monotonic() + 0.2
                while time.monotonic() < until:
                    pages[::4096]
        read()
    """
    assert bench.run(pipeline(step("a", mapped, limits={"memory": "90Mi"}))).state == "succeeded"


def test_a_crash_names_the_signal_and_the_cell(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell("import ctypes\nctypes.string_at(0)", index=1))))
    assert bench.step(run, "a").error.message.startswith("The step's process crashed with SIGSEGV in cell 2;")


def test_a_step_killed_in_its_first_cell_shows_its_cells(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "import os\nos.kill(os.getpid(), 9)")))
    executed = json.loads((bench.home.step_folder(run.id, "a") / "executed.ipynb").read_text())
    assert [each["source"] for each in executed["cells"]] == ["import os\nos.kill(os.getpid(), 9)"]


def test_a_step_that_leaves_through_the_back_door_has_failed(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "import os\nos._exit(0)", gives="x")))
    assert "ended in cell" in bench.step(run, "a").error.message
    assert run.state == "failed"


def test_a_step_that_closes_its_streams_can_still_succeed(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "import os\nos.close(1)\nx = 1", gives="x")))
    assert run.state == "succeeded"


def test_a_step_is_tried_again_as_often_as_it_may_be(bench: Bench) -> None:
    flaky = "import pathlib\nmarker = pathlib.Path('tried')\nif not marker.exists():\n    marker.touch()\n    1 / 0\n"
    run = bench.run(pipeline(step("a", flaky, retries=1)))
    record = bench.step(run, "a")
    assert (record.state, record.attempt, record.error) == ("succeeded", 2, None)


def test_the_last_of_several_failures_counts(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "1 / 0", retries=2)))
    record = bench.step(run, "a")
    assert (record.state, record.attempt, record.error.ename) == ("failed", 3, "ZeroDivisionError")


def test_what_a_guard_saw_is_not_tried_again(bench: Bench) -> None:
    steps = (
        step("a", "n = 1", gives="n"),
        step("b", "globals()['n'] = 2", retries=2),
        step("c", "n", takes={"n": "a"}),
    )
    run = bench.run(pipeline(*steps))
    record = bench.step(run, "b")
    assert (record.error.code, record.attempt) == ("LL222", 1)


def test_the_log_keeps_earlier_attempts(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "print('here')\n1 / 0", retries=1)))
    first, second = bench.log(run, "a").split("\n--- attempt 2 ---\n")
    assert "here" in first and "here" in second


def test_a_stray_write_to_the_progress_descriptor_does_no_harm(bench: Bench) -> None:
    stray = "import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'junk')\n    except OSError: pass"
    assert bench.run(pipeline(step("a", stray))).state == "succeeded"


def test_the_peak_memory_of_the_step_is_not_the_engines(bench: Bench) -> None:
    ballast = bytearray(400 << 20)
    run = bench.run(pipeline(step("a", "import os\nos.kill(os.getpid(), 9)")))
    del ballast
    used = float(bench.step(run, "a").error.message.split(" it used ")[1].split()[0])
    assert used < 300


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install a kernel whose interpreter is a script of the test's own."""

    def install(script: str) -> str:
        folder = tmp_path / "jupyter" / "kernels" / "odd"
        folder.mkdir(parents=True)
        python = tmp_path / "python-odd"
        python.write_text(f"#!{sys.executable}\n{script}")
        python.chmod(0o755)
        spec = {"argv": [str(python), "-m", "ipykernel_launcher"], "language": "python", "display_name": "Odd"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
        return "odd"

    return install


def test_a_damaged_result_fails_the_step(bench: Bench, kernel) -> None:
    damaging = (
        "import json, pathlib, sys\n"
        "if '--progress-fd' in sys.argv:\n"
        "    spec = json.loads(pathlib.Path(sys.argv[4]).read_text())\n"
        "    pathlib.Path(spec['output_directory'], 'result.json').write_text('{\"state\": ')\n"
    )
    run = bench.run(pipeline(step("a", "1"), kernel=kernel(damaging)))
    assert bench.step(run, "a").error.message == "What the step left behind (result.json) is damaged."


def test_an_interpreter_that_cannot_run_steps_fails_the_step_and_says_what_it_lacks(bench: Bench, kernel) -> None:
    bare = kernel("import os, sys\nos.execv(sys.executable, [sys.executable, '-S', *sys.argv[1:]])\n")
    run = bench.run(pipeline(step("a", "1"), kernel=bare))
    assert "cannot run steps, it lacks IPython" in run.error


def test_an_interpreter_that_has_gone_fails_the_step(bench: Bench, kernel, tmp_path: Path) -> None:
    name = kernel("")
    trial = pipeline(step("a", "1"), kernel=name)
    (tmp_path / "python-odd").write_text("#!/nowhere/python\n")
    run = bench.run(trial)
    assert "No such file or directory" in bench.step(run, "a").error.message


def test_a_keeper_that_is_killed_takes_the_step_with_it(bench: Bench) -> None:
    run = bench.run(
        pipeline(
            step(
                "a",
                "import os, time\nopen('pid', 'w').write(str(os.getpid()))\nos.kill(os.getppid(), 9)\ntime.sleep(600)",
            )
        )
    )
    assert "the process that watches over the step was killed" in run.error
    wait_until(lambda: is_gone(int(bench.file("pid").read_text())), "the step lives on")
