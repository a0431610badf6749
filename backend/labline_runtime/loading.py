"""Puts what a step of a past run took, or handed on, into a namespace of today: values, parameters, hidden state."""

from __future__ import annotations

from typing import Any

from labline_runtime import hidden_state, parameters, past, transfer
from labline_runtime.dataclass import dataclass
from labline_runtime.failure import StepFailure
from labline_runtime.outcome import StepError
from labline_runtime.past import PastError
from labline_runtime.specification import HIDDEN_STATE_PREFIX, Setup, StepSpecification


@dataclass(frozen=True)
class Loaded:
    """What was put where: names of variables, and of hidden state without its prefix."""

    run: str
    step: str
    names: tuple[str, ...]
    states: tuple[str, ...]
    outputs: bool
    missing: tuple[StepError, ...] = ()  # what steps above have set up and could not be set up here

    def __str__(self) -> str:
        what = "Outputs" if self.outputs else "Inputs"
        names = ", ".join(self.names) or "no variables"
        state = f"; hidden state: {', '.join(self.states)}" if self.states else ""
        missing = "".join(f"\n{error.message}" for error in self.missing)
        return f"{what} of step {self.step} of {self.run}: {names}{state}{missing}"


def load(namespace: dict[str, Any], step: past.StepRun, *, outputs: bool = False) -> Loaded:
    """Bind the step's inputs and parameters, or its *outputs*, in *namespace*, and restore their hidden state.

    What steps above have set up is set up here, as far as it can be: this process may have been set up otherwise.
    Raises :class:`PastError` where they are not there, damaged, or cannot be loaded here.
    """
    places = step.given() if outputs else step.taken()
    literals = {} if outputs else step.parameters
    if outputs and not places and step.plan["outputs"]:
        raise PastError(f"Step {step.name} of {step.run.id} has not succeeded: it has inputs, and no outputs.")
    if not outputs and (waiting := _unmade(step)):
        raise PastError(f"Step {step.name} of {step.run.id} has no inputs: step {waiting} has not succeeded.")
    folder = str(step.run.path)
    spec = StepSpecification(
        run=step.run.id,
        pipeline=step.run.pipeline["name"],
        step=step.name,
        notebook=step.run.pipeline["notebook"],
        working_directory=folder,
        artifacts_directory=folder,
        output_directory=folder,
        cells=(),
        inputs=places,
        setups=tuple(Setup(**setup) for setup in step.plan.get("setups", ())),
        derive_random=not outputs and bool(step.run.pipeline.get("parallel_random")),
    )
    try:
        parameters.bind(literals, namespace)
        inbox = transfer.Inbox(spec, namespace, hidden_state.Baseline.take(), lenient=True)
        inbox.open()
    except StepFailure as failure:
        raise PastError(f"{failure.error.message} {failure.error.hint or ''}".rstrip()) from failure
    names = [name for place in places for name in place.names]
    return Loaded(
        step.run.id,
        step.name,
        (*literals, *(name for name in names if not name.startswith(HIDDEN_STATE_PREFIX))),
        tuple(name.removeprefix(HIDDEN_STATE_PREFIX) for name in names if name.startswith(HIDDEN_STATE_PREFIX)),
        outputs,
        tuple(inbox.missing),
    )


def _unmade(step: past.StepRun) -> str | None:
    """A step above that handed nothing on, though *step* takes of it."""
    for taken in step.plan["inputs"]:
        result = step.run.step(taken["source"]).result()
        if result is None or result.state != "succeeded":
            return str(taken["source"])
    return None
