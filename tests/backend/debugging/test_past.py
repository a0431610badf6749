"""Values of past runs in Python, and in any kernel."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from labline_backend.home import Home
from labline_backend.store.records import RunRecord
from labline_runtime import PastError, past, run, runs
from labline_runtime.data_folder import data_folder
from labline_runtime.loading import load
from labline_runtime.past import Run
from labline_runtime.specification import Setup
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import pipeline, step

TRIAL = pipeline(
    step("make", "import random\nrandom.seed(size)\nxs = list(range(size))", gives="xs @random", parameters=("size",)),
    step("use", "xs.append(9)\nratio = 1 / (len(xs) - 4)", takes={"xs": "make", "@random": "make"}, gives="xs ratio"),
    step("fail", "1 / 0", takes={"ratio": "use"}, gives="never"),
    size="4",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, RunRecord]]:
    bench = Bench(tmp_path_factory.mktemp("past"))
    yield bench, bench.run(TRIAL)
    bench.close()


@pytest.fixture
def found(made: tuple[Bench, RunRecord]) -> Run:
    return run(home=made[0].home.root)


def test_a_value_is_what_the_last_step_made_of_it(found: Run) -> None:
    assert found["xs"] == [0, 1, 2, 3, 9]


def test_a_step_has_what_it_took(found: Run) -> None:
    assert found.step("use").inputs["xs"] == [0, 1, 2, 3]


def test_every_look_gives_a_value_of_its_own(found: Run) -> None:
    found["xs"].clear()
    assert found["xs"] == [0, 1, 2, 3, 9]


def test_a_run_is_found_by_the_beginning_of_its_id(found: Run) -> None:
    home = found.path.parents[1]
    assert run(found.id[:-2], home) == run("latest", home) == runs(home)[0] == found


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda found: run("none", found.path.parents[1]), "There is no run 'none'"),
        (lambda found: found.step("none"), "its steps are make, use, fail"),
        (lambda found: found["none"], "there are: xs, @random, ratio"),
        (lambda found: found.step("use").inputs["none"], "there are: xs, @random"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(found: Run, ask: object, answer: str) -> None:
    with pytest.raises(LookupError, match=answer):
        ask(found)  # type: ignore[operator]


def test_inputs_come_with_parameters_and_hidden_state(found: Run) -> None:
    import random

    before, namespace = random.getstate(), {}
    try:
        random.seed(4)
        expected = random.random()
        loaded = load(namespace, found.step("use"))
        assert (namespace["xs"], random.random()) == ([0, 1, 2, 3], expected)
        assert (loaded.names, loaded.states) == (("xs",), ("random",))
        assert load(namespace, found.step("make")).names == ("size",)
        assert namespace["size"] == 4
    finally:
        random.setstate(before)


def test_what_steps_above_have_set_up_is_set_up_as_far_as_it_can_be(tmp_path: Path) -> None:
    with_dialect = Setup("import csv\ncsv.register_dialect('of_a_past_run', delimiter=';')")
    cannot = Setup("import multiprocessing\nmultiprocessing.set_start_method('no way to start one')")
    bench = Bench(tmp_path)
    bench.run(pipeline(step("make", "x = 1", gives="x"), replace(step("use", "x"), setups=(cannot, with_dialect))))
    loaded = load({}, run(home=bench.home.root).step("use"))
    try:
        assert csv.get_dialect("of_a_past_run").delimiter == ";"
        assert "set_start_method('no way to start one') raised ValueError" in str(loaded)
    finally:
        csv.unregister_dialect("of_a_past_run")
        bench.close()


def test_a_failed_step_has_no_outputs_and_the_steps_below_it_no_inputs(found: Run) -> None:
    with pytest.raises(PastError, match=r"Step fail of .* has not succeeded: it has inputs, and no outputs"):
        load({}, found.step("fail"), outputs=True)


def test_a_damaged_artifact_is_not_unpickled(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.run(pipeline(step("make", "x = 'harmless'", gives="x")))
    found = run(home=bench.home.root)
    (place,) = found.step("make").given()
    path = Path(place.path)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"harmless", b"tampered"))
    with pytest.raises(PastError, match="damaged or gone"):
        found["x"]
    bench.close()


def test_the_data_folder_is_found_without_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABLINE_HOME", "~/elsewhere")
    assert data_folder() == Home.place() == Path.home() / "elsewhere"
    monkeypatch.delenv("LABLINE_HOME")
    assert Home.place() == Path(platformdirs.user_data_dir("labline", appauthor=False))


def test_an_empty_data_folder_has_no_runs(tmp_path: Path) -> None:
    assert past.runs(tmp_path) == []
    with pytest.raises(PastError, match="There are no runs"):
        run(home=tmp_path)


def test_a_magic_loads_into_any_kernel(found: Run) -> None:
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "for line in ('%load_ext labline_runtime', '%labline_load latest use --outputs', 'print(ratio)',"
        " '%labline_load latest nothing'):\n"
        "    shell.run_cell(line)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"LABLINE_HOME": str(found.path.parents[1]), "PYTHONPATH": "backend", "IPYTHONDIR": str(found.path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert f"Outputs of step use of {found.id}: xs, ratio\n1.0\n" in done.stdout, done
    assert "its steps are make, use, fail" in done.stdout + done.stderr
