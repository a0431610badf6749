"""Starts steps in their kernel's interpreter. The rest of the engine knows only :class:`Launcher` and what it returns.

A step is forked from a warm parent. Where there is none, or it dies before a keeper has taken the step over, the step
gets an interpreter of its own instead; nothing else differs.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from labline_backend.engine.bundle import runtime_bundle
from labline_backend.engine.variables import environment
from labline_backend.engine.warm import Order, Setting, WarmParents
from labline_backend.home import Home
from labline_backend.kernels import Kernel

if TYPE_CHECKING:
    from labline_backend.engine.step_process import StepProcess


class Launcher:
    """Starts step processes for one engine."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._bundle: Path | None = None
        self._parents = WarmParents()

    def launch(
        self,
        kernel: Kernel,
        specification: Path,
        folder: Path,
        log: BinaryIO,
        environment: dict[str, str],
        memory: int = 0,
        imports: tuple[str, ...] = (),
        autologging: bool = False,
        more: bool = False,
    ) -> StepProcess:
        """Run the step that *specification* describes in *kernel*'s interpreter.

        Its standard output and error go to *log*. With *memory* it may hold so many bytes. *imports* are what it, as
        all steps of its notebook, imports first; with *autologging* some have a training logged; *more* may follow.
        Raises ``OSError`` where no process can be started.
        """
        # Not before: a command has a launcher prepare before it imports anything else.
        from labline_backend.engine.step_process import StepProcess, start_fresh

        setting = self._setting(kernel, folder, environment, imports, autologging)
        with contextlib.ExitStack() as on_failure:
            progress_read, progress_write = os.pipe()
            progress = on_failure.enter_context(os.fdopen(progress_read, "rb", buffering=0))
            order = on_failure.enter_context(
                Order(
                    setting=setting,
                    specification=specification,
                    progress=os.fdopen(progress_write, "wb", buffering=0),
                    log=os.fdopen(os.dup(log.fileno()), "ab", buffering=0),
                    memory=memory,
                    prepare=more,
                )
            )
            process = StepProcess(order, progress, (self._parents.start, start_fresh))
            on_failure.pop_all()
        return process

    def prepare(self, kernel: Kernel, folder: Path, imports: tuple[str, ...], autologging: bool = False) -> None:
        """Have a warm parent for the steps of a notebook before one is run."""
        with contextlib.suppress(OSError):  # whoever runs it will see what is wrong
            self._parents.prepare(self._setting(kernel, folder, environment(kernel, {}), imports, autologging))

    def _setting(
        self,
        kernel: Kernel,
        folder: Path,
        environment: dict[str, str],
        imports: tuple[str, ...],
        autologging: bool,
    ) -> Setting:
        if self._bundle is None:
            self._bundle = runtime_bundle(self._home)
        return Setting(kernel.python, self._bundle, folder, environment, imports, autologging)

    def close(self) -> None:
        """End the warm parents."""
        self._parents.close()
