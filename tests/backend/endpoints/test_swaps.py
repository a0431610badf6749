"""What clients see while versions are swapped, workers die and endpoints are scaled: right answers, and no errors."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labline_backend.endpoints.deploying import Endpoints, Found, Wish
from labline_backend.home import Home
from labline_backend.tracking.location import Location

from ..serving.conftest import using
from .conftest import SECONDS, Connect, Deploy, until
from .models import log_slow

pytestmark = pytest.mark.long

CLIENTS = 4
PAUSE = 0.05  # seconds between two requests of a client: what is deployed meanwhile needs the cores, too
REQUESTS = 25  # of each client before anything is done, and after


@dataclass
class Load:
    """What clients got. ``lost`` has the requests without an answer, by client."""

    wrong: list[str] = field(default_factory=list)
    lost: dict[int, list[str]] = field(default_factory=dict)
    versions: set[str | None] = field(default_factory=set)
    answered: list[int] = field(default_factory=lambda: [0] * CLIENTS)
    finish: threading.Event = field(default_factory=threading.Event)

    def more(self) -> None:
        """Wait until every client has got some more answers."""
        before = list(self.answered)
        until(lambda: all(now >= then + REQUESTS for now, then in zip(self.answered, before, strict=True)))


@contextlib.contextmanager
def under_load(found: Found, connect: Connect) -> Iterator[Load]:
    """Clients that ask one request after the other, each on its connection, until the block ends."""
    load = Load(lost={client: [] for client in range(CLIENTS)})

    def ask(number: int) -> None:
        client = connect(found)
        count = 0
        while not load.finish.wait(PAUSE):
            count += 1
            row = (float(number), float(count))
            try:
                answer = client.ask(row)
            except (OSError, http.client.HTTPException) as error:
                load.lost[number].append(repr(error))
                continue
            if answer.status != 200 or answer.value != int(answer.version or 0) * sum(row):
                load.wrong.append(f"{row}: {answer}")
            load.versions.add(answer.version)
            load.answered[number] += 1

    clients = [threading.Thread(target=ask, args=[number]) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        load.more()
        yield load
        load.more()
    finally:
        load.finish.set()
        for client in clients:
            client.join()


def test_versions_are_swapped_without_an_error_or_a_wrong_answer(deploy: Deploy, connect: Connect) -> None:
    with under_load(deploy("tide/1", workers=2), connect) as load:
        for changes in ({}, {"split": {"champion": 1, "challenger": 1}}, {"shadow": "3"}):
            deploy("tide" if "split" in changes else "tide/3", **changes)
            load.more()
    assert load.wrong == []
    assert not any(load.lost.values()), load.lost
    assert load.versions == {"1", "2", "3"}


def test_scaling_loses_no_request(deploy: Deploy, connect: Connect, endpoints: Endpoints) -> None:
    with under_load(deploy("tide/1", workers=2), connect) as load:
        for workers in (3, 1):
            wanted = endpoints.scale("tide", workers)
            found = endpoints.wait("tide", wanted.endpoint.generation, 400)
            assert len(found.endpoint.status.workers) == workers
            load.more()
    assert load.wrong == []
    assert not any(load.lost.values()), load.lost


def test_a_worker_that_is_killed_costs_only_what_it_was_asked_at_that_time(
    deploy: Deploy, connect: Connect, endpoints: Endpoints
) -> None:
    found = deploy("tide/1", workers=2)
    killed = found.endpoint.status.workers[0]

    def workers() -> tuple[int, ...]:
        return endpoints.get("tide").endpoint.status.workers

    with under_load(found, connect) as load:
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in workers() and len(workers()) == 2)
    assert load.wrong == []
    assert max(map(len, load.lost.values())) <= 1  # a client has one request at a time


def test_a_worker_that_dies_while_something_is_deployed_is_no_reason_to_refuse_it(
    deploy: Deploy, connect: Connect, endpoints: Endpoints, home: Home, tmp_path: Path
) -> None:
    with using(Location.find(home, {}).uri):
        log_slow(Location.find(home, {}).uri, tmp_path, SECONDS)
    dying = deploy("tide/1", name="robust", workers=2).endpoint.status.workers[0]
    wanted = endpoints.deploy(Wish("slow", name="robust"))
    until(lambda: (tmp_path / str(dying)).exists())
    os.kill(dying, signal.SIGKILL)
    (tmp_path / "go").touch()
    found = endpoints.wait("robust", wanted.endpoint.generation, SECONDS)
    assert connect(found).ask().value == 21
    assert "it is tried again" in endpoints.log("robust", 100)


def test_requests_of_one_id_go_to_one_version_whichever_worker_answers(deploy: Deploy, connect: Connect) -> None:
    found = deploy("tide", split={"champion": 1, "challenger": 1}, workers=2)
    ids = [f"user-{number}" for number in range(12)]
    seen: list[Callable[[], list[str | None]]] = []
    for _ in range(4):  # connections, which the workers share
        client = connect(found)
        seen.append(lambda client=client: [client.ask(x_request_id=each).version for each in ids])
    first, *others = [ask() for ask in seen]
    assert set(first) == {"1", "2"}
    assert others == [first] * 3


def test_a_header_names_the_version_by_label_or_number(deploy: Deploy, connect: Connect) -> None:
    client = connect(deploy("tide", split={"champion": 1, "challenger": 0}))
    assert client.ask().version == "1"
    assert client.ask(x_labline_version="challenger").version == "2"
    assert client.ask(x_labline_version="2").version == "2"
    unknown = client.ask(x_labline_version="3")
    assert unknown.status == 404
    assert "No version '3' of tide is served here: " in unknown.document["message"]


def test_a_shadow_is_asked_and_compared_and_never_answers(deploy: Deploy, connect: Connect) -> None:
    client = connect(deploy("tide/1", shadow="2", workers=1))
    assert {client.ask().version for _ in range(5)} == {"1"}
    until(lambda: 'outcome="different",version="2",worker="1"} 5.0' in _renumbered(client.text("/metrics")))


def _renumbered(metrics: str) -> str:
    """Metrics of the one worker, whatever its number is by now."""
    return re.sub(r'worker="\d+"', 'worker="1"', metrics)
