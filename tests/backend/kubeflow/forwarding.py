"""The far end of port-forwards: a Service with its pods, and their streams, strictly by the protocols' definitions.

Messages are those of RFC 6455; what is in them is Kubernetes' ``v4.channel.k8s.io``: a byte for the channel, an even
one for data and the next one for errors, and first on each the port in two bytes, the lower one first.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import select
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

PROTOCOL = "v4.channel.k8s.io"
KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
LABELS = {"app": "ml-pipeline", "application-crd-id": "kubeflow-pipelines"}


class ProtocolError(Exception):
    """The client does not keep to a protocol."""


@dataclass
class Backend:
    """A pod behind the Service; ``leads_to`` is a port of this machine, None where nobody listens in the pod."""

    leads_to: int | None
    is_ready: bool = True
    is_leaving: bool = False  # it is to end, and has been told so
    is_gone: bool = False  # though lists still have it

    def document(self, name: str) -> dict[str, Any]:
        """It as Kubernetes tells it."""
        leaving = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if self.is_leaving else {}
        return {
            "metadata": {"name": name, "labels": LABELS, **leaving},
            "spec": {"containers": [{"name": "api", "ports": [{"name": "http", "containerPort": 8888}]}]},
            "status": {"conditions": [{"type": "Ready", "status": str(self.is_ready)}]},
        }


@dataclass
class Forwarding:
    """The Service ``ml-pipeline`` and its pods; what went through, and what clients did wrong."""

    pods: dict[str, Backend] = field(default_factory=dict)
    ports: list[dict[str, Any]] = field(default_factory=lambda: [{"name": "http", "port": 8888, "targetPort": "http"}])
    selector: dict[str, str] | None = field(default_factory=lambda: dict(LABELS))
    denied: set[str] = field(default_factory=set)  # of services, pods and pods/portforward
    port: int = 8888  # what the streams say that they lead to
    greeting: bytes = b""  # sent first, in place of the protocol's
    last_words: str = ""  # on the error channel, once the request has come
    opened: list[str] = field(default_factory=list)  # the streams' pods
    wrong: list[str] = field(default_factory=list)
    carried: int = 0  # bytes to clients
    _live: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def live(self) -> int:
        """How many streams there are now."""
        with self._lock:
            return len(self._live)

    def cut(self) -> None:
        """Have all streams break off without a word."""
        with self._lock:
            for each in self._live:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(each, socket.SHUT_RDWR)

    def serve(self, call: BaseHTTPRequestHandler, pod: str, query: dict[str, str]) -> None:
        """Answer the call with a stream, to its end."""
        call.close_connection = True
        said = {name: call.headers.get(name, "") for name in ("Upgrade", "Connection", "Sec-WebSocket-Version")}
        offered = [each.strip() for each in call.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        key = call.headers.get("Sec-WebSocket-Key", "")
        try:
            if {k: v.lower() for k, v in said.items()} != {
                "Upgrade": "websocket",
                "Connection": "upgrade",
                "Sec-WebSocket-Version": "13",
            } or len(base64.b64decode(key)) != 16:
                raise ProtocolError(f"no upgrade: {said}")
            if PROTOCOL not in offered or query != {"ports": str(self.port)}:
                raise ProtocolError(f"{offered} and {query}")
        except ProtocolError as error:
            self.wrong.append(str(error))
            call.send_error(400)
            return
        call.send_response(101)
        accept = base64.b64encode(hashlib.sha1(key.encode() + KEY.encode()).digest()).decode()
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
            call.send_header(name, value)
        call.send_header("Sec-WebSocket-Protocol", PROTOCOL)
        call.end_headers()
        wire = call.connection
        with self._lock:
            self._live.add(wire)
        self.opened.append(pod)
        try:
            self._carry(wire, self.pods[pod])
        except ProtocolError as error:
            self.wrong.append(str(error))
        except OSError:
            pass  # cut, or the client went
        finally:
            with self._lock:
                self._live.discard(wire)

    def _carry(self, wire: socket.socket, pod: Backend) -> None:
        number = struct.pack("<H", self.port)
        if self.greeting:
            send(wire, BINARY, self.greeting)
        else:
            send(wire, BINARY, b"\x00" + number)
            send(wire, BINARY, b"\x01" + number)
        try:
            if pod.leads_to is None:
                raise ConnectionRefusedError
            there = socket.create_connection(("127.0.0.1", pod.leads_to))
        except ConnectionRefusedError:
            send(wire, BINARY, b"\x01error forwarding port: dial tcp4 127.0.0.1:8888: connect: connection refused\n")
            self._part(wire)
            return
        with there:
            self._exchange(wire, there)

    def _exchange(self, wire: socket.socket, there: socket.socket) -> None:
        ping = b"are you there"
        send(wire, PING, ping)
        while True:
            pending = isinstance(wire, ssl.SSLSocket) and wire.pending() > 0
            ready, _, _ = select.select([wire, there], [], [], 0 if pending else None)
            if pending or wire in ready:
                kind, content = receive(wire)
                if kind == CLOSE:
                    send(wire, CLOSE, content)
                    return
                if kind == PONG:
                    if content != ping:
                        raise ProtocolError(f"the pong was {content!r}")
                elif kind != BINARY or content[:1] != b"\x00":
                    raise ProtocolError(f"a message of kind {kind} on channel {content[:1]!r}")
                elif self.last_words:
                    send(wire, BINARY, b"\x01" + self.last_words.encode())
                    self._part(wire)
                    return
                else:
                    there.sendall(content[1:])
            if there in ready:
                data = there.recv(999)
                if not data:
                    self._part(wire)
                    return
                self.carried += len(data)
                send(wire, BINARY, b"\x00" + data)

    def _part(self, wire: socket.socket) -> None:
        """Close, and see that the client does, too."""
        send(wire, CLOSE, struct.pack("!H", 1000))
        while receive(wire)[0] != CLOSE:
            pass


def send(wire: socket.socket, kind: int, content: bytes) -> None:
    """One message of a server: whole, and not masked."""
    size = len(content)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
    wire.sendall(bytes([0x80 | kind]) + length + content)


def receive(wire: socket.socket) -> tuple[int, bytes]:
    """One message of a client: its kind and content."""
    first, second = exactly(wire, 2)
    if first & 0x70 or not second & 0x80:
        raise ProtocolError("a frame with reserved bits, or without a mask")
    if not first & 0x80:
        raise ProtocolError("a message in parts")
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", exactly(wire, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", exactly(wire, 8))
    mask = exactly(wire, 4)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(exactly(wire, size)))


def exactly(wire: socket.socket, size: int) -> bytes:
    """So many bytes."""
    found = b""
    while len(found) < size:
        more = wire.recv(size - len(found))
        if not more:
            raise ConnectionResetError
        found += more
    return found
