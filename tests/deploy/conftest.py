"""The manifests, rendered by kubectl as an operator would have it."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"

Manifest = dict[str, Any]

# What an operator can have: a folder, or one with the component put on top.
VARIANTS = (
    "standalone",
    "kubeflow",
    "jupyterhub",
    "standalone with mlflow",
    "standalone with mlflow, postgresql",
    "kubeflow with mlflow, postgresql",
)


@functools.cache
def kubectl() -> str:
    found = Path(sys.executable).parent / "kubectl"
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("kubectl comes as a binary for x86-64 only")
    if not found.exists():
        pytest.fail(f"there is no {found}: `make {found.relative_to(REPOSITORY)}` gets it")
    return str(found)


def render(folder: Path) -> list[Manifest]:
    done = subprocess.run([kubectl(), "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Manifest]]:
    """The manifests of one of the variants."""

    @functools.cache
    def rendered(variant: str) -> list[Manifest]:
        overlay, _, components = variant.partition(" with ")
        folder = KUBERNETES / "overlays" / overlay
        if components:
            own = tmp_path_factory.mktemp("overlay")
            kustomization = {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "namespace": {"standalone": "labline", "kubeflow": "profile-name"}[overlay],
                "resources": [os.path.relpath(folder.resolve(), own.resolve())],
                "components": [
                    os.path.relpath((KUBERNETES / "components" / component).resolve(), own.resolve())
                    for component in components.split(", ")
                ],
            }
            (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
            folder = own
        return render(folder)

    return rendered
