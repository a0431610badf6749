"""A whole notebook: the same values under KFP's local runner and on the local engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labline_compiler import notebook as notebooks
from labline_compiler.compile import compile_notebook

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    return Path(shutil.copy(REPOSITORY / "notebooks" / "digits.ipynb", folder))


def test_the_digits_have_the_same_values_and_metrics_on_kubeflow_as_locally(run_on_kfp, digits):
    pipeline = compile_notebook(notebooks.read(digits)).pipeline
    on_kfp = run_on_kfp(pipeline, folder=digits.parent)

    paths = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
    done = subprocess.run(
        [sys.executable, "-m", "labline_backend", "run", digits.name, "--json", "--no-track"],
        cwd=digits.parent,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    local = json.loads(done.stdout)

    assert on_kfp.digests() == {
        step["name"]: {value["name"]: value["digest"] for value in step["values"]} for step in local["steps"]
    }
    found = {
        name: value
        for step in on_kfp.steps
        if "metrics" in on_kfp.steps[step]
        for name, value in on_kfp.metrics(step).items()
    }
    assert found == local["metrics"]
    assert found
