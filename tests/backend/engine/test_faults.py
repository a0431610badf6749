"""What can go wrong under a run: each ends in a state that is true, with a message that helps."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_runtime.documents import to_json
from labline_runtime.values import load, store
from tests.backend.engine.bench import Bench
from tests.backend.engine.driver import ROOT
from tests.backend.engine.pipelines import cell, chain, pipeline, step, waiting

# ------------------------------------------------------------- engines that die


def go_on(bench: Bench, run_id: str, name: str) -> None:
    """Have a run that has ended go on as if its engine had died just before it wrote down how the step ended."""
    bench.store.set_step(run_id, name, state="running", ended=None, result=None, error=None)
    bench.store.set_run(run_id, state="running", ended=None, error=None, owner=None)
    bench.engine.resume(run_id)


def test_a_step_that_only_the_cache_knows_to_have_ended_keeps_its_log(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "print('once')\nx = 1", gives="x")))
    go_on(bench, run.id, "a")
    assert bench.end(run).state == "succeeded"
    found = bench.step(run, "a")
    assert (found.state, found.started, bench.log(run, "a")) == ("succeeded", found.result.started, "once\n")


def test_a_result_that_is_found_is_held_against_the_files_of_the_steps_beside_it(bench: Bench) -> None:
    write = "wait_for('read')\nwith open('data.csv', 'w') as file: file.write('new')"
    read = "try:\n    with open('data.csv') as file: print(file.read())\nexcept FileNotFoundError: pass\ntell('read')"
    run = bench.run(waiting(step("a", write), step("b", read)))
    failed = "a" if bench.step(run, "a").state == "failed" else "b"
    left = bench.home.step_folder(run.id, failed) / "result.json"
    assert not left.exists()  # else a run that goes on with another notebook could take it
    left.write_text(to_json(bench.step(run, failed).result))
    go_on(bench, run.id, failed)
    assert bench.end(run).state == "failed"
    assert (bench.step(run, failed).error.code, bench.step(run, failed).attempt) == ("LL223", 1)


# --------------------------------------------------------------------- artifacts

LETHAL = """
import os, threading
class Lethal:
    def __init__(self):
        self.lock = threading.Lock()  # so that the class is asked how to store it
    def __reduce__(self):
        os.kill(os.getpid(), 9)
x = Lethal()
"""


def test_a_step_killed_while_it_stores_a_value_leaves_nothing_of_it(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", LETHAL, gives="x")))
    assert bench.step(run, "a").error.code == "LL402"
    assert [*bench.home.artifacts.iterdir(), *bench.home.step_folder(run.id, "a").glob(".*")] == []


def artifact(bench: Bench, run_id: str) -> Path:
    """The file that holds what the first step made."""
    record = bench.store.step(run_id, "a").result.artifacts[0]
    path = bench.artifacts.path(record.digest)
    path.chmod(0o600)
    return path


READS = ("x = list(range(9))", "print(sum(x))")


def test_a_damaged_value_fails_the_step_that_takes_it_and_is_made_anew_by_the_next_run(bench: Bench) -> None:
    path = artifact(bench, bench.run(chain(*READS)).id)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    other = chain(READS[0], "print(max(x))")
    failed = bench.run(other)
    assert bench.step(failed, "b").error.code == "LL404"
    assert "Run again" in bench.step(failed, "b").error.hint
    again = bench.run(other)
    assert bench.states(again) == {"a": "succeeded", "b": "succeeded"}


class Forged:
    """Leaves a file where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("unpickled"),)


