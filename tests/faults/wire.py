"""A real server under requests that are wrong in every way, for as long as is asked, and under what costs memory.

    python -m tests.faults.wire --seconds 600

Prints one JSON document. Exit code 1 where an answer was 5xx, a connection was lost without one, or memory grew.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded

from labline_backend.home import Home
from labline_backend.serving import v2_messages

from ..backend.serving.conftest import TOKEN, Registry, Server, filled, started
from .hostile import INFER, Sent, messages, requests

MIB = 1 << 20
EXAMPLES = 500
SLOW = 1000
GROWTH = 24 * MIB  # of what a server holds, which is no leak: its allocator keeps some
AUTHORIZED = f"authorization: Bearer {TOKEN}\r\n"


def fuzz(server: Server, seconds: float) -> dict[str, Any]:
    """Hostile requests and messages, until the time is over."""
    statuses: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    end, rounds = time.monotonic() + seconds, 0

    def by_http(sent: Sent) -> None:
        try:
            answer = server.ask(sent.path, sent.body, method="POST", **_underscored(sent.headers))
        except (OSError, http.client.HTTPException) as error:
            failures.append(f"{error!r}: {sent}"[:500])
            return
        statuses[str(answer.status)] += 1
        if answer.status >= 500:
            failures.append(f"{answer}: {sent}"[:500])

    channel = grpc.insecure_channel(server.grpc)
    call = channel.unary_unary(f"/{v2_messages.SERVICE}/ModelInfer")

    def by_grpc(data: bytes) -> None:
        try:
            call(data, metadata=[("authorization", f"Bearer {TOKEN}")])
            statuses["OK"] += 1
        except grpc.RpcError as error:
            statuses[error.code().name] += 1
            if error.code() not in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND):
                failures.append(f"{error.code()} {error.details()}: {data!r}"[:500])

    while time.monotonic() < end:
        rounds += 1
        for strategy, ask in ((requests, by_http), (messages, by_grpc)):
            _with_examples(strategy, ask, rounds)
    channel.close()
    return {"answers": dict(statuses), "failures": len(failures), "failures_first": failures[:3]}


def _with_examples(strategy: Any, ask: Callable[[Any], None], number: int) -> None:
    @seeded(number)
    @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def run(example: Any) -> None:
        ask(example)

    run()


def _underscored(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in headers.items() if "\n" not in value and "\r" not in value}


@contextlib.contextmanager
def watched(server: Server) -> Iterator[dict[str, int]]:
    """The megabytes that the server holds at most inside, beyond what it held before."""
    found = {"before": server.memory() // MIB, "more": 0}
    before, done = server.memory(), threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            found["more"] = max(found["more"], (server.memory() - before) // MIB)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


def large(server: Server) -> str:
    """A body of 48 MB, whose size is declared."""
    return str(server.ask(INFER, b"x" * (48 * MIB)).status)


def endless(server: Server) -> str:
    """A chunked body that never ends: what is answered, and how much was taken until then."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), 120) as client:
        head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\n{AUTHORIZED}transfer-encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        try:
            while sent < 4096 * MIB:
                client.sendall(chunk)
                sent += 65536
        except ConnectionError:
            pass
        with contextlib.suppress(ConnectionError):
            return f"{client.recv(64).split(b' ')[1].decode()} after {sent // MIB} MB"
    return f"cut off after {sent // MIB} MB"


def slow(server: Server) -> str:
    """A thousand connections that send a byte of a body now and then; whether others are answered meanwhile."""
    head = f"POST {INFER} HTTP/1.1\r\nhost: x\r\n{AUTHORIZED}content-length: 100000\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(SLOW):
            clients.append(stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 60)))
            clients[-1].sendall(head)
        for _ in range(5):
            for client in clients:
                client.sendall(b"x")
            assert server.ask("/v2/models/forest").status == 200
            time.sleep(1)
    return f"{SLOW} held, others answered"


def main() -> None:
    """Fuzz and load a server, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        registry = filled(Registry(Home.open(Path(folder))))
        with started(registry, "forest", "--grpc-port", "0") as server:
            fuzz(server, min(seconds / 4, 30))  # what it holds from then on must not grow
            found: dict[str, Any] = {}
            with watched(server) as memory:
                found["fuzz"] = fuzz(server, seconds)
            found["fuzz"]["memory"] = memory
            found["fuzz"]["memory_after"] = server.memory() // MIB
            for attack in (large, endless, slow):
                with watched(server) as memory:
                    outcome = attack(server)
                found[attack.__name__] = {"outcome": outcome, "memory": memory}
            found["alive"] = server.process.poll() is None and server.ask("/v2/health/ready").status == 200
    print(json.dumps(found, indent=2))
    grown = found["fuzz"]["memory_after"] - found["fuzz"]["memory"]["before"]
    sys.exit(bool(found["fuzz"]["failures"]) or not found["alive"] or grown * MIB > GROWTH)


if __name__ == "__main__":
    main()
