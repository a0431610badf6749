"""Writes sampled requests and their answers to the payload log, from a thread of its own.

The request's path only puts a reference into a bounded queue. What does not fit, and what cannot be written, is dropped
and counted: a full disk never costs an answer.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from labline_backend.serving.privacy import Keeping
from labline_backend.serving.rows import Array, Rows, join
from labline_backend.store.payloads import INPUT, LATENCY, OUTPUT, REQUEST, ROW, SUFFIX, TIME
from labline_runtime.dataclass import dataclass

QUEUE_BYTES = 64 << 20
FILE_ROWS = 20_000
FILE_SECONDS = 30.0
OBJECT_BYTES = 64  # what an element of an object array is taken for


@dataclass(frozen=True)
class Exchange:
    """A request and its answer. ``time`` is seconds since the epoch, ``latency`` seconds."""

    time: float
    request: str
    latency: float
    rows: Rows
    outputs: tuple[tuple[str, Array], ...]

    @property
    def size(self) -> int:
        """About how many bytes it holds."""
        arrays = (array for _, array in (*self.rows.named(), *self.outputs))
        return 256 + sum(int(a.size * OBJECT_BYTES if a.dtype == object else a.nbytes) for a in arrays)

    @property
    def shape(self) -> str:
        """Exchanges of one shape can be written to one table."""
        outputs = [(name, array.dtype.str, array.shape[1:]) for name, array in self.outputs]
        return repr((self.rows.kind, outputs))


class PayloadLog:
    """The log of one version. ``dropped`` counts the exchanges that it does not hold."""

    def __init__(
        self,
        folder: Path,
        keeping: Keeping | None = None,
        *,
        file_rows: int = FILE_ROWS,
        file_seconds: float = FILE_SECONDS,
    ) -> None:
        """Raises ``OSError`` where *folder* cannot be made. By default all is kept in full."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.dropped = 0
        self._folder = folder
        self._keeping = keeping or Keeping()
        self._file_rows = file_rows
        self._file_seconds = file_seconds
        self._waiting: list[Exchange] = []
        self._bytes = 0
        self._rows = 0
        self._files = 0
        self._closing = False
        self._complained = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._write_until_closed, name="payload-log", daemon=True)
        self._thread.start()

    def offer(self, exchange: Exchange) -> None:
        """Log *exchange*, or drop it where too much waits. Never blocks for long."""
        size = exchange.size
        with self._changed:
            if self._closing or self._bytes + size > QUEUE_BYTES:
                self.dropped += 1
                return
            self._waiting.append(exchange)
            self._bytes += size
            self._rows += exchange.rows.count
            if len(self._waiting) == 1 or self._rows >= self._file_rows:
                self._changed.notify()

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _write_until_closed(self) -> None:
        closing = False
        while not closing:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                self._changed.wait_for(lambda: self._rows >= self._file_rows or self._closing, self._file_seconds)
                waiting, self._waiting = self._waiting, []
                self._bytes = self._rows = 0
                closing = self._closing
            for _, group in groupby(sorted(waiting, key=lambda e: e.shape), key=lambda e: e.shape):
                self._write(list(group))

    def _write(self, exchanges: list[Exchange]) -> None:
        self._files += 1
        name = f"{time.time_ns():020d}-{os.getpid()}-{self._files}{SUFFIX}"
        temporary = self._folder / f".{name}"
        try:
            import pyarrow.parquet as pq

            pq.write_table(_table(exchanges, self._keeping), temporary, compression="zstd")
            temporary.replace(self._folder / name)
        except Exception as error:
            with self._changed:
                self.dropped += len(exchanges)
            temporary.unlink(missing_ok=True)
            if not self._complained:
                self._complained = True
                print(f"labline: the payload log cannot be written: {error}", file=sys.stderr)  # noqa: T201


def _table(exchanges: list[Exchange], keeping: Keeping) -> Any:
    import pyarrow as pa

    counts = [exchange.rows.count for exchange in exchanges]

    def repeated(values: Iterable[Any]) -> Any:
        return np.repeat(np.array(list(values)), counts)

    columns: dict[str, Any] = {
        TIME: pa.array(repeated(int(e.time * 1e6) for e in exchanges), pa.timestamp("us", tz="UTC")),
        REQUEST: pa.array(np.repeat(np.array([e.request for e in exchanges], dtype=object), counts), pa.string()),
        ROW: pa.array(np.concatenate([np.arange(count) for count in counts]), pa.int32()),
        LATENCY: pa.array(repeated(e.latency * 1000 for e in exchanges)),
    }
    asked = [(INPUT + name, array) for name, array in join([exchange.rows for exchange in exchanges]).named()]
    answered = [
        (OUTPUT + name, np.concatenate([exchange.outputs[index][1] for exchange in exchanges]))
        for index, (name, _) in enumerate(exchanges[0].outputs)
    ]
    for kept in (keeping.kept(name, array) for name, array in (*asked, *answered)):
        if kept is not None:
            columns[kept[0]] = _arrow(kept[1])
    rows = sum(counts)
    return pa.table({name: column for name, column in columns.items() if len(column) == rows})


def _arrow(array: Array) -> Any:
    import pyarrow as pa

    if array.ndim > 1:
        return pa.array(array.tolist())
    if array.dtype == object:
        try:
            return pa.array(array, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # of several types
            return pa.array([None if value is None else str(value) for value in array])
    return pa.array(np.ascontiguousarray(array))
