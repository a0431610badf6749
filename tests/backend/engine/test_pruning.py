"""What pruning leaves and what it lets go, with real runs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Set
from contextlib import closing
from dataclasses import replace

import pytest

from labline_backend.registry import registered_runs
from labline_backend.store.pruning import Pruner, bytes_of, prune_to_limit
from labline_backend.store.records import RunRecord
from labline_backend.tracking.location import Location
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step, waiting


def pruner(bench: Bench, registered: Set[str] | None = frozenset(), *, later: float = 100.0) -> Pruner:
    """A pruner to which all that is stored is some seconds older."""
    for file in bench.artifacts.files():
        os.utime(bench.artifacts.path(file.digest), (file.used - later, file.used - later))
    return Pruner(bench.store, bench.artifacts, lambda: registered)


def run(bench: Bench, value: int, notebook: str = "trial.ipynb") -> RunRecord:
    trial = pipeline(step("a", cell(f"x = {value}", index=0), gives="x"), step("b", "print(x)", takes={"x": "a"}))
    return bench.run(replace(trial, notebook=notebook))


def has(bench: Bench, run: RunRecord) -> bool:
    return all(map(bench.artifacts.has, bench.step(run, "a").result.artifacts))


def test_the_newest_run_of_each_notebook_keeps_its_values(bench: Bench) -> None:
    runs = [run(bench, 1), run(bench, 2), run(bench, 3, "other.ipynb")]
    pruned = pruner(bench).prune(0)
    assert [has(bench, each) for each in runs] == [False, True, True]
    assert (pruned.files, pruned.left) == (1, pruned.kept)
    assert bench.step(run(bench, 1), "a").state == "succeeded"  # computed anew


def test_a_run_that_is_kept_keeps_its_values(bench: Bench) -> None:
    runs = [run(bench, 1), run(bench, 2)]
    bench.store.set_run(runs[0].id, kept=True)
    pruner(bench).prune(0)
    assert has(bench, runs[0])
    assert [result.kept for result in pruner(bench).contents().results if result.entry.run == runs[0].id][-1] == (
        f"{runs[0].id} is kept"
    )


@pytest.mark.parametrize(("registered", "stays"), [({"m1"}, True), ({"m2"}, False), (None, True)])
def test_a_run_that_a_registered_model_is_from_keeps_its_values(bench: Bench, registered, stays: bool) -> None:
    old = run(bench, 1)
    bench.store.set_step(old.id, "b", mlflow_run_id="m1")
    run(bench, 2)
    pruner(bench, registered).prune(0)
    assert has(bench, old) is stays


def test_what_was_not_used_for_longest_goes_first(bench: Bench) -> None:
    runs = [run(bench, value) for value in (1, 2, 3)]
    run(bench, 1)  # a hit
    run(bench, 4)
    contents = pruner(bench).contents()
    pruner(bench).prune(contents.size - 1)
    assert [has(bench, each) for each in runs] == [True, False, True]


def test_what_a_run_that_goes_on_has_used_stays_though_it_has_not_told_yet(bench: Bench) -> None:
    old = run(bench, 1)
    run(bench, 2)
    going_on = bench.start(waiting(step("a", "tell('here'); wait_for('never')")))
    bench.await_file("here")
    pruning = pruner(bench)
    bench.artifacts.use(bench.step(old, "a").result.artifacts)
    pruning.prune(0)
    bench.engine.cancel(going_on.id)
    bench.end(going_on)
    assert has(bench, old)


def test_what_is_used_while_it_is_being_pruned_stays(bench: Bench) -> None:
    old = run(bench, 1)
    (file,) = bench.artifacts.files()
    os.utime(bench.artifacts.path(file.digest), (2e9, 2e9))
    assert not bench.artifacts.remove(file, began=1.9e9)
    assert has(bench, old)


def test_nothing_goes_where_it_is_only_asked_what_would(bench: Bench) -> None:
    runs = [run(bench, 1), run(bench, 2)]
    assert pruner(bench).prune(0, pretend=True).files == 1
    assert all(has(bench, each) for each in runs)


def test_a_limit_in_the_environment_is_kept_to_and_off_means_off(bench: Bench) -> None:
    runs = [run(bench, 1), run(bench, 2)]
    for limit in ("off", "nonsense", "1MB"):
        prune_to_limit(pruner(bench), {"LABLINE_CACHE_LIMIT": limit})
    assert all(has(bench, each) for each in runs)
    prune_to_limit(pruner(bench), {"LABLINE_CACHE_LIMIT": "0"})
    assert [has(bench, each) for each in runs] == [False, True]


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 10**9), ("500 MB", 5 * 10**8), ("1.5GiB", 3 * 2**29), ("0", 0), ("100kB", 10**5), ("7", 7)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "5m", "GB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size such as 20GB"):
        bytes_of(text)


def test_the_runs_that_models_are_from_are_read_off_our_own_registry(bench: Bench) -> None:
    location = Location.find(bench.home, {})
    assert registered_runs(location, ask=False) == frozenset()
    with closing(sqlite3.connect(location.database)) as connection:
        assert registered_runs(location, ask=False) is None  # it is being set up
        connection.execute("CREATE TABLE model_versions (name TEXT, run_id TEXT)")
        connection.execute("INSERT INTO model_versions VALUES ('m', 'r1'), ('m', NULL)")
        connection.commit()
    assert registered_runs(location, ask=False) == {"r1"}
    assert registered_runs(Location("http://127.0.0.1:9/"), ask=False) is None
