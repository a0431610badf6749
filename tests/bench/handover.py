"""Handing on big values, as a step boundary does it, beside writing and mapping the same bytes.

CPU seconds, all threads, so that what else runs on the machine matters little; and seconds, in which hashing goes on
while the disk writes. A value is stored and described, for
which its bytes are hashed once, in the file; it is loaded, for which they are hashed once more unless the file's stamp
is as it was; and the guard of the step that has taken it looks whether it was altered.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labline_runtime import guard
from labline_runtime.specification import StepInput
from labline_runtime.transfer import Received
from labline_runtime.values import describe, hashing, load, store
from labline_runtime.values.artifact import CHUNK
from labline_runtime.values.hashed import Written

from . import clocks
from .clocks import Clock, Samples

REFERENCE = "write, sync, map and read"
ROUNDS = 10
PAGE = 4096


def measure(clock: Clock) -> Samples:
    """Seconds of *clock* a round, by contender."""
    draw = np.random.default_rng(0)
    array, table = draw.random(25_000_000), draw.random((10, 1_000_000))
    values = {"array": array, "frame": pd.DataFrame(table.T, columns=list("abcdefghij"))}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        contenders: dict[str, Callable[[], Any]] = {
            REFERENCE: lambda: _plainly([array, table], place / "plain"),
            "handed on": lambda: _handed_on(values, place, hashing.FAST),
            "handed on, guarded": lambda: _handed_on(values, place, hashing.FAST, guarded=True),
            "handed on, by way of another machine": lambda: _handed_on(values, place, hashing.FAST, stamped=False),
            "handed on, sha256 only": lambda: _handed_on(values, place, hashing.PLAIN),
        }
        samples: Samples = {name: [] for name in contenders}
        for number in range(ROUNDS):
            names = list(
                contenders
            )  # each begins once: where the kernel has no free pages at hand, the first one waits
            for name in (*names[number % len(names) :], *names[: number % len(names)]):
                start = clock()
                contenders[name]()
                samples[name].append(clock() - start)
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


def _handed_on(
    values: Mapping[str, Any], place: Path, scheme: str, *, stamped: bool = True, guarded: bool = False
) -> None:
    stored = store(values, place, lambda written: _described(values, written), scheme)
    source = StepInput(tuple(values), "before", str(stored.path), stored.digest)
    loaded, facts = load(stored.path, stored.digest, stored.stamp if stamped else ())
    if guarded:
        for name, value in loaded.items():
            assert not guard._altered(Received(name, value, source, facts[name], 0))


def _described(values: Mapping[str, Any], written: Written | None) -> dict[str, str]:
    return {name: describe(name, value, written=written).digest for name, value in values.items()}


BENCHMARKS = clocks.by_both(
    "handover", "An array of 200 MB and a frame of a million rows handed on", REFERENCE, measure
)
