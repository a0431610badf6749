"""gRPC: the service of the Open Inference Protocol V2 on a port of its own, for the same answers as HTTP gives.

A call's message is read when its caller has shown the token and not before: until then it costs what the transport's
windows hold. Messages come as bytes, so that what is no message of the protocol is refused and not a failure.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from labline_backend._version import __version__
from labline_backend.serving import v2_answers, v2_messages
from labline_backend.serving.answering import REQUEST_ID, VERSION, Answering, Asked
from labline_backend.serving.listening import ListenError, end_listening, has_connections
from labline_backend.serving.refusal import LateRefusal, Refusal, quoted
from labline_backend.serving.v2_messages import Message

CALLS = 1024
READ_AT_ONCE = 64  # messages; each may be as large as a body
METADATA_BYTES = 16 << 10
CONNECTION_STREAMS = 256
AGE_SECONDS = 8
"""How old a connection becomes: its client then makes another one, with any of the processes that share the port."""

AGE_SPREAD = 1.1  # the library's
TOLD_SECONDS = 2.0  # for the client to go
OPEN = frozenset({"ServerLive", "ServerReady"})
"""What says nothing about the model and is asked by those who have no token."""

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}

Handler = Callable[[Asked, bytes], Awaitable[bytes]]


class GrpcServer:
    """Belongs to the event loop that it is started on."""

    def __init__(self, answering: Answering, message_bytes: int, deadline: float, *, shares: bool = False) -> None:
        """With *shares* other processes may listen on the same port, each with a socket of its own."""
        self.port = 0
        self._answering = answering
        self._deadline = deadline
        self._reading = asyncio.Semaphore(READ_AT_ONCE)
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=CALLS,
            options=[
                ("grpc.so_reuseport", int(shares)),  # else a second server would share the port in silence
                ("grpc.max_receive_message_length", message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_concurrent_streams", CONNECTION_STREAMS),
                ("grpc.absolute_max_metadata_size", METADATA_BYTES),
                ("grpc.max_metadata_size", METADATA_BYTES),
                ("grpc.max_connection_age_ms", AGE_SECONDS * 1000),
            ],
        )
        handlers: dict[str, tuple[str, Handler]] = {
            "ServerLive": ("health", self._live),
            "ServerReady": ("health", self._ready),
            "ModelReady": ("health", self._model_ready),
            "ServerMetadata": ("metadata", self._server_metadata),
            "ModelMetadata": ("metadata", self._model_metadata),
            "ModelInfer": ("infer", self._infer),
        }
        self._server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(
                    v2_messages.SERVICE,
                    {name: self._method(name, endpoint, handler) for name, (endpoint, handler) in handlers.items()},
                )
            ]
        )

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises ``ListenError``."""
        try:
            self.port = self._server.add_insecure_port(f"{f'[{host}]' if ':' in host else host}:{port}")
        except RuntimeError as error:
            raise ListenError(
                f"gRPC cannot be served on {host}, port {port}: another program uses it, or it is not an address of "
                "this machine. Choose another with --grpc-port."
            ) from error
        await self._server.start()

    def end_listening(self) -> None:
        """Take no new connections: others may, where the port is shared."""
        end_listening(self.port)

    async def stop(self, hurried: Callable[[], bool]) -> None:
        """Take no new calls, and end when those that are there are answered.

        The library cancels calls that come while it stops. So there are no new connections first, and those that there
        are end by their age, of which their clients are told in good time. Once *hurried*, nobody waits for that.
        """
        end = time.monotonic() + AGE_SECONDS * AGE_SPREAD + TOLD_SECONDS
        self.end_listening()
        while has_connections(self.port) and time.monotonic() < end and not hurried():  # noqa: ASYNC110 - no event
            await asyncio.sleep(0.05)
        await self._server.stop(self._deadline)

    # ------------------------------------------------------------ any call

    def _method(self, name: str, endpoint: str, handler: Handler) -> Any:
        """On the wire a call with one message is a stream of one, and that is read only when somebody asks for it."""

        async def call(messages: AsyncIterator[bytes], context: Any) -> bytes:
            given = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
            asked = Asked(
                id=self._answering.identity(given.get(REQUEST_ID, "")),
                method="gRPC",
                path=f"/{v2_messages.SERVICE}/{name}",
                client=_host(context.peer()),
                wanted=given.get(VERSION),
            )
            try:
                answer, refusal = await self._answer(name, handler, asked, messages, given), None
            except Refusal as error:
                answer, refusal = b"", error
            except asyncio.CancelledError:
                self._answering.left(asked)
                raise
            told = [(REQUEST_ID, asked.id)]
            if asked.served is not None:
                told.append((VERSION, asked.served.version.version))
            if refusal is not None and refusal.retry_after is not None:
                told.append(("retry-after", str(refusal.retry_after)))
            context.set_trailing_metadata(told)
            self._answering.answered(asked, endpoint, 200 if refusal is None else refusal.status, len(answer))
            self._answering.after(asked)
            if refusal is not None:
                await context.abort(_code(refusal), refusal.message)
            return answer

        return grpc.stream_unary_rpc_method_handler(call)

    async def _answer(
        self, name: str, handler: Handler, asked: Asked, messages: AsyncIterator[bytes], given: dict[str, str]
    ) -> bytes:
        if name not in OPEN:
            self._answering.authenticate(given.get("authorization", "").encode())
        try:
            message = await self._read(messages)
            asked.received = len(message)
            return await handler(asked, message)
        except Refusal:
            raise
        except Exception as error:
            print(f"labline: request {asked.id} failed", file=sys.stderr)  # noqa: T201
            traceback.print_exc()
            raise Refusal(f"The server failed; its log names the request {asked.id}.", 500) from error

    async def _read(self, messages: AsyncIterator[bytes]) -> bytes:
        """The only message of a call, within the deadline."""
        try:
            async with asyncio.timeout(self._deadline), self._reading:
                found: list[bytes] = []
                async for message in messages:
                    if found:
                        raise Refusal("There is more than one message.")
                    found.append(message)
        except TimeoutError:
            raise LateRefusal(f"The message did not come within {self._deadline:g} s.", 408) from None
        if not found:
            raise Refusal("There is no message.")
        return found[0]

    # ------------------------------------------------------------ what is called

    async def _live(self, asked: Asked, data: bytes) -> bytes:
        return _written("ServerLiveResponse", live=True)

    async def _ready(self, asked: Asked, data: bytes) -> bytes:
        return _written("ServerReadyResponse", ready=self._answering.ready)

    async def _model_ready(self, asked: Asked, data: bytes) -> bytes:
        request = v2_messages.read("ModelReadyRequest", data)
        self._named(asked, request.name, request.version)
        return _written("ModelReadyResponse", ready=self._answering.ready)

    async def _server_metadata(self, asked: Asked, data: bytes) -> bytes:
        return _written("ServerMetadataResponse", name="labline", version=__version__)

    async def _model_metadata(self, asked: Asked, data: bytes) -> bytes:
        request = v2_messages.read("ModelMetadataRequest", data)
        self._named(asked, request.name, request.version)
        routing = self._answering.routing
        predictor = (routing.main if asked.wanted is None else routing.named(asked.wanted)).predictor
        versions = routing.numbers if asked.wanted is None else (predictor.version.version,)
        return v2_messages.metadata(predictor.signature, routing.model, versions, predictor.platform)

    async def _infer(self, asked: Asked, data: bytes) -> bytes:
        request: Message = v2_messages.read("ModelInferRequest", data)
        self._named(asked, request.model_name, request.model_version)
        with self._answering.chosen(asked) as served:
            signature, version = served.predictor.signature, served.version
            wanted = v2_messages.wanted(request)
            prediction = await self._answering.predict(served, asked, v2_messages.rows(request, signature))
            arrays = v2_answers.selected(v2_answers.outputs(prediction, signature), wanted)
            answer = v2_messages.answer(request, arrays, version.name, version.version)
        self._answering.mirror(asked, served, prediction, lambda other: (v2_messages.rows(request, other), None))
        return answer

    def _named(self, asked: Asked, model: str, version: str) -> None:
        """Refuse another model, or a version that is not served."""
        routing = self._answering.routing
        if model != routing.model:
            raise Refusal(f"There is no model {quoted(model)} here: served is {routing.model}.", 404)
        asked.wanted = version or asked.wanted
        if asked.wanted is not None:
            routing.named(asked.wanted)


def _written(message: str, /, **fields: Any) -> bytes:
    return bytes(v2_messages.kind(message)(**fields).SerializeToString())


def _code(refusal: Refusal) -> grpc.StatusCode:
    if isinstance(refusal, LateRefusal):
        return grpc.StatusCode.DEADLINE_EXCEEDED
    return _CODES.get(refusal.status, grpc.StatusCode.INVALID_ARGUMENT)


def _host(peer: str) -> str:
    """The address in gRPC's word for a peer, such as ``ipv4:127.0.0.1:4711``."""
    return peer.partition(":")[2].rpartition(":")[0].strip("[]")