def test_a_forged_value_is_not_unpickled(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ("x = bytes(10_000)", "print(len(x))")
    path = artifact(bench, bench.run(chain(*made)).id)
    bare = store({"x": Forged()}, tmp_path / "forge", {"padding": ""})
    forged = store({"x": Forged()}, tmp_path / "forge", {"padding": " " * (path.stat().st_size - bare.size)})
    monkeypatch.chdir(tmp_path)
    load(forged.path)
    assert Path("unpickled").exists()  # so it would be, without a look at the digest
    path.write_bytes(forged.path.read_bytes())
    run = bench.run(chain(made[0], "print(x[0])"))
    assert bench.step(run, "b").error.code == "LL404"
    assert not bench.file("unpickled").exists()


# ------------------------------------------------------------------ what runs out

EXHAUSTED = """
import json, os, resource, sys
from pathlib import Path
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import chain
bench = Bench(Path(sys.argv[1]))
bench.run(chain("x = 1", "x"))
soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 2, most))
run = bench.run(chain("x = 2", "x"))
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
error = bench.step(run, "a").error
again = bench.run(chain("x = 2", "x"))
print(json.dumps([run.state, bench.store.get(run.id).state, error.message, error.hint, again.state]))
bench.close()
"""


def test_a_server_that_may_open_no_more_files_fails_the_run_and_goes_on_when_it_may(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXHAUSTED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    ended, kept, message, hint, again = json.loads(done.stdout)
    assert (ended, kept, again) == ("failed", "failed", "succeeded")
    assert "Too many open files" in message
    assert "ulimit -n" in hint


GREEDY = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
held = []
try:
    while True: held.append(open(os.devnull))
except OSError: pass
"""


def test_a_step_that_holds_every_descriptor_says_so(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", cell(GREEDY, index=1))))
    assert bench.step(run, "a").error.message == "Cell 2 has left no file descriptor free, so nothing can be stored."


@pytest.fixture
def small_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have steps put temporary files where there is hardly any room."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    monkeypatch.setenv("TMPDIR", str(folder))
    yield
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_temporary_folder_fails_only_the_step_that_fills_it(bench: Bench, small_temporary_folder: None) -> None:
    fills = """
        import tempfile
        file = open(tempfile.mkdtemp() + "/file", "wb", buffering=0)
        while True: file.write(bytes(4096))
    """
    run = bench.run(pipeline(step("a", fills), step("b", "x = 1", gives="x")))
    assert bench.states(run) == {"a": "failed", "b": "succeeded"}
    error = bench.step(run, "a").error
    assert "No space left on device" in error.message
    assert "Free some space" in error.hint


def test_a_hundred_megabytes_of_output_are_in_the_log_and_not_in_the_notebook(bench: Bench) -> None:
    run = bench.run(pipeline(step("a", "line = 'x' * 999_999\nfor _ in range(100): print(line)")))
    folder = bench.home.step_folder(run.id, "a")
    assert run.state == "succeeded"
    assert (folder / "log.txt").stat().st_size == 100_000_000
    assert (folder / "executed.ipynb").stat().st_size < 10_000_000


# ------------------------------------------------------- what changes under a run


def test_a_clock_that_is_set_back_changes_nothing_but_the_times(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run = bench.start(
        waiting(step("a", "tell('a'); wait_for('go')\nx = 1", gives="x"), step("b", "x", takes={"x": "a"}))
    )
    bench.await_file("a")
    monkeypatch.setattr(time, "time", lambda now=time.time: now() - 86400)
    bench.file("go").touch()
    assert bench.end(run).state == "succeeded"
    later = bench.run(chain("x = 1"))
    assert [each.id for each in bench.store.list()] == [later.id, run.id]


def test_a_folder_that_is_removed_while_its_notebook_runs_fails_the_steps_that_need_it(bench: Bench) -> None:
    gone = "import os, shutil\nshutil.rmtree(os.getcwd())\nx = 1"
    run = bench.run(chain(gone, "print(x)"))
    assert bench.states(run) == {"a": "succeeded", "b": "failed"}
    assert f"No such file or directory: {bench.folder}" in bench.step(run, "b").error.message


def test_a_step_whose_folder_was_removed_says_so(bench: Bench) -> None:
    run = bench.start(waiting(step("a", "tell('a'); wait_for('go')")))
    bench.await_file("a")
    shutil.rmtree(bench.home.run_folder(run.id))
    bench.file("go").touch()
    assert bench.end(run).state == "failed"
    assert "was removed while the step ran" in bench.step(run, "a").error.message


def test_one_notebook_run_from_two_places_at_once_is_two_whole_runs(bench: Bench, tmp_path: Path) -> None:
    trial = chain("x = list(range(1000))", "print(sum(x))")
    benches = [bench, Bench(tmp_path)]
    ended = []
    threads = [threading.Thread(target=lambda each=each: ended.append(each.run(trial))) for each in benches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    benches[1].close()
    assert [run.state for run in ended] == ["succeeded"] * 2
    assert len({run.id for run in ended}) == 2
    assert [bench.log(run, "b") for run in ended] == ["499500\n"] * 2
