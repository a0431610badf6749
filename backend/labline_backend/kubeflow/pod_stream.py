"""One stream to a port of a pod, by Kubernetes' websocket protocol ``v4.channel.k8s.io``.

The first byte of each message is its channel: 0 for data, both ways, 1 for what went wrong over there. The first
message on each channel is the port, two bytes, the lower one first.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from labline_backend.kubeflow.cluster import UNTRUSTED

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
CHUNK = 1 << 16  # bytes
SECONDS = 10.0  # to connect, and for a message that has begun to go on
FAREWELL_SECONDS = 1.0  # for the other side to close, too
LONGEST_QUOTE = 300  # characters

Told = Callable[[str, str], None]  # how a stream ended, and what was said of it


class StreamError(Exception):
    """No stream; the message goes on "the cluster's API ...". ``status`` is the HTTP status, if any."""

    def __init__(self, how: str, status: int | None = None, said: str = "") -> None:
        super().__init__(how)
        self.status = status
        self.said = said


def open_stream(api: Any, pod: str, namespace: str, port: int) -> PodStream:
    """A stream to *port* of a pod, through the cluster that ``ApiClient`` *api* is of. Raises ``StreamError``."""
    import websocket
    from kubernetes.stream import ws_client

    configuration = api.configuration
    headers: dict[str, str] = dict(api.default_headers)
    query: list[tuple[str, str]] = [("ports", str(port))]
    api.update_params_for_auth(headers, query, ["BearerToken"])
    path = f"{configuration.host}/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
    address = ws_client.get_websocket_url(path, query)
    options = {
        "header": [f"{name}: {value}" for name, value in headers.items()],
        "subprotocols": [PROTOCOL],
        "timeout": SECONDS,
        "redirect_limit": 0,
        "suppress_origin": True,
    }
    if configuration.proxy:
        options = ws_client.websocket_proxycare(options, configuration, address, headers)
    else:  # as the cluster's other calls go: else it would be the environment's proxy, and the token's way, too
        options |= {"http_proxy_host": "none", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    try:
        made = websocket.WebSocket(sslopt=_tls(configuration), enable_multithread=False)
        made.connect(address, **options)
    except websocket.WebSocketBadStatusException as error:
        raise StreamError(f"answers {error.status_code}", error.status_code, _said(error.resp_body)) from error
    except (websocket.WebSocketTimeoutException, TimeoutError) as error:
        raise StreamError("does not answer in time") from error
    except ssl.SSLCertVerificationError as error:
        raise StreamError(UNTRUSTED) from error
    except (websocket.WebSocketException, OSError, ValueError) as error:
        raise StreamError("cannot be reached") from error
    if made.getstatus() != 101 or made.getsubprotocol() != PROTOCOL:
        made.shutdown()
        raise StreamError("opens no port-forward", made.getstatus())
    return PodStream(made, port)


class PodStream(threading.Thread):
    """Carries between a socket and a port of a pod, until one side ends."""

    def __init__(self, websocket: Any, port: int) -> None:
        super().__init__(name="labline-forward", daemon=True)
        self._websocket = websocket
        self._wire: socket.socket = websocket.sock
        self._port = port
        self._local: socket.socket
        self._tell: Told
        self._ended: Callable[[PodStream], None]

    def carry(self, local: socket.socket, tell: Told, ended: Callable[[PodStream], None]) -> None:
        """Say what to carry for, before the start.

        *tell* is called where the other side ends, before *local* is closed; *ended* at last.
        """
        self._local, self._tell, self._ended = local, tell, ended

    def run(self) -> None:
        """Carry, and close both sides. Never raises."""
        import websocket

        try:
            told = self._carry()
        except (websocket.WebSocketException, OSError, UnicodeError):
            told = ("broke off", "")
        if told is not None:
            self._tell(*told)
        self._local.close()
        if told is None:  # it is for this side to say goodbye
            with contextlib.suppress(websocket.WebSocketException, OSError):
                self._websocket.close(timeout=FAREWELL_SECONDS)
        self._websocket.shutdown()
        self._ended(self)

    def end(self, seconds: float) -> None:
        """End it from another thread: kindly at first, and after *seconds* in any case."""
        for each in (self._local, self._wire):
            with contextlib.suppress(OSError):  # it is closed already
                socket.socket.shutdown(each, socket.SHUT_RDWR)
            self.join(seconds)

    def _carry(self) -> tuple[str, str] | None:
        """How the other side ended, and what it said of it; None where this side did."""
        import websocket

        poll = select.poll()  # select has no room for descriptors above 1023
        poll.register(self._local, select.POLLIN)
        poll.register(self._wire, select.POLLIN)
        greeted: set[int] = set()
        while True:
            has_more = isinstance(self._wire, ssl.SSLSocket) and self._wire.pending() > 0
            ready = {descriptor for descriptor, _ in poll.poll(0 if has_more else None)}
            if self._local.fileno() in ready:
                data = self._received()
                if not data:
                    return None
                self._websocket.send_binary(bytes([DATA]) + data)
            if not has_more and self._wire.fileno() not in ready:
                continue
            kind, frame = self._websocket.recv_data_frame(True)
            if kind == websocket.ABNF.OPCODE_CLOSE:
                return "closed", ""
            if kind in (websocket.ABNF.OPCODE_PING, websocket.ABNF.OPCODE_PONG):
                continue
            channel, content = (frame.data[0], frame.data[1:]) if frame.data else (-1, b"")
            if kind != websocket.ABNF.OPCODE_BINARY or channel not in (DATA, ERROR):
                return "does not speak its protocol", ""
            if channel not in greeted:
                if content != self._port.to_bytes(2, "little"):
                    return "does not speak its protocol", ""
                greeted.add(channel)
            elif channel == ERROR and content:
                return "failed", _line(content)
            else:
                try:
                    self._local.sendall(content)
                except OSError:
                    return None

    def _received(self) -> bytes:
        """What this side has to send; nothing where it has ended."""
        try:
            return self._local.recv(CHUNK)
        except OSError:  # it has not read all that came
            return b""


def _tls(configuration: Any) -> dict[str, Any]:
    """How the cluster's API is trusted, as its other calls do."""
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.assert_hostname is False or not configuration.verify_ssl:
        context.check_hostname = False
    if not configuration.verify_ssl:
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    options: dict[str, Any] = {"context": context}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return options


def _said(body: Any) -> str:
    """The message of Kubernetes' ``Status``, where it is one."""
    try:
        return _line(str(json.loads(body)["message"]).encode())
    except (ValueError, TypeError, KeyError):
        return ""


def _line(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:LONGEST_QUOTE]
