"""What the guard tells where a step did what it was believed not to do."""

from __future__ import annotations

from collections.abc import Sequence

from labline_runtime import hidden_state
from labline_runtime.outcome import Observation, StepError
from labline_runtime.specification import HIDDEN_STATE_PREFIX, Shared, StepSpecification
from labline_runtime.states.patches import MODULE, PATCH


def altered(spec: StepSpecification, name: str, stretch: int) -> StepError:
    """An input that was believed to be only read holds something else now."""
    return StepError(
        message=f"Step {spec.step} altered {name}, which it was believed only to read: "
        "later steps would miss the change.",
        code="LL210",
        variable=name,
        hint=f"Work on a copy in step {spec.step}, or assign {name} in it ({name} = {name}), "
        "so that the altered value is handed on.",
        observed=(Observation(spec.step, "alters", (name,), stretch),),
    )


def shared(spec: StepSpecification, note: Shared, stretch: int) -> StepError:
    """A part of a value that another artifact holds too holds something else now."""
    what = "looks at the same memory as" if note.memory else "is the same object as"
    path, other_path, name, other = map(_in_words, (note.path, note.other_path, note.name, note.other))
    observed: tuple[Observation, ...]
    if note.other.startswith(MODULE):
        observed = (Observation(spec.step, "changes", (note.other,), stretch),)
    elif note.name.startswith(MODULE):
        observed = (Observation(spec.step, "alters", (note.other,), stretch),)
    else:
        observed = (
            Observation(note.source, "shares", (note.name, note.other), 0),
            Observation(spec.step, "alters", (note.name,), stretch),
        )
    return StepError(
        message=f"Step {spec.step} altered {path}, which in the notebook {what} {other_path} "
        f"from step {note.source}; the two were believed apart, so {other} would miss the change.",
        code="LL220",
        variable=name,
        culprit=path,
        hint=f"Where the sharing is not meant, make a copy (copy.deepcopy) of {name} or {other} in the step "
        f"that makes it. Where it is, alter {path} in step {note.source}, or tag the cells from there to here as "
        "one step.",
        observed=observed,
    )


def _in_words(path: str) -> str:
    """A path, where it leads into the data of a module, as code has it: ``bank.accounts[0]``."""
    if not path.startswith(MODULE):
        return path
    name, _, rest = path.removeprefix(MODULE).partition("['")
    inner, _, below = rest.partition("']")
    return inner + below if inner else name


def hidden(spec: StepSpecification, name: str, differ: Sequence[str], stretch: int) -> StepError:
    """Hidden state that later cells go on from is another now, in the parts *differ*."""
    what = name.removeprefix(PATCH).removeprefix(HIDDEN_STATE_PREFIX)
    if name.startswith(MODULE):
        what = f"what module {name.removeprefix(MODULE)} keeps"
    named = [part for part in differ if part]
    shown = f" ({', '.join(named[:3])}{', ...' if len(named) > 3 else ''})" if named else ""
    everywhere = "" if name == "@cwd" else ", or in a cell tagged `imports`, which every step runs"
    plainly = f"Change {what} in plain code in a cell of step {spec.step}{everywhere}."
    return StepError(
        message=f"Step {spec.step} changed {what}{shown}, which it was believed not to touch: "
        "later steps would go on from its earlier state.",
        code="LL221",
        variable=name,
        hint=hidden_state.GENERATORS.get(name, plainly),
        observed=(Observation(spec.step, "changes", (name,), stretch),),
    )


def drawn(spec: StepSpecification, name: str, stretch: int) -> StepError:
    """A step drew from a generator that was seeded above, and was not where the notebook's would have been."""
    what = name.removeprefix(HIDDEN_STATE_PREFIX)
    return StepError(
        message=f"Step {spec.step} drew from {what}, which it was believed not to touch: "
        "it did not go on from where a step above has seeded it.",
        code="LL221",
        variable=name,
        hint=hidden_state.GENERATORS.get(name),
        observed=(Observation(spec.step, "changes", (name,), stretch),),
    )


def bound(spec: StepSpecification, name: str, stretch: int) -> StepError:
    """A name that later cells take from elsewhere stands for something else now."""
    return StepError(
        message=f"Step {spec.step} bound {name} in a way that cannot be seen in its code: "
        "later steps would take its earlier value.",
        code="LL222",
        variable=name,
        hint=f"Assign {name} in plain code in a cell of step {spec.step}, if only as {name} = {name}.",
        observed=(Observation(spec.step, "binds", (name,), stretch),),
    )


def kind(spec: StepSpecification, name: str, believed: str, found: str) -> StepError:
    """A value that is handed on is of another type than earlier runs saw, and than later steps go by."""
    return StepError(
        message=f"Step {spec.step} bound {name} to a {found}, where earlier runs saw a {believed}: "
        "later steps were taken only to read it for that.",
        code="LL222",
        variable=name,
        hint=f"Or run with --no-observed, where {name} is not always of one type.",
        observed=(Observation(spec.step, "is", (name, found)),),
    )


def file(spec: StepSpecification, path: str, reader: str, stretch: int) -> StepError:
    """A file that another step's code names was written, and nothing keeps the notebook's order of the two."""
    return StepError(
        message=f"Step {spec.step} wrote {path}, which step {reader} uses, and nothing keeps the two in the notebook's "
        "order.",
        code="LL223",
        variable=path,
        hint=f"Tag a cell of whichever of the two stands below with prev:{spec.step} or prev:{reader}.",
        observed=(Observation(spec.step, "writes", (path,), stretch),),
    )


def given(spec: StepSpecification, name: str) -> StepError:
    """Cells of another step stand between those of this one and take *name*, which changed below them."""
    what = name.removeprefix(HIDDEN_STATE_PREFIX)
    return StepError(
        message=f"Step {spec.step} changed {what} in cells below those of another step that takes it: "
        "that step would get it with the change.",
        code="LL221" if name.startswith(HIDDEN_STATE_PREFIX) else "LL210",
        variable=name,
        hint=f"Give the later cells of step {spec.step} a step name of their own.",
        observed=(Observation(spec.step, "changes" if name.startswith(HIDDEN_STATE_PREFIX) else "alters", (name,)),),
    )
