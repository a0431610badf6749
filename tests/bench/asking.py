"""Asks a server as fast as it answers, over so many connections, for so long. A process of its own, with few words.

What a client costs must not be what is measured: the request is made once, as bytes, and of an answer only the status
and the length are looked at.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LINGER_SECONDS = 60.0
"""After the time is over, for what was asked and is not answered yet."""


@dataclass(frozen=True)
class Answered:
    """``requests`` that were answered in ``seconds``; half of them within ``median``, 99 of 100 within ``late``."""

    requests: int
    seconds: float
    median: float
    late: float


def ask(port: int, path: str, body: bytes, headers: dict[str, str], connections: int, seconds: float) -> Answered:
    """Ask a server on this machine. Raises ``RuntimeError`` where an answer is not 200, or none comes."""
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
    head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]) + "\r\n\r\n"
    command = [sys.executable, str(Path(__file__)), str(port), str(connections), str(seconds)]
    wait = seconds + LINGER_SECONDS + 30
    done = subprocess.run(command, input=head.encode() + body, capture_output=True, timeout=wait, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    return Answered(**json.loads(done.stdout))


class _Connection(asyncio.Protocol):
    """Asks, and asks again when it is answered, until the time is over."""

    def __init__(self, request: bytes, end: float, taken: list[float]) -> None:
        self._request, self._end, self._taken = request, end, taken
        self._got, self._size = b"", 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._got, self._size, self._asked = b"", 0, time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._size:
            head, found, _ = self._got.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                self._fail(f"the answer is {self._got[:300]!r}")
                return
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            if not length.strip().isdigit():
                self._fail(f"the answer does not tell its length: {head!r}")
                return
            self._size = len(head) + 4 + int(length)
        if len(self._got) < self._size:
            return
        now = time.perf_counter()
        self._taken.append(now - self._asked)
        if now < self._end:
            self._ask()
        elif not self.over.done():
            self.over.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the server closed the connection")

    def _fail(self, words: str) -> None:
        if not self.over.done():
            self.over.set_exception(RuntimeError(words))


async def _all(port: int, connections: int, seconds: float, request: bytes) -> Answered:
    loop = asyncio.get_running_loop()
    taken: list[float] = []
    start = time.perf_counter()
    end = start + seconds
    opened = [
        await loop.create_connection(lambda: _Connection(request, end, taken), "127.0.0.1", port)
        for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + LINGER_SECONDS):
        await asyncio.gather(*(protocol.over for _, protocol in opened))
    passed = time.perf_counter() - start
    ordered = sorted(taken)
    return Answered(len(taken), passed, ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100])


def main() -> None:
    """``asking.py PORT CONNECTIONS SECONDS``, the request on standard input."""
    import uvloop

    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    print(json.dumps(vars(uvloop.run(_all(port, connections, seconds, sys.stdin.buffer.read())))))


if __name__ == "__main__":
    main()
