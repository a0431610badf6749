"""A Kubeflow Pipelines of the test's own, and a service that knows it as ``prod``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from tests.backend.engine.bench import PATIENCE, wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.image_registry import ImageRegistry
from tests.backend.kubeflow.running import Runner
from tests.backend.notebooks import write
from tests.backend.s3 import S3


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """KFP's local runner, imported once."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture
def emulator(tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A server without users, namespaces or storage."""
    monkeypatch.setattr("labline_backend.kubeflow.run.INTERVAL", 0.05)
    folder = tmp_path / "cluster"
    folder.mkdir()
    emulator = Emulator(folder, runner)
    yield emulator
    emulator.close()


@pytest.fixture
def with_storage(emulator: Emulator, s3: S3) -> S3:
    """Have the server put outputs into the test's bucket, its pipeline root."""

    def upload(place: str, path: Path) -> None:
        bucket, _, key = place.removeprefix("s3://").partition("/")
        s3.client.upload_file(str(path), bucket, key)

    def download(place: str, path: Path) -> None:
        bucket, _, key = place.removeprefix("s3://").partition("/")
        s3.client.download_file(bucket, key, str(path))

    emulator._upload, emulator._download = upload, download
    return s3


@pytest.fixture
def cluster(emulator: Emulator) -> Iterator[Cluster]:
    """The Kubernetes under the emulator."""
    with Cluster(emulator) as cluster:
        yield cluster


@pytest.fixture
def images() -> Iterator[ImageRegistry]:
    """The registry that the cluster's step image is in."""
    with ImageRegistry() as images:
        images.push(*DEFAULT_IMAGE.split(":"))
        yield images


class Client:
    """A service with the target ``prod``, and notebooks to run there."""

    def __init__(self, home: Path, folder: Path, images: ImageRegistry) -> None:
        self.folder = folder
        self.home = home
        self.image = f"{images.host}/{DEFAULT_IMAGE}"
        self.open()

    def open(self) -> None:
        self.service = Service(Home.open(self.home), track=False)

    def add(self, emulator: Emulator, **more: Any) -> Target:
        return self.service.targets.add(Target(**{"name": "prod", "host": emulator.url, "image": self.image, **more}))

    def submit(self, *cells: dict[str, Any], **more: Any) -> RunRecord:
        path = write(self.folder / "notebook.ipynb", *cells, labline=more.pop("metadata", None))
        return self.service.run(path, notebook="notebook.ipynb", **{"target": "prod", **more})

    def end(self, run: RunRecord) -> dict[str, Any]:
        """Wait for the run's end; all that the API shows of it."""
        # Each of its tasks starts a process that imports kfp: eight of them take most of a minute on a busy machine.
        record = self.service.engine.wait(run.id, 5 * PATIENCE)
        assert record.ended is not None, record.state
        return self.service.detail(run.id)

    def run(self, *cells: dict[str, Any], **more: Any) -> dict[str, Any]:
        return self.end(self.submit(*cells, **more))

    def until(self, run: RunRecord, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until the run is as *true* says."""
        wait_until(lambda: true(self.service.detail(run.id)), f"{run.id} never came to that")
        return self.service.detail(run.id)

    def close(self) -> None:
        self.service.close()


@pytest.fixture
def client(tmp_path: Path, labline_home: Path, emulator: Emulator, images: ImageRegistry) -> Iterator[Client]:
    """A service of the test's own."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    client = Client(labline_home, folder, images)
    client.add(emulator)
    yield client
    client.close()
