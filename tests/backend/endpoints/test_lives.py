"""How endpoints come, change, fail, come back and end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from labline_backend.endpoints import workers
from labline_backend.endpoints.deploying import Endpoints, Wish
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.endpoints.recovery import Recovery
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home
from labline_backend.serving.environments import Place
from labline_backend.serving.plan import Orders

from .conftest import SECONDS, Connect, Deploy, until
from .models import BROKEN, REFUSING


@pytest.mark.long
def test_a_version_that_cannot_be_loaded_is_refused_and_the_one_before_goes_on(
    deploy: Deploy, connect: Connect, endpoints: Endpoints
) -> None:
    client = connect(deploy("tide/1"))
    with pytest.raises(InputError, match=rf"tide: The model tide/{BROKEN} cannot be loaded: "):
        deploy(f"tide/{BROKEN}")
    assert client.ask().version == "1"
    found = endpoints.get("tide")
    assert (found.state, found.endpoint.spec.shares[0].reference) == ("ready", "1")


@pytest.mark.long
def test_a_canary_that_fails_is_taken_back(deploy: Deploy, connect: Connect, endpoints: Endpoints) -> None:
    client = connect(deploy("tide", split={"champion": 1, REFUSING: 1}, canary=REFUSING))

    def taken_back() -> bool:
        client.ask()
        return endpoints.get("tide").endpoint.spec.canary is None

    until(taken_back)
    found = endpoints.get("tide").endpoint
    assert found.status.message.startswith(f"took tide/{REFUSING} back: 100.0% of its ")
    assert [share.reference for share in found.spec.shares] == ["champion"]
    assert {client.ask().version for _ in range(20)} == {"1"}


def test_a_keeper_that_was_killed_is_started_anew_on_the_same_port(
    deploy: Deploy, connect: Connect, endpoints: Endpoints, home: Home
) -> None:
    before = deploy("tide/2", workers=1)
    keeper = EndpointFolder.of(home, "tide").keeper()
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    until(lambda: endpoints.get("tide").state == "dead")
    assert Recovery(lambda: endpoints).look() == ["tide"]
    until(lambda: endpoints.get("tide").endpoint.status.workers not in ((), before.endpoint.status.workers))
    after = endpoints.get("tide")
    assert after.endpoint.port == before.endpoint.port
    assert connect(after).ask().version == "2"


@pytest.mark.long
def test_an_endpoint_that_was_stopped_stays_so_until_it_is_deployed_again(
    deploy: Deploy, connect: Connect, endpoints: Endpoints, home: Home
) -> None:
    before = deploy("tide/1", workers=1)
    token = endpoints.token("tide")
    assert endpoints.stop("tide").state == "stopped"
    assert Recovery(lambda: endpoints).look() == []
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", before.endpoint.port)) != 0
    again = deploy("tide/3")
    assert (again.endpoint.port, endpoints.token("tide")) == (before.endpoint.port, token)
    assert connect(again).ask().version == "3"


def test_the_token_is_its_owners_alone_and_in_no_log_or_database(
    deploy: Deploy, connect: Connect, endpoints: Endpoints, home: Home
) -> None:
    connect(deploy("tide/1")).ask()
    token = endpoints.token("tide").encode()
    file = EndpointFolder.of(home, "tide").token_file
    assert file.stat().st_mode & 0o777 == 0o600
    kept = [home.database, home.database.with_name("labline.db-wal"), *file.parent.iterdir()]
    assert [path for path in kept if path.exists() and token in path.read_bytes()] == [file]
    for pid in endpoints.get("tide").endpoint.status.workers:
        assert token not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_an_endpoint_is_asked_by_its_name_alone(deploy: Deploy, endpoints: Endpoints) -> None:
    deploy("tide/2")
    answer = endpoints.ask("tide", b'{"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}')
    assert answer == b'{"predictions":[6.0,14.0]}'
    with pytest.raises(InputError, match="tide: Row 0: The columns are not the model's: missing column 'b'"):
        endpoints.ask("tide", b'{"dataframe_records": [{"a": 1}]}')


def test_who_has_no_token_is_refused(deploy: Deploy, connect: Connect) -> None:
    assert connect(deploy("tide/1")).ask(Authorization="Bearer guessed").status == 401


def test_an_endpoint_that_was_never_served_does_not_run(endpoints: Endpoints) -> None:
    wanted = endpoints.deploy(Wish("nothing", name="never"))
    with pytest.raises(InputError, match="never: There is no model nothing in the registry; registered are tide"):
        endpoints.wait("never", wanted.endpoint.generation, SECONDS)
    until(lambda: not endpoints.get("never").alive)
    assert endpoints.get("never").state == "failed"
    assert Recovery(lambda: endpoints).look() == []


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("a/b/c"), "names no model"),
        (Wish("tide", name="No Name"), "An endpoint cannot be called 'No Name'"),
        (Wish("tide/1", split={"champion": 1}), "Name the model alone where there is a split: tide, not tide/1"),
        (Wish("tide", split={"champion": 0}), "one at least is not 0"),
        (Wish("tide", split={"a/b": 1}), "'a/b' is no alias and no number"),
        (Wish("tide", split={"champion": 1}, canary="champion"), "The canary is one of several versions"),
        (Wish("tide", max_errors=0.1), "name it with --canary"),
        (Wish("tide", workers=0), "from 1 to 64 workers"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_a_sentence(wish: Wish, said: str, endpoints: Endpoints) -> None:
    with pytest.raises(InputError) as refused:
        endpoints.deploy(wish)
    assert said in refused.value.message


def test_an_endpoint_that_is_not_there_is_said(endpoints: Endpoints) -> None:
    with pytest.raises(NotFoundError, match="There is no endpoint 'none'"):
        endpoints.get("none")


def test_an_endpoint_that_is_removed_leaves_nothing(deploy: Deploy, endpoints: Endpoints, home: Home) -> None:
    deploy("tide/1", name="brief")
    endpoints.remove("brief")
    assert not EndpointFolder.of(home, "brief").path.exists()
    with pytest.raises(NotFoundError):
        endpoints.get("brief")


@pytest.mark.long
def test_what_all_workers_answer_is_kept_count_of(deploy: Deploy, connect: Connect, endpoints: Endpoints) -> None:
    found = deploy("tide/1", name="counted", workers=2)
    clients = [connect(found) for _ in range(6)]
    for client in clients:
        for _ in range(5):
            assert client.ask().status == 200
    assert clients[0].ask(Content_Type="text/plain").status == 415

    def told() -> int:
        points = endpoints.traffic("counted")["points"]
        return sum(each["requests"] for point in points for each in point["versions"].values())

    until(lambda: told() == 31)
    ((version, last),) = next(p for p in endpoints.traffic("counted")["points"] if p["versions"])["versions"].items()
    assert version == "1"
    assert 0 < last["median"] <= last["slow"]


@pytest.mark.long
def test_what_does_not_run_has_no_traffic(endpoints: Endpoints, deploy: Deploy) -> None:
    deploy("tide/1", name="quiet")
    endpoints.stop("quiet")
    with pytest.raises(InputError, match="does not run"):
        endpoints.traffic("quiet")


def test_what_was_deployed_holds_for_every_connection_made_from_then_on(deploy: Deploy, endpoints: Endpoints) -> None:
    deploy("tide/1", workers=2, access_log=False)
    deploy("tide/1", workers=2, access_log=True)  # which takes other processes
    for _ in range(20):
        endpoints.ask("tide", b'{"dataframe_records": [{"a": 1, "b": 2}]}')
    until(lambda: len(endpoints.access_log("tide", 100).splitlines()) == 20)


def test_a_worker_that_cannot_be_started_leaves_no_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pair = socket.socketpair()
    orders = Orders("", "", body_bytes=1, waiting=1, deadline=1.0, log_rate=0.0, bound=0.0, privacy={}, events=None)

    async def start() -> None:
        with socket.socket() as listening, (tmp_path / "log").open("wb") as log, monkeypatch.context() as patch:
            patch.setattr(socket, "socketpair", lambda: pair)  # asyncio has its own by now
            await workers.Worker.start(1, orders, Place("/no/such/python"), listening, log, {})

    with pytest.raises(FileNotFoundError):
        asyncio.run(start())
    assert [each.fileno() for each in pair] == [-1, -1]
