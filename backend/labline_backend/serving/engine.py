"""The queue in front of a model. It knows no transport.

Batches form without a timer. Requests that arrive while the model is busy wait, and when it is free it takes what
waits; requests that arrive in one turn of the event loop are taken together, because the model is asked at the end of
the turn; a request that gains nothing by that is answered on the spot. A call that is known to be short runs on the
loop's own thread, any other in the one thread there is for it, so the model is never asked twice at a time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from labline_backend.serving.predictor import NotAtHandError, Predictor
from labline_backend.serving.refusal import LateRefusal, Refusal
from labline_backend.serving.resident import give_back
from labline_backend.serving.rows import Rows
from labline_runtime.dataclass import dataclass

INLINE_SECONDS = 0.0005
STEP = 0.1
"""How far one call may move what a call is thought to take: that follows the median, which a busy machine spares."""


@dataclass(frozen=True)
class Limits:
    """``waiting``: requests in the queue. ``batch``: rows in one call. ``deadline``: seconds until an answer."""

    waiting: int = 512
    batch: int = 1024
    deadline: float = 30.0


class _Job:
    __slots__ = ("arrived", "count", "future", "parameters", "rows", "timer")

    def __init__(self, rows: Rows, parameters: dict[str, Any] | None, future: asyncio.Future[Any], now: float) -> None:
        self.rows = rows
        self.count = rows.count
        self.parameters = parameters
        self.future = future
        self.arrived = now
        self.timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Engine:
    """Answers requests in order. Belongs to the event loop it is made on."""

    def __init__(
        self, predictor: Predictor, limits: Limits, observe: Callable[[int, int], None] = lambda requests, rows: None
    ) -> None:
        """*observe* is told the number of requests and of rows of each call to the model."""
        self.predictor = predictor
        self._limits = limits
        self._observe = observe
        self._merges, self._piles = predictor.verdict.merges, predictor.verdict.piles
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Job] = deque()
        self._in_call = 0
        self._turn_comes = False
        self._seconds: dict[int, float] = {}  # of a typical call, by the bit length of the number of its rows
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    @property
    def waiting(self) -> int:
        """Requests that wait or are being answered."""
        return len(self._waiting) + self._in_call

    def at_once(self, rows: Rows, parameters: dict[str, Any] | None = None, *, alone: bool = False) -> list[Any]:
        """The prediction, in a list, where nothing is gained by waiting for others; else an empty list.

        *alone* is said by those who know that nobody else asks in this turn of the loop. Raises as :meth:`predict`.
        """
        count = rows.count
        joins = not alone and (self._merges or (self._piles and count == 1))
        if joins or self._waiting or self._in_call or not self._is_short(count):
            return []
        try:
            outcomes, seconds = self._timed([(rows, parameters)])
        except NotAtHandError:
            return []
        self._note(1, count, seconds)
        if isinstance(outcomes[0], BaseException):
            raise outcomes[0]
        return outcomes

    async def predict(self, rows: Rows, parameters: dict[str, Any] | None = None) -> Any:
        """The model's prediction. Raises ``Refusal``, or what the model raised where that is not about the rows."""
        found = self.at_once(rows, parameters)
        return found[0] if found else await self.in_turn(rows, parameters)

    def in_turn(self, rows: Rows, parameters: dict[str, Any] | None = None) -> asyncio.Future[Any]:
        """The prediction, when it is there. Raises as :meth:`predict`."""
        if self.waiting >= self._limits.waiting:
            raise Refusal(f"{self._limits.waiting} requests are waiting already: ask again later.", 429, retry_after=1)
        job = _Job(rows, parameters, self._loop.create_future(), self._loop.time())
        self._waiting.append(job)
        if self._in_call:  # nobody knows for how long
            self._arm(job)
        self._call_model_soon()
        return job.future

    def close(self) -> None:
        """Wait for the call that is running. To be called when nobody asks any more, and off the loop's thread."""
        self._thread.shutdown(wait=True)

    def _call_model_soon(self) -> None:
        if not self._turn_comes and not self._in_call and self._waiting:
            self._turn_comes = True
            self._loop.call_soon(self._call_model)

    def _call_model(self) -> None:
        self._turn_comes = False
        jobs, count = self._next_jobs()
        if not jobs:
            return
        asked = [(job.rows, job.parameters) for job in jobs]
        if self._is_short(count):
            try:
                self._settle(jobs, count, *self._timed(asked))
                return
            except NotAtHandError:
                pass
        self._in_call = len(jobs)
        for job in (*jobs, *self._waiting):
            self._arm(job)
        call = self._loop.run_in_executor(self._thread, self._timed_with_all, asked)
        call.add_done_callback(lambda done: self._settle(jobs, count, *done.result()))

    def _next_jobs(self) -> tuple[list[_Job], int]:
        """What is to be answered by one call, and how many rows that is."""
        jobs: list[_Job] = []
        rows = 0
        while self._waiting:
            job = self._waiting[0]
            if job.future.done():  # too late, or nobody waits for it
                self._waiting.popleft()
                continue
            if jobs and (
                not (self._merges or (self._piles and job.count == jobs[0].count == 1))
                or rows + job.count > self._limits.batch
                or job.parameters is not None
                or jobs[0].parameters is not None
                or job.rows.kind != jobs[0].rows.kind
            ):
                break
            jobs.append(self._waiting.popleft())
            rows += job.count
        return jobs, rows

    def _timed_with_all(self, asked: list[Any]) -> tuple[list[Any], float]:
        """As :meth:`_timed`, with whatever else has to be loaded for these rows."""
        try:
            return self._timed(asked)
        except NotAtHandError:
            try:
                self.predictor.load_model()
            except Exception as error:
                return [self._without_model(each, error) for each in asked], 0.0
            give_back()
            return self._timed(asked)

    def _without_model(self, asked: Any, error: Exception) -> Any:
        """The outcome of one request where the model cannot be loaded, which most rows do without."""
        try:
            return self.predictor.answer([asked])[0]
        except NotAtHandError:
            return RuntimeError(f"the model cannot be loaded: {error}")

    def _timed(self, asked: list[Any]) -> tuple[list[Any], float]:
        start = time.perf_counter()
        try:
            outcomes = self.predictor.answer(asked)
        except NotAtHandError:
            raise
        except BaseException as error:  # a model may call sys.exit
            outcomes = [RuntimeError(f"the model ended its call with {type(error).__name__}")] * len(asked)
        return outcomes, time.perf_counter() - start

    def _settle(self, jobs: list[_Job], count: int, outcomes: list[Any], seconds: float) -> None:
        self._in_call = 0
        self._note(len(jobs), count, seconds)
        for job, outcome in zip(jobs, outcomes, strict=True):
            job.settle(outcome)
        self._call_model_soon()

    def _is_short(self, rows: int) -> bool:
        """Whether a call with so many rows is known to be short."""
        return self._seconds.get(rows.bit_length(), 1.0) < INLINE_SECONDS

    def _note(self, requests: int, rows: int, seconds: float) -> None:
        """A call to the model has ended."""
        size = rows.bit_length()
        before = self._seconds.get(size, seconds)
        low, high = before * (1 - STEP), before * (1 + STEP)
        self._seconds[size] = low if seconds < low else high if seconds > high else seconds
        self._observe(requests, rows)

    def _arm(self, job: _Job) -> None:
        """Answer *job* at its deadline. Only what does not run at once needs the timer."""
        if job.timer is None:
            late = LateRefusal(f"There was no answer within {self._limits.deadline:g} s.", 503, retry_after=1)
            job.timer = self._loop.call_at(job.arrived + self._limits.deadline, job.settle, late)
