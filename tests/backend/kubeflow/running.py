"""The process that runs compiled pipelines for the emulator, see ``runner.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]


class Runner:
    """The process that runs pipelines, and what it tells."""

    def __init__(self) -> None:
        paths = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
        self._listeners: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("runner.py"))],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def start(
        self,
        run: str,
        folder: Path,
        specification: Path,
        arguments: dict[str, Any],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._listeners[run] = tell
        order = {"run": run, "folder": str(folder), "specification": str(specification), "arguments": arguments}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process; what it has forked ends by itself or is killed by the emulator."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._thread.join()
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told:
            for line in told:
                event = json.loads(line)
                self._listeners[event["run"]](event)
