"""Files that a step has written before it failed, or before it was run again, and that it then goes on with.

The notebook, which runs once, would not have found them so. Nobody can take back what was done to files; it is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from labline_backend.engine.attempt import advised
from labline_backend.engine.file_order import shown
from labline_backend.engine.patching import FOLDER
from labline_backend.home import Home
from labline_backend.store.records import StepRecord
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Step
from labline_runtime.documents import from_json
from labline_runtime.outcome import Observation, StepError, StepResult


def written(result: StepResult | None) -> set[str]:
    """The files that an execution has written; none where it was killed, and left no word."""
    return {use.path for use in result.files if use.mode == "write"} if result is not None else set()


def before(home: Home, run: str, step: Step) -> set[str]:
    """The files that *step* had written when it ran before the run went on."""
    found: set[str] = set()
    for path in (home.run_folder(run) / FOLDER).glob(f"*/steps/{step.name}/result.json"):
        try:
            found |= written(from_json(StepResult, path.read_text("utf-8", "surrogatepass")))
        except (OSError, ValueError):
            continue
    return found


def of_items(step: Step, reason: str, result: StepResult, folder: Path) -> StepError:
    """What is wrong with a loop that ran as a whole after its items had run apart, and went on with what they left."""
    path = shown(result.remains[0], folder)
    seen = tuple(Observation(step.name, kind, (path,)) for kind in ("reads", "writes"))
    return advised(
        StepError(
            message=f"The items of step {step.name} ran apart and then, since that was wrong ({reason}), once more as "
            f"a whole: {path} has in it what was done both times.",
            code="LL223",
            variable=path,
            hint=f"Remove foreach from step {step.name}. Files that no step makes have to be put back first.",
            observed=seen,
        )
    )


def told(steps: Iterable[StepRecord], folder: Path) -> Iterator[Finding]:
    """What *steps* went on with."""
    for step in steps:
        if step.state == "succeeded" and step.result is not None and step.result.remains:
            paths = ", ".join(shown(path, folder) for path in step.result.remains)
            yield Finding(
                "LL506",
                "warning",
                f"Step {step.name} ran more than once in this run, and went on with {paths} as it had left that.",
                step=step.name,
                fix="If that counts, have the step write the file anew (mode 'w'), put it back, and run again.",
            )
