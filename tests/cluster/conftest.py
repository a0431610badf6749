"""The cluster that is named by variables of the environment; without them nothing here is collected."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.preflight import check
from labline_backend.kubeflow.targets import Target
from tests.cluster.place import Place

VARIABLE = "TEST_CLUSTER_"
FIELDS = ("host", "kubeconfig", "context", "namespace", "auth", "secret", "ca_file", "root", "image")

collect_ignore_glob = [] if os.environ.get(VARIABLE + "KUBECONFIG") else ["test_*.py"]


def named() -> Target:
    """The cluster, as ``labline target add`` would have it; without an address by a port-forward."""
    found: dict[str, Any] = {
        field: os.environ[VARIABLE + field.upper()] for field in FIELDS if os.environ.get(VARIABLE + field.upper())
    }
    return Target(name="cluster", port_forward="host" not in found, **found)


@pytest.fixture(scope="session", autouse=True)
def answering() -> None:
    """Without a cluster that passes the pre-flight no test is tried: one sentence says why."""
    try:
        lacks = [found for found in check(named().checked()).findings if found.severity == "error"]
    except TargetError as error:
        lacks = [error.finding]
    if lacks:
        said = "".join(f"\n{found.code} {found.message}\n    {found.fix}" for found in lacks)
        pytest.exit(f"The cluster cannot be tested on:{said}", returncode=2)


@pytest.fixture
def target() -> Target:
    """The cluster that is named."""
    return named()


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
