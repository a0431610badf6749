"""Says in the step's log which threads its process still waits for, so that a step that does not end says why."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

PATIENCE = 5.0
"""Seconds that threads have to end before they are named."""


@contextlib.contextmanager
def named(patience: float = PATIENCE) -> Iterator[None]:
    """While threads are waited for: name those that have not ended after *patience* seconds."""
    if not waited_for():
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_tell, args=(over, patience), daemon=True, name="labline: lingering")
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def waited_for() -> list[threading.Thread]:
    """The threads that Python waits for at its end, beside the main one."""
    return [thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()]


def _tell(over: threading.Event, patience: float) -> None:
    if over.wait(patience) or not (threads := waited_for()):
        return
    names = ", ".join(thread.name for thread in threads)
    text = (
        f"labline: the step's cells have ended, but the step waits for threads that they have started: {names}. "
        "End them in the step's last cell (set an event, join them), or start them with daemon=True.\n"
    )
    with contextlib.suppress(OSError):  # a log that is closed keeps nobody waiting
        os.write(2, text.encode("utf-8", "backslashreplace"))
