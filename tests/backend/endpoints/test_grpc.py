"""gRPC of endpoints: every worker serves it, on one port."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from labline_backend.endpoints.deploying import Endpoints, Found
from labline_backend.errors import InputError
from labline_backend.serving import v2_messages

from .conftest import SECONDS, Deploy, until

METHOD = f"/{v2_messages.SERVICE}/ModelInfer"
CLIENTS = 4
PAUSE = 0.05  # seconds between two calls of a client: what is deployed meanwhile needs the cores, too
CALLS = 25  # of each client before anything is done, and after
CALLS_OF_CHANNEL = 40  # after which a client comes again, perhaps to another worker


class Channel:
    """A channel of its own: gRPC has those of one process share their connections unless told otherwise."""

    def __init__(self, found: Found, token: str) -> None:
        assert found.grpc_address is not None
        self._channel = grpc.insecure_channel(found.grpc_address, [("grpc.use_local_subchannel_pool", 1)])
        self._ask = self._channel.unary_unary(METHOD)
        self._told = (("authorization", f"Bearer {token}"),)

    def ask(self, row: tuple[float, float] = (1.0, 2.0)) -> tuple[str, float]:
        """The version that answered, and the one prediction. Raises ``grpc.RpcError``."""
        request = v2_messages.kind("ModelInferRequest")(model_name="tide")
        tensor = request.inputs.add(name="rows", datatype="FP64", shape=[1, 2])
        tensor.contents.fp64_contents.extend(row)
        # A connection that a worker which goes has not accepted yet is made again; what was sent is not sent again.
        data = self._ask(request.SerializeToString(), metadata=self._told, timeout=SECONDS, wait_for_ready=True)
        answer = v2_messages.kind("ModelInferResponse").FromString(data)
        return answer.model_version, answer.outputs[0].contents.fp64_contents[0]

    def close(self) -> None:
        self._channel.close()


@dataclass
class Load:
    """What clients got."""

    wrong: list[Any] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    answered: list[int] = field(default_factory=lambda: [0] * CLIENTS)
    finish: threading.Event = field(default_factory=threading.Event)

    def more(self) -> None:
        """Wait until every client has got some more answers."""
        before = list(self.answered)
        until(lambda: all(now >= then + CALLS for now, then in zip(self.answered, before, strict=True)))


@contextlib.contextmanager
def under_load(found: Found, token: str) -> Iterator[Load]:
    """Clients that call one after the other, on channels that they make anew now and then, until the block ends."""
    load = Load()

    def ask(number: int) -> None:
        count = 0
        while not load.finish.is_set():
            with contextlib.closing(Channel(found, token)) as channel:
                for _ in range(CALLS_OF_CHANNEL):
                    if load.finish.wait(PAUSE):
                        return
                    count += 1
                    row = (float(number), float(count))
                    load.answered[number] += 1
                    try:
                        version, value = channel.ask(row)
                    except grpc.RpcError as error:
                        load.lost.append(str(error))
                        continue
                    if value != int(version) * sum(row):
                        load.wrong.append((row, version, value))
                    load.versions.add(version)

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


@pytest.mark.long
def test_no_call_is_lost_when_versions_are_swapped_and_workers_come_and_go(
    deploy: Deploy, endpoints: Endpoints
) -> None:
    found = deploy("tide/1", workers=2, grpc=True)
    with under_load(found, endpoints.token("tide")) as load:
        deploy("tide/3")
        load.more()
        replaced = deploy("tide/3", deadline=29.0)
        load.more()
        for workers in (1, 2):
            wanted = endpoints.scale("tide", workers)
            endpoints.wait("tide", wanted.endpoint.generation, SECONDS)
            load.more()
    assert load.lost == []
    assert load.wrong == []
    assert load.versions == {"1", "3"}
    assert set(replaced.endpoint.status.workers).isdisjoint(found.endpoint.status.workers)
    assert endpoints.get("tide").grpc_address == found.grpc_address


def test_the_port_of_grpc_is_loopbacks_and_nobody_elses(deploy: Deploy) -> None:
    found = deploy("tide/1", grpc=True)
    host, _, port = (found.grpc_address or "").partition(":")
    assert host == "127.0.0.1"
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((host, int(port)))


def test_a_port_of_grpc_that_another_program_has_is_refused_and_the_endpoint_goes_on(
    deploy: Deploy, endpoints: Endpoints
) -> None:
    found = deploy("tide/1", grpc=True)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # which does not make it willing to share
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}: another program uses it"):
            deploy("tide/1", grpc_port=port)
    with contextlib.closing(Channel(found, endpoints.token("tide"))) as channel:
        assert channel.ask() == ("1", 3.0)


def test_who_has_no_token_is_refused_by_grpc(deploy: Deploy) -> None:
    with (
        contextlib.closing(Channel(deploy("tide/1", grpc=True), "other")) as channel,
        pytest.raises(grpc.RpcError) as no,
    ):
        channel.ask()
    assert no.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.long
def test_grpc_ends_when_it_is_no_longer_wanted(deploy: Deploy) -> None:
    before = deploy("tide/1", grpc=True)
    host, _, port = (before.grpc_address or "").partition(":")
    assert deploy("tide/1", grpc=False).grpc_address is None

    def gone() -> bool:
        with socket.socket() as client:
            return client.connect_ex((host, int(port))) != 0

    until(gone)


@pytest.mark.long
def test_all_workers_write_one_access_log_of_http_and_grpc(deploy: Deploy, endpoints: Endpoints, home: Any) -> None:
    import json

    found = deploy("tide/1", workers=2, grpc=True, access_log=True)
    endpoints.ask("tide", b'{"dataframe_records": [{"a": 1, "b": 2}]}')
    for _ in range(8):
        with contextlib.closing(Channel(found, endpoints.token("tide"))) as channel:
            channel.ask()

    def lines() -> list[Any]:
        return [json.loads(line) for line in endpoints.access_log("tide", 100).splitlines()]

    until(lambda: len(lines()) >= 9)
    assert sorted({(line["method"], line["status"], line["rows"]) for line in lines()}) == [
        ("POST", 200, 1),
        ("gRPC", 200, 1),
    ]
    assert endpoints.token("tide") not in endpoints.access_log("tide", 100)
