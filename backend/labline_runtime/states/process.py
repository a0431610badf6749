"""States of the process and of the standard library."""

from __future__ import annotations

import csv
import decimal
import gc
import locale
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from labline_runtime import environ, library
from labline_runtime.failure import StepFailure
from labline_runtime.outcome import StepError
from labline_runtime.states.baseline import Baseline

_IGNORED = frozenset((signal.SIGPIPE, signal.SIGXFSZ))  # by Python, from the start
_OF_THE_STEP = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGCHLD))


def capture_environ(baseline: Baseline) -> Any:
    """Variables that were set, changed or taken away since the step began."""
    now = environ.present()
    changed = {name: text for name, text in now.items() if baseline.environ.get(name) != text}
    return {"set": changed, "unset": sorted(baseline.environ.keys() - now.keys())}


def restore_environ(value: Any, _: Baseline) -> None:
    """Set and unset variables; the time zone takes effect at once, as the C library keeps a copy."""
    os.environ.update(value["set"])
    for name in value["unset"]:
        os.environ.pop(name, None)
    if "TZ" in value["set"] or "TZ" in value["unset"]:
        time.tzset()


def capture_folder(baseline: Baseline) -> Any:
    """Where it is, and for ``%cd -`` and ``%popd`` where it has been. Raises :class:`StepFailure` where it is gone."""
    shell = _shell()
    try:
        here = str(Path.cwd())
    except FileNotFoundError as error:
        raise StepFailure(
            StepError(
                message="The step removed the folder that it works in, where later steps would have to go on.",
                variable="@cwd",
                hint="Change to a folder that stays (os.chdir) before removing the one that the notebook works in.",
            )
        ) from error
    return {
        "here": _from(baseline.folder, here),
        "been": [_from(baseline.folder, str(each)) for each in shell.user_ns.get("_dh", ())] if shell else [],
        "stack": [_from(baseline.folder, str(each)) for each in shell.dir_stack] if shell else [],
    }


def _from(start: str, folder: str) -> str:
    """*folder* relative to where the step began, where it lies in there: another target runs in another folder."""
    inside = folder == start or folder.startswith(start.rstrip(os.sep) + os.sep)
    return os.path.relpath(folder, start) if inside else folder


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def restore_folder(value: Any, baseline: Baseline) -> None:
    """Go there. Raises :class:`StepFailure` where that cannot be."""
    start = Path(baseline.folder)
    folder = str(start / value["here"])
    try:
        os.chdir(folder)
    except OSError as error:
        raise StepFailure(
            StepError(
                message=f"An earlier step changed the working directory to {folder}, "
                f"which cannot be entered here: {error.strerror}.",
                variable="@cwd",
                hint="Use paths relative to the notebook instead of changing the working directory.",
            )
        ) from error
    if (shell := _shell()) is not None and "_dh" in shell.user_ns:
        shell.user_ns["_dh"][:] = [start / each for each in value["been"]]
        shell.dir_stack[:] = [str(start / each) for each in value["stack"]]


def capture_path(baseline: Baseline) -> Any:
    """Entries that were there when the step began by their place, others as they are."""
    places = {entry: place for place, entry in enumerate(baseline.path)}
    return [places.get(entry, entry) for entry in sys.path]


def restore_path(value: Any, baseline: Baseline) -> None:
    """Put the entries in the captured order."""
    sys.path[:] = [
        baseline.path[entry] if isinstance(entry, int) else entry
        for entry in value
        if not isinstance(entry, int) or entry < len(baseline.path)
    ]


def capture_interpreter(_: Baseline) -> Any:
    """Settings of the interpreter and of the operating system's process, and what the notebook does about signals."""
    umask = os.umask(0)
    os.umask(umask)
    return {**settings(umask), "signals": signals()}


def umask_now() -> int | None:
    """The umask, without changing it for a moment, for all threads; None where the system does not tell."""
    try:
        with open("/proc/self/status") as told:  # noqa: PTH123
            return next((int(line.partition(":")[2], 8) for line in told if line.startswith("Umask:")), None)
    except OSError:
        return None


def settings(umask: int | None) -> dict[str, Any]:
    """The settings among them."""
    return {
        "recursion limit": sys.getrecursionlimit(),
        "digits": sys.get_int_max_str_digits() if hasattr(sys, "get_int_max_str_digits") else None,
        "collects": gc.isenabled(),
        "thresholds": gc.get_threshold(),
        "umask": umask,
        "socket timeout": socket.getdefaulttimeout(),
        "csv field": csv.field_size_limit(),
        "switch interval": sys.getswitchinterval(),
    }


def restore_interpreter(value: Any, _: Baseline) -> None:
    """Put them back."""
    sys.setrecursionlimit(value["recursion limit"])
    if value["digits"] is not None:
        sys.set_int_max_str_digits(value["digits"])
    (gc.enable if value["collects"] else gc.disable)()
    gc.set_threshold(*value["thresholds"])
    os.umask(value["umask"])
    socket.setdefaulttimeout(value["socket timeout"])
    csv.field_size_limit(value["csv field"])
    sys.setswitchinterval(value["switch interval"])
    for number, handler in value["signals"].items():
        signal.signal(number, handler)


def signals() -> dict[int, Any]:
    """What the notebook has done about signals. What Python does about them is the same in every step."""
    found: dict[int, Any] = {}
    for number in signal.valid_signals() - _OF_THE_STEP:
        handler = signal.getsignal(number)
        if (callable(handler) and not _is_ours(handler)) or (number in _IGNORED and handler is signal.SIG_DFL):
            found[int(number)] = handler
    return found


def _is_ours(handler: Any) -> bool:
    """Whether a library, this one among them, or Python has set it."""
    module = getattr(handler, "__module__", None)
    return isinstance(module, str) and module != "__main__" and library.is_library(module)


def capture_locale(_: Baseline) -> Any:
    """The locale of every category."""
    return locale.setlocale(locale.LC_ALL)


def restore_locale(value: Any, _: Baseline) -> None:
    """Set it. Raises :class:`StepFailure` where this machine does not have it."""
    try:
        locale.setlocale(locale.LC_ALL, value)
    except locale.Error as error:
        raise StepFailure(
            StepError(
                message=f"An earlier step set the locale {value}, which this machine does not have.",
                variable="@locale",
                hint="Install the locale here, or do not set one.",
            )
        ) from error


def capture_decimal(_: Baseline) -> Any:
    """The context that decimal numbers are computed in, without the flags that every computation sets."""
    context = decimal.getcontext().copy()
    context.clear_flags()
    return context


def restore_decimal(value: Any, _: Baseline) -> None:
    """Compute in it from now on. The context itself stays: the notebook may have it under a name."""
    context = decimal.getcontext()
    for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp", "traps"):
        setattr(context, name, getattr(value, name))
    context.clear_flags()
