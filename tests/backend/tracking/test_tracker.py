"""What a run leaves in MLflow. All of it is recorded once, by the fixture ``told``; each test looks at one thing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from labline_backend.store.records import RunRecord
from labline_backend.tracking.tracker import Logged, ModelVersion
from labline_runtime.outcome import Registered

from .conftest import Engine, Reader, pipeline, result

# What a user writes into a cell of ``train``: an experiment, a parameter that Labline records too, a model.
CODE = """
import mlflow
mlflow.set_experiment("shop")
with mlflow.start_run():
    mlflow.log_metric("own", 0.25)
    mlflow.log_param("rate", 0.001)
    mlflow.pyfunc.log_model(
        name="model", python_model=lambda model_input: model_input, pip_requirements=[], registered_model_name="greeter"
    )
with mlflow.start_run(run_name="second"):
    mlflow.log_metric("more", 2)
"""

CERTIFICATE = {"subject": {"verdict": "verified"}, "digest": "abc"}


@dataclass
class Told:
    """Two runs that were recorded: the second one took ``train`` from the cache."""

    client: Any
    run: RunRecord
    tracked: Any
    step: Any
    second: Any
    logged: Logged
    cached: Any
    cached_logged: Logged
    cached_run: RunRecord
    working_directory: Path


@pytest.fixture(scope="module")
def told(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Told:
    tracker, here = engine.tracker, tmp_path_factory.mktemp("working-directory")
    run = engine.run(pipeline(CODE))
    tracked = engine.do(tracker.start_run(run))
    step_id = engine.do(tracker.start_step(run, "train"))
    engine.code(CODE, tracker.environment(run, step_id), here)
    engine.do(tracker.finish_step(run, engine.step(run, "load"), engine.folder(run, "load")))
    logged = engine.do(tracker.finish_step(run, engine.step(run, "train"), engine.folder(run, "train")))
    engine.do(tracker.finish_run(replace(run, state="succeeded", ended=1_700_000_009.0), {"loss": 0.5, "none": None}))
    ended = replace(run, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.run_id)
    engine.do(tracker.attach_certificate(ended, CERTIFICATE))

    again = engine.run(pipeline(CODE))
    cached_record = engine.step(again, "train", state="cached", attempt=0, cached_from=run.id)
    cached_logged = engine.do(tracker.finish_step(again, cached_record, engine.home.step_folder(again.id, "train")))
    engine.do(tracker.finish_run(replace(again, state="succeeded", ended=1_700_000_019.0), {}))
    assert tracker.problems == []

    client = Reader(tracker.location.uri)

    def one(condition: str) -> Any:
        (found,) = client.search_runs([tracked.experiment_id], condition)
        return found

    return Told(
        client=client,
        run=run,
        tracked=client.get_run(tracked.run_id),
        step=client.get_run(step_id),
        second=one("attributes.run_name = 'second'"),
        logged=logged,
        cached=one(f"tags.`labline.run` = '{again.id}' AND tags.`labline.step` = 'train'"),
        cached_logged=cached_logged,
        cached_run=again,
        working_directory=here,
    )


def artifacts(told: Told, run: Any) -> set[str]:
    return {file.path for file in told.client.list_artifacts(run.info.run_id)}


def test_a_run_is_named_as_ours(told: Told) -> None:
    assert told.tracked.info.run_name == told.run.id


def test_a_run_goes_to_the_experiment_that_its_code_names(told: Told) -> None:
    assert told.client.get_experiment(told.tracked.info.experiment_id).name == "shop"


def test_a_run_that_succeeded_is_finished_at_its_true_time(told: Told) -> None:
    info = told.tracked.info
    assert (info.status, info.start_time, info.end_time) == ("FINISHED", 1_700_000_000_500, 1_700_000_009_000)


def test_a_run_tells_where_it_comes_from(told: Told) -> None:
    tags = told.tracked.data.tags
    assert tags["labline.run"] == told.run.id
    assert tags["labline.pipeline"] == "orders"
    assert tags["labline.notebook"] == tags["mlflow.source.name"] == "work/orders.ipynb"


def test_a_run_has_its_parameters(told: Told) -> None:
    assert told.tracked.data.params == {"rate": "0.001", "label": "x"}


def test_a_run_has_the_metrics_that_have_a_value(told: Told) -> None:
    assert told.tracked.data.metrics == {"loss": 0.5}


def test_a_run_has_its_notebook_and_its_pipeline(told: Told) -> None:
    assert artifacts(told, told.tracked) == {"orders.ipynb", "pipeline.json", "certificate.json"}


def test_a_step_is_nested_in_its_run(told: Told) -> None:
    assert told.step.data.tags["mlflow.parentRunId"] == told.tracked.info.run_id
    assert told.step.info.run_name == "train"


def test_a_step_tells_its_state(told: Told) -> None:
    assert told.step.info.status == "FINISHED"
    assert (told.step.data.tags["labline.state"], told.step.data.tags["labline.attempt"]) == ("succeeded", "1")


def test_a_step_has_its_metrics_beside_those_of_the_users_own_code(told: Told) -> None:
    assert told.step.data.metrics == {"own": 0.25, "loss": 0.5}


def test_a_step_has_its_parameters_though_the_users_own_code_logged_one_too(told: Told) -> None:
    assert told.step.data.params == {"rate": "0.001", "label": "x"}


def test_a_step_has_its_executed_notebook(told: Told) -> None:
    assert "executed.ipynb" in artifacts(told, told.step)


def test_a_step_tells_the_digests_of_what_it_took(told: Told) -> None:
    tags = told.step.data.tags
    assert tags["labline.input.rows"] == "digest-of-rows"
    assert tags["labline.input.hidden_state.random"] == "digest-of-@random"


def test_a_step_keeps_its_whole_lineage(told: Told) -> None:
    path = Path(told.client.download_artifacts(told.step.info.run_id, "lineage.json"))
    assert json.loads(path.read_text())["inputs"] == {"rows": "digest-of-rows", "@random": "digest-of-@random"}


def test_a_further_run_that_a_step_starts_hangs_below_it(told: Told) -> None:
    assert told.second.data.tags["mlflow.parentRunId"] == told.step.info.run_id


def test_what_the_users_own_code_logged_is_handed_back(told: Told) -> None:
    assert told.logged == Logged({"own": 0.25, "more": 2.0}, (ModelVersion("greeter", "1"),))


def test_a_cached_step_points_to_the_run_that_holds_its_models(told: Told) -> None:
    tags = told.cached.data.tags
    assert tags["labline.cached_from"] == told.run.id
    assert tags["labline.cached_from_mlflow_run"] == told.step.info.run_id
    assert told.cached_logged.models == (ModelVersion("greeter", "1"),)


def test_a_cached_step_has_its_metrics(told: Told) -> None:
    assert told.cached.data.metrics == {"loss": 0.5}


def test_a_step_that_was_never_started_opens_its_run_itself(told: Told) -> None:
    parent = told.client.get_run(told.cached.data.tags["mlflow.parentRunId"])
    assert parent.info.run_name == told.cached_run.id


def test_nothing_lands_where_the_step_works(told: Told) -> None:
    assert list(told.working_directory.iterdir()) == []


def test_all_files_lie_in_the_data_folder(told: Told, engine: Engine) -> None:
    folder = engine.home.mlflow.as_uri()
    assert {e.name: e.artifact_location.startswith(folder) for e in told.client.search_experiments()} == {
        "Default": True,
        "shop": True,
    }


def test_calls_at_the_same_time_find_their_order(engine: Engine) -> None:
    run = engine.run(pipeline())
    folder = engine.folder(run, "train")

    async def all_at_once() -> None:
        await asyncio.gather(
            engine.tracker.start_step(run, "train"),
            engine.tracker.start_run(run),
            engine.tracker.finish_step(run, engine.step(run, "load"), folder),
        )
        last = asyncio.create_task(engine.tracker.finish_step(run, engine.step(run, "train"), folder))
        await asyncio.sleep(0)
        await engine.tracker.finish_run(replace(run, state="succeeded"), {})
        await last

    engine.do(all_at_once())
    client = Reader(engine.tracker.location.uri)
    found = client.search_runs(["1", "2"], f"tags.`labline.run` = '{run.id}'")
    assert {(r.info.run_name, r.info.status) for r in found} == {
        (run.id, "FINISHED"),
        ("load", "FINISHED"),
        ("train", "FINISHED"),
    }


@pytest.mark.parametrize(("state", "status"), [("failed", "FAILED"), ("cancelled", "KILLED")])
def test_a_run_ends_as_it_did(engine: Engine, state: Any, status: str) -> None:
    run = engine.run(pipeline())
    tracked = engine.do(engine.tracker.start_run(run))
    engine.do(engine.tracker.finish_run(replace(run, state=state, error="Because."), {}))
    recorded = Reader(engine.tracker.location.uri).get_run(tracked.run_id)
    assert (recorded.info.status, recorded.data.tags["labline.error"]) == (status, "Because.")


def test_a_step_that_was_cut_off_is_not_left_running(engine: Engine) -> None:
    run = engine.run(pipeline())
    step = engine.do(engine.tracker.start_step(run, "train"))
    engine.do(engine.tracker.finish_run(replace(run, state="cancelled"), {}))
    assert Reader(engine.tracker.location.uri).get_run(step).info.status == "KILLED"


def test_each_attempt_has_a_run_of_its_own(engine: Engine) -> None:
    run = engine.run(pipeline())
    folder = engine.folder(run, "train")
    first = engine.do(engine.tracker.start_step(run, "train"))
    engine.do(engine.tracker.finish_step(run, engine.step(run, "train", state="failed"), folder))
    second = engine.do(engine.tracker.start_step(run, "train"))
    engine.do(engine.tracker.finish_step(run, engine.step(run, "train", attempt=2), folder))
    client = Reader(engine.tracker.location.uri)
    assert [client.get_run(r).info.status for r in (first, second)] == ["FAILED", "FINISHED"]


def test_a_resumed_run_goes_on_in_its_mlflow_run(engine: Engine, new_engine: Callable[..., Engine]) -> None:
    run = engine.run(pipeline())
    tracked = engine.do(engine.tracker.start_run(run))
    later = new_engine(engine.home)
    resumed = replace(run, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.run_id)
    assert later.do(later.tracker.start_run(resumed)) == tracked
    later.do(later.tracker.finish_run(replace(resumed, state="succeeded"), {}))
    assert Reader(engine.tracker.location.uri).get_run(tracked.run_id).info.status == "FINISHED"


def test_what_an_engine_left_open_that_was_killed_is_reopened_and_closed(
    engine: Engine, new_engine: Callable[..., Engine]
) -> None:
    run = engine.run(pipeline())
    tracked = engine.do(engine.tracker.start_run(run))  # nobody has written down which it is
    step = engine.do(engine.tracker.start_step(run, "train"))
    later = new_engine(engine.home)
    assert later.do(later.tracker.start_run(run)) == tracked
    later.do(later.tracker.finish_run(replace(run, state="succeeded"), {}))
    client = Reader(engine.tracker.location.uri)
    assert [client.get_run(each).info.status for each in (tracked.run_id, step)] == ["FINISHED", "KILLED"]


def test_odd_names_and_long_values_are_no_problem(engine: Engine) -> None:
    run = engine.run(pipeline(), parameters={"label": repr("w" * 9000)})
    tracked = engine.do(engine.tracker.start_run(run))
    engine.do(engine.tracker.finish_run(replace(run, state="succeeded"), {"f1 (macro)/": float("nan"), "α": 1}))
    recorded = Reader(engine.tracker.location.uri).get_run(tracked.run_id)
    assert engine.tracker.problems == []
    assert recorded.data.params["label"].endswith("(cut, 9000 characters in all)")
    assert set(recorded.data.metrics) == {"_f1 _macro__", "α"}


def test_the_certificate_is_an_artifact_of_the_run(told: Told, tmp_path: Path) -> None:
    kept = told.client.download_artifacts(told.tracked.info.run_id, "certificate.json", str(tmp_path))
    assert json.loads(Path(kept).read_text()) == CERTIFICATE


def test_the_run_says_what_its_verification_found(told: Told) -> None:
    tags = told.client.get_run(told.tracked.info.run_id).data.tags
    assert (tags["labline.verdict"], tags["labline.certificate"]) == ("verified", "abc")


def test_a_model_version_that_the_run_registered_carries_its_certificate(told: Told) -> None:
    tags = told.client.get_model_version("greeter", "1").tags
    assert (tags["labline.verdict"], tags["labline.certificate"]) == ("verified", "abc")


def test_a_version_that_a_pod_has_registered_in_another_mlflow_is_told(engine: Engine) -> None:
    run = engine.run(pipeline(), target="prod")
    engine.do(engine.tracker.start_run(run))
    found = Registered("greeter", "1", "model", 2, tracked="0" * 32)
    step = engine.step(run, "train", result=replace(result(), registered=found))
    logged = engine.do(engine.tracker.finish_step(run, step, engine.folder(run, "train")))
    assert logged.models == ()
    (problem,) = engine.tracker.problems
    engine.tracker.problems.clear()
    assert "greeter version 1 in another MLflow than this one" in problem
