"""The suite for a real cluster, on the emulator: its own code runs in every test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.kubeflow.targets import Target
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.s3 import S3
from tests.cluster.conftest import place
from tests.cluster.test_cluster import *  # noqa: F403 - its tests are these

__all__ = ["place"]


@pytest.fixture
def target(emulator: Emulator, cluster: Cluster, with_storage: S3, tmp_path: Path) -> Target:
    kubeconfig = cluster.kubeconfig(tmp_path)
    return Target("cluster", emulator.url, kubeconfig=kubeconfig, root=f"s3://{with_storage.bucket}/kfp")


@pytest.fixture
def secret(cluster: Cluster) -> str:
    """What Kubernetes knows of; no step gets it, since steps run in plain processes here."""
    cluster.things.add("secrets/labline-test")
    cluster.keys["secrets/labline-test"] = {"word"}
    return "labline-test"


@pytest.fixture
def has_pods() -> bool:
    """No: KFP's local runner knows neither pods nor their options; what the API tells of them is all there is."""
    return False
