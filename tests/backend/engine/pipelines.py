"""Small pipelines, built by hand."""

from __future__ import annotations

import ast
import itertools
import textwrap

from labline_compiler.pipeline import Input, Parameter, Pipeline, Step, StepOptions
from labline_runtime.specification import CellSource, StepOutput

_numbers = itertools.count()


def cell(source: str, role: str = "step", index: int | None = None) -> CellSource:
    """A code cell; every one has an id of its own."""
    number = next(_numbers)
    return CellSource(number if index is None else index, f"cell-{number}", textwrap.dedent(source).strip(), role)


def step(
    name: str,
    *sources: str | CellSource,
    takes: dict[str, str] | None = None,
    gives: str = "",
    after: tuple[str, ...] = (),
    parameters: tuple[str, ...] = (),
    **options: object,
) -> Step:
    """A step; *takes* is name -> step that made it, *gives* the names it hands on, one artifact each."""
    return Step(
        name=name,
        cells=tuple(source if isinstance(source, CellSource) else cell(source) for source in sources),
        parameters=parameters,
        inputs=tuple(Input((value,), source) for value, source in (takes or {}).items()),
        outputs=tuple(StepOutput((value,)) for value in gives.split()),
        after=after,
        options=StepOptions(**options),
    )


def pipeline(
    *steps: Step, preamble: tuple[CellSource, ...] = (), kernel: str = "python3", **parameters: str
) -> Pipeline:
    """A pipeline of these steps; *parameters* is name -> literal."""
    return Pipeline(
        name="trial",
        notebook="trial.ipynb",
        steps=steps,
        preamble=preamble,
        parameters=tuple(
            Parameter(name, literal, type(ast.literal_eval(literal)).__name__, 0, 1)
            for name, literal in parameters.items()
        ),
        kernel=kernel,
    )


def chain(*sources: str) -> Pipeline:
    """Steps ``a``, ``b``, ... that hand ``x`` from one to the next."""
    names = "abcdefghij"
    return pipeline(
        *(
            step(names[place], source, takes={"x": names[place - 1]} if place else None, gives="x")
            for place, source in enumerate(sources)
        )
    )


WAIT = """
import pathlib, time
def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.005)
def tell(name):
    pathlib.Path(name).touch()
"""
"""Functions by which cells and tests wait for each other's files."""


def waiting(*steps: Step, **parameters: str) -> Pipeline:
    """A pipeline whose cells may ``wait_for`` and ``tell``."""
    return pipeline(*steps, preamble=(cell(WAIT, "functions"),), **parameters)
