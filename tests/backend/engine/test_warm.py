"""Steps forked from a warm parent are as good as fresh interpreters, and the engine outlives its warm parents."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from labline_backend.engine.variables import environment
from labline_backend.engine.warm import ATTEMPTS, Setting, WarmParents
from labline_backend.kernels import Kernel
from labline_backend.tracking.location import Location
from labline_compiler.pipeline import Pipeline
from tests.backend.engine import driver
from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import cell, pipeline, step, waiting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux")

NOTE = cell(
    """
    import os, pathlib
    def parent_of(pid):
        return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
    def note(name):
        pids = [os.getpid(), os.getppid(), parent_of(os.getppid())]
        pathlib.Path(name + '.part').write_text(' '.join(map(str, pids)))
        os.rename(name + '.part', name)
    """,
    "functions",
)
"""``note(NAME)`` writes down three processes: the step's, its keeper's, and the warm parent's or the engine's."""

PROBE = """
import gc, json, locale, os, resource, signal, stat, sys, threading, time, warnings
def kind(fd):
    return stat.S_IFMT(os.fstat(fd).st_mode)
fds = {}
for name in os.listdir('/proc/self/fd'):
    try: fds[int(name)] = kind(int(name))
    except OSError: pass
facts = {
    'environment': dict(os.environ),
    'cwd': os.getcwd(),
    'argv': sys.argv,
    'path': sys.path,
    'name': __name__,
    'main': sys.modules['__main__'].__dict__ is globals(),
    'names': sorted(name for name in globals() if not name.startswith('_i')),
    'flags': list(sys.flags),
    'executable': sys.executable,
    'warnings': [str(item) for item in warnings.filters],
    'signals': {str(n): str(signal.getsignal(n)).split(' at 0x')[0] for n in signal.valid_signals()},
    'mask': sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    'limits': [resource.getrlimit(n) for n in range(10)],
    'streams': [type(s).__name__ for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__)],
    'input': sys.stdin.read(),
    'descriptors': sorted(fds.values()),
    'standard': [os.readlink(f'/proc/self/fd/{n}').rpartition('/')[2] for n in range(3)],
    'leads its group': os.getpgid(0) == os.getpid(),
    'session is the keeper': os.getsid(0) == os.getppid(),
    'oom': open('/proc/self/oom_score_adj').read(),
    'threads': threading.active_count(),
    'collector': [gc.isenabled(), gc.get_threshold()],
    'locale': locale.getlocale(),
    'zone': time.tzname,
    'finders': [str(getattr(f, '__name__', type(f).__name__)) for f in sys.meta_path],
    'exit status of a child': os.waitstatus_to_exitcode(os.system('exit 7')),
}
json.dump(facts, open('facts', 'w'))
"""


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch):
    """Have every step from here on start as an interpreter of its own."""

    def refuse(*_: Any) -> None:
        raise OSError("no warm parent")

    return lambda: monkeypatch.setattr(WarmParents, "start", refuse)


def noting(*sources: str) -> Pipeline:
    """One step that notes its processes, then runs *sources*."""
    return pipeline(step("a", "note('pids')", *sources, cache=False), preamble=(NOTE,))


def pids(bench: Bench) -> tuple[int, int, int]:
    """Step, keeper and parent of the step that has noted them last."""
    own, keeper, parent = map(int, bench.await_file("pids").split())
    bench.file("pids").unlink()
    return own, keeper, parent


def parent(bench: Bench) -> int:
    """The parent that a step run now is forked from."""
    assert bench.run(noting()).state == "succeeded"
    return pids(bench)[2]


def test_a_forked_step_finds_what_a_fresh_interpreter_finds(bench: Bench, cold) -> None:
    found = []
    for prepare in (lambda: None, cold):
        prepare()
        run = bench.run(pipeline(step("a", PROBE)), cache=False)
        assert run.state == "succeeded", run.error
        found.append(json.loads(bench.file("facts").read_text()))
    warm, fresh = found
    assert warm == fresh


def test_steps_are_forked_from_one_parent(bench: Bench) -> None:
    first = parent(bench)
    assert first != os.getpid()
    assert parent(bench) == first


def test_variables_of_the_step_itself_need_no_other_parent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parent(bench)
    monkeypatch.setenv("MLFLOW_RUN_CONTEXT", "{}")
    assert bench.run(noting("assert os.environ['MLFLOW_RUN_CONTEXT'] == '{}'")).state == "succeeded"
    assert pids(bench)[2] == first


def test_what_says_where_a_step_is_tracked_needs_no_other_parent(bench: Bench, tmp_path: Path) -> None:
    kernel = Kernel("python3", sys.executable)
    tracked = Location("http://localhost:5000", "http://localhost:5001").environment({})
    tracked |= {"MLFLOW_EXPERIMENT_ID": "1", "MLFLOW_EXPERIMENT_NAME": "e", "MLFLOW_RUN_CONTEXT": "{}"}
    found = {
        Setting(sys.executable, tmp_path, tmp_path, environment(kernel, variables)).key
        for variables in ({}, tracked, tracked | {"MLFLOW_RUN_ID": "f00"})
    }
    assert len(found) == 1


def test_another_environment_takes_another_parent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parent(bench)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    assert bench.run(noting("assert os.environ['PYTHONHASHSEED'] == '7'")).state == "succeeded"
    assert pids(bench)[2] != first


def test_a_relative_search_path_is_seen_from_the_notebooks_folder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "helpers")
    bench.file("helpers").mkdir()
    run = bench.run(noting("import sys\nassert os.path.abspath('helpers') in sys.path"))
    assert run.state == "succeeded", run.error


def test_a_change_of_the_installed_packages_makes_a_new_parent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(packages))
    first = parent(bench)
    (packages / "newcomer.py").touch()
    assert parent(bench) == os.getpid()  # this one step is a fresh interpreter
    assert parent(bench) not in (first, os.getpid())


def test_a_parent_with_a_second_thread_is_not_used(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, threading, time\n"
        "if 'forkserver' in str(sys.orig_argv):\n"
        "    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert parent(bench) == os.getpid()


def test_a_parent_that_fails_again_and_again_is_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'forkserver' in str(sys.orig_argv):\n"
        f"    os.close(os.open({str(tmp_path)!r} + f'/start-{{os.getpid()}}', os.O_CREAT))\n"
        "    os._exit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for _ in range(ATTEMPTS + 2):
        assert parent(bench) == os.getpid()
    assert len(list(tmp_path.glob("start-*"))) == ATTEMPTS


def test_handlers_of_the_exit_run_and_open_files_are_written(bench: Bench) -> None:
    last_words = """
    import atexit, threading, time, weakref
    atexit.register(lambda: open('handler', 'w').write('ran'))
    class Thing: pass
    thing = Thing()
    weakref.finalize(thing, lambda: open('finalizer', 'w').write('ran'))
    left_open = open('left open', 'w')
    left_open.write('all of it')
    def late():
        time.sleep(0.2)
        open('thread', 'w').write('ran')
    threading.Thread(target=late).start()
    """
    (bench.folder / "helper.py").write_text("held = open('held by a module', 'w')\nheld.write('all of it')\n")
    assert bench.run(pipeline(step("a", last_words, "import helper"))).state == "succeeded"
    names = ("handler", "finalizer", "left open", "thread", "held by a module")
    assert [bench.file(name).read_text() for name in names] == ["ran", "ran", "all of it", "ran", "all of it"]


@pytest.mark.parametrize(
    "end",
    [
        "os._exit(3)",
        "import ctypes\nctypes.string_at(0)",
        "os.abort()",
        "os.kill(os.getpid(), 9)",
        "import sys\nsys.exit(4)",
        "raise ValueError('no')",
        "raise KeyboardInterrupt",
    ],
)
def test_a_step_that_ends_badly_ends_as_in_a_fresh_interpreter(bench: Bench, cold, end: str) -> None:
    first = parent(bench)
    trial = noting(end)
    ends = []
    for prepare in (lambda: None, cold):
        error = bench.step(bench.run(trial), "a").error
        message = error.message.partition(" it used ")[0].partition(": it used")[0]
        ends.append((message, error.code, error.ename, error.cell_index, error.line))
        if not ends[1:]:
            assert pids(bench)[2] == first
            assert parent(bench) == first
        prepare()
    assert ends[0] == ends[1]


def test_a_fresh_step_is_not_forked(bench: Bench, cold) -> None:
    cold()
    assert parent(bench) == os.getpid()


def test_a_fresh_step_has_its_memory_limit_too(bench: Bench, cold) -> None:
    cold()
    run = bench.run(
        pipeline(step("a", "x = bytearray(1)\nwhile True:\n    x.extend(bytes(1 << 24))", limits={"memory": "99Mi"}))
    )
    assert bench.step(run, "a").error.code == "LL402"


def test_two_steps_run_at_once(bench: Bench) -> None:
    trial = waiting(step("a", "tell('a'); wait_for('b')"), step("b", "tell('b'); wait_for('a')"))
    assert bench.run(trial).state == "succeeded"


def test_steps_without_a_seed_draw_different_numbers(bench: Bench) -> None:
    draw = "import random, numpy, uuid\nprint(random.random(), numpy.random.rand(), uuid.uuid4())"
    run = bench.run(pipeline(step("a", draw), step("b", draw)))
    assert len({*bench.log(run, "a").split(), *bench.log(run, "b").split()}) == 6


@pytest.mark.long
def test_libraries_with_threads_and_processes_of_their_own_work(bench: Bench) -> None:
    heavy = """
    import multiprocessing, numpy, pyarrow
    from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.model_selection import cross_val_score
    import matplotlib.pyplot as plt
    x = numpy.random.default_rng(0).random((400, 300))
    y = x @ x.T
    labels = (x[:, 0] > 0.5).astype(int)
    RandomForestClassifier(n_estimators=4, n_jobs=2).fit(x, labels)
    HistGradientBoostingClassifier(max_iter=2).fit(x, labels)
    cross_val_score(RandomForestClassifier(n_estimators=2), x, labels, cv=2, n_jobs=2)
    pyarrow.table({'a': [2, 1]}).sort_by('a').group_by('a').aggregate([('a', 'sum')])
    plt.plot([1, 2]); plt.savefig('figure.png')
    with ThreadPoolExecutor(2) as pool: assert list(pool.map(abs, [-1, 2])) == [1, 2]
    with ProcessPoolExecutor(2) as pool: assert list(pool.map(abs, [-1, 2])) == [1, 2]
    with multiprocessing.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
    """
    assert parent(bench) != os.getpid()
    run = bench.run(pipeline(step("a", heavy), step("b", heavy)), cache=False)
    assert run.state == "succeeded", run.error


def test_a_parent_killed_while_its_step_runs_changes_nothing_for_the_step(bench: Bench) -> None:
    trial = noting("import time\nwhile not os.path.exists('go'): time.sleep(0.005)")
    run = bench.start(trial)
    killed = pids(bench)[2]
    dying = os.pidfd_open(killed)
    os.kill(killed, signal.SIGKILL)
    ended, _, _ = select.select([dying], [], [], 30)  # until then it may be asked for the next step, and not answer
    os.close(dying)
    assert ended
    bench.file("go").touch()
    assert bench.end(run).state == "succeeded"
    assert parent(bench) not in (killed, os.getpid())


def test_a_step_whose_keeper_is_killed_has_failed_and_its_parent_goes_on(bench: Bench) -> None:
    run = bench.run(noting("import time\nos.kill(os.getppid(), 9)\ntime.sleep(600)"))
    assert "the process that watches over the step was killed" in run.error
    own, _, first = pids(bench)
    wait_until(lambda: is_gone(own), "the step lives on")
    assert parent(bench) == first


def test_a_step_asked_of_a_parent_that_dies_is_run_by_a_fresh_interpreter(bench: Bench) -> None:
    first = parent(bench)
    os.kill(first, signal.SIGSTOP)  # it is asked, and never answers
    run = bench.start(noting())
    wait_until(lambda: bench.states(run)["a"] == "running", "the step was never started")
    os.kill(first, signal.SIGKILL)
    assert bench.end(run).state == "succeeded"
    assert pids(bench)[2] != first


def test_a_step_can_be_cancelled_before_its_parent_has_answered(bench: Bench) -> None:
    first = parent(bench)
    os.kill(first, signal.SIGSTOP)
    run = bench.start(noting())
    wait_until(lambda: bench.states(run)["a"] == "running", "the step was never started")
    bench.engine.cancel(run.id)
    os.kill(first, signal.SIGCONT)
    assert bench.end(run).state == "cancelled"


def test_a_killed_engine_leaves_neither_parent_nor_keeper_nor_step(bench: Bench) -> None:
    process, _ = driver.start(bench, noting("import time\ntime.sleep(600)"))
    alive = pids(bench)
    assert alive[2] != process.pid
    driver.kill(process)
    for pid in alive:
        wait_until(lambda pid=pid: is_gone(pid), "a process outlived the engine")


def test_a_closed_engine_leaves_no_parent(bench: Bench) -> None:
    last = parent(bench)
    bench.engine.close()
    assert is_gone(last)


def test_a_folder_that_has_gone_is_named(bench: Bench) -> None:
    parent(bench)
    bench.folder.rename(bench.folder.with_name("elsewhere"))
    run = bench.run(noting())
    assert run.error == (f"Step a failed: The step could not be started: No such file or directory: {bench.folder}.")


def test_a_process_that_a_cell_forks_can_be_terminated_at_once(bench: Bench) -> None:
    forking = """
    import os, signal, time
    for _ in range(100):
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    """
    assert bench.run(pipeline(step("a", forking))).state == "succeeded"
