"""The HTTP side: raw ASGI, no framework. Routes, the token, request ids, statuses.

A request's mistakes are answered with 4xx and words that say what and where. 5xx is for what is not the client's doing:
503 while the model is loaded, at the deadline, or when too much comes at once; 500 for a defect.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from labline_backend._version import __version__
from labline_backend.serving import invocations, openapi, v2_answers, v2_requests
from labline_backend.serving.answering import REQUEST_ID, VERSION, Answering, Asked
from labline_backend.serving.body import BodyReader, BodyRefusal, DisconnectedError
from labline_backend.serving.counting import CONTENT_TYPE
from labline_backend.serving.documents import write
from labline_backend.serving.refusal import Refusal, quoted
from labline_backend.serving.routing import Routing
from labline_backend.serving.shadow import Shadow
from labline_backend.serving.versions import Served
from labline_runtime.dataclass import dataclass

JSON = b"application/json"
OPEN = frozenset({"/v2/health/live", "/v2/health/ready", "/ping", "/health", "/docs"})
"""What says nothing about the model and is asked by those who have no token."""

_ID, _VERSION = REQUEST_ID.encode(), VERSION.encode()
_ERROR_CODES = {
    401: "UNAUTHENTICATED",
    404: "RESOURCE_DOES_NOT_EXIST",
    413: "REQUEST_LIMIT_EXCEEDED",
    429: "REQUEST_LIMIT_EXCEEDED",
}


@dataclass(slots=True)
class Reply:
    """An answer: its body and what goes with it. Not frozen, which costs a request as much as counting its answer."""

    body: bytes = b""
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False


@dataclass(kw_only=True, slots=True)
class Request(Asked):
    """A request whose body may not have been read yet."""

    headers: dict[bytes, bytes]
    receive: Any
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
Route = tuple[str, str, Handler, str | None]
"""Method, name in the metrics, handler, and the version that the path names."""


class Application:
    """The ASGI application. It answers health checks at once, and predictions as soon as it is given a routing."""

    def __init__(self, answering: Answering, reader: BodyReader) -> None:
        self.all_metrics: Callable[[], Awaitable[bytes]] | None = None
        """Where there are other processes beside this one: the metrics of all."""
        self.traffic: Callable[[], Awaitable[bytes]] | None = None
        """Where somebody keeps count of the last minutes: what was answered then."""
        self.alone: Callable[[], bool] = lambda: False
        """Where somebody knows how many requests are in progress: whether it is one."""
        self._answering = answering
        self._reader = reader
        self._fixed: dict[str, Route] = {
            "/ping": ("GET", "health", self._ready, None),
            "/health": ("GET", "health", self._ready, None),
            "/version": ("GET", "version", self._version, None),
            "/v2": ("GET", "metadata", self._server, None),
            "/v2/": ("GET", "metadata", self._server, None),
            "/v2/health/live": ("GET", "health", self._live, None),
            "/v2/health/ready": ("GET", "health", self._ready, None),
            "/metrics": ("GET", "metrics", self._read_metrics, None),
            "/traffic": ("GET", "metrics", self._read_traffic, None),
            "/docs": ("GET", "metadata", self._page, None),
            "/openapi.json": ("GET", "metadata", self._openapi, None),
            "/invocations": ("POST", "invocations", self._invocations, None),
        }
        self._routes = self._fixed

    def serve(self, routing: Routing[Served], shadow: Shadow | None = None) -> None:
        """Answer predictions by *routing* from now on, and have *shadow* asked the same."""
        model, deployed = f"/v2/models/{routing.model}", f"/api/2.0/endpoints/{routing.model}"
        places = {model: None, **{f"{model}/versions/{number}": number for number in routing.numbers}}
        routes = dict(self._fixed)
        for path, wanted in places.items():
            routes[path] = ("GET", "metadata", self._model, wanted)
            routes[f"{path}/example"] = ("GET", "metadata", self._example, wanted)
            routes[f"{path}/ready"] = ("GET", "health", self._ready, wanted)
            routes[f"{path}/infer"] = ("POST", "infer", self._infer, wanted)
        # What MLflow's own client of deployments asks for.
        routes["/api/2.0/endpoints/"] = ("GET", "metadata", self._deployments, None)
        routes[deployed] = ("GET", "metadata", self._deployment, None)
        routes[f"/endpoints/{routing.model}/invocations"] = ("POST", "invocations", self._invocations, None)
        self._answering.serve(routing, shadow)
        self._routes = routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return
        answering = self._answering
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path = scope["path"]
        method, endpoint, handler, wanted = self._routes.get(path, ("", "unknown", self._unknown, None))
        request = Request(
            id=answering.identity(headers[_ID].decode("latin-1") if _ID in headers else ""),
            method=scope["method"],
            path=path,
            client=(scope.get("client") or ("",))[0],
            wanted=wanted,
            headers=headers,
            receive=receive,
        )
        try:
            if path not in OPEN:
                answering.authenticate(headers.get(b"authorization", b""))
            if method and request.method != method and not (method == "GET" and request.method == "HEAD"):
                raise Refusal(f"{quoted(path)} is asked by {method}.", 405)
            reply = await handler(request)
        except DisconnectedError:
            answering.left(request)
            return
        except Exception as error:
            try:
                reply = await self._failed(error, request, method)
            except DisconnectedError:
                answering.left(request)
                return
        size = len(reply.body)
        sent = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % size),
            (_ID, request.id.encode()),
            *reply.headers,
        ]
        if request.served is not None:
            sent.append((_VERSION, request.served.header))
        if answering.draining or reply.close:
            sent.append((b"connection", b"close"))
        answering.answered(request, endpoint, reply.status, size)
        try:
            await send({"type": "http.response.start", "status": reply.status, "headers": sent})
            await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else reply.body})
        except RuntimeError:  # uvloop's word for a connection that has been closed meanwhile
            pass
        answering.after(request)

    async def _failed(self, error: Exception, request: Request, method: str) -> Reply:
        """What is answered where there is no answer. Raises ``DisconnectedError``."""
        if isinstance(error, Refusal):
            close = isinstance(error, BodyRefusal) and error.close
            if request.has_body and not isinstance(error, BodyRefusal):
                close = request.waits or not await self._reader.discard(request.receive)
            return _refused(error, request.path, method, close=close)
        print(f"labline: request {request.id} failed", file=sys.stderr)  # noqa: T201
        traceback.print_exception(error)
        words = f"The server failed; its log names the request {request.id}."
        return _refused(Refusal(words, 500), request.path, method)

    # ------------------------------------------------------------ what is asked without a body

    async def _unknown(self, request: Request) -> Reply:
        routing = self._answering.routing
        served = ", ".join(f"{routing.model}/{number}" for number in routing.numbers)
        raise Refusal(f"There is nothing here, and no such model. Served is {served}.", 404)

    async def _live(self, request: Request) -> Reply:
        return Reply(b'{"live":true}')

    async def _ready(self, request: Request) -> Reply:
        ready = self._answering.ready
        return Reply(write({"ready": ready}), 200 if ready else 503)

    async def _version(self, request: Request) -> Reply:
        return Reply(write({"version": __version__}))

    async def _server(self, request: Request) -> Reply:
        return Reply(write({"name": "labline", "version": __version__, "extensions": ["binary_tensor_data"]}))

    async def _model(self, request: Request) -> Reply:
        routing = self._answering.routing
        predictor = (routing.main if request.wanted is None else routing.named(request.wanted)).predictor
        versions = routing.numbers if request.wanted is None else (request.wanted,)
        metadata = v2_answers.metadata(predictor.signature, routing.model, versions, predictor.platform)
        return Reply(write({**metadata, "asked_by": str(predictor.verdict)}))

    async def _deployments(self, request: Request) -> Reply:
        return Reply(write({"endpoints": [invocations.deployment(self._answering.routing.model)]}))

    async def _deployment(self, request: Request) -> Reply:
        return Reply(write(invocations.deployment(self._answering.routing.model)))

    async def _example(self, request: Request) -> Reply:
        routing = self._answering.routing
        predictor = (routing.main if request.wanted is None else routing.named(request.wanted)).predictor
        return Reply(write({"model": routing.model, "version": predictor.version.version, **predictor.shown}))

    async def _openapi(self, request: Request) -> Reply:
        routing = self._answering.routing
        predictors = {number: routing.named(number).predictor for number in routing.numbers}
        main = routing.main.version.version
        return Reply(write(openapi.document(routing.model, main, predictors)))

    async def _page(self, request: Request) -> Reply:
        return Reply(openapi.PAGE, content_type=b"text/html; charset=utf-8", headers=openapi.PAGE_HEADERS)

    async def _read_traffic(self, request: Request) -> Reply:
        if self.traffic is None:
            raise Refusal("Nobody keeps count of what this server has lately answered: read /metrics.", 404)
        return Reply(await self.traffic())

    async def _read_metrics(self, request: Request) -> Reply:
        text = self._answering.metrics.text() if self.all_metrics is None else await self.all_metrics()
        return Reply(text, content_type=CONTENT_TYPE.encode())

    # ------------------------------------------------------------ predictions

    async def _infer(self, request: Request) -> Reply:
        with self._chosen(request) as served:
            body = await self._reading(request)
            request.received = len(body)
            length = request.header(b"inference-header-content-length")
            version, signature = served.version, served.predictor.signature
            asked = v2_requests.parse(body, length, signature)
            prediction = await self._answering.predict(served, request, asked.rows, alone=self.alone())
            answer, head = v2_answers.answer(asked, prediction, signature, version.name, version.version)
        self._answering.mirror(request, served, prediction, lambda s: (v2_requests.parse(body, length, s).rows, None))
        if head is None:
            return Reply(answer)
        header = (b"inference-header-content-length", b"%d" % head)
        return Reply(answer, content_type=b"application/octet-stream", headers=(header,))

    async def _invocations(self, request: Request) -> Reply:
        with self._chosen(request) as served:
            body = await self._reading(request)
            request.received = len(body)
            kind = request.header(b"content-type") or ""
            rows, parameters = invocations.parse(body, kind, served.predictor.signature)
            prediction = await self._answering.predict(served, request, rows, parameters, alone=self.alone())
            answer = invocations.answer(prediction)
        self._answering.mirror(request, served, prediction, lambda s: invocations.parse(body, kind, s))
        return Reply(answer)

    def _chosen(self, request: Request) -> Served:
        request.wanted = request.wanted or request.header(_VERSION)
        return self._answering.chosen(request)

    def _reading(self, request: Request) -> Awaitable[bytes]:
        encoding = request.header(b"content-encoding")
        if encoding not in (None, "", "identity"):
            raise Refusal(f"The body is encoded ({quoted(encoding or '')}): send it as it is.", 415)
        request.body_read = True
        return self._reader.read(
            request.receive, request.declared, waits=b"expect" in request.headers and request.waits
        )


def _refused(refusal: Refusal, path: str, method: str, *, close: bool = False) -> Reply:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if refusal.status == 401:
        headers = ((b"www-authenticate", b"Bearer"),)
    elif refusal.status == 405:
        headers = ((b"allow", method.encode()),)
    elif refusal.retry_after is not None:
        headers = ((b"retry-after", b"%d" % refusal.retry_after),)
    if path.endswith("/invocations"):
        default = "BAD_REQUEST" if refusal.status < 500 else "TEMPORARILY_UNAVAILABLE"
        body = write({"error_code": _ERROR_CODES.get(refusal.status, default), "message": refusal.message})
    else:
        body = write({"error": refusal.message})
    return Reply(body, refusal.status, headers=headers, close=close)
