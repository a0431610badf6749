"""The cluster that is named by variables of the environment; without them nothing here is collected."""

from __future__ import annotations

import base64
import os
import uuid
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
def secret(target: Target) -> Iterator[str]:
    """A secret in the target's namespace with ``birds`` under the key ``word``; its name."""
    from kubernetes import client

    from labline_backend.kubeflow.cluster import Cluster

    cluster, name = Cluster(target), f"labline-test-{uuid.uuid4().hex[:8]}"
    core = client.CoreV1Api(cluster.api)
    data = {"word": base64.b64encode(b"birds").decode()}
    core.create_namespaced_secret(cluster.namespace, client.V1Secret(metadata={"name": name}, data=data))
    yield name
    core.delete_namespaced_secret(name, cluster.namespace)
    cluster.close()


@pytest.fixture
def has_pods() -> bool:
    """Whether steps run in pods of their own, whose options can be looked at."""
    return True


@pytest.fixture
def place(target: Target, labline_home: Path, tmp_path: Path) -> Iterator[Place]:
    """A service of the test's own that knows the cluster."""
    place = Place(labline_home, tmp_path / "notebooks", target)
    yield place
    place.close()
