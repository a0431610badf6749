"""A real server, asked over HTTP."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from .conftest import SECONDS, TOKEN, Registry, Server, infer, tensor
from .models import COLUMNS, frame

INFER = "/v2/models/forest/infer"
MIB = 1 << 20


def predictions(answer: Any) -> Any:
    """The array in a V2 answer or in one of /invocations."""
    document = answer.json
    if "predictions" in document:
        return np.array(document["predictions"])
    output = document["outputs"][0]
    return np.array(output["data"]).reshape(output["shape"])


# ------------------------------------------------------------------ answers


@pytest.mark.parametrize("count", [1, 2, 17])
def test_an_answer_in_json_has_the_bits_of_pyfunc(count: int, server: Server, registry: Registry) -> None:
    rows = frame(count)
    expected = registry.pyfunc("forest", rows)
    assert predictions(server.ask(INFER, infer(rows))).tobytes() == expected.tobytes()
    split = {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}
    assert predictions(server.ask("/invocations", {"dataframe_split": split})).tobytes() == expected.tobytes()


def test_raw_tensors_go_both_ways(server: Server, registry: Registry) -> None:
    rows = frame(9)
    raw = rows.to_numpy().astype("<f8").tobytes()
    given = {"name": "rows", "shape": [9, 4], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps(
        {"inputs": [given], "outputs": [{"name": "output-0", "parameters": {"binary_data": True}}]}
    ).encode()
    answer = server.ask(INFER, head + raw, inference_header_content_length=str(len(head)))
    assert answer.status == 200, answer.body
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output["parameters"] == {"binary_data_size": len(answer.body) - length}
    assert answer.body[length:] == registry.pyfunc("forest", rows).astype("<f8").tobytes()


def test_every_client_gets_its_own_answer_when_many_ask_at_once(server: Server, registry: Registry) -> None:
    rows = frame(160)
    expected = registry.pyfunc("forest", rows)

    def ask(client: int) -> bool:
        connection = server.connect()
        try:
            for index in range(client, len(rows), 8):
                given = rows.iloc[index : index + 1]
                answer = server.ask(INFER, infer(given, id=str(index)), connection=connection)
                if answer.json["id"] != str(index):
                    return False
                if predictions(answer).tobytes() != expected[index : index + 1].tobytes():
                    return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as clients:
        assert all(clients.map(ask, range(8)))


def test_health_is_told_without_a_token(server: Server) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/ping"):
        assert server.ask(path, token=None).status == 200


def test_the_server_and_the_model_describe_themselves(server: Server) -> None:
    assert server.ask("/v2").json["extensions"] == ["binary_tensor_data"]
    model = server.ask("/v2/models/forest").json
    assert model["versions"] == ["1"]
    assert model["inputs"] == [{"name": name, "datatype": "FP64", "shape": [-1]} for name in COLUMNS]
    assert model["outputs"] == [{"name": "output-0", "datatype": "FP64", "shape": [-1, 2]}]
    assert server.ask("/v2/models/forest/versions/1/ready").status == 200


def test_a_request_id_comes_back_and_one_is_made_where_there_is_none(server: Server) -> None:
    assert server.ask("/v2", x_request_id="my-own/1").headers["x-request-id"] == "my-own/1"
    first, second = (server.ask("/v2").headers["x-request-id"] for _ in range(2))
    assert first and second and first != second


def test_a_request_id_that_could_forge_a_log_line_is_replaced(server: Server) -> None:
    assert server.ask("/v2", x_request_id="a b").headers["x-request-id"] != "a b"


def test_prometheus_reads_the_counters(server: Server) -> None:
    server.ask(INFER, infer(frame(3)))
    text = server.ask("/metrics").body.decode()
    assert 'labline_model{model="forest",version="1"} 1.0' in text
    assert 'labline_requests_total{endpoint="infer",status="200",version="1"}' in text


# ------------------------------------------------------------------ what clients get wrong

GOOD = tensor([[1.0, 2.0, 3.0, 4.0]])
WRONG: dict[str, tuple[str, Any, int, str]] = {
    "invalid JSON": (INFER, b"{", 400, "not JSON"),
    "NaN": (INFER, b'{"inputs": NaN}', 400, "write null for a missing value"),
    "empty body": (INFER, b"", 400, "The body is empty"),
    "empty object": (INFER, {}, 400, "'inputs' is missing"),
    "unknown model": ("/v2/models/other/infer", infer([[1.0]]), 404, "no such model. Served is forest/1"),
    "unknown version": ("/v2/models/forest/versions/2/infer", infer([[1.0]]), 404, "no such model"),
    "missing column": (INFER, {"inputs": [tensor([1.0], n) for n in "abc"]}, 400, "missing column 'd'"),
    "extra column": (INFER, {"inputs": [tensor([1.0], n) for n in "abcde"]}, 400, "unknown column 'e'"),
    "string": (INFER, {"inputs": [{**GOOD, "data": [1, 2, "x", 4]}]}, 400, "row 0, column 2: the string 'x'"),
    "shape": (INFER, {"inputs": [{**GOOD, "shape": [7, 4]}]}, 400, "the data has 4 values"),
    "rows": (INFER, {"inputs": [{**GOOD, "shape": [0, 4], "data": []}]}, 400, "There are no rows"),
    "nesting": (INFER, b"[" * 100_000, 400, "not JSON"),
    "nested data": (INFER, b'{"inputs":[{"data":' + b"[" * 100_000, 400, "not JSON"),
    "too large for the model": (INFER, infer([[1e300, 0, 0, 0]]), 400, "The model refuses these rows: ValueError"),
    "split missing": ("/invocations", {"dataframe_split": {"columns": ["a"], "data": [[1]]}}, 400, "'b', 'c', 'd'"),
    "split string": (
        "/invocations",
        {"dataframe_split": {"columns": list(COLUMNS), "data": [[1, 2, 3, 4], [1, 2, "x", 4]]}},
        400,
        "Row 1, column 'c': the string 'x' is not a number",
    ),
    "nothing to predict": ("/invocations", {"dataframe_records": []}, 400, "There are no rows"),
    "compressed": (INFER, b"\x1f\x8b", 400, "not JSON"),
    "no content type": ("/invocations", b"{}", 415, "The content type is not given"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_the_clients_and_is_explained(case: str, server: Server) -> None:
    path, body, status, said = WRONG[case]
    answer = server.ask(path, body)
    assert answer.status == status
    document = answer.json
    assert said in document.get("error", document.get("message"))


def test_a_compressed_body_is_not_taken(server: Server) -> None:
    assert server.ask(INFER, b"\x1f\x8b", content_encoding="gzip").status == 415


@pytest.mark.parametrize("length", ["x", "-1", "9999", "", "1e1"])
def test_a_wrong_binary_header_is_a_mistake(length: str, server: Server) -> None:
    answer = server.ask(INFER, json.dumps(infer([[1.0] * 4])).encode(), inference_header_content_length=length)
    assert answer.status == 400


@pytest.mark.parametrize("token", [None, "", "wrong", "ä"])
def test_without_the_token_nothing_is_told(token: str | None, server: Server) -> None:
    for path, body in ((INFER, infer(frame(1))), ("/metrics", None), ("/v2/models/forest", None)):
        answer = server.ask(path, body, token=token)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"


def test_another_method_is_not_allowed(server: Server) -> None:
    answer = server.ask(INFER)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def chunks(total: int) -> Iterator[bytes]:
    piece = b"x" * 65536
    for _ in range(total // len(piece)):
        yield piece


def test_a_body_that_is_too_large_is_refused_and_costs_no_memory(server: Server) -> None:
    before = server.memory()
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, server.memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        declared = server.ask(INFER, b"x" * (48 * MIB))
        chunked = server.ask(INFER, chunks(48 * MIB), method="POST")
    finally:
        done.set()
        watcher.join()
    assert (declared.status, chunked.status) == (413, 413)
    assert peak - before < 16 * MIB


def test_a_connection_lives_on_after_a_refused_body(server: Server) -> None:
    connection = server.connect()
    assert server.ask(INFER, b"x" * (2 * MIB), connection=connection).status == 413
    assert server.ask(INFER, infer(frame(1)), connection=connection).status == 200
    connection.close()


@pytest.mark.parametrize(("token", "status"), [(TOKEN, b"413"), ("wrong", b"401")])
def test_a_client_that_asks_before_it_sends_is_told_at_once(token: str, status: bytes, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        client.sendall(f"{head}Content-Length: {64 * MIB}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert client.recv(64).startswith(b"HTTP/1.1 " + status)


def test_a_client_that_asks_first_is_told_to_go_on_and_answered(server: Server) -> None:
    body = json.dumps(infer(frame(1))).encode()
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        client.sendall(f"{head}Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert client.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(64).startswith(b"HTTP/1.1 200 ")


def test_what_is_asked_by_head_is_answered_without_a_body(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        client.sendall(
            b"HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\nHEAD /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        received = b"".join(iter(lambda: client.recv(4096), b""))
    first, second, nothing = received.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 200 ") and second.startswith(b"HTTP/1.1 200 ") and not nothing


def test_a_head_without_end_is_cut_off(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        client.sendall(b"GET /v2 HTTP/1.1\r\nHost: x\r\n")
        received = b""
        try:
            for _ in range(64):
                client.sendall(b"X-Filler: " + b"x" * 65536 + b"\r\n")
            received = client.recv(64)
        except ConnectionError:
            pass
        assert received in (b"",) or received.startswith(b"HTTP/1.1 431 ")


def test_bytes_that_are_no_http_are_refused(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
        client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 400 ")


def test_what_clients_got_wrong_was_never_the_servers_failure(server: Server) -> None:
    # The last of this module: everything above went to the one server.
    text = server.ask("/metrics").body.decode()
    assert 'status="4' in text
    assert 'status="5' not in text
