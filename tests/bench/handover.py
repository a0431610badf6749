"""Handing on big values, as a step boundary does it, beside writing and mapping the same bytes.

CPU seconds, all threads, so that what else runs on the machine matters little: a value is described (which digests its
content), stored (which hashes the file), and loaded (which checks that hash before it unpickles anything).
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labline_runtime.values import describe, hashing, load, store
from labline_runtime.values.artifact import CHUNK

NAME = "handover"
TITLE = "An array of 200 MB and a frame of a million rows handed on, in CPU seconds"
REFERENCE = "write, sync, map and read"
ROUNDS = 5
PAGE = 4096


def measure() -> dict[str, list[float]]:
    """CPU seconds a round, by contender."""
    draw = np.random.default_rng(0)
    array, table = draw.random(25_000_000), draw.random((10, 1_000_000))
    values = {"array": array, "frame": pd.DataFrame(table.T, columns=list("abcdefghij"))}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        contenders: dict[str, Callable[[], Any]] = {
            REFERENCE: lambda: _plainly([array, table], place / "plain"),
            "handed on": lambda: _handed_on(values, place, hashing.FAST),
            "handed on, sha256 only": lambda: _handed_on(values, place, hashing.PLAIN),
        }
        samples: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(ROUNDS):
            for name, run in contenders.items():
                start = time.process_time()
                run()
                samples[name].append(time.process_time() - start)
                for left in filter(Path.is_file, place.rglob("*")):
                    left.unlink()
    return samples


def _plainly(arrays: list[Any], path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for array in arrays:
            view = memoryview(array).cast("B")
            for start in range(0, len(view), CHUNK):
                file.write(view[start : start + CHUNK])
        os.fsync(file.fileno())
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as content:
        content[::PAGE]


def _handed_on(values: Mapping[str, Any], place: Path, scheme: str) -> None:
    for name, value in values.items():
        describe(name, value)
    stored = store(values, place, scheme=scheme)
    load(stored.path, stored.digest)
