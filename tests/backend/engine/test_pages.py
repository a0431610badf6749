"""Steps that read over the network: when the cache stands for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labline_backend.engine.cachekey import reads_unseen
from labline_backend.store.pruning import Pruner
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step
from tests.pages import Site, served

READ = "import urllib.request as u\nwith u.urlopen({!r}) as page:\n    print(page.read().decode())"


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


def note(bench: Bench) -> str:
    return bench.step(bench.store.resolve("latest"), "a").cache_note


def reading(address: str):
    return pipeline(step("a", cell(READ.format(address))))


def test_a_page_that_is_unchanged_is_not_read_again(bench: Bench, site: Site) -> None:
    trial = reading(site.put("/data", "1", ETag='"one"'))
    bench.run(trial)
    assert bench.states(bench.run(trial)) == {"a": "cached"}
    assert site.asked == ["GET /data", "HEAD /data"]
    assert note(bench).endswith(f"and {site.address}/data unchanged")


def test_a_page_that_has_changed_is_read_again_and_named(bench: Bench, site: Site) -> None:
    trial = reading(site.put("/data", "1", ETag='"one"'))
    bench.run(trial)
    site.put("/data", "2", ETag='"two"')
    assert bench.log(bench.run(trial), "a") == "2\n"
    assert note(bench) == f"changed: page {site.address}/data"


def test_a_page_that_cannot_be_reached_is_not_trusted(bench: Bench) -> None:
    with served() as site:
        trial = reading(site.put("/data", "1", ETag='"one"'))
        bench.run(trial)
    assert bench.run(trial).state == "failed"


def test_a_page_without_validators_is_read_each_time_and_the_reason_told(bench: Bench, site: Site) -> None:
    trial = reading(site.put("/data", "1"))
    bench.run(trial)
    assert bench.states(bench.run(trial)) == {"a": "succeeded"}
    assert note(bench) == f"not cached: it reads {site.address}/data, whose server does not say when it changes"


def test_results_that_only_say_why_they_are_not_used_are_not_listed(bench: Bench, site: Site) -> None:
    bench.run(reading(site.put("/data", "1")))
    assert Pruner(bench.store, bench.artifacts, lambda: frozenset()).contents().results == ()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import mlflow\nmodel = mlflow.pyfunc.load_model('models:/m@champion')", "reads from the model registry"),
        ("import mlflow\nbest = mlflow.search_runs()", "asks MLflow (search_runs)"),
        ("import pandas as pd\ndf = pd.read_sql('select 1', 'postgresql://host/db')", "reads from a database"),
        ("import psycopg2\nc = psycopg2.connect('host=db')", "connects to a database"),
        ("import polars as pl\ndf = pl.read_csv('https://host/data.csv')", "reads a page with a library"),
        ("import pandas as pd\ndf = pd.read_parquet('s3://bucket/data')", "reads from an object store"),
    ],
)
def test_what_no_watch_sees_is_told_by_the_code(code: str, reason: str) -> None:
    trial = pipeline(step("a", cell(code, index=3)))
    assert f"cell 4 {reason}" in (reads_unseen(trial, trial.step("a")) or "")


@pytest.mark.parametrize(
    "code",
    [
        "import mlflow\nmodel = mlflow.pyfunc.load_model(f'runs:/{run}/model')",
        "print('see https://host/data.csv')",
        "import polars as pl\ndf = pl.read_csv('data.csv')",
        "import sqlite3\nc = sqlite3.connect('data.db')",
    ],
)
def test_what_a_watch_sees_is_left_to_it(code: str) -> None:
    trial = pipeline(step("a", code))
    assert reads_unseen(trial, trial.step("a")) is None
