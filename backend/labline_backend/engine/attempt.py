"""One process that runs a step, or a part of one, and what it leaves in its folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.engine import failures, local_options
from labline_backend.engine.step_process import Exit, StepProcess, open_log
from labline_backend.store.encoding import dump
from labline_compiler.pipeline import Step
from labline_runtime import post_mortem
from labline_runtime.documents import from_json
from labline_runtime.notebook import ExecutedNotebook
from labline_runtime.outcome import Progress, StepError, StepResult
from labline_runtime.specification import CellSource, StepSpecification
from labline_runtime.tracking import logs_training

if TYPE_CHECKING:
    from labline_backend.engine.run import Run


class Attempt:
    """Runs processes for *step* in *folder*, one after the other. Their cells are told to the run's watchers."""

    def __init__(
        self,
        run: Run,
        step: Step,
        folder: Path,
        *,
        is_told: bool = True,
        begun: Callable[[], float | None] = lambda: None,
    ) -> None:
        """*begun* says when what the step's timeout holds for began, in seconds since the epoch; None: the process."""
        self._run = run
        self._begun = begun
        self._step = step
        self._folder = folder
        self._is_told = is_told
        self._cell: CellSource | None = None  # the one that runs, for a process that dies without a word
        self._has_stayed = False

    async def run(
        self, specification: StepSpecification, tracked: dict[str, str], number: int
    ) -> tuple[StepResult | None, StepError | None]:
        """Run *specification* for the *number*-th time, from 1: its result, or why there is none that can be used."""
        self._cell = None
        self._has_stayed = False
        if (self._folder / post_mortem.SOCKET).exists():  # else changing threads would let other steps pass
            await asyncio.to_thread(post_mortem.release, self._folder)  # it may hold the log
        path = self.prepare(specification, number)
        with await open_log(self._folder / "log.txt") as log:
            if number > 1:
                log.write(f"\n--- attempt {number} ---\n".encode())
            process = self._run.launcher.launch(
                self._run.kernel,
                path,
                self._run.directory,
                log,
                self._run.variables | tracked,
                local_options.memory_limit(self._step),
                self._run.imports,
                autologging=self._run.autologging and logs_training(specification),
                more=not self._is_told or self._run.has_more,
            )
        try:
            ended, in_time = await self._watch(process)
        finally:
            if not (self._folder / "result.json").exists():  # the last that a step writes
                self.tidy()
                self._show_cells(specification)
        if not in_time:
            return None, failures.of_time(self._step.name, self._step.options.timeout or 0, self._cell)
        return self._outcome(ended)

    async def left(self) -> StepResult | None:
        """The result of an attempt that ended well when there was no engine any more to write that down."""
        if not self._folder.exists():
            return None
        (await open_log(self._folder / "log.txt")).close()  # what is left of that attempt may be about to end well
        self.tidy()
        result, _ = self.result()
        if result is None or result.state != "succeeded":
            return None
        # Off the loop: whether the values are still there may be asked of a store far away.
        there = [await asyncio.to_thread(self._run.artifacts.has, artifact) for artifact in result.artifacts]
        return result if all(there) else None

    def was_for(self, specification: StepSpecification) -> bool:
        """Whether what lies in the folder is of the same step: its run may have been patched since."""
        try:
            found = from_json(StepSpecification, (self._folder / "spec.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        same = ("cells", "parameters", "inputs", "outputs", "setups", "imported", "subclasses", "item", "pool")
        return all(getattr(found, name) == getattr(specification, name) for name in same)

    def prepare(self, specification: StepSpecification, number: int) -> Path:
        """The folder with nothing in it of an earlier attempt that could be taken for this one's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # At first the log goes too: it may be a link to that of the run whose result was about to be used.
        for name in ("result.json", "executed.ipynb", "log.txt")[: 3 if number == 1 else 2]:
            (self._folder / name).unlink(missing_ok=True)
        path = self._folder / "spec.json"
        path.write_text(dump(specification), "utf-8")
        return path

    async def _watch(self, process: StepProcess) -> tuple[Exit, bool]:
        """Wait for the process; whether it ended in its time. A cancelled wait kills it first."""
        follower = asyncio.create_task(self._follow(process))
        waiter = asyncio.create_task(process.wait())
        try:
            in_time = await self._is_in_time(waiter)
            if not in_time:
                process.kill()
            return await asyncio.shield(waiter), in_time
        finally:
            process.kill()
            while not waiter.done():  # whoever cancels, and however often: no process is left behind
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({waiter})
            await follower

    async def _is_in_time(self, waiter: asyncio.Task[Exit]) -> bool:
        """Wait for the process as long as it may take."""
        timeout, started = self._step.options.timeout, time.time()
        left = timeout
        while left is None or left > 0:
            await asyncio.wait({waiter}, timeout=left)
            if waiter.done():
                return True
            assert timeout is not None  # noqa: S101 - else there is no end to waiting
            left = min((self._begun() or started) + timeout - time.time(), timeout)
        return False

    async def _follow(self, process: StepProcess) -> None:
        async with contextlib.aclosing(process.progress()) as lines:
            async for line in lines:
                try:
                    told = from_json(Progress, line.decode())
                except ValueError:
                    continue  # a stray write of the user's code to the descriptor
                if told.event == "stays":  # which processes that it has forked may hold, too: not read to the end
                    self._has_stayed = True
                    process.let_stay()
                    return
                if self._is_told:
                    self._tell(told, process)

    def _tell(self, told: Progress, process: StepProcess) -> None:
        cells = (*self._run.record.pipeline.preamble, *self._step.cells)
        cell = next((c for c in cells if c.index == told.index), None)
        self._cell = cell if told.event == "cell_started" else None
        open_id = cell.open_id if cell is not None else told.id
        try:
            self._run.store.add_cell_event(self._run.record.id, self._step.name, told.index, open_id, told.state)
        except Exception:
            process.kill()
            raise

    def _outcome(self, ended: Exit) -> tuple[StepResult | None, StepError | None]:
        result, damaged = self.result()
        if result is not None and result.state == "succeeded":
            return result, None
        if result is not None and result.error is not None:
            error = result.error
            if error.ename == "OSError" and "[Errno 28]" in (error.evalue or ""):
                error = replace(error, code=error.code or failures.FULL, hint=error.hint or failures.NO_SPACE)
            if self._has_stayed:
                return result, replace(error, hint=failures.stayed(self._run.record.id, self._step.name))
            return result, advised(error)
        if not self._folder.is_dir():
            return None, failures.of_lost_folder(self._folder)
        if _is_exhausted(self._run.home.root):
            return None, failures.of_full_disk(self._run.home)
        if ended.over:
            return None, failures.of_memory(self._step, ended.over, self._cell)
        return None, failures.of_exit(ended, self._cell, damaged=damaged, last_words=self._last_words())

    def result(self) -> tuple[StepResult | None, bool]:
        """What the step left behind, or ``None`` and whether there is something that cannot be read."""
        try:
            return from_json(StepResult, (self._folder / "result.json").read_text("utf-8", "surrogatepass")), False
        except FileNotFoundError:
            return None, False
        except ValueError:
            return None, True

    def _last_words(self) -> str:
        with (self._folder / "log.txt").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _show_cells(self, specification: StepSpecification) -> None:
        """Leave a notebook for a step that was killed in its first cell: its own comes with the end of a cell."""
        path = self._folder / "executed.ipynb"
        with contextlib.suppress(OSError):
            if not path.exists():
                ExecutedNotebook(path, specification.cells, dict(specification.metadata)).write()

    def tidy(self) -> None:
        """Take away what a process that was killed had begun to write."""
        with contextlib.suppress(OSError):
            for left in self._folder.glob(".*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            self._run.artifacts.sweep()


def _is_exhausted(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < 1 << 16 or (found.f_files > 0 and found.f_favail == 0)


def advised(error: StepError) -> StepError:
    """The error of a guard with the easiest way on."""
    return replace(error, hint=f"{failures.RUN_AGAIN} {error.hint or ''}".rstrip()) if error.observed else error
