"""A run on a target in MLflow, as one of this machine would be: a real store, which the pods reach as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from labline_backend.tracking.location import Location
from labline_backend.verification.session import Watcher, verify
from labline_backend.verification.subject import read_subject
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from tests.backend.engine.bench import PATIENCE, wait_until
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.image_registry import ImageRegistry
from tests.backend.kubeflow.running import Runner
from tests.backend.kubeflow.test_run import is_running, waiting
from tests.backend.notebooks import code, write
from tests.backend.s3 import S3, s3_server
from tests.backend.stores import copy_into
from tests.backend.tracking.conftest import Reader

__all__ = ["s3_server"]

pytestmark = pytest.mark.long

CELLS = (
    code("rate = 0.5", "pipeline-parameters"),
    code("import numpy as np\nrows = np.arange(12.0).reshape(6, 2)\nprice = rows.sum(axis=1)", "step:load"),
    code(
        "from sklearn.linear_model import Ridge\nmodel = Ridge(alpha=rate).fit(rows, price)",
        "step:train",
        "secret:mlflow:uri:MLFLOW_TRACKING_URI",
    ),
    code("loss = 0.25", "pipeline-metrics"),
)


@dataclass
class Far:
    """A service whose target's pods reach its MLflow."""

    service: Service
    emulator: Emulator
    folder: Path
    home: Home

    @property
    def mlflow(self) -> Reader:
        """MLflow's own client."""
        return Reader(Location.find(self.home, {}).uri)

    def submit(self, *cells: dict[str, Any], **labline: Any) -> RunRecord:
        path = write(self.folder / "notebook.ipynb", *cells, labline=labline or None)
        return self.service.run(path, notebook="notebook.ipynb", target="prod")

    def tracked(self, run: str) -> Any:
        """The run at MLflow."""
        return self.mlflow.get_run(self.service.get(run).mlflow_run_id)

    def nested(self, run: str, step: str) -> list[Any]:
        """The runs of a step at MLflow."""
        top = self.tracked(run).info
        condition = f"tags.`mlflow.parentRunId` = '{top.run_id}' AND tags.`labline.step` = '{step}'"
        return list(self.mlflow.search_runs([top.experiment_id], condition))


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory, s3_server: str) -> Iterator[Far]:
    folder = tmp_path_factory.mktemp("far")
    for name in ("cluster", "notebooks"):
        (folder / name).mkdir()
    home = copy_into(Home.open(folder / "home"), tmp_path_factory)
    with pytest.MonkeyPatch.context() as patch, ImageRegistry() as images:
        images.push(*DEFAULT_IMAGE.split(":"))
        patch.setattr("labline_backend.kubeflow.run.INTERVAL", 0.05)
        s3 = S3(s3_server, "labline-tracked", patch)
        s3.use(AWS_ENDPOINT_URL=s3_server, AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s")
        s3.client.create_bucket(Bucket=s3.bucket)
        with pytest.MonkeyPatch.context() as pods:  # what the secret would give them
            pods.setenv("MLFLOW_TRACKING_URI", Location.find(home, {}).uri)
            runner = Runner()

        def upload(place: str, path: Path) -> None:
            bucket, _, key = place.removeprefix("s3://").partition("/")
            s3.client.upload_file(str(path), bucket, key)

        emulator = Emulator(folder / "cluster", runner, upload)
        far = Far(Service(home), emulator, folder / "notebooks", home)
        image = f"{images.host}/{DEFAULT_IMAGE}"
        far.service.targets.add(Target("prod", emulator.url, root=f"s3://{s3.bucket}/kfp", image=image))
        yield far
        far.service.close()
        emulator.close()
        runner.close()


@pytest.fixture(scope="module")
def verified(far: Far) -> dict[str, Any]:
    """A run on the target that was verified."""
    path = write(far.folder / "houses.ipynb", *CELLS, labline={"steps": {"train": {"register": "houses"}}})
    certificate = verify(far.service, read_subject(far.service, path, {"rate": "0.25"}), "prod", Watcher())
    assert certificate["subject"]["verdict"] == "verified", certificate
    return far.service.detail(certificate["subject"]["run"])


def test_it_is_a_run_with_its_parameters_metrics_and_times(far: Far, verified: dict[str, Any]) -> None:
    run = far.tracked(verified["id"])
    assert (run.info.status, run.data.params, run.data.metrics) == ("FINISHED", {"rate": "0.25"}, {"loss": 0.25})
    assert (run.data.tags["labline.target"], run.data.tags["labline.run"]) == ("prod", verified["id"])
    assert abs(run.info.end_time / 1000 - verified["ended"]) < 0.01


def test_the_run_leads_there(far: Far, verified: dict[str, Any]) -> None:
    assert verified["mlflow"]["run_id"] in verified["mlflow"]["url"]
    assert verified["findings"] == []


def test_each_step_is_a_nested_run_with_what_it_took_and_made(far: Far, verified: dict[str, Any]) -> None:
    (load,), (train,) = (far.nested(verified["id"], step) for step in ("load", "train"))
    assert (load.info.status, train.info.status) == ("FINISHED", "FINISHED")
    assert (train.data.params, train.data.metrics) == ({"rate": "0.25"}, {"loss": 0.25})
    assert train.data.tags["labline.input.rows"] == load.data.tags["labline.output.rows"]
    assert {each.path for each in far.mlflow.list_artifacts(train.info.run_id)} >= {"executed.ipynb", "lineage.json"}


def test_the_version_that_the_pod_has_registered_is_the_steps(far: Far, verified: dict[str, Any]) -> None:
    version = far.mlflow.get_model_version("houses", "1")
    (train,) = far.nested(verified["id"], "train")
    assert far.mlflow.get_run(version.run_id).data.tags["mlflow.parentRunId"] == train.info.run_id
    assert (version.tags["labline.run"], version.tags["labline.step"]) == (verified["id"], "train")
    assert version.tags["labline.input.rows"] == train.data.tags["labline.input.rows"]


def test_the_certificate_goes_to_the_run_and_to_that_version(far: Far, verified: dict[str, Any]) -> None:
    version = far.mlflow.get_model_version("houses", "1")
    for tags in (far.tracked(verified["id"]).data.tags, version.tags):
        assert (tags["labline.verdict"], tags["labline.certificate"]) == (
            "verified",
            verified["certificate"]["digest"],
        )


def test_a_run_that_is_followed_again_stays_one_run_with_one_run_a_step(far: Far) -> None:
    record = far.submit(*waiting(far.folder))
    wait_until(lambda: is_running(far.service.detail(record.id)), "it never ran")
    wait_until(lambda: far.service.step(record.id, "slow").mlflow_run_id, "its step was never tracked")
    far.service.close()
    far.service = Service(far.home)
    assert far.tracked(record.id).info.status == "RUNNING"  # over there it is
    far.service.resume(record.id)
    (far.folder / "go").touch()
    far.service.engine.wait(record.id, 5 * PATIENCE)
    (slow,) = far.nested(record.id, "slow")
    assert (far.tracked(record.id).info.status, slow.info.status) == ("FINISHED", "FINISHED")


def test_a_step_that_fails_there_has_failed_in_mlflow(far: Far) -> None:
    record = far.submit(code("1 / 0", "step:bad"), code("x = 1", "step:after"))
    far.service.engine.wait(record.id, 5 * PATIENCE)
    (bad,) = far.nested(record.id, "bad")
    assert (far.tracked(record.id).info.status, bad.info.status) == ("FAILED", "FAILED")
