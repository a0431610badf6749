"""The run that is killed: steps that leave a mark in their log whenever they begin, and what it must have become."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path

from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.records import DONE_STEP, ENDED_RUN, RunRecord, StepRecord
from labline_backend.store.runs import RunStore
from labline_compiler.pipeline import Pipeline
from labline_runtime.values.artifact import is_intact
from tests.backend.engine.bench import wait_until
from tests.backend.engine.pipelines import pipeline, step

MARK = "begun\n"
SIZE = 1 << 18  # bytes of a value: enough that storing it takes a moment


def pipeline_of(number: int, before: str = "") -> Pipeline:
    """A diamond; runs of different numbers have no result in common. *before* is what every step does first."""
    begin = f"print({MARK!r}, end='', flush=True)\n{before}\n"
    return pipeline(
        step("load", f"{begin}x = number.to_bytes(2) * {SIZE // 2}", gives="x", parameters=("number",)),
        step("left", f"{begin}y = bytes(reversed(x)) + b'y'", takes={"x": "load"}, gives="y"),
        step("right", f"{begin}z = x + b'zz'", takes={"x": "load"}, gives="z"),
        step("join", f"{begin}print(sum(y) + sum(z), flush=True)", takes={"y": "left", "z": "right"}),
        number=str(number),
    )


def printed_by(number: int) -> str:
    """What the last step prints."""
    return f"{sum(number.to_bytes(2)) * SIZE + ord('y') + 2 * ord('z')}\n"


@dataclass(frozen=True)
class Seen:
    """The steps that had finished at some moment, and how often each step had begun."""

    finished: frozenset[str]
    begun: dict[str, int]


class Looker:
    """Looks at a data folder whose engine is dead. Keeps nothing open."""

    def __init__(self, home: Path) -> None:
        self.home = Home.open(home)

    def runs(self) -> list[RunRecord]:
        """All runs, newest first."""
        store = RunStore(self.home)
        try:
            return store.list(500)
        finally:
            store.close()

    def steps(self, run: str) -> list[StepRecord]:
        """The steps of a run."""
        store = RunStore(self.home)
        try:
            return store.steps(run)
        finally:
            store.close()

    def has_ended(self, run: str) -> bool:
        """Whether a run has come to its end."""
        return next(each for each in self.runs() if each.id == run).state in ENDED_RUN

    def see(self, run: str, *, calm: bool) -> Seen:
        """What has been reached. *calm*: wait first until no process of a step is left."""
        steps = self.steps(run)
        if calm:
            for each in steps:
                wait_until(lambda each=each: self._is_free(run, each.name), "a step outlives its engine")
        done = {each.name for each in steps if each.state in DONE_STEP or self._has_result(run, each.name)}
        return Seen(frozenset(done), {each.name: self.begun(run, each.name) for each in steps})

    def begun(self, run: str, name: str) -> int:
        """How often a step has begun."""
        log = self.home.step_folder(run, name) / "log.txt"
        return log.read_text().count(MARK) if log.exists() else 0

    def faults(self, run: str, number: int, before: list[Seen]) -> list[str]:
        """What is not as it must be after a run that went on to its end, a sentence each."""
        record = next(each for each in self.runs() if each.id == run)
        found = [] if record.state == "succeeded" else [f"the run has {record.state}: {record.error}"]
        artifacts = ArtifactStore(self.home)
        for each in self.steps(run):
            begun = self.begun(run, each.name)
            found += [
                f"{each.name} was finished and repeated"
                for seen in before
                if each.name in seen.finished and begun != seen.begun[each.name]
            ]
            if each.state not in DONE_STEP or each.result is None:
                found.append(f"{each.name} is {each.state}")
                continue
            if not 1 <= begun <= 1 + len(before):
                found.append(f"{each.name} has begun {begun} times, after {len(before)} kills")
            if not self._has_result(run, each.name):
                found.append(f"{each.name} has lost its result.json")
            for artifact in each.result.artifacts:
                if not is_intact(artifacts.path(artifact.digest), artifact.digest):
                    found.append(f"the artifact of {each.name} is damaged")
        log = self.home.step_folder(run, "join") / "log.txt"
        if not log.exists() or not log.read_text().endswith(printed_by(number)):
            found.append("the last step computed something else")
        return found + self.left(run)

    def left(self, run: str) -> list[str]:
        """Files that nobody needs any more."""
        folder = self.home.run_folder(run)
        left = [*self.home.artifacts.glob(".*"), *folder.rglob(".*")]
        return [f"{path.relative_to(self.home.root)} was left behind" for path in left]

    def _is_free(self, run: str, name: str) -> bool:
        """Whether the last process of a step is gone: while one lives, the step's log is locked."""
        try:
            with (self.home.step_folder(run, name) / "log.txt").open("rb") as log:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def _has_result(self, run: str, name: str) -> bool:
        try:
            document = json.loads((self.home.step_folder(run, name) / "result.json").read_text())
        except FileNotFoundError:
            return False
        return bool(document["state"] == "succeeded")
