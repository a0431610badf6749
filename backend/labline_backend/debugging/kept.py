"""The processes of failed steps that have stayed for a debugger, of all runs."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.errors import NotFoundError
from labline_runtime import post_mortem
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.service import Service


@dataclass(frozen=True)
class KeptProcess:
    """A process that has stayed. ``since`` is in seconds since the epoch; ``memory`` is what goes with it, in bytes.

    None of the memory counts that others use, too; None where it cannot be told.
    """

    run: str
    step: str
    notebook: str
    process: int
    since: float
    memory: int | None
    message: str | None


def kept(service: Service) -> list[KeptProcess]:
    """Those there are, the newest first."""
    found = []
    for socket in service.home.runs.glob(f"*/steps/*/{post_mortem.SOCKET}"):
        folder = socket.parent
        with contextlib.suppress(OSError, NotFoundError):  # gone meanwhile, or its run is
            since = socket.stat().st_mtime
            if (process := post_mortem.process(folder)) is not None:
                run, step = folder.parents[1].name, folder.name
                record, state = service.get(run), service.step(run, step)
                message = state.error.message if state.error is not None else None
                found.append(KeptProcess(run, step, record.notebook, process, since, _memory(process), message))
    return sorted(found, key=lambda each: each.since, reverse=True)


def release(service: Service, run: str, step: str) -> bool:
    """Have the process of *step* go that has stayed; whether there was one. Raises ``NotFoundError``."""
    service.step(run, step)
    return post_mortem.release(service.home.step_folder(run, step))


def release_all(service: Service) -> int:
    """Have all of them go; how many there were."""
    return sum(release(service, each.run, each.step) for each in kept(service))


def _memory(process: int) -> int | None:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        return sum(int(size) for size in re.findall(r"^Private_\w+: +(\d+) kB$", text, re.MULTILINE)) << 10
    return None
