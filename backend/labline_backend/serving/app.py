"""The HTTP side: raw ASGI, no framework. Routes, the token, request ids, statuses.

A request's mistakes are answered with 4xx and words that say what and where. 5xx is for what is not the client's doing:
503 while the model is loaded, at the deadline, or when too much comes at once; 500 for a defect.
"""

from __future__ import annotations

import contextlib
import hmac
import itertools
import random
import re
import secrets
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from labline_backend._version import __version__
from labline_backend.serving import invocations, v2_answers, v2_requests
from labline_backend.serving.body import BodyReader, BodyRefusal, DisconnectedError
from labline_backend.serving.documents import write
from labline_backend.serving.engine import Engine
from labline_backend.serving.metrics import CONTENT_TYPE, Metrics
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.refusal import Refusal, quoted
from labline_backend.serving.rows import Rows

JSON = b"application/json"
OPEN = frozenset({"/v2/health/live", "/v2/health/ready", "/ping", "/health"})
"""What says nothing about the model and is asked by those who have no token."""

_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
_ERROR_CODES = {401: "UNAUTHENTICATED", 404: "RESOURCE_DOES_NOT_EXIST", 413: "REQUEST_LIMIT_EXCEEDED"}


@dataclass(frozen=True)
class Reply:
    """An answer: its body and what goes with it."""

    body: bytes = b""
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False


