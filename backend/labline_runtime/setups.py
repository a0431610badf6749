"""What steps above have set up in their processes, set up again in this one.

The compiler picks the statements: they name nothing but what their own imports bind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from labline_runtime.outcome import StepError
from labline_runtime.specification import Setup


def repeat(setups: Iterable[Setup]) -> list[StepError]:
    """Run the statements whose libraries are in use; what is wrong with those that fail."""
    return [
        error
        for setup in setups
        if (not setup.library or setup.library in sys.modules) and (error := _repeated(setup)) is not None
    ]


def _repeated(setup: Setup) -> StepError | None:
    try:
        exec(compile(setup.text, "<set up by a step above>", "exec"), {"__name__": "__main__"})  # noqa: S102 - the notebook's
    except Exception as error:
        statement = setup.text.rpartition("\n")[2]
        return StepError(
            message=f"What a step above has set up could not be set up here: {statement} raised "
            f"{type(error).__name__}: {error}",
            ename=type(error).__name__,
            evalue=str(error),
            hint="Move the statement into a cell tagged imports, which runs at the start of every step, or "
            "into the step that needs it; in a step of its own image, have the package there, too.",
        )
    return None
