"""Records to store."""

from __future__ import annotations

from dataclasses import replace

from labline_backend.store.records import RunRecord
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Parameter, Pipeline, Step
from labline_runtime.outcome import ArtifactRecord, FileUse, Preview, StepError, StepResult, ValueRecord
from labline_runtime.specification import CellSource

PIPELINE = Pipeline(
    "trial",
    "trial.ipynb",
    (Step("first", (CellSource(0, "a", "x = 1"),)), Step("second", (CellSource(1, "b", "x"),), after=("first",))),
    parameters=(Parameter("p", "1", "int", 0, 1),),
)

RUN = RunRecord(
    id="trial-1",
    pipeline=PIPELINE,
    notebook="folder/trial.ipynb",
    folder="/folder",
    state="queued",
    created=12.5,
    parameters={"p": "'ä'"},
    findings=(Finding("LL201", "warning", "Look.", cell_index=1),),
    owner="one",
)

ERROR = StepError("It failed.", ename="ValueError", traceback=("one", "two"), line=3)

RESULT = StepResult(
    "succeeded",
    1.0,
    2.0,
    artifacts=(
        ArtifactRecord(
            ("x",), "p", "d", 3, (ValueRecord("x", "int", "c", 3, (1, 2), Preview("1", ("a",), (("1",),), True)),)
        ),
    ),
    metrics={"m": float("nan"), "n": float("inf")},
    files=(FileUse("f", "read", None, 4),),
)


def run(run_id: str, **changes: object) -> RunRecord:
    """A run with another id."""
    return replace(RUN, id=run_id, **changes)
