"""What earlier runs of a notebook saw its steps do, handed to the next compilation.

A run's pipeline keeps the facts it was compiled with, and a step that a guard failed tells a new one: so the newest run
knows them all. A fact is given up with the code it was seen of.
"""

from __future__ import annotations

from labline_backend.engine.cachekey import normalise
from labline_backend.store.runs import RunStore
from labline_compiler.pipeline import Pipeline
from labline_runtime.specification import Observation


def facts(store: RunStore, notebook: str, folder: str, pipeline: Pipeline) -> tuple[Observation, ...]:
    """The facts of the newest run of *notebook* in *folder* that still hold for *pipeline*."""
    newest = next(iter(store.list(1, notebook=notebook, folder=folder)), None)
    if newest is None:
        return ()
    told = [fact for step in store.steps(newest.id) if step.error is not None for fact in step.error.observed]
    known = dict.fromkeys((*newest.pipeline.observed, *told))
    return tuple(
        fact
        for fact in known
        if (code := _code(pipeline, fact.step)) is not None and code == _code(newest.pipeline, fact.step)
    )


def _code(pipeline: Pipeline, name: str) -> list[str] | None:
    found = next((step for step in pipeline.steps if step.name == name), None)
    return None if found is None else [normalise(cell.source) for cell in found.cells]
