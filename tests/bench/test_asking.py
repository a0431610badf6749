"""The client that servers are measured with, and the requests that they are sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from . import asking, serving_peers


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        type(self).asked += 1
        self.send_response(200 if self.path == "/" else 418)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_what_is_asked_is_what_is_counted(port: int) -> None:
    before = Handler.asked
    answered = asking.ask(port, "/", b"x" * 100_000, {}, 3, 0.2)
    assert answered.requests == Handler.asked - before >= 3
    assert 0 < answered.median <= answered.late <= answered.seconds


def test_an_answer_that_is_none_ends_the_measuring(port: int) -> None:
    with pytest.raises(RuntimeError, match="418"):
        asking.ask(port, "/elsewhere", b"x", {}, 1, 0.1)


def test_all_servers_are_asked_about_the_same_rows() -> None:
    rows = serving_peers.rows(256)
    body, length = serving_peers.binary(256)
    assert body[int(length) :] == rows.tobytes()
    tensor = json.loads(serving_peers.v2(256))["inputs"][0]
    assert (np.reshape(tensor["data"], tensor["shape"]) == rows).all()
    assert (json.loads(serving_peers.plain(256))["rows"] == rows).all()
    assert (json.loads(serving_peers.split(256))["dataframe_split"]["data"] == rows).all()
