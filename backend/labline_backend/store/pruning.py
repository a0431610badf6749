"""What the stored values take, and how the oldest of them go.

A value goes when it has not been used for longest, and never while somebody refers to it: a run that goes on or can be
resumed, one that is kept, one that a registered model is from, and of each notebook the newest run and the newest one
that succeeded. What a run that goes on has made or used is newer than that run, even before the run tells of it.

The runs themselves stay, with their logs, notebooks and what is told of the values; a step whose value is gone runs
again when the value is asked for.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping, Set

from labline_backend.store.artifacts import ArtifactStore, StoredFile
from labline_backend.store.cache import CacheEntry
from labline_backend.store.records import ENDED_RUN
from labline_backend.store.runs import RunFacts, RunStore
from labline_compiler.quantities import amount
from labline_runtime.dataclass import dataclass

log = logging.getLogger(__name__)

LIMIT_VARIABLE = "LABLINE_CACHE_LIMIT"
LIMIT = "50GB"
OFF = "off"

COARSE = 1.0  # seconds that a file's time may lag behind the clock
AT_ONCE = 200  # runs whose steps are read at a time

RegisteredRuns = Callable[[], Set[str] | None]
"""The MLflow runs that registered models are from; None where that cannot be told."""


@dataclass(frozen=True)
class Result:
    """A result that can be used again. ``size`` is of its values in bytes, ``used`` when one of them was used last;
    ``kept`` says why they are not pruned."""

    entry: CacheEntry
    pipeline: str
    created: float
    size: int
    used: float | None
    kept: str | None


@dataclass(frozen=True)
class Contents:
    """All stored values: how many bytes they take, and how many of these are of values that are not pruned."""

    results: tuple[Result, ...]
    files: int
    size: int
    kept: int


@dataclass(frozen=True)
class Pruned:
    """What went, and what is left, in bytes; ``kept`` is what of it is never pruned."""

    files: int
    size: int
    left: int
    kept: int


def bytes_of(text: str) -> int:
    """``20GB``, ``500 MB``, ``1.5GiB`` as a number of bytes. Raises ``ValueError``."""
    written = text.replace(" ", "").removesuffix("B")
    try:
        found = amount(written)
    except ValueError:
        found = None
    if found is None or written[-1:] in tuple("mun"):
        raise ValueError(f"{text!r} is no size such as 20GB or 500MB")
    return int(found)


def prune_to_limit(pruner: Pruner, environ: Mapping[str, str] = os.environ) -> None:
    """Prune to what the environment allows. Never fails: what went wrong is for the log."""
    text = environ.get(LIMIT_VARIABLE) or LIMIT
    if text.strip().lower() == OFF:
        return
    try:
        pruned = pruner.prune(bytes_of(text))
    except ValueError as error:
        log.warning("%s: %s. Nothing is pruned.", LIMIT_VARIABLE, error)
    except Exception as error:
        log.warning("The stored values could not be pruned: %s", error)
    else:
        if pruned.files:
            log.info("Pruned %d stored values, %d bytes; %d bytes are left.", pruned.files, pruned.size, pruned.left)


class Pruner:
    """Looks through the stored values of one data folder. Thread-safe; any number of processes may."""

    def __init__(self, store: RunStore, artifacts: ArtifactStore, registered: RegisteredRuns) -> None:
        self._store = store
        self._artifacts = artifacts
        self._registered = registered

    def contents(self) -> Contents:
        """What is stored, newest results first."""
        files = {file.digest: file for file in self._artifacts.files()}
        kept = self._kept(files.values())
        results = []
        for entry, pipeline, created in self._store.cache.entries():
            if entry.result.unrepeatable is not None:  # it is remembered for its reason only
                continue
            own = {artifact.digest for artifact in entry.result.artifacts}
            here = [files[digest] for digest in own if digest in files]
            results.append(
                Result(
                    entry,
                    pipeline,
                    created,
                    sum(file.size for file in here),
                    max((file.used for file in here), default=None),
                    next((kept[file.digest] for file in here if file.digest in kept), None),
                )
            )
        total = sum(file.size for file in files.values())
        return Contents(tuple(results), len(files), total, sum(files[digest].size for digest in kept))

    def prune(self, keep: int, *, pretend: bool = False) -> Pruned:
        """Let the values that were not used for longest go, until they take at most *keep* bytes.

        With *pretend* nothing goes.
        """
        began = time.time() - COARSE
        files = self._artifacts.files()
        kept = self._kept(files)
        left = sum(file.size for file in files)
        gone: list[StoredFile] = []
        for file in sorted(files, key=lambda file: file.used):
            if left <= keep:
                break
            if file.digest not in kept and self._artifacts.can_go(file):
                gone.append(file)
                left -= file.size
        if gone and not pretend:
            if not self._artifacts.is_durable:
                self._store.cache.forget({file.digest for file in gone})
            refused = [file for file in gone if not self._artifacts.remove(file, began)]
            left += sum(file.size for file in refused)
            gone = [file for file in gone if file not in refused]
        size = sum(file.size for file in gone)
        return Pruned(len(gone), size, left, sum(file.size for file in files if file.digest in kept))

    def _kept(self, files: Iterable[StoredFile]) -> dict[str, str]:
        """Digest -> why the value is not pruned."""
        runs = self._store.facts()
        reasons = self._reasons(runs)
        going_on = [run.created for run in runs if run.state in ("queued", "running")]
        since = min(going_on) - COARSE if going_on else None
        found: dict[str, str] = {}
        ids = list(reasons)
        for start in range(0, len(ids), AT_ONCE):
            for run, steps in self._store.steps_of(ids[start : start + AT_ONCE]).items():
                for artifact in (a for step in steps if step.result is not None for a in step.result.artifacts):
                    found.setdefault(artifact.digest, reasons[run])
        here = {file.digest: file for file in files}
        new = {digest for digest, file in here.items() if since is not None and file.used >= since}
        return {
            digest: found.get(digest, "used since a run that goes on began")
            for digest in here
            if digest in found or digest in new
        }

    def _reasons(self, runs: Iterable[RunFacts]) -> dict[str, str]:
        """Run -> why its values are not pruned; the weightiest runs first."""
        runs = list(runs)  # newest first
        unfinished = {
            run.id: f"{run.id} goes on" for run in runs if run.state not in ENDED_RUN or run.is_being_verified
        }
        kept = {run.id: f"{run.id} is kept" for run in runs if run.kept}
        registered = self._registered()
        models = {
            run.id: f"a registered model is from {run.id}"
            for run in runs
            if run.tracked and (registered is None or not run.tracked.isdisjoint(registered))
        }
        newest: dict[tuple[str, ...], str] = {}
        for run in runs:
            newest.setdefault((run.folder, run.notebook), run.id)
            if run.state == "succeeded":
                newest.setdefault((run.folder, run.notebook, run.state), run.id)
        last = {run: f"{run} is the newest run of its notebook" for run in newest.values()}
        return {**last, **models, **kept, **unfinished}
