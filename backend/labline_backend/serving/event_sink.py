"""Sends sampled requests and their answers to a collector as CloudEvents, as KServe's logger does.

Each is an HTTP POST in the binary mode: attributes in headers, the request or the answer of the Open Inference Protocol
as the body. The request's path only puts a reference into a bounded queue, and a thread sends. What does not fit, and
what the collector does not take, is dropped and counted: a slow or absent collector never costs an answer.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import v2_answers
from labline_backend.serving.documents import write
from labline_backend.serving.payload_log import Exchange
from labline_backend.serving.privacy import Keeping
from labline_backend.serving.rows import Array
from labline_backend.store.payloads import HASHED, INPUT, OUTPUT

QUEUE_BYTES = 64 << 20
ANSWER_SECONDS = 30.0
"""That the collector has to answer one event."""

CLOSING_SECONDS = 10.0
"""That all that wait have when the version is let go."""

TOKEN_VARIABLE = "LABLINE_EVENTS_TOKEN"  # noqa: S105 - its name
"""The environment variable with the token that the collector wants. It is written down nowhere."""

REQUEST, RESPONSE = "org.kubeflow.serving.inference.request", "org.kubeflow.serving.inference.response"


class EventSinkError(ValueError):
    """The address is none to send to; the message is one sentence for the user."""


def check_address(address: str) -> str:
    """Raises ``EventSinkError`` where *address* is no place for events."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EventSinkError(f"{address!r} is not the address of a collector of events: http://HOST/PATH.")
    if parts.username is not None or parts.password is not None:
        raise EventSinkError("The address of the collector holds a password, which would be kept: leave it out.")
    return address


class EventSink:
    """The events of one version. ``dropped`` counts the exchanges that the collector has not taken."""

    def __init__(self, address: str, version: RegisteredVersion, keeping: Keeping, token: str | None = None) -> None:
        import urllib3

        self.dropped = 0
        self._address = address
        self._version = version
        self._keeping = keeping
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._waiting: deque[Exchange] = deque()
        self._bytes = 0
        self._until: float | None = None
        self._sending = 0
        self._complained = False
        self._changed = threading.Condition()
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=ANSWER_SECONDS), retries=False, maxsize=1)
        self._thread = threading.Thread(target=self._send_until_closed, name="event-sink", daemon=True)
        self._thread.start()

    def offer(self, exchange: Exchange) -> None:
        """Send *exchange*, or drop it where too much waits. Never blocks for long."""
        with self._changed:
            if self._until is not None or self._bytes + exchange.size > QUEUE_BYTES:
                self.dropped += 1
                return
            self._waiting.append(exchange)
            self._bytes += exchange.size
            self._changed.notify()

    def close(self) -> None:
        """Send what waits, as far as that can be done soon, and end."""
        with self._changed:
            self._until = time.monotonic() + CLOSING_SECONDS
            self._changed.notify()
        self._thread.join(CLOSING_SECONDS)
        with self._changed:  # what was not sent is dropped, whatever becomes of it
            self.dropped += len(self._waiting) + self._sending
            self._waiting.clear()
            self._sending = 0
        self._pool.clear()

    def _send_until_closed(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._until is not None)
                if not self._waiting:
                    return
                if self._until is not None and time.monotonic() > self._until:
                    return
                exchange = self._waiting.popleft()
                self._bytes -= exchange.size
                self._sending = 1
            self._send(exchange)

    def _send(self, exchange: Exchange) -> None:
        try:
            for kind, document in self._documents(exchange):
                self._post(kind, exchange, write(document))
            self._sending = 0
        except Exception as error:
            with self._changed:
                self.dropped += self._sending
                self._sending = 0
            if not self._complained:
                self._complained = True
                print(f"labline: events cannot be sent to {self._address}: {error}", file=sys.stderr)  # noqa: T201

    def _documents(self, exchange: Exchange) -> list[tuple[str, dict[str, Any]]]:
        named = {"model_name": self._version.name, "model_version": self._version.version, "id": exchange.request}
        return [
            (REQUEST, {"id": exchange.request, "inputs": self._tensors(INPUT, exchange.rows.named())}),
            (RESPONSE, {**named, "outputs": self._tensors(OUTPUT, exchange.outputs)}),
        ]

    def _tensors(self, prefix: str, arrays: Iterable[tuple[str, Array]]) -> list[dict[str, Any]]:
        kept = [self._keeping.kept(prefix + name, array) for name, array in arrays]
        return [
            v2_answers.described(name.removeprefix(HASHED).removeprefix(prefix), array)
            for name, array in filter(None, kept)
        ]

    def _post(self, kind: str, exchange: Exchange, body: bytes) -> None:
        moment = datetime.fromtimestamp(exchange.time, UTC).isoformat(timespec="milliseconds")
        headers = {
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": exchange.request,
            "ce-source": f"urn:labline:model:{quote(self._version.name)}",
            "ce-type": kind,
            "ce-time": moment.replace("+00:00", "Z"),
            "ce-inferenceservicename": quote(self._version.name),
            "ce-endpoint": self._version.version,
            **self._authorization,
        }
        answer = self._pool.request("POST", self._address, body=body, headers=headers, redirect=False)
        if answer.status >= 300:
            raise ValueError(f"it answers {answer.status}")
