"""A version that is asked what others have answered, and whose answers are compared and thrown away.

It is asked after the client has its answer, one request at a time, from a bounded queue: what does not fit is dropped
and counted. Nothing that it does reaches a client.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from labline_backend.serving import v2_answers
from labline_backend.serving.rows import Array, Rows
from labline_backend.serving.signature import Signature
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.serving.versions import Served

WAITING = 256
WAITING_BYTES = 32 << 20
RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""How far two numbers may differ and still be one answer: versions that are asked in different ways differ by bits."""

Outcome = Literal["equal", "different", "failed", "dropped"]
Outputs = Sequence[tuple[str, Array]]
Read = Callable[[Signature], tuple[Rows, dict[str, Any] | None]]


@dataclass(frozen=True)
class Mirrored:
    """An answered request. ``read`` gives its rows as a model of a certain signature takes them; ``size`` is bytes."""

    read: Read
    outputs: Outputs
    size: int


class Shadow:
    """The queue before a version. Belongs to the event loop it is made on."""

    def __init__(self, served: Served, count: Callable[[Outcome], None]) -> None:
        self.served = served
        self._count = count
        self._waiting: deque[Mirrored] = deque()
        self._bytes = 0
        self._task: asyncio.Task[None] | None = None

    def offer(self, mirrored: Mirrored) -> None:
        """Have it asked when there is time, or never."""
        if len(self._waiting) >= WAITING or self._bytes + mirrored.size > WAITING_BYTES:
            self._count("dropped")
            return
        self._waiting.append(mirrored)
        self._bytes += mirrored.size
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def close(self) -> None:
        """Ask no more. What waits is dropped."""
        if self._task is not None:
            self._task.cancel()
        for _ in self._waiting:
            self._count("dropped")
        self._waiting.clear()

    async def _work(self) -> None:
        while self._waiting:
            mirrored = self._waiting.popleft()
            self._bytes -= mirrored.size
            self._count(await self._outcome(mirrored))

    async def _outcome(self, mirrored: Mirrored) -> Outcome:
        served = self.served
        try:
            with served:
                rows, parameters = mirrored.read(served.predictor.signature)
                prediction = await served.engine.predict(rows, parameters)
            outputs = v2_answers.outputs(prediction, served.predictor.signature)
        except Exception:  # what it refuses, too: the other version has answered
            return "failed"
        return "equal" if same(mirrored.outputs, outputs) else "different"


def same(one: Outputs, other: Outputs) -> bool:
    """Whether two answers are one but for rounding. Their names need not be the same where there is only one."""
    if len(one) != len(other):
        return False
    if len(one) == 1:
        return _alike(one[0][1], other[0][1])
    named = dict(other)
    return all(name in named and _alike(array, named[name]) for name, array in one)


def _alike(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "fc" or other.dtype.kind in "fc":
        try:
            return bool(np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
        except TypeError:  # numbers here, words there
            return False
    return bool(np.array_equal(one, other))
