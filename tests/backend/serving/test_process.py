"""``labline serve`` as a process: how it starts, and that it ends without losing anything."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from labline_backend.serving import v2_messages
from labline_backend.store.payloads import payload_folder, read_payloads

from .conftest import REPOSITORY, SECONDS, TOKEN, Registry, Server, Start, infer, using
from .models import frame

INFER = "/v2/models/logistic/infer"


def stopped_under_load(server: Server, clients: list[threading.Thread], busy: threading.Barrier) -> str:
    """Send SIGTERM once all *clients* are *busy*, and wait until it has ended well; what it wrote to standard error."""
    for client in clients:
        client.start()
    busy.wait(SECONDS)
    server.process.send_signal(signal.SIGTERM)
    _, errors = server.process.communicate(timeout=SECONDS)
    for client in clients:
        client.join(SECONDS)
    assert server.process.returncode == 0
    return str(errors)


def test_sigterm_loses_no_request_and_the_log_has_them_all(start: Start, registry: Registry) -> None:
    rows = frame(1)
    body = json.dumps(infer(rows)).encode()
    expected = registry.pyfunc("logistic", rows).ravel().tolist()
    answered = [0] * 8
    lost: list[str] = []

    with start("logistic/1", "--log-requests", "1") as server:
        busy = threading.Barrier(9)

        def ask(client: int) -> None:
            """Ask one request after the other on a connection, as long as the server takes new ones."""
            while True:
                connection = server.connect()
                try:
                    connection.connect()
                except ConnectionError:
                    return
                fresh = True
                while True:
                    try:
                        answer = server.ask(INFER, body, connection=connection)
                    except (ConnectionError, http.client.HTTPException) as error:
                        # A connection that was never taken is refused work; one that had answered is lost work.
                        if not fresh:
                            lost.append(repr(error))
                        connection.close()
                        break
                    if answer.json["outputs"][0]["data"] != expected:
                        lost.append(str(answer.body))
                    answered[client] += 1
                    fresh = False
                    if answered[client] == 20:
                        busy.wait(SECONDS)
                    if answer.headers.get("connection") == "close":
                        connection.close()
                        break

        errors = stopped_under_load(server, [threading.Thread(target=ask, args=[client]) for client in range(8)], busy)
    assert lost == []
    assert "Traceback" not in errors
    assert read_payloads(payload_folder(registry.home, "logistic", "1")).num_rows == sum(answered)


@pytest.mark.long
def test_sigterm_cancels_no_call_of_grpc(start: Start) -> None:
    request = v2_messages.kind("ModelInferRequest")(model_name="logistic")
    tensor = request.inputs.add(name="rows", datatype="FP64", shape=[1, 4])
    tensor.contents.fp64_contents.extend([0.0, 1.0, 2.0, 3.0])
    body, told = request.SerializeToString(), (("authorization", f"Bearer {TOKEN}"),)
    ends: list[grpc.StatusCode] = []

    with start("logistic/1", "--grpc-port", "0") as server:
        busy = threading.Barrier(9)

        def ask() -> None:
            """Call again and again on one channel, until the server is no longer reached."""
            with grpc.insecure_channel(server.grpc, [("grpc.use_local_subchannel_pool", 1)]) as channel:
                call = channel.unary_unary(f"/{v2_messages.SERVICE}/ModelInfer")
                for count in itertools.count():
                    try:
                        call(body, metadata=told, timeout=SECONDS)
                    except grpc.RpcError as error:
                        ends.append(error.code())
                        return
                    if count == 20:
                        busy.wait(SECONDS)

        errors = stopped_under_load(server, [threading.Thread(target=ask) for _ in range(8)], busy)
    assert ends == [grpc.StatusCode.UNAVAILABLE] * 8
    assert "Traceback" not in errors


def test_a_model_in_a_folder_is_served_without_a_registry(start: Start, registry: Registry, tmp_path: Path) -> None:
    import mlflow

    with using(registry.location.uri):
        folder = mlflow.artifacts.download_artifacts("models:/forest/1", dst_path=str(tmp_path / "model"))
    with start("--folder", folder, "--name", "wood") as server:
        answer = server.ask("/v2/models/wood/infer", infer(frame(2)))
    assert answer.json["outputs"][0]["data"] == registry.pyfunc("forest", frame(2)).ravel().tolist()


def serve(registry: Registry, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A server that does not come to serving."""
    places = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "LABLINE_HOME": str(registry.home.root)}
    return subprocess.run(
        [sys.executable, "-m", "labline_backend", "serve", *arguments, "--port", "0"],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nothing"],
            "There is no model nothing in the registry; registered are forest, ",
        ),
        (["a/b/c"], "'a/b/c' names no model"),
        ([], "Name a registered model, or --folder of one that is not registered."),
        (["forest", "--token-env", "UNSET_VARIABLE"], "UNSET_VARIABLE holds no token"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_sentence(arguments: list[str], said: str, registry: Registry) -> None:
    done = serve(registry, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
