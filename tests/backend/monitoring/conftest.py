"""The ``labline`` command, as the tests of the command line have it, and a run whose values crossed a step boundary."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.monitoring.samples import Sample, stored_value
from labline_backend.store.runs import RunStore

from ..cli.conftest import REPOSITORY, SECONDS, environment, labline
from ..notebooks import code, write

__all__ = ["environment", "labline"]

LOAD = """import numpy as np
import pandas as pd
values = np.random.default_rng(5).normal(size=(400, 2))
frame = pd.DataFrame(values.copy(), columns=['a', 'b'])
frame['target'] = 1
text = 'not a table'"""
CLEAN = "frame['a'] = frame['a'] * 10"
TRAIN = "model = frame['a'].mean() + values.mean() + len(text)"


@dataclass(frozen=True)
class Trained:
    """A data folder with one run."""

    home: Path

    def value(self, name: str) -> Sample:
        """A value of the run."""
        home = Home.open(self.home)
        store = RunStore(home)
        try:
            run = store.resolve("latest")
            return stored_value(home, run, store.steps(run.id), name, ["a", "b"])
        finally:
            store.close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run in which training data crosses step boundaries, as a frame and as an array."""
    folder = tmp_path_factory.mktemp("trained")
    cells = [code(LOAD, "step:load"), code(CLEAN, "step:clean"), code(TRAIN, "step:train")]
    path = write(folder / "train.ipynb", *cells)
    places = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    subprocess.run(
        [sys.executable, "-m", "labline_backend", "run", str(path), "--no-track"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "LABLINE_HOME": str(folder / "home")},
        check=True,
        timeout=SECONDS,
        capture_output=True,
    )
    return Trained(folder / "home")
