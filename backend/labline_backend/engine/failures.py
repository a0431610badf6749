"""Why a step failed, in words, where the step itself could not say."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

from labline_backend.engine.step_process import LOST, Exit
from labline_backend.home import Home, HomeError, is_full
from labline_backend.store.artifacts import ArtifactStoreError
from labline_compiler.pipeline import Step
from labline_runtime.outcome import StepError
from labline_runtime.specification import CellSource

KILLED = "LL402"
TIMEOUT = "LL403"
FULL = "LL503"

RUN_AGAIN = "Run again: the next run reckons with what this one saw. Or change the notebook:"

NO_SPACE = "Free some space on the disk that the cell writes to, then run again: finished steps are not repeated."

CRASHES = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS, signal.SIGTRAP}

NOT_STARTED = 2  # the exit code of the runtime when it cannot even begin


def of_time(step: str, seconds: float, cell: CellSource | None) -> StepError:
    """The step took too long."""
    return _at(
        cell,
        StepError(
            code=TIMEOUT,
            message=f"The step ran longer than its timeout of {seconds:g} seconds and was stopped{_where(cell)}.",
            hint=f"Give step {step} more time with its option `timeout`, or make it faster.",
        ),
    )


def of_whole_run(seconds: float) -> StepError:
    """The run took too long."""
    return StepError(
        code=TIMEOUT,
        message=f"The run took longer than its timeout of {seconds:g} seconds and was stopped.",
        hint="Give it more time with --timeout, or with `timeout` under `labline` in the notebook's metadata.",
    )


def stayed(run: str, step: str) -> str:
    """What to do with a process that failed and was asked to stay."""
    return f"Its process has stayed, for a day at most. To look: labline debug {run} {step}; to end it: --release."


def of_memory(step: Step, used: int, cell: CellSource | None) -> StepError:
    """The step held more memory than its limit."""
    limit = step.options.limits["memory"]
    return _at(
        cell,
        StepError(
            code=KILLED,
            message=f"The step held {_size(used)} of memory{_where(cell)}, more than its limit of {limit}, and was "
            "stopped.",
            hint=f"Raise limit:memory:{limit} of step {step.name}, or work on less data at a time.",
        ),
    )


def of_exit(ended: Exit, cell: CellSource | None, *, damaged: bool, last_words: str) -> StepError:
    """The process ended without a result that can be read. *last_words* is the last line of its log."""
    used = f"it used {_size(ended.peak)} at its peak" if ended.peak else "what it used is not known"
    if ended.problem == LOST:
        error = StepError(
            message=f"The step was stopped{_where(cell)}: {LOST}.",
            hint="Run again. If that happens more than once, see whether the notebook kills processes that are not its "
            "own, such as its parent, or whether memory runs out.",
        )
    elif ended.problem is not None:
        error = StepError(
            message=f"The step's process could not be kept going: {ended.problem}.",
            hint="Look at the step's log, and see that the notebook's kernel starts in Jupyter.",
        )
    elif ended.status == -signal.SIGKILL:
        error = StepError(
            code=KILLED,
            message=f"The step was killed by the system{_where(cell)}, most likely for memory: {used}.",
            hint="Work on less data at a time, delete what is no longer needed, or use a machine with more memory.",
        )
    elif ended.status is not None and ended.status < 0:
        error = StepError(
            message=f"The step's process {'crashed with' if -ended.status in CRASHES else 'was ended by'} "
            f"{_signal(-ended.status)}{_where(cell)}; {used}.",
            hint="A compiled library is at fault more often than the notebook: look at the end of the step's log."
            if -ended.status in CRASHES
            else "It was sent that signal, by a timer, by the notebook or by another process, and does not handle it.",
        )
    elif ended.status == NOT_STARTED and last_words.startswith("labline_runtime: "):
        error = StepError(
            message=f"The step could not be started: {last_words.removeprefix('labline_runtime: ')}",
            hint="Install ipykernel in the kernel's environment, or choose another kernel in the notebook.",
        )
    elif damaged:
        error = StepError(
            message="What the step left behind (result.json) is damaged.",
            hint="Run it again; see that the disk is sound.",
        )
    else:
        error = StepError(
            message=f"The step's process ended{_where(cell)} with exit code {ended.status} before the step was done.",
            hint="Something in it ends the interpreter, such as os._exit(); let the cell run to its end instead.",
        )
    return _at(cell, error)


def of_full_disk(home: Home) -> StepError:
    """There is no room for what the step makes."""
    return StepError(
        code=FULL,
        message=f"The disk that holds the data folder {home.root} is full.",
        hint="Free some space, then run the notebook again: finished steps are not repeated.",
    )


def of_lost_folder(folder: Path) -> StepError:
    """Somebody has removed what the step was about to leave behind."""
    return StepError(
        code=FULL,
        message=f"The step's folder {folder} was removed while the step ran.",
        hint="Leave the data folder alone while runs go on, then run again.",
    )


def of_system(error: OSError, home: Home) -> StepError:
    """The engine could not prepare or start the step."""
    if is_full(error):
        return of_full_disk(home)
    place = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return StepError(
            message=f"The step could not be started: {error.strerror}.",
            hint="Labline's own process may not open more files (ulimit -n): raise that limit, or run less at a time.",
        )
    return StepError(
        message=f"The step could not be started: {error.strerror or error}{place}.",
        hint="See that the notebook's folder and its kernel are still there, and that the machine has resources left.",
    )


def of_home(error: HomeError) -> StepError:
    """The data folder failed under the run."""
    return StepError(code=FULL, message=str(error))


def of_store(error: ArtifactStoreError) -> StepError:
    """Values could not be kept or had."""
    return StepError(code=error.code, message=str(error), hint=error.fix)


def of_fault(error: BaseException) -> StepError:
    """A fault of ours."""
    return StepError(
        message=f"Labline itself failed ({type(error).__name__}: {error}).",
        hint="This is a fault in Labline: please report it with the server's log.",
    )


def _at(cell: CellSource | None, error: StepError) -> StepError:
    if cell is None:
        return error
    return StepError(
        message=error.message, code=error.code, hint=error.hint, cell_index=cell.index, cell_id=cell.open_id
    )


def _where(cell: CellSource | None) -> str:
    return "" if cell is None else f" in cell {cell.shown}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
