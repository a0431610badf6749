"""A registry of images that speaks the distribution specification's pull side strictly, with nothing but manifests.

It answers a manifest only in a type that was asked for, lets users in by ``Basic`` or by tokens of its own, and holds a
token to the repository that it is for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal

INDEX = "application/vnd.oci.image.index.v1+json"
SERVICE = "images of the tests"


class ImageRegistry:
    """The server, on loopback, as long as the block runs."""

    def __init__(self) -> None:
        self.login: Literal["none", "basic", "bearer"] = "none"
        self.users: dict[str, str] = {}
        self.identities: dict[str, str] = {}  # identity token -> user
        self.private: set[str] = set()  # repositories for users only
        self.override: int | None = None  # a status instead of every answer about a manifest
        self.speaks = True  # whether it is a registry at all
        self.called: list[str] = []
        self._manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._tokens: dict[str, str] = {}  # token -> the repository that it is for
        registry = self

        class Handler(_Handler):
            of = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> ImageRegistry:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def push(self, name: str, tag: str, media_type: str = INDEX) -> str:
        """Have an image; its digest."""
        content = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": [], "of": name}).encode()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        for at in (tag, digest):
            self._manifests[name, at] = (media_type, content)
        return digest

    # ---------------------------------------------------------------- answers: status, headers, body

    def answer(self, method: str, path: str, form: dict[str, str], headers: Any) -> tuple[int, dict[str, str], bytes]:
        self.called.append(f"{method} {path}")
        address = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(address.query, strict_parsing=True)) if address.query else {}
        if not self.speaks:
            return 404, {"Content-Type": "text/html"}, b"<html>Nothing here</html>"
        if address.path == "/token":
            return self._token(method, query, form, headers)
        if address.path == "/v2/" and method == "GET":
            return (200, {}, b"{}") if self._knows(headers, None) else self._challenge("")
        begin, middle, at = address.path.removeprefix("/v2/").rpartition("/manifests/")
        if not middle or method not in ("GET", "HEAD") or query:
            return _error(404, "UNSUPPORTED")
        if self.override is not None:
            return _error(self.override, "UNAVAILABLE")
        if not self._knows(headers, begin):
            return self._challenge(begin)
        if not any(name == begin for name, _ in self._manifests):
            return _error(404, "NAME_UNKNOWN")
        media_type, content = self._manifests.get((begin, at), ("", b""))
        if not media_type or media_type not in [part.strip() for part in headers.get("Accept", "").split(",")]:
            return _error(404, "MANIFEST_UNKNOWN")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return 200, {"Content-Type": media_type, "Docker-Content-Digest": digest}, content

    def _knows(self, headers: Any, name: str | None) -> bool:
        """Whether who asks may see *name*; None is the API as such."""
        kind, _, said = headers.get("Authorization", "").partition(" ")
        if self.login == "none":
            return True
        if self.login == "basic":
            return kind == "Basic" and self._user(said) is not None
        return name is not None and kind == "Bearer" and self._tokens.get(said) == name

    def _challenge(self, name: str) -> tuple[int, dict[str, str], bytes]:
        asked = f'Basic realm="{SERVICE}"'
        if self.login == "bearer":
            scope = f',scope="repository:{name}:pull"' if name else ""
            asked = f'Bearer realm="http://{self.host}/token",service="{SERVICE}"{scope}'
        status, headers, body = _error(401, "UNAUTHORIZED")
        return status, {**headers, "WWW-Authenticate": asked}, body

    def _token(
        self, method: str, query: dict[str, str], form: dict[str, str], headers: Any
    ) -> tuple[int, dict[str, str], bytes]:
        asked = form if method == "POST" else query
        kind, name, actions = asked["scope"].split(":")
        if (asked["service"], kind, actions) != (SERVICE, "repository", "pull"):
            return _error(400, "UNSUPPORTED")
        if method == "POST":
            if form["grant_type"] != "refresh_token" or not form["client_id"]:
                return _error(400, "UNSUPPORTED")
            user = self.identities.get(form["refresh_token"])
        else:
            said = headers.get("Authorization")
            user = self._user(said.removeprefix("Basic ")) if said else ""
        if user is None or (not user and name in self.private):
            return _error(401, "UNAUTHORIZED")
        token = secrets.token_urlsafe()
        self._tokens[token] = name
        key = "access_token" if method == "POST" else "token"
        return 200, {"Content-Type": "application/json"}, json.dumps({key: token}).encode()

    def _user(self, said: str) -> str | None:
        user, _, password = base64.b64decode(said).decode().partition(":")
        return user if self.users.get(user) == password else None


class _Handler(BaseHTTPRequestHandler):
    of: ImageRegistry
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = dict(urllib.parse.parse_qsl(body, strict_parsing=True)) if body else {}
        status, headers, content = self.of.answer(self.command, self.path, form, self.headers)
        self.send_response(status)
        for name, value in {"Docker-Distribution-API-Version": "registry/2.0", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _error(status: int, code: str) -> tuple[int, dict[str, str], bytes]:
    document = {"errors": [{"code": code, "message": code.lower(), "detail": {}}]}
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()
