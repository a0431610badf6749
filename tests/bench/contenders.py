"""Who runs a scenario, each in the way that it is used.

Every contender hands values from step to step, save those that run everything in one process. Packages are those of
this environment, or, for peers, of one of their own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from labline_backend.engine.engine import Engine
from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.runs import RunStore
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Pipeline, Step

from . import peers
from .scenarios import Scenario

SECONDS = 900.0


class Contender(Protocol):
    """Runs one scenario, again and again."""

    def run(self, turn: int) -> float:
        """The seconds that one run takes, from the notebook as it is in round *turn*."""


def compiled(scenario: Scenario, turn: int, folder: Path) -> Pipeline:
    """The scenario's pipeline; peers get the same steps and values."""
    compilation = compile_notebook(parse(scenario.notebook(turn), folder / "bench.ipynb"))
    assert compilation.pipeline is not None, compilation.findings
    return compilation.pipeline


class Resident:
    """Labline, whose engine lives in the Jupyter server."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder
        self._home = Home.open(folder / "home")
        self._store = RunStore(self._home)
        self.engine = Engine(self._home, self._store, None, artifacts=ArtifactStore(self._home))

    def run(self, turn: int) -> float:
        content = self._scenario.notebook(turn)
        pipeline = compiled(self._scenario, turn, self._folder)
        start = time.perf_counter()
        run = self.engine.submit(
            pipeline, notebook="bench.ipynb", folder=self._folder, content=content, cache=self._scenario.cached
        )
        done = self.engine.wait(run.id, SECONDS)
        seconds = time.perf_counter() - start
        assert done.state == "succeeded", done.error
        return seconds

    def close(self) -> None:
        """End the engine."""
        self.engine.close()
        self._store.close()


class Command:
    """Labline's command, start of the interpreter and everything else included."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder

    def run(self, turn: int) -> float:
        path = self._folder / "bench.ipynb"
        path.write_text(json.dumps(self._scenario.notebook(turn)))
        labline = str(Path(sys.executable).with_name("labline"))
        options = ["--no-track", *([] if self._scenario.cached else ["--no-cache"])]
        return timed([labline, "run", path.name, *options], self._folder, {"LABLINE_HOME": str(self._folder / "home")})


class OneProcess:
    """Everything in one script: the floor, for nothing is handed on or kept apart."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder

    def run(self, turn: int) -> float:
        path = self._folder / "all.py"
        path.write_text("\n".join(source for _, source in self._scenario.cells(turn)))
        return timed([sys.executable, path.name], self._folder)


class Scripts:
    """``python step.py`` for each step, one after the other; values are pickled."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder

    def run(self, turn: int) -> float:
        pipeline = compiled(self._scenario, turn, self._folder)
        for step in pipeline.steps:
            (self._folder / f"{step.name}.py").write_text(script(pipeline, step))
        # With a cache, the user is taken to know that only the last has to run again.
        again = pipeline.steps[-1:] if self._scenario.cached and turn else pipeline.steps
        return sum(timed([sys.executable, f"{step.name}.py"], self._folder) for step in again)


class NbClient:
    """``nbclient`` on the whole notebook: one kernel, no steps."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder

    def run(self, turn: int) -> float:
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.from_dict(self._scenario.notebook(turn))
        start = time.perf_counter()
        NotebookClient(notebook, resources={"metadata": {"path": str(self._folder)}}).execute()
        return time.perf_counter() - start


class WriteAndMap:
    """Handing on what five steps make can hardly be cheaper: the bytes are written once and mapped once a step."""

    BYTES = 280_000_000
    TIMES = 4

    def __init__(self, _: Scenario, folder: Path) -> None:
        self._folder = folder
        self._data = os.urandom(1 << 20) * (self.BYTES >> 20)

    def run(self, _: int) -> float:
        import mmap

        start = time.perf_counter()
        for number in range(self.TIMES):
            path = self._folder / f"blob{number}"
            with path.open("wb", buffering=0) as file:
                file.write(self._data)
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
                sum(mapped[place] for place in range(0, len(mapped), mmap.PAGESIZE))
        seconds = time.perf_counter() - start
        for number in range(self.TIMES):
            (self._folder / f"blob{number}").unlink()
        return seconds


class KfpLocal:
    """``kfp.local`` with subprocesses: one component a step, values pickled into artifacts."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder
        self._python = peers.environment("kfp", "kfp", "numpy", "pandas", "scikit-learn")

    def run(self, turn: int) -> float:
        pipeline = compiled(self._scenario, turn, self._folder)
        (self._folder / "kfp_bench.py").write_text(kfp_source(pipeline))
        return timed([str(self._python), "kfp_bench.py"], self._folder)


class Metaflow:
    """Metaflow's ``run``: one flow, values are attributes."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario, self._folder = scenario, folder
        self._python = peers.environment("metaflow", "metaflow", "numpy", "pandas", "scikit-learn")

    def run(self, turn: int) -> float:
        pipeline = compiled(self._scenario, turn, self._folder)
        (self._folder / "flow.py").write_text(metaflow_source(pipeline))
        # Only the last step runs again where the user says so.
        again = ["resume", f"{pipeline.steps[-1].name}_step"] if self._scenario.cached and turn else ["run"]
        quiet = {"USERNAME": "bench", "METAFLOW_HOME": str(self._folder / "metaflow"), "DO_NOT_TRACK": "true"}
        return timed([str(self._python), "flow.py", "--quiet", *again], self._folder, quiet)


CONTENDERS: dict[str, type[Contender]] = {
    "labline, engine resident": Resident,
    "labline run, cold": Command,
    "one process (floor)": OneProcess,
    "python script per step": Scripts,
    "nbclient, whole notebook": NbClient,
}


def contenders(scenario: Scenario) -> dict[str, type[Contender]]:
    """Who is measured."""
    if scenario.contenders:
        return {name: CONTENDERS[name] for name in scenario.contenders}
    found = dict(CONTENDERS)
    if scenario.name == "values":
        found["write and map the bytes (limit)"] = WriteAndMap
    if peers.wanted() and scenario.name != "fan_out_1000":  # minutes
        found["kfp.local"] = KfpLocal
        if scenario.is_chain:
            found["metaflow"] = Metaflow
    return found


@contextlib.contextmanager
def entered(scenario: Scenario, root: Path) -> Iterator[dict[str, Contender]]:
    """The contenders of a scenario, each with a folder of its own."""
    with contextlib.ExitStack() as leaving:
        made: dict[str, Contender] = {}
        for number, (name, kind) in enumerate(contenders(scenario).items()):
            folder = root / str(number)
            folder.mkdir()
            made[name] = contender = kind(scenario, folder)  # type: ignore[call-arg]
            leaving.callback(shutil.rmtree, folder, ignore_errors=True)
            if isinstance(contender, Resident):
                leaving.callback(contender.close)
        yield made


def timed(command: list[str], folder: Path, variables: dict[str, str] | None = None) -> float:
    """The seconds that a command takes."""
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=os.environ | (variables or {}), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return seconds


# ------------------------------------------------------------------------------------------ the same steps, for others


def _code(pipeline: Pipeline, step: Step) -> str:
    return "\n".join(cell.source for cell in (*pipeline.preamble, *step.cells))


def _taken(step: Step) -> list[tuple[str, list[str]]]:
    """By source, the variables that the step takes; hidden state is Labline's own affair."""
    found = ((taken.source, [name for name in taken.names if name.isidentifier()]) for taken in step.inputs)
    return [(source, names) for source, names in found if names]


def _given(step: Step) -> list[str]:
    return [name for output in step.outputs for name in output.names if name.isidentifier()]


def script(pipeline: Pipeline, step: Step) -> str:
    """The step as a script that reads and writes pickles."""
    lines = ["import pickle"]
    for source, names in _taken(step):
        lines.append(f"with open('{source}.pickle', 'rb') as file: found = pickle.load(file)")
        lines += [f"{name} = found['{name}']" for name in names]
    kept = ", ".join(f"'{name}': {name}" for name in _given(step))
    dump = f"with open('{step.name}.pickle', 'wb') as file: pickle.dump({{{kept}}}, file, protocol=5)"
    return "\n".join([*lines, _code(pipeline, step), dump, ""])


def kfp_source(pipeline: Pipeline) -> str:
    """The pipeline for ``kfp.local``."""
    parts = [
        "from kfp import dsl, local",
        "local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root='root')",
    ]
    calls = []
    for step in pipeline.steps:
        sources = [source for source, _ in _taken(step)]
        ports = [f"from_{source}: dsl.Input[dsl.Artifact]" for source in sources] + ["made: dsl.Output[dsl.Artifact]"]
        body = ["import pickle"]
        for source, names in _taken(step):
            body.append(f"with open(from_{source}.path, 'rb') as file: found = pickle.load(file)")
            body += [f"{name} = found['{name}']" for name in names]
        kept = ", ".join(f"'{name}': {name}" for name in _given(step))
        body += [
            _code(pipeline, step),
            f"with open(made.path, 'wb') as file: pickle.dump({{{kept}}}, file, protocol=5)",
        ]
        parts.append("@dsl.component(packages_to_install=[], install_kfp_package=False)")
        parts.append(f"def {step.name}({', '.join(ports)}):\n" + textwrap.indent("\n".join(body), "    "))
        arguments = ", ".join(f"from_{source}={source}_task.outputs['made']" for source in sources)
        after = "".join(f".after({name}_task)" for name in step.after)
        calls.append(f"    {step.name}_task = {step.name}({arguments}){after}")
    parts.append("@dsl.pipeline\ndef bench():\n" + "\n".join(calls))
    return "\n".join([*parts, "bench()", ""])


def metaflow_source(pipeline: Pipeline) -> str:
    """The pipeline, which is a chain, as a flow."""
    # A flow's steps and what it keeps are attributes of one object, so they must not be called alike.
    names = ["start", *(f"{step.name}_step" for step in pipeline.steps[1:])]
    parts = ["from metaflow import FlowSpec, step", "class Bench(FlowSpec):"]
    for place, step in enumerate(pipeline.steps):
        body = [f"{name} = self.{name}" for _, taken in _taken(step) for name in taken]
        body += [_code(pipeline, step), *(f"self.{name} = {name}" for name in _given(step))]
        body.append(f"self.next(self.{names[place + 1] if place + 1 < len(names) else 'end'})")
        parts.append(f"    @step\n    def {names[place]}(self):\n" + textwrap.indent("\n".join(body), " " * 8))
    parts.append("    @step\n    def end(self):\n        pass")
    return "\n".join([*parts, "if __name__ == '__main__':\n    Bench()", ""])
