"""A service with one target, and notebooks to run there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labline_backend.home import Home
from labline_backend.kubeflow.targets import Target
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from tests.backend.notebooks import write

PATIENCE = 900.0  # seconds before a test gives up: a cluster may have an image to pull
INTERVAL = 0.05  # between two looks at what is kept on this machine


class Place:
    """What the tests need of Labline."""

    def __init__(self, home: Path, folder: Path, target: Target) -> None:
        folder.mkdir()
        self.folder = folder
        self.service = Service(Home.open(home), track=False)
        self.target = self.service.targets.add(target)

    def notebook(self, *cells: dict[str, Any], metadata: Any = None) -> Path:
        return write(self.folder / "labline-test.ipynb", *cells, labline=metadata)

    def submit(self, *cells: dict[str, Any], metadata: Any = None, **more: Any) -> RunRecord:
        path = self.notebook(*cells, metadata=metadata)
        return self.service.run(path, notebook=path.name, target=self.target.name, **more)

    def end(self, run: RunRecord) -> dict[str, Any]:
        """Wait for the run's end; one that never comes is ended there."""
        try:
            assert self.service.engine.wait(run.id, PATIENCE).ended is not None
        except BaseException:
            self.service.cancel(run.id)
            raise
        return self.service.detail(run.id)

    def until(self, run: RunRecord, true: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the run is as *true* says."""
        late = time.monotonic() + PATIENCE
        while not true(found := self.service.detail(run.id)):
            assert found["ended"] is None and time.monotonic() < late, found["error"]
            time.sleep(INTERVAL)

    def close(self) -> None:
        self.service.close()
