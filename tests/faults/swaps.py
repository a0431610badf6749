"""An endpoint under load, for as long as is asked, while its versions are swapped or its workers are killed.

    python -m tests.faults.swaps --seconds 600            a swap every 5 s: no error, no wrong answer
    python -m tests.faults.swaps --seconds 600 --kill 7   a worker killed every 7 s as well: what it was asked is lost

Prints one JSON document. Exit code 1 where an answer was wrong, or where more was lost than was in flight.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from labline_backend.endpoints.deploying import Endpoints, Found, Wish
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.tracking.location import Location
from labline_runtime import telemetry

from ..backend.endpoints.conftest import Client
from ..backend.endpoints.models import log_versions

CLIENTS = 8
WISHES = (
    Wish("tide/2"),
    Wish("tide", split={"champion": 50, "challenger": 50}),
    Wish("tide/3", shadow="1"),
    Wish("tide/1"),
)
LOAD_SECONDS = 300.0


class Load:
    """Clients that ask as fast as they are answered, and what they got."""

    def __init__(self, found: Found, token: str) -> None:
        self.answers: collections.Counter[str] = collections.Counter()
        self.lost: list[str] = []
        self.wrong: list[str] = []
        self._found, self._token = found, token
        self._finish = threading.Event()
        self._clients = [threading.Thread(target=self._ask, args=[number]) for number in range(CLIENTS)]

    def start(self) -> None:
        for client in self._clients:
            client.start()

    def end(self) -> None:
        self._finish.set()
        for client in self._clients:
            client.join()

    def _ask(self, number: int) -> None:
        client = Client(self._found, self._token)
        counted: collections.Counter[str] = collections.Counter()
        for count in itertools.count():
            if self._finish.is_set():
                break
            row = (float(number), float(count % 1000))
            try:
                answer = client.ask(row)
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                continue
            if answer.status != 200 or answer.value != int(answer.version or 0) * sum(row):
                self.wrong.append(f"{row}: {answer}")
            counted[str(answer.version)] += 1
        client.close()
        self.answers.update(counted)


def soak(seconds: float, swap: float, kill: float) -> dict[str, Any]:
    """Load an endpoint for *seconds*, with a swap every *swap* and a worker killed every *kill* (0: none)."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Home.open(Path(folder))
        _register(home)
        with Endpoints(home) as endpoints, _ended(home, "tide"), contextlib.ExitStack() as stack:
            found = _deployed(endpoints, Wish("tide/1", workers=2))
            load = Load(found, endpoints.token("tide"))
            before = _memory(found)
            load.start()
            stack.callback(load.end)  # else its threads keep this process when the rest breaks off
            swaps, refused, kills, slowest = 0, 0, 0, 0.0
            start = time.monotonic()
            next_swap, next_kill = start + swap, start + (kill or seconds * 2)
            while (now := time.monotonic()) < start + seconds:
                if now >= next_swap:
                    try:
                        _deployed(endpoints, WISHES[(swaps + refused) % len(WISHES)])
                        swaps += 1
                    except InputError as error:  # all workers swap, or none: not while one of them dies
                        if not kill:
                            raise
                        refused += 1
                        print(error, file=sys.stderr)
                    slowest = max(slowest, time.monotonic() - now)
                    next_swap = now + swap
                if now >= next_kill:
                    kills += _kill_one(endpoints)
                    next_kill = now + kill
                time.sleep(0.05)
            load.end()
            after = _memory(endpoints.get("tide"))
            endpoints.remove("tide")
    return {
        "seconds": seconds,
        "answers": sum(load.answers.values()),
        "by_version": dict(load.answers),
        "wrong": len(load.wrong),
        "wrong_first": load.wrong[:3],
        "lost": len(load.lost),
        "lost_first": load.lost[:3],
        "swaps": swaps,
        "swaps_refused": refused,
        "slowest_swap_seconds": round(slowest, 1),
        "kills": kills,
        "memory_before": before,
        "memory_after": after,
    }


@contextlib.contextmanager
def _ended(home: Home, name: str) -> Iterator[None]:
    """However it ends inside, the endpoint's processes have ended then."""
    try:
        yield
    finally:
        keeper = EndpointFolder.of(home, name).keeper()
        if keeper is not None:
            processes = [psutil.Process(keeper), *psutil.Process(keeper).children(recursive=True)]
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=10)


def _register(home: Home) -> None:
    import mlflow

    from labline_backend.tracking.recorder import prepare_store

    location = Location.find(home, {})
    assert location.artifacts is not None
    prepare_store(location.uri, location.artifacts)
    log_versions(location.uri)
    mlflow.set_tracking_uri(None)


def _deployed(endpoints: Endpoints, wish: Wish) -> Found:
    wanted = endpoints.deploy(wish)
    found = endpoints.wait("tide", wanted.endpoint.generation, LOAD_SECONDS)
    assert found.state == "ready", found
    return found


def _kill_one(endpoints: Endpoints) -> int:
    """Kill a worker where there is another; how many were killed."""
    workers = endpoints.get("tide").endpoint.status.workers
    if len(workers) < 2:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(workers[0], signal.SIGKILL)
        return 1
    return 0


def _memory(found: Found) -> list[int]:
    """Resident megabytes of each worker."""
    return [psutil.Process(pid).memory_info().rss >> 20 for pid in found.endpoint.status.workers]


def main() -> None:
    """Soak, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--swap", type=float, default=5.0, help="seconds between two swaps")
    parser.add_argument("--kill", type=float, default=0.0, help="seconds between two kills of a worker; 0: none")
    given = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "LABLINE_"))]:
        del os.environ[name]
    telemetry.turn_off()
    found = soak(given.seconds, given.swap, given.kill)
    print(json.dumps(found, indent=2))
    sys.exit(bool(found["wrong"]) or found["lost"] > found["kills"] * CLIENTS)


if __name__ == "__main__":
    main()
