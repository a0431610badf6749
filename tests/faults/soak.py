"""Many runs through one engine that stays: what it holds must not grow.

Most runs compute, some are taken from the cache, some fail and some are cancelled. What is held is counted when the
engine has warmed up, and at the end: processes, threads, open descriptors, memory of the engine and of its warm
parents, and files that are nobody's.
"""

from __future__ import annotations

import gc
import os
import tempfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil

from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import chain

from . import engines

WARM = 20  # runs before anything is counted
MEGABYTE = 1 << 20
GROWTH = {"processes": 0, "threads": 4, "descriptors": 2, "megabytes": 12, "megabytes_of_children": 4, "strays": 0}
"""By how much each may have grown after five hundred runs. A pool of threads grows to its size bit by bit."""


@dataclass(frozen=True)
class Held:
    """What an engine and its folders hold."""

    processes: int
    threads: int
    descriptors: int
    megabytes: int
    megabytes_of_children: int
    strays: int


class Soak:
    """One engine, and what is told of it."""

    def __init__(self, root: Path) -> None:
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        os.environ["TMPDIR"] = str(self.temporary)
        self.bench = Bench(root)
        self.number = 0
        self.faults: list[str] = []

    def go(self, runs: int) -> None:
        """So many runs, one after another."""
        for _ in range(runs):
            self.number += 1
            pipeline, state = self._next()
            run = self.bench.start(pipeline)
            if state == "cancelled":
                self.bench.engine.cancel(run.id)
            ended = self.bench.end(run)
            if ended.state != state:
                self.faults.append(f"run {self.number} has {ended.state}, not {state}: {ended.error}")

    def _next(self) -> tuple[Pipeline, str]:
        """A pipeline, and how its run is to end."""
        number = self.number
        if number % 10 == 9:
            return chain(f"x = {number}", "x / 0"), "failed"
        if number % 25 == 24:
            return chain(f"x = {number}", "import time\ntime.sleep(600)"), "cancelled"
        if number % 5 == 4:
            number -= 1  # as the last one
        return chain(f"x = list(range({number}, {number} + 50_000))", "x = sum(x)", "print(x)"), "succeeded"

    def held(self) -> Held:
        """What is held now."""
        gc.collect()
        ours = psutil.Process()
        children = engines.family(ours.pid)
        home = self.bench.home
        strays = [*home.artifacts.glob(".*"), *home.runs.rglob(".*"), *self.temporary.iterdir()]
        return Held(
            processes=len(children),
            threads=ours.num_threads(),
            descriptors=ours.num_fds(),
            megabytes=ours.memory_full_info().uss // MEGABYTE,
            megabytes_of_children=sum(child.memory_full_info().uss for child in children) // MEGABYTE,
            strays=len(strays),
        )

    def judge(self, before: Held, after: Held) -> None:
        """Note what has grown."""
        for field, was, now in zip(fields(Held), astuple(before), astuple(after), strict=True):
            if now - was > GROWTH[field.name]:
                self.faults.append(f"{field.name.replace('_', ' ')} grew from {was} to {now}")


def main(runs: int) -> list[str]:
    """Run so often, and print what was held before and after; what went wrong."""
    with tempfile.TemporaryDirectory(prefix="labline-soak-") as folder:
        soak = Soak(Path(folder))
        soak.go(min(WARM, runs))
        before = soak.held()
        soak.go(runs)
        after = soak.held()
        soak.judge(before, after)
        soak.bench.close()
        if left := engines.family(os.getpid()):
            soak.faults.append(f"{len(left)} processes outlived the engine")
    print(f"before: {before}\nafter {runs} runs: {after}")
    return soak.faults
