"""A real registry, in which versions are made of runs as pipelines leave them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.models.shelf import Shelf
from labline_backend.registry import ModelReference
from labline_backend.tracking.location import Location

from ..stores import copy_into


@dataclass
class Store:
    """MLflow's registry in a data folder."""

    home: Home
    client: Any

    @property
    def shelf(self) -> Shelf:
        return Shelf(Location.find(self.home, {}))

    def register(
        self, name: str, metrics: dict[str, float] | None = None, *, evaluated: dict[str, float] | None = None
    ) -> str:
        """One more version of *name*, its *metrics* logged by the step that registered it, others by other steps."""
        pipeline = self.client.create_run("0", tags={"labline.run": "rabbit", "labline.pipeline": "p"}).info.run_id
        tags = {"labline.run": "rabbit", "labline.step": "train", "mlflow.parentRunId": pipeline}
        step = self.client.create_run("0", tags=tags).info
        for run, values in ((step.run_id, metrics), (pipeline, evaluated)):
            for metric, value in (values or {}).items():
                self.client.log_metric(run, metric, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not self.client.search_registered_models(f"name = '{name}'"):
                self.client.create_registered_model(name)
            return str(self.client.create_model_version(name, f"{step.artifact_uri}/model", step.run_id).version)


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Making the database costs seconds: tests share it, and each has models of its own."""
    from mlflow import MlflowClient

    home = copy_into(Home.open(tmp_path_factory.mktemp("shelf")), tmp_path_factory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Store(home, MlflowClient(Location.find(home, {}).uri))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model that no other test has."""
    return request.node.name.replace("[", " ").replace("]", " ").replace("/", " ").replace(":", " ").strip()


def version(name: str, number: str) -> ModelReference:
    """A version as the shelf takes it."""
    return ModelReference(name, version=number)


@pytest.fixture
def folder(store: Store, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The registry's data folder is the one that processes use."""
    monkeypatch.setenv("LABLINE_HOME", str(store.home.root))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return store.home.root
