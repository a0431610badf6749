"""Runs whose values are kept in a bucket, on a real S3 server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStoreError
from labline_backend.store.records import RunRecord
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import pipeline, step
from tests.backend.engine.test_loop import found, looping, states
from tests.backend.s3 import S3

MADE = step("a", "x = list(range(9))", gives="x")
CHAIN = pipeline(MADE, step("b", "y = sum(x)\nprint(y)", takes={"x": "a"}))


@pytest.fixture
def kept(tmp_path: Path, s3: S3) -> Iterator[Bench]:
    """An engine whose artifacts are kept in the bucket."""
    s3.use(LABLINE_ARTIFACTS=s3.url)
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def digest(bench: Bench, run: RunRecord) -> str:
    return bench.step(run, "a").result.artifacts[0].digest


def lose(home: Home) -> None:
    """Empty the data folder of its artifacts."""
    shutil.rmtree(home.artifacts)
    home.artifacts.mkdir()


def test_what_a_step_made_is_in_the_bucket_when_it_has_succeeded(kept: Bench, s3: S3) -> None:
    run = kept.run(CHAIN)
    assert (run.state, list(s3.objects())) == ("succeeded", [digest(kept, run)])


def test_a_value_that_is_missing_here_is_fetched_for_the_step_that_takes_it(kept: Bench) -> None:
    kept.run(CHAIN)
    lose(kept.home)
    run = kept.run(pipeline(MADE, step("b", "print(x)", takes={"x": "a"})))
    assert kept.states(run) == {"a": "cached", "b": "succeeded"}


def test_items_of_a_loop_are_joined_from_the_bucket_and_reused_from_there(kept: Bench) -> None:
    assert found(kept, kept.run(looping("x * 2"))) == [1, 2, 3]
    lose(kept.home)
    run = kept.run(looping("x * 2", xs="[1, 5, 2, 3]"))
    assert found(kept, run) == [1, 5, 2, 3]
    assert states(kept, run) == ["cached", "succeeded", "cached", "cached"]


def test_a_damaged_value_fails_the_step_that_takes_it_and_is_made_anew_without_the_cache(kept: Bench, s3: S3) -> None:
    run = kept.run(CHAIN)
    size = s3.objects()[digest(kept, run)]
    lose(kept.home)
    s3.spoil(digest(kept, run), b"!" * size)
    other = pipeline(MADE, step("b", "print(x)", takes={"x": "a"}))
    failed = kept.run(other)
    assert kept.states(failed) == {"a": "cached", "b": "failed"}
    assert kept.step(failed, "b").error.code == "LL404"
    assert kept.run(other, cache=False).state == "succeeded"
    lose(kept.home)
    assert kept.run(other).state == "succeeded"  # from the bucket, where the value is whole again


def test_a_step_whose_values_cannot_be_kept_fails_and_need_not_be_computed_again(kept: Bench, s3: S3) -> None:
    waits = "import os\nopen('begun', 'a').write('1')\nwhile not os.path.exists('go'): pass\nx = 1"
    waiting = pipeline(step("a", waits, gives="x"), step("b", "print(x)", takes={"x": "a"}))
    run = kept.start(waiting)
    kept.await_file("begun")
    s3.empty()
    kept.file("go").touch()
    assert kept.end(run).state == "failed"
    assert kept.step(run, "a").error.code == "LL612"
    assert "there is no bucket" in kept.step(run, "a").error.message

    s3.client.create_bucket(Bucket=s3.bucket)
    again = kept.run(waiting)
    assert kept.states(again) == {"a": "cached", "b": "succeeded"}
    assert kept.file("begun").read_text() == "1"
    assert list(s3.objects()) == [digest(kept, again)]


def test_a_run_does_not_begin_where_values_cannot_be_kept(kept: Bench, s3: S3) -> None:
    kept.artifacts.close()
    s3.use(LABLINE_ARTIFACTS="s3://labline-nowhere")
    other = Bench(kept.folder.parent)
    with pytest.raises(ArtifactStoreError, match="there is no bucket labline-nowhere"):
        other.start(CHAIN)
    assert other.store.list() == []
    other.close()


def test_neither_database_nor_logs_nor_records_hold_the_keys(kept: Bench) -> None:
    kept.run(pipeline(step("a", "import os\nos.environ['NEW'] = '1'\nx = 1", gives="x"), step("b", "print(x)")))
    found = [path for path in kept.home.root.rglob("*") if path.is_file() and b"some-secret" in path.read_bytes()]
    assert found == []