@dataclass
class Request:
    """A request whose body may not have been read yet."""

    method: str
    headers: dict[bytes, bytes]
    receive: Any
    id: str
    start: float
    body_read: bool = False

    def header(self, name: bytes) -> str | None:
        """A header's value."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1").strip()

    @property
    def declared(self) -> int | None:
        """Content-Length."""
        value = self.headers.get(b"content-length", b"")
        return int(value) if value.isdigit() else None

    @property
    def waits(self) -> bool:
        """Whether the client asks before it sends the body."""
        return self.headers.get(b"expect", b"").lower() == b"100-continue"

    @property
    def has_body(self) -> bool:
        """Whether there is one to come."""
        return not self.body_read and (bool(self.declared) or b"transfer-encoding" in self.headers)


Handler = Callable[[Request], Awaitable[Reply]]


class Application:
    """The ASGI application. It answers health checks at once, and predictions as soon as it is given an engine."""

    def __init__(self, token: str, reader: BodyReader, metrics: Metrics) -> None:
        self.draining = False
        self._token = token.encode()
        self._reader = reader
        self._metrics = metrics
        self._engine: Engine | None = None
        self._log: PayloadLog | None = None
        self._rate = 0.0
        started = secrets.token_hex(6)
        self._ids = (f"{started}-{number:x}" for number in itertools.count(1))
        self._routes: dict[str, tuple[str, str, Handler]] = {
            "/ping": ("GET", "health", self._ready),
            "/health": ("GET", "health", self._ready),
            "/version": ("GET", "version", self._version),
            "/v2": ("GET", "metadata", self._server),
            "/v2/": ("GET", "metadata", self._server),
            "/v2/health/live": ("GET", "health", self._live),
            "/v2/health/ready": ("GET", "health", self._ready),
            "/metrics": ("GET", "metrics", self._read_metrics),
            "/invocations": ("POST", "invocations", self._invocations),
        }

    def serve(self, engine: Engine, log: PayloadLog | None = None, rate: float = 0.0) -> None:
        """Answer predictions by *engine* from now on; *rate* of them go to *log*."""
        self._engine, self._log, self._rate = engine, log, rate
        version = engine.predictor.version
        for path in (f"/v2/models/{version.name}", f"/v2/models/{version.name}/versions/{version.version}"):
            self._routes[path] = ("GET", "metadata", self._model)
            self._routes[f"{path}/ready"] = ("GET", "health", self._ready)
            self._routes[f"{path}/infer"] = ("POST", "infer", self._infer)
        self._metrics.serves(version.name, version.version)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request = Request(
            scope["method"],
            headers,
            receive,
            given.decode() if _REQUEST_ID.fullmatch(given) else next(self._ids),
            time.perf_counter(),
        )
        path = scope["path"]
        method, endpoint, handler = self._routes.get(path, ("", "unknown", self._unknown))
        try:
            reply = await self._answer(path, method, handler, request)
        except DisconnectedError:
            return
        self._metrics.answered(endpoint, reply.status, time.perf_counter() - request.start)
        sent = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            (b"x-request-id", request.id.encode()),
            *reply.headers,
        ]
        if self.draining or reply.close:
            sent.append((b"connection", b"close"))
        with contextlib.suppress(RuntimeError):  # uvloop's word for a connection that has been closed meanwhile
            await send({"type": "http.response.start", "status": reply.status, "headers": sent})
            await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})

    async def _answer(self, path: str, method: str, handler: Handler, request: Request) -> Reply:
        try:
            if path not in OPEN:
                self._authenticate(request)
            if method and request.method != method and not (method == "GET" and request.method == "HEAD"):
                raise Refusal(f"{quoted(path)} is asked by {method}.", 405)
            return await handler(request)
        except Refusal as refusal:
            close = isinstance(refusal, BodyRefusal) and refusal.close
            if request.has_body and not isinstance(refusal, BodyRefusal):
                close = request.waits or not await self._reader.discard(request.receive)
            return _refused(refusal, path, method, close=close)
        except DisconnectedError:
            raise
        except Exception:
            print(f"labline: request {request.id} failed", file=sys.stderr)  # noqa: T201
            traceback.print_exc()
            return _refused(Refusal(f"The server failed; its log names the request {request.id}.", 500), path, method)

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() not in (b"bearer", b"token") or not hmac.compare_digest(token.strip(), self._token):
            raise Refusal("Send the token that the server was started with: Authorization: Bearer TOKEN.", 401)

    # ------------------------------------------------------------ what is asked without a body

    async def _unknown(self, request: Request) -> Reply:
        served = (
            f" Served is {self._engine.predictor.version}." if self._engine else " The model is still being loaded."
        )
        raise Refusal(f"There is nothing here, and no such model.{served}", 404)

    async def _live(self, request: Request) -> Reply:
        return Reply(b'{"live":true}')

    async def _ready(self, request: Request) -> Reply:
        ready = self._engine is not None and not self.draining
        return Reply(write({"ready": ready}), 200 if ready else 503)

    async def _version(self, request: Request) -> Reply:
        return Reply(write({"version": __version__}))

    async def _server(self, request: Request) -> Reply:
        return Reply(write({"name": "labline", "version": __version__, "extensions": ["binary_tensor_data"]}))

    async def _model(self, request: Request) -> Reply:
        predictor = self._loaded().predictor
        version = predictor.version
        return Reply(write(v2_answers.metadata(predictor.signature, version.name, version.version, predictor.platform)))

    async def _read_metrics(self, request: Request) -> Reply:
        return Reply(self._metrics.text(), content_type=CONTENT_TYPE.encode())

    # ------------------------------------------------------------ predictions

    async def _infer(self, request: Request) -> Reply:
        engine = self._loaded()
        predictor = engine.predictor
        body = await self._body(request)
        asked = v2_requests.parse(body, request.header(b"inference-header-content-length"), predictor.signature)
        prediction = await self._predict(engine, request, asked.rows, None)
        version = predictor.version
        answer, length = v2_answers.answer(asked, prediction, predictor.signature, version.name, version.version)
        if length is None:
            return Reply(answer)
        header = (b"inference-header-content-length", b"%d" % length)
        return Reply(answer, content_type=b"application/octet-stream", headers=(header,))

    async def _invocations(self, request: Request) -> Reply:
        engine = self._loaded()
        body = await self._body(request)
        rows, parameters = invocations.parse(body, request.header(b"content-type") or "", engine.predictor.signature)
        return Reply(invocations.answer(await self._predict(engine, request, rows, parameters)))

    async def _predict(self, engine: Engine, request: Request, rows: Rows, parameters: dict[str, Any] | None) -> Any:
        if not rows.count:
            raise Refusal("There are no rows.")
        prediction = await engine.predict(rows, parameters)
        if self._log is not None and random.random() < self._rate:  # noqa: S311 - a sample, not a secret
            outputs = v2_answers.outputs(prediction, engine.predictor.signature)
            latency = time.perf_counter() - request.start
            self._log.offer(Exchange(time.time(), request.id, latency, rows, tuple(outputs)))
        return prediction

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise Refusal("The model is still being loaded.", 503, retry_after=1)
        return self._engine

    async def _body(self, request: Request) -> bytes:
        encoding = request.header(b"content-encoding")
        if encoding not in (None, "", "identity"):
            raise Refusal(f"The body is encoded ({quoted(encoding or '')}): send it as it is.", 415)
        request.body_read = True
        return await self._reader.read(request.receive, request.declared, waits=request.waits)


def _refused(refusal: Refusal, path: str, method: str, *, close: bool = False) -> Reply:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if refusal.status == 401:
        headers = ((b"www-authenticate", b"Bearer"),)
    elif refusal.status == 405:
        headers = ((b"allow", method.encode()),)
    elif refusal.retry_after is not None:
        headers = ((b"retry-after", b"%d" % refusal.retry_after),)
    if path == "/invocations":
        default = "BAD_REQUEST" if refusal.status < 500 else "TEMPORARILY_UNAVAILABLE"
        body = write({"error_code": _ERROR_CODES.get(refusal.status, default), "message": refusal.message})
    else:
        body = write({"error": refusal.message})
    return Reply(body, refusal.status, headers=headers, close=close)
