"""The HTTP of the emulator: a request becomes a call, its document or :class:`Refused` the answer."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.backend.kubeflow import shapes

Respond = Callable[[str, str, dict[str, str], bytes, Any], dict[str, Any]]  # method, path, query, body, headers


class Refused(Exception):
    """An answer that is an error; the codes are gRPC's, as KFP gives them."""

    def __init__(self, status: int, message: str, code: int = 3) -> None:
        super().__init__(message)
        self.status = status
        self.document = {"error": message, "code": code, "message": message, "details": []}


def server(port: int, respond: Respond) -> ThreadingHTTPServer:
    """A server on loopback that is bound already and answers with what ``respond`` gives; port 0: any."""

    class Handler(_Handler):
        pass

    Handler.respond = staticmethod(respond)
    return _Server(("127.0.0.1", port), Handler)


class _Server(ThreadingHTTPServer):
    allow_reuse_address = True


class _Handler(BaseHTTPRequestHandler):
    respond: Respond
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        try:
            document = type(self).respond(self.command, address.path, query, body, self.headers)
            status = 200
        except Refused as refused:
            status, document = refused.status, refused.document
        except (shapes.ShapeError, ValueError, KeyError) as error:
            status, document = 400, Refused(400, f"{type(error).__name__}: {error}").document
        content = json.dumps(document).encode()
        if status == 0:  # a proxy's page
            status, content = 200, b"<html>Down for maintenance</html>"
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/dex/auth?state=x")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass
