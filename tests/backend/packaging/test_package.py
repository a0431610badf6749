"""``labline package`` as people call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.tracking.location import Location

from ..cli.conftest import REPOSITORY, SECONDS
from ..stores import using
from .conftest import Workshop

pytestmark = pytest.mark.long


def package(workshop: Workshop, *arguments: str) -> subprocess.CompletedProcess[str]:
    places = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    given = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return subprocess.run(
        [sys.executable, "-m", "labline_backend", "package", workshop.notebook.name, *arguments],
        env={**given, "PYTHONPATH": os.pathsep.join(places), "LABLINE_HOME": str(workshop.home)},
        cwd=workshop.notebook.parent,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def registered(workshop: Workshop) -> dict[str, Any]:
    """What the command says of a model that it has registered."""
    found = package(workshop, "--predict", "stale_global", "--input", "people", "--name", "stale", "--json")
    assert found.returncode == 0, found.stderr
    document: dict[str, Any] = json.loads(found.stdout)
    return document


def test_the_version_tells_where_it_comes_from(workshop: Workshop, registered: dict[str, Any]) -> None:
    import mlflow

    location = Location.find(Home.open(workshop.home), {})
    with using(location.uri):
        version = mlflow.MlflowClient(location.uri).get_model_version("stale", registered["version"])
    assert version.tags["labline.run"] == registered["run"]
    assert version.tags["labline.step"] == "stale_global"
    assert version.tags["labline.input.people"]
    assert "scikit-learn==" in version.tags["labline.packages"]


def test_what_was_tried_is_told(registered: dict[str, Any]) -> None:
    assert registered["columns"] == ["income", "size"]
    assert registered["tried"]["rows"] > 20 and registered["tried"]["largest_difference"] < 1e-9


def test_a_model_that_differs_is_not_registered(workshop: Workshop) -> None:
    import mlflow

    found = package(workshop, "--predict", "index_dependence", "--input", "people", "--name", "wrong")
    assert found.returncode == 2
    assert "The model is not registered" in found.stderr and "'place'" in found.stderr
    location = Location.find(Home.open(workshop.home), {})
    if location.database is not None and location.database.exists():
        with using(location.uri):
            assert not mlflow.MlflowClient(location.uri).search_registered_models("name = 'wrong'")


def test_a_notebook_that_has_not_run_is_said(workshop: Workshop) -> None:
    other = workshop.notebook.with_name("other.ipynb")
    other.write_text(workshop.notebook.read_text())
    moved = Workshop(workshop.home, other, workshop.folder)
    found = package(moved, "--predict", "stale_global")
    assert found.returncode == 2 and "labline run other.ipynb" in found.stderr


def test_a_name_that_cannot_be_is_refused(workshop: Workshop) -> None:
    found = package(workshop, "--predict", "stale_global", "--name", "a/b")
    assert found.returncode == 2 and "cannot be called 'a/b'" in found.stderr
