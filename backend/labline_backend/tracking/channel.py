"""A server's end of a helper process that imports mlflow: starts it lazily, pipelines calls to it, and copes with its
death."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, cast

from labline_backend.tracking.location import Location

FIRST_ANSWER_SECONDS = 120.0  # the import of mlflow and its first migration, on a slow machine
ANSWER_SECONDS = 60.0
CLOSE_SECONDS = 10.0
RECORDER = "labline_backend.tracking.recorder"
_LONGEST_LINE = 1 << 26


class ChannelError(Exception):
    """A call that did not succeed; the message is one sentence. *kind* is one of :mod:`.answering`, or ``dead``."""

    def __init__(self, message: str, kind: str = "dead") -> None:
        super().__init__(message)
        self.kind = kind

    @property
    def away(self) -> bool:
        """Whether the MLflow server does not answer."""
        return self.kind == "away"


class Channel:
    """Calls to a helper process, by default a recorder. Belongs to one asyncio loop; where the process has died, the
    next call starts another."""

    def __init__(self, location: Location, log: Path, patience: float | None = None, module: str = RECORDER) -> None:
        self._location = location
        self._log = log
        self._patience = patience
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._starting: asyncio.Lock | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._progress = 0.0  # when the recorder last answered, or was last given work while idle
        self._answered = False
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """The recorder's process id while there is one."""
        return self._process.pid if self._process else None

    async def call(self, name: str, /, **arguments: Any) -> Any:
        """Have the recorder do something and wait for its answer. Raises ``ChannelError``."""
        process = await self._running()
        loop = asyncio.get_running_loop()
        self._last_id += 1
        future = loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # its caller may have gone
        if not self._waiting:
            self._progress = loop.time()
        self._waiting[self._last_id] = future
        line = json.dumps({"id": self._last_id, "call": name, "arguments": arguments}) + "\n"
        stdin = cast(asyncio.StreamWriter, process.stdin)
        with contextlib.suppress(OSError, RuntimeError):  # it is dying: the reader fails the future with the reason
            stdin.write(line.encode())
            await stdin.drain()
        return await self._answer(future)

    async def close(self) -> None:
        """Let the recorder finish what it was given, then end it."""
        process = self._process
        if process is None:
            return
        cast(asyncio.StreamWriter, process.stdin).close()
        try:
            await asyncio.wait_for(process.wait(), CLOSE_SECONDS)
        except TimeoutError:
            self._kill(process)
            await process.wait()
        if self._reader:
            await self._reader

    async def _running(self) -> asyncio.subprocess.Process:
        self._starting = self._starting or asyncio.Lock()
        async with self._starting:
            if self._process is None:
                self._log.parent.mkdir(parents=True, exist_ok=True)
                location = self._location
                with self._log.open("ab" if _is_small(self._log) else "wb") as log:
                    self._process = await asyncio.create_subprocess_exec(
                        sys.executable,
                        "-P",  # no module of the directory we happen to be in
                        "-m",
                        self._module,
                        stdin=asyncio.subprocess.PIPE,
                        stdout=asyncio.subprocess.PIPE,
                        stderr=log,
                        env={**os.environ, **location.environment(), **location.told()},
                        limit=_LONGEST_LINE,
                        start_new_session=True,  # an interrupt at the terminal must not lose what is being recorded
                    )
                self._answered, self._reason = False, ""
                self._reader = asyncio.create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        answers = cast(asyncio.StreamReader, process.stdout)
        while line := await answers.readline():
            answer = json.loads(line)
            self._progress = asyncio.get_running_loop().time()
            self._answered = True
            future = self._waiting.pop(answer["id"], None)
            if future is None or future.done():
                continue
            if "error" in answer:
                future.set_exception(ChannelError(answer["error"], answer["kind"]))
            else:
                future.set_result(answer["result"])
        status = await process.wait()
        self._process = None
        waiting, self._waiting = self._waiting, {}
        reason = self._reason or f"the process that talks to MLflow ended ({_ending(status)})"
        for future in waiting.values():
            if not future.done():
                future.set_exception(ChannelError(f"{reason}; its log is {self._log}"))

    async def _answer(self, future: asyncio.Future[Any]) -> Any:
        loop = asyncio.get_running_loop()
        while not future.done():
            limit = self._patience or (ANSWER_SECONDS if self._answered else FIRST_ANSWER_SECONDS)
            left = self._progress + limit - loop.time()
            if left <= 0 and self._process and not self._reason:
                self._reason = f"the process that talks to MLflow did not answer for {limit:g} s and was stopped"
                self._kill(self._process)
            await asyncio.wait({future}, timeout=max(left, 1.0))
        return future.result()

    @staticmethod
    def _kill(process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit code {status}"


def _is_small(log: Path) -> bool:
    return not log.exists() or log.stat().st_size < 1 << 20
