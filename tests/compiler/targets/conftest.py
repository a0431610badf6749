"""Pipelines written by hand, and KFP's local runner to run them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from labline_backend.verification.kubeflow import RUNNER
from labline_compiler.pipeline import Foreach, Input, Loop, Parameter, Pipeline, Step, StepOptions
from labline_compiler.targets.kubeflow import compile_to_yaml
from labline_runtime.specification import CellSource, StepOutput
from labline_runtime.values import load
from tests.equivalence.forked import Forked


@dataclass(frozen=True)
class LocalRun:
    """What a pipeline left under KFP's local runner."""

    steps: dict[str, Any]
    log: str

    def value(self, step: str, name: str) -> Any:
        """The value of *name* as *step* handed it on, its file checked against the digest in KFP's metadata."""
        for artifact in self.steps[step].values():
            if name in artifact["metadata"].get("values", {}):
                values, _ = load(artifact["path"], artifact["metadata"]["digest"])
                return values[name]
        raise KeyError(f"{step} left no {name}: {self.log}")

    def digests(self) -> dict[str, dict[str, str]]:
        """The content digest of every value, by step."""
        return {
            step: {
                name: value["digest"]
                for artifact in artifacts.values()
                for name, value in artifact["metadata"].get("values", {}).items()
            }
            for step, artifacts in self.steps.items()
        }

    def metrics(self, step: str) -> dict[str, Any]:
        return dict(self.steps[step]["metrics"]["metadata"])


@pytest.fixture
def run_on_kfp(run_yaml_on_kfp: Callable[..., LocalRun]) -> Callable[..., LocalRun]:
    """Compile a pipeline and run the YAML, with arguments as the KFP UI would pass them."""

    def run(pipeline: Pipeline, folder: Path | None = None, **arguments: Any) -> LocalRun:
        return run_yaml_on_kfp(compile_to_yaml(pipeline), folder, **arguments)

    return run


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    """Spares the starts of interpreters; with real ones ``tests/backend/cli/test_verify.py`` runs a pipeline."""
    with Forked() as forked:
        yield forked


@pytest.fixture
def run_yaml_on_kfp(tmp_path: Path, forked: Forked) -> Callable[..., LocalRun]:
    """Run a compiled pipeline."""

    def run(text: str, folder: Path | None = None, **arguments: Any) -> LocalRun:
        source, result = tmp_path / "pipeline.yaml", tmp_path / "result.json"
        source.write_text(text, encoding="utf-8")
        order = {"pipeline": str(source), "root": str(tmp_path / "root"), "arguments": arguments, "result": str(result)}
        # Steps run in the folder that the runner was started in, as they do in the image's.
        done = subprocess.run(
            [str(forked.executable), *RUNNER[1:]],
            input=json.dumps(order),
            cwd=folder or tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return LocalRun(json.loads(result.read_text(encoding="utf-8")), done.stdout)

    return run


def step(
    name: str,
    *sources: str,
    takes: dict[str, str] | None = None,
    gives: str | list[tuple[str, ...]] = "",
    reads: str = "",
    metrics: str | None = None,
    after: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
    options: StepOptions | None = None,
) -> Step:
    """A step in shorthand: *takes* maps a step to the names from it, *gives* lists names, one artifact each."""
    cells = [CellSource(n, f"{name}-{n}", source) for n, source in enumerate(sources)]
    if metrics is not None:
        cells.append(CellSource(len(cells), f"{name}-metrics", metrics, "metrics"))
    groups = [(n,) for n in gives.split()] if isinstance(gives, str) else gives
    return Step(
        name=name,
        cells=tuple(cells),
        parameters=tuple(reads.split()),
        inputs=tuple(Input(tuple(names.split()), source) for source, names in (takes or {}).items()),
        outputs=tuple(StepOutput(g, tuple(n for n in g if n in optional)) for g in groups),
        after=after,
        options=options or StepOptions(),
    )


def looping(
    *more: Step,
    body: str = "print('item', x)",
    gathered: str = "x * 2",
    xs: str = "[1, 2, 3]",
    foreach: Foreach | None = None,
    preamble: tuple[str, ...] = (),
    retries: int = 0,
    **parameters: str,
) -> Pipeline:
    """Step ``a`` makes ``xs``, ``s`` loops over them and appends what is *gathered*, ``b`` takes that; and *more*."""
    source = f"found = []\nfor x in xs:\n    {body}\n    found.append({gathered})"
    start = source.index("xs")
    options = StepOptions(foreach=foreach or Foreach(), retries=retries)
    looped = replace(
        step("s", source, takes={"a": "xs"}, gives="found", options=options),
        loop=Loop(0, start, start + len("xs"), ("found",), ("xs",)),
    )
    last = step("b", "last = found[-1]", takes={"s": "found"}, gives="last")
    return pipeline(step("a", f"xs = {xs}", gives="xs"), looped, last, *more, preamble=preamble, **parameters)


def pipeline(*steps: Step, preamble: tuple[str, ...] = (), **parameters: str) -> Pipeline:
    """A pipeline in shorthand; *parameters* are Python literals as text."""
    import ast

    return Pipeline(
        name="hand_written",
        notebook="hand_written.ipynb",
        steps=steps,
        preamble=tuple(CellSource(n, f"preamble-{n}", source, "imports") for n, source in enumerate(preamble)),
        parameters=tuple(
            Parameter(name, text, type(ast.literal_eval(text)).__name__, 0, n + 1)
            for n, (name, text) in enumerate(parameters.items())
        ),
    )


@pytest.fixture(name="step")
def step_fixture() -> Callable[..., Step]:
    return step


@pytest.fixture(name="pipeline")
def pipeline_fixture() -> Callable[..., Pipeline]:
    return pipeline
