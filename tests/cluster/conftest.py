"""The cluster that is named by variables of the environment; without them nothing here is collected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.kubeflow.targets import Target
from tests.cluster.place import Place

VARIABLE = "TEST_CLUSTER_"
FIELDS = ("host", "kubeconfig", "context", "namespace", "auth", "secret", "ca_file", "root", "image")

collect_ignore_glob = [] if os.environ.get(VARIABLE + "KUBECONFIG") else ["test_*.py"]


@pytest.fixture
def target() -> Target:
    """The cluster, as ``labline target add`` would have it."""
    found = {
        field: os.environ[VARIABLE + field.upper()] for field in FIELDS if os.environ.get(VARIABLE + field.upper())
    }
    return Target(**{"name": "cluster", **found})  # type: ignore[arg-type]


@pytest.fixture
def place(target: Target, labline_home: Path, tmp_path: Path) -> Iterator[Place]:
    """A service of the test's own that knows the cluster."""
    place = Place(labline_home, tmp_path / "notebooks", target)
    yield place
    place.close()
