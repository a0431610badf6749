"""The values of past runs, for notebooks, consoles and scripts::

    from labline_runtime import run

    run("latest")["model"]
    run("penguins-20260105").step("train").inputs["features"]

What runs leave in the data folder is read, never the database: ``run.json`` and ``pipeline.json`` of the run, and each
step's ``result.json``. A value is unpickled when it is asked for, after its artifact's digest was checked.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from json import loads  # as they were before the notebook could replace them
from pathlib import Path
from typing import Any

from labline_runtime import transfer
from labline_runtime.data_folder import data_folder
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json
from labline_runtime.failure import StepFailure
from labline_runtime.outcome import StepResult
from labline_runtime.specification import StepInput


class PastError(LookupError):
    """There is no such run, step or value any more; the message says what there is, or what to do."""


def runs(home: str | os.PathLike[str] | None = None) -> list[Run]:
    """All runs of the data folder *home* (by default the user's), newest first."""
    root = data_folder() if home is None else Path(home)
    try:
        found = [Run(place) for place in (root / "runs").iterdir() if (place / "pipeline.json").is_file()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda run: (run.created, run.id), reverse=True)


def run(name: str = "latest", home: str | os.PathLike[str] | None = None) -> Run:
    """The run called *name*: "latest", an id, or the unique beginning of one. Raises :class:`PastError`."""
    root = data_folder() if home is None else Path(home)
    known = runs(root)
    if not known:
        raise PastError(f"There are no runs in {root}.")
    if name == "latest":
        return known[0]
    for each in known:
        if each.id == name:
            return each
    found = [each for each in known if name and each.id.startswith(name)]
    if not found:
        raise PastError(f"There is no run {name!r} in {root}; the newest is {known[0].id}.")
    if len(found) > 1:
        raise PastError(f"More than one run begins with {name!r}: {found[0].id}, {found[1].id}.")
    return found[0]


@dataclass(frozen=True)
class Run:
    """One run. ``run[name]`` is what the variable held in the end: as the last step left it that hands it on."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id."""
        return self.path.name

    @property
    def steps(self) -> tuple[str, ...]:
        """The names of its steps, in the order of the pipeline."""
        return tuple(step["name"] for step in self.pipeline["steps"])

    @property
    def parameters(self) -> dict[str, str]:
        """All its parameters, as Python literals."""
        return dict(self._facts.get("parameters", {}))

    @property
    def created(self) -> float:
        """When it was made, in seconds since the epoch."""
        return float(self._facts.get("created") or (self.path / "pipeline.json").stat().st_mtime)

    def step(self, name: str) -> StepRun:
        """One of its steps. Raises :class:`PastError`."""
        if name not in self.steps:
            raise PastError(f"The run {self.id} has no step {name!r}; its steps are {', '.join(self.steps)}.")
        return StepRun(self, name)

    def __getitem__(self, name: str) -> Any:
        for step in reversed(self.steps):
            outputs = StepRun(self, step).outputs
            if name in outputs:
                return outputs[name]
        raise PastError(f"No step of the run {self.id} handed on a value called {name!r}; there are: {self._names()}.")

    def __repr__(self) -> str:
        return f"<run {self.id}: {', '.join(self.steps)}>"

    def _names(self) -> str:
        names = dict.fromkeys(name for step in self.steps for name in StepRun(self, step).outputs)
        return ", ".join(names) or "none"

    @functools.cached_property
    def pipeline(self) -> dict[str, Any]:
        """The pipeline as plain JSON."""
        return _read(self.path / "pipeline.json")

    @functools.cached_property
    def _facts(self) -> dict[str, Any]:
        path = self.path / "run.json"
        return _read(path) if path.exists() else {}


@dataclass(frozen=True)
class StepRun:
    """One step of a run: what it took and what it handed on, hidden state (``@numpy.random``) included."""

    run: Run
    name: str

    @property
    def inputs(self) -> Values:
        """What it took from the steps above it."""
        return Values(self.taken(), f"step {self.name} took no {{!r}}")

    @property
    def outputs(self) -> Values:
        """What it handed on; nothing where it has not succeeded."""
        return Values(self.given(), f"step {self.name} handed on no {{!r}}")

    @property
    def parameters(self) -> dict[str, str]:
        """The pipeline parameters that it reads, as Python literals."""
        known = self.run.parameters
        return {name: known[name] for name in self.plan["parameters"] if name in known}

    @property
    def plan(self) -> dict[str, Any]:
        """The step as the pipeline has it, as plain JSON."""
        return next(step for step in self.run.pipeline["steps"] if step["name"] == self.name)

    def taken(self) -> tuple[StepInput, ...]:
        """Where its inputs lie."""
        found = []
        for taken in self.plan["inputs"]:
            for each in StepRun(self.run, taken["source"]).given():
                if names := tuple(name for name in each.names if name in taken["names"]):
                    found.append(StepInput(names, each.source, each.path, each.digest))
        return tuple(found)

    def given(self) -> tuple[StepInput, ...]:
        """Where its outputs lie."""
        result = self.result()
        artifacts = self.run.path.parents[1] / "artifacts"
        return tuple(
            StepInput(made.names, self.name, str(artifacts / made.digest[:2] / made.digest), made.digest)
            for made in (result.artifacts if result is not None else ())
        )

    def result(self) -> StepResult | None:
        """What it left behind; None where it has not ended, or its process died."""
        try:
            text = (self.run.path / "steps" / self.name / "result.json").read_text("utf-8", "surrogatepass")
            return from_json(StepResult, text)
        except (FileNotFoundError, ValueError):
            return None


class Values(Mapping[str, Any]):
    """Values by name. An artifact is loaded once for each of these objects, so that values that shared objects do."""

    def __init__(self, places: tuple[StepInput, ...], missing: str) -> None:
        self._places = {name: place for place in places for name in place.names}
        self._loaded: dict[str, dict[str, Any]] = {}
        self._missing = missing

    def __getitem__(self, name: str) -> Any:
        if name not in self._places:
            raise KeyError(f"{self._missing.format(name)}; there are: {', '.join(self._places) or 'none'}")
        place = self._places[name]
        if place.path not in self._loaded:
            try:
                self._loaded[place.path] = transfer.load_artifact(place)[0]
            except StepFailure as failure:
                raise PastError(f"{failure.error.message} {failure.error.hint or ''}".rstrip()) from failure
        return self._loaded[place.path][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __repr__(self) -> str:
        return f"<values: {', '.join(self._places) or 'none'}>"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PastError(f"{path} cannot be read: {error}.") from error
    if not isinstance(document, dict):
        raise PastError(f"{path} is not what a run leaves.")
    return document
