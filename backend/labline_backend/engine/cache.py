"""Whether a step's result is already known. A hit must be as good as having run."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from labline_backend.engine import cachekey
from labline_backend.engine.environments import EnvironmentProbe
from labline_backend.engine.pages import Pages
from labline_backend.engine.variables import environment
from labline_backend.home import Home
from labline_backend.kernels import Kernel
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.cache import CacheEntry
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.store.runs import RunStore
from labline_compiler.analysis.hidden_state import PATCH
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Pipeline, Step
from labline_runtime import environ
from labline_runtime.dataclass import dataclass
from labline_runtime.files import LOOKS, looks
from labline_runtime.files import digest as file_digest
from labline_runtime.outcome import FileUse, StepResult, kind_of

LEFT_BEHIND = ("log.txt", "executed.ipynb", "result.json")

REMEMBERED = 10_000  # digests of files


@dataclass(frozen=True)
class Lookup:
    """What the cache says. ``note`` is the reason in words; ``key`` is ``None`` for a step that must not be cached."""

    key: str | None
    ingredients: dict[str, str]
    hit: CacheEntry | None
    note: str


class Cache:
    """The results of one data folder that can be used again. Thread-safe."""

    def __init__(self, home: Home, store: RunStore, artifacts: ArtifactStore) -> None:
        self._home = home
        self._store = store
        self._artifacts = artifacts
        self._probe = EnvironmentProbe(home)
        self._pages = Pages()
        self._digests: dict[tuple[str, int, int, int, int], str] = {}

    def look_up(
        self,
        run: RunRecord,
        step: Step,
        kernel: Kernel,
        results: dict[str, StepResult],
        unknown: Collection[str] = (),
        *,
        ask: bool = True,
        variables: Mapping[str, str] | None = None,
    ) -> Lookup:
        """Find an earlier result for *step*; ``results`` are those of the steps above it.

        Of the steps above that are *unknown*, it is assumed that they give what they gave when *step* last ran; and of
        what the step reads over the network, that it is as it was, unless servers may be *asked*.
        *variables* are those that the step will find in its environment, where whoever asks has them at hand.
        """
        if step.options.exit:
            return Lookup(None, {}, None, "not cached: it ends every run")
        wanted = step.options.cache if step.options.cache is not None else run.pipeline.cache
        if not wanted:
            return Lookup(None, {}, None, "not cached: caching is switched off for this step")
        if (unseen := cachekey.reads_unseen(run.pipeline, step)) is not None:
            return Lookup(None, {}, None, f"not cached: {unseen}")
        installed = self._probe.of(kernel)
        if installed is None:
            return Lookup(None, {}, None, "not cached: the kernel's environment cannot be told")
        found = self._ingredients(run, run.parameters, step, kernel, results, installed.digest, variables)
        if unknown:
            last = self._store.cache.newest(run.pipeline.name, step.name)
            found = cachekey.assume(found, last.ingredients if last is not None else {}, step, unknown)
        key = cachekey.key(found)
        if not run.cache:
            return Lookup(key, found, None, "not looked up: this run uses no cache")
        entry = self._store.cache.lookup(key)
        if entry is None:
            return Lookup(key, found, None, self._miss(run.pipeline, step, found))
        if entry.result.unrepeatable is not None:
            return Lookup(key, found, None, f"not cached: {entry.result.unrepeatable}")
        found_there = environment(kernel, {}) if variables is None else variables
        problem = self._spoilt(entry, Path(run.folder), found_there) or _missed(entry.result, run.pipeline, step)
        if problem is None and ask:
            problem = self._other_page(run.id, entry.result)
        if problem is not None:
            return Lookup(key, found, None, f"changed: {problem}")
        note = f"same code, values, parameters and environment as in {entry.run}"
        if entry.result.pages:
            pages = ", ".join(page.address for page in entry.result.pages)
            note += f", and {pages} unchanged" if ask else f", if {pages} is unchanged"
        return Lookup(key, found, entry, note)

    def changed(
        self,
        before: RunRecord,
        after: RunRecord,
        step: Step,
        steps: Mapping[str, StepRecord],
        kernel: Kernel,
    ) -> str | None:
        """Why a finished step of the run *before* cannot stay as it is in *after*, its changed self; None where it can.

        *steps* are the run's, with those that *step* takes from finished and as they were.
        Unlike for another run, libraries that were added since do not matter, nor do variables of the environment that
        the step does not name: what is changed between a failure and going on is most often just that.
        """
        installed = self._probe.of(kernel)
        if installed is None:
            return "the kernel's environment cannot be told"
        record = steps[step.name]
        results = {name: result for name in step.predecessors if (result := steps[name].result)}

        def now(run: RunRecord, planned: Step) -> dict[str, str]:
            return cachekey.ingredients(
                run.pipeline,
                planned,
                folder=Path(run.folder),
                parameters=run.parameters,
                results=results,
                environment=installed.digest,
                variables=environment(kernel, {}),
            )

        entry = self._store.cache.lookup(record.cache_key) if record.cache_key is not None else None
        then = entry.ingredients if entry is not None else now(before, before.pipeline.step(step.name))
        found = now(after, step)
        unnamed = {name for name in {*then, *found} if cachekey.is_unnamed(name)}
        same = self._has_all(then.get("environment", ""), installed.digest)
        for name in {*unnamed, "environment"} if same else unnamed:
            then, found = ({k: v for k, v in part.items() if k != name} for part in (then, found))
        if _covers(before.pipeline.step(step.name), step):
            found |= {name: then[name] for name in ("outputs", "unaltered") if name in then}
        # Files may be as later steps of the run have left them, and modules beside the notebook are files.
        left = [use for other in steps.values() if other.result for use in other.result.files if use.mode == "write"]
        folder = Path(before.folder)
        for use in left:
            name = cachekey.of_module(folder / use.path, folder)
            if name in then and then[name] != found.get(name) and self._is_still(use, folder / use.path):
                found[name] = then[name]
        if words := cachekey.changes(then, found, after.pipeline, step):
            return f"changed: {', '.join(words)}"
        result = record.result
        assert result is not None  # noqa: S101 - it has finished
        entry = CacheEntry(before.id, step.name, {}, result)
        problem = self._spoilt(entry, folder, environment(kernel, {}), left)
        problem = problem or _missed(result, after.pipeline, step)
        return f"changed: {problem}" if problem is not None else None

    def _has_all(self, before: str, now: str) -> bool:
        """Whether the environment *now* has all that the one *before* had, in the same versions."""
        old, new = self._probe.known(before), self._probe.known(now)
        return before == now or (old is not None and new is not None and old.packages.items() <= new.packages.items())

    def remember(self, run: RunRecord, step: Step, lookup: Lookup, result: StepResult) -> None:
        """Keep the result of a step that ran; why it cannot be used again, where it cannot."""
        if lookup.key is not None:
            entry = CacheEntry(run.id, step.name, lookup.ingredients, result)
            self._store.cache.remember(run.pipeline.name, {lookup.key: entry})

    def of_item(self, lookup: Lookup, step: Step, results: Mapping[str, StepResult], item: str) -> Lookup:
        """What *lookup*, of *step*, is for one item of its loop; *item* is its digest."""
        found = cachekey.of_item(lookup.ingredients, step, results, item)
        return Lookup(cachekey.key(found), found, None, lookup.note)

    def look_up_item(
        self, run: RunRecord, step: Step, lookup: Lookup, variables: Mapping[str, str]
    ) -> CacheEntry | None:
        """Find an earlier result for an item of the loop of *step*, whose process will find these *variables*."""
        entry = self._store.cache.lookup(lookup.key) if run.cache and lookup.key is not None else None
        if entry is None or self._spoilt(entry, Path(run.folder), variables):
            return None
        if _missed(entry.result, run.pipeline, step):
            return None
        return entry if self._other_page(run.id, entry.result) is None else None

    def items_known(self, lookup: Lookup, step: Step, results: Mapping[str, StepResult], items: Sequence[str]) -> int:
        """Of how many of these *items* of the loop of *step*, given by their digests, there is a result."""
        if lookup.key is None:
            return 0
        keys = [self.of_item(lookup, step, results, item).key for item in items if item]
        entries = (self._store.cache.lookup(key) for key in keys if key is not None)
        return sum(entry is not None and all(map(self._artifacts.has, entry.result.artifacts)) for entry in entries)

    def remember_item(self, run: RunRecord, place: str, lookup: Lookup, result: StepResult) -> None:
        """Keep the result of an item that ran; *place* is where it lies, as the name of a step would say."""
        self.remember_items(run, place, [(lookup, result)])

    def remember_items(self, run: RunRecord, place: str, ended: Iterable[tuple[Lookup, StepResult]]) -> None:
        """Keep the results of items that have ended together, in one transaction."""
        entries = {
            lookup.key: CacheEntry(run.id, place, lookup.ingredients, result)
            for lookup, result in ended
            if lookup.key is not None and result.unrepeatable is None
        }
        self._store.cache.remember(run.pipeline.name, entries)

    def lay_out(self, run: str, step: str, folder: Path) -> None:
        """Make what a step of an earlier run left behind reachable in the new run's step folder."""
        origin = self._home.step_folder(run, step)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "spec.json").unlink(missing_ok=True)  # what follows is no result of this run
        for name in LEFT_BEHIND:
            with contextlib.suppress(FileNotFoundError):  # of an old run that was cleared away
                (folder / name).unlink(missing_ok=True)
                try:
                    os.link(origin / name, folder / name)
                except FileNotFoundError:
                    raise
                except OSError:
                    shutil.copyfile(origin / name, folder / name)

    def unfit(self, result: StepResult, pipeline: Pipeline, step: Step, wanted: Collection[str]) -> str | None:
        """Why a result cannot be taken for the values *wanted* of *step*, whatever has changed since, or None."""
        for artifact in result.artifacts:
            if not set(artifact.names).isdisjoint(wanted) and not self._artifacts.has(artifact):
                return f"the stored value of {', '.join(artifact.names)} is gone"
        return _missed(result, pipeline, step)

    def changed_since(
        self,
        run: RunRecord,
        parameters: Mapping[str, str],
        step: Step,
        kernel: Kernel,
        record: StepRecord,
        results: dict[str, StepResult],
    ) -> list[str]:
        """What of all that *step* depends on is another in *run* than when it ran, as *record* has it, in words."""
        installed = self._probe.of(kernel)
        entry = self._store.cache.lookup(record.cache_key) if record.cache_key is not None else None
        if installed is None or entry is None:
            return ["whether anything has is not known, because its result is not in the cache"]
        found = self._ingredients(run, parameters, step, kernel, results, installed.digest)
        words = self._changes(entry.ingredients, found, run.pipeline, step)
        if record.result is not None:
            problems = (
                self._other_file(record.result, Path(run.folder)),
                _other_variable(record.result, environment(kernel, {})),
                self._other_page(run.id, record.result),
            )
            words += [problem for problem in problems if problem is not None]
            if record.result.unrepeatable is not None:
                words.append(f"whether more has is not known, because {record.result.unrepeatable}")
        return words

    def _ingredients(
        self,
        run: RunRecord,
        parameters: Mapping[str, str],
        step: Step,
        kernel: Kernel,
        results: dict[str, StepResult],
        installed: str,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        return cachekey.ingredients(
            run.pipeline,
            step,
            folder=Path(run.folder),
            parameters=parameters,
            results=results,
            environment=installed,
            variables=environment(kernel, {}) if variables is None else variables,
        )

    def _miss(self, pipeline: Pipeline, step: Step, found: dict[str, str]) -> str:
        earlier = self._store.cache.newest(pipeline.name, step.name)
        if earlier is None:
            return "not run before"
        return f"changed: {', '.join(self._changes(earlier.ingredients, found, pipeline, step))}"

    def _changes(self, before: dict[str, str], found: dict[str, str], pipeline: Pipeline, step: Step) -> list[str]:
        words = cachekey.changes(before, found, pipeline, step)
        if before.get("environment") != found["environment"]:
            words = [word for word in words if word != "environment"]
            words += self._packages(before.get("environment", ""), found["environment"]) or ["environment"]
        return words

    def _packages(self, before: str, now: str) -> list[str]:
        old, new = self._probe.known(before), self._probe.known(now)
        if old is None or new is None:
            return []
        names = sorted({*old.packages, *new.packages})
        versions = [(name, old.packages.get(name, "none"), new.packages.get(name, "none")) for name in names]
        return [f"{name} {was} -> {now_is}" for name, was, now_is in versions if was != now_is]

    def _spoilt(
        self, entry: CacheEntry, folder: Path, variables: Mapping[str, str], left: Sequence[FileUse] = ()
    ) -> str | None:
        """Why a result cannot stand for a run of the step any more. Files may also be as they are in *left*."""
        for artifact in entry.result.artifacts:
            if not self._artifacts.has(artifact):
                return f"the stored value of {', '.join(artifact.names)} is gone"
        return self._other_file(entry.result, folder, left) or _other_variable(entry.result, variables)

    def _other_file(self, result: StepResult, folder: Path, left: Sequence[FileUse] = ()) -> str | None:
        """A file that the step used and that is neither as it left it nor as it is in *left*."""
        for use in result.files:
            path = folder / use.path
            ours = path.is_relative_to(self._home.root) and not path.is_relative_to(folder)  # MLflow's, say
            known = (use, *(other for other in left if other.path == use.path))
            if not ours and not any(self._is_still(other, path) for other in known):
                return f"file {use.path}"
        return None

    def _other_page(self, run: str, result: StepResult) -> str | None:
        """What the step read over the network and is another now, or may be, as *run* finds it."""
        return next((problem for use in result.pages if (problem := self._pages.changed(run, use)) is not None), None)

    def _is_still(self, use: FileUse, path: Path) -> bool:
        if use.mode in LOOKS:
            try:
                return looks(str(path), use.mode) == use.digest
            except OSError:
                return False
        if use.digest is None:  # looked for in vain, or written and taken away again
            return use.mode == "write" or not path.exists()
        try:
            found = path.stat()
            if path.is_dir():  # its listing; a folder's times say nothing dependable
                return file_digest(str(path), found) == use.digest
            return found.st_size == use.size and self._digest(path, found) == use.digest
        except OSError:
            return False

    def _digest(self, path: Path, found: os.stat_result) -> str:
        known = (str(path), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        if known not in self._digests:
            if len(self._digests) >= REMEMBERED:
                self._digests.clear()
            self._digests[known] = file_digest(str(path), found)
        return self._digests[known]


def _covers(old: Step, new: Step) -> bool:
    """Whether what a step had to hand on, and to leave as it is, is at least what it has to now."""
    given = [set(output.names) for output in old.outputs]
    kept = {taken.source: set(taken.unaltered) for taken in old.inputs}
    return all(any(names >= set(output.names) for names in given) for output in new.outputs) and all(
        kept.get(taken.source, set()) >= set(taken.unaltered) for taken in new.inputs
    )


def _other_variable(result: StepResult, variables: Mapping[str, str]) -> str | None:
    """A variable of the environment that the step read and that is another among *variables*, which it would find."""
    return next(iter(environ.changed(result.variables, variables)), None)


def _missed(result: StepResult, pipeline: Pipeline, step: Step) -> str | None:
    """What the step did without harm when it ran, and a later step of this pipeline would miss.

    It may have made values outdated, or given one that is of another kind than this pipeline takes it for.
    """
    believed = pipeline.types(step.name)
    for value in (value for artifact in result.artifacts for value in artifact.values):
        if value.name in believed and kind_of(value.type) != kind_of(believed[value.name]):
            return f"{value.name} was a {value.type}"
    if not result.outdated:
        return None
    passing = Passage(pipeline, step.name).names
    missed = sorted(name for name in result.outdated if name in passing or (PATCH in passing and PATCH in name))
    return f"later steps read {', '.join(missed)}" if missed else None
