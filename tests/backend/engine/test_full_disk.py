"""The disk fills up under a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backend.engine.bench import Bench
from tests.backend.engine.driver import ROOT
from tests.backend.engine.pipelines import pipeline, step, waiting


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of six megabytes, where mounting one is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_value_that_does_not_fit_fails_the_run_with_a_clear_sentence(small_disk: Path) -> None:
    bench = Bench(small_disk)
    run = bench.run(pipeline(step("a", "import os\nx = os.urandom(8 << 20)", gives="x")))
    error = bench.step(run, "a").error
    bench.close()
    assert run.state == "failed"
    assert error.code == "LL503"
    assert "disk is full" in run.error


def test_a_disk_filled_by_others_fails_the_run_and_its_end_is_written_down(small_disk: Path) -> None:
    bench = Bench(small_disk)
    run = bench.start(
        waiting(step("a", "tell('a'); wait_for('go')"), step("b", "1", after=("a",)), step("c", "1", after=("b",)))
    )
    bench.await_file("a")
    fill(small_disk)
    os.symlink("/", bench.file("go"))  # needs no block of its own
    ended = bench.end(run)
    kept, states = bench.store.get(run.id), bench.states(run)
    bench.close()
    assert ended.state == kept.state == "failed"
    assert "is full" in ended.error
    assert set(states.values()) <= {"succeeded", "failed", "skipped"}


def fill(folder: Path) -> None:
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"\0" * 4096)
        except OSError:
            pass


SCRIPT = """
import json, resource, sys
from pathlib import Path
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import step, waiting
bench = Bench(Path(sys.argv[1]))
run = bench.start(waiting(step("a", "tell('a'); wait_for('go')"), step("b", "1", after=("a",))))
bench.await_file("a")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1, most))  # from now on no file can grow
bench.file("go").touch()
ended = bench.end(run)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print(json.dumps([ended.state, ended.error, [f.code for f in ended.findings]]))
bench.close()
"""


def test_a_database_that_cannot_grow_fails_the_run_instead_of_hanging_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    state, error, codes = json.loads(done.stdout)
    assert state == "failed"
    assert "is full" in error
    assert codes == ["LL503"]
