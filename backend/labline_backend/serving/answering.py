"""What is behind every transport: who may ask, which version answers, its answer, and what is kept of it."""

from __future__ import annotations

import hmac
import itertools
import random
import re
import secrets
import time
from dataclasses import field
from typing import Any

from labline_backend.serving import v2_answers
from labline_backend.serving.access_log import Access, AccessLog
from labline_backend.serving.metrics import Metrics
from labline_backend.serving.payload_log import Exchange
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.routing import Routing
from labline_backend.serving.rows import Rows
from labline_backend.serving.shadow import Mirrored, Read, Shadow
from labline_backend.serving.versions import Served
from labline_runtime.dataclass import dataclass

REQUEST_ID, VERSION = "x-request-id", "x-labline-version"
"""Headers of HTTP and metadata of gRPC: whose request it is, and which version is wanted or has answered."""

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(kw_only=True, slots=True)
class Asked:
    """A request, of whatever transport, from when its head was read."""

    id: str
    method: str
    path: str
    client: str
    wanted: str | None = None
    """The version that it names."""
    start: float = field(default_factory=time.perf_counter)
    received: int = 0
    """Bytes of its body."""
    rows: int | None = None
    served: Served | None = None
    """The version that was chosen."""
    mirrored: Mirrored | None = None
    """What a shadow is to be asked, once this is answered."""


class Answering:
    """Answers by a routing. Belongs to one event loop."""

    def __init__(
        self, token: str, metrics: Metrics, log_rate: float = 0.0, access_log: AccessLog | None = None
    ) -> None:
        """*log_rate* of the predictions go to the log of the version that made them, where it has one."""
        self.draining = False
        self.metrics = metrics
        self._token = token.encode()
        self._usual = b"Bearer " + self._token
        self._rate = log_rate
        self._access_log = access_log
        self._routing: Routing[Served] | None = None
        self._shadow: Shadow | None = None
        started = secrets.token_hex(6)
        self._ids = (f"{started}-{number:x}" for number in itertools.count(1))

    @property
    def ready(self) -> bool:
        """Whether predictions can be asked for."""
        return self._routing is not None and not self.draining

    @property
    def routing(self) -> Routing[Served]:
        """What is served. Raises ``Refusal`` while there is nothing."""
        if self._routing is None:
            raise Refusal("There is nothing here yet: the model is still being loaded.", 503, retry_after=1)
        return self._routing

    def serve(self, routing: Routing[Served], shadow: Shadow | None = None) -> None:
        """Answer by *routing* from now on, and have *shadow* asked the same."""
        self._routing, self._shadow = routing, shadow

    def identity(self, given: str) -> str:
        """The id of a request: the one that its client gave, if it is fit for a log, or one that is made."""
        return given if given and _REQUEST_ID.fullmatch(given) else next(self._ids)

    def authenticate(self, authorization: bytes) -> None:
        """Raises ``Refusal`` where that is not ``Bearer`` and the token."""
        if hmac.compare_digest(authorization, self._usual):
            return
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() not in (b"bearer", b"token") or not hmac.compare_digest(token.strip(), self._token):
            raise Refusal("Send the token that the server was started with: Authorization: Bearer TOKEN.", 401)

    def chosen(self, asked: Asked) -> Served:
        """The version that is to answer. To be used in a ``with`` block until it has. Raises ``Refusal``."""
        routing = self.routing
        asked.served = routing.choose(asked.id) if asked.wanted is None else routing.named(asked.wanted)
        return asked.served

    async def predict(
        self,
        served: Served,
        asked: Asked,
        rows: Rows,
        parameters: dict[str, Any] | None = None,
        *,
        alone: bool = False,
    ) -> Any:
        """The prediction; *alone* as ``Engine.at_once`` has it.

        Raises ``Refusal``, or what the model raised where that is not about the rows.
        """
        asked.rows = count = rows.count
        if not count:
            raise Refusal("There are no rows.")
        found = served.engine.at_once(rows, parameters, alone=alone)
        prediction = found[0] if found else await served.engine.in_turn(rows, parameters)
        if served.log is not None and random.random() < self._rate:  # noqa: S311 - a sample, not a secret
            outputs = v2_answers.outputs(prediction, served.predictor.signature)
            latency = time.perf_counter() - asked.start
            served.log.offer(Exchange(time.time(), asked.id, latency, rows, tuple(outputs)))
        return prediction

    def mirror(self, asked: Asked, served: Served, prediction: Any, read: Read) -> None:
        """Have the shadow asked the same, once this is answered."""
        if self._shadow is None or self._shadow.served is served:
            return
        outputs = v2_answers.outputs(prediction, served.predictor.signature)
        size = asked.received + sum(int(array.nbytes) for _, array in outputs)
        asked.mirrored = Mirrored(read, outputs, size)

    def answered(self, asked: Asked, endpoint: str, status: int, sent: int) -> None:
        """Count an answer of *sent* bytes and write it down, just before it goes out."""
        seconds = time.perf_counter() - asked.start
        version = ""
        if (served := asked.served) is not None:
            version = served.version.version
            served.counts.add(status, seconds)
        self.metrics.answered(endpoint, status, seconds, version)
        self._write_down(asked, status, seconds, sent)

    def left(self, asked: Asked) -> None:
        """Write down that the client has gone before it was answered."""
        self._write_down(asked, CLIENT_GONE, time.perf_counter() - asked.start, 0)

    def after(self, asked: Asked) -> None:
        """What is left to do when the answer is out."""
        if asked.mirrored is not None and self._shadow is not None:
            self._shadow.offer(asked.mirrored)

    def _write_down(self, asked: Asked, status: int, seconds: float, sent: int) -> None:
        if self._access_log is None:
            return
        version = None if asked.served is None else asked.served.version
        self._access_log.offer(
            Access(
                time=time.time(),
                request_id=asked.id,
                client=asked.client,
                method=asked.method,
                path=asked.path,
                model=None if version is None else version.name,
                version=None if version is None else version.version,
                status=status,
                rows=asked.rows,
                seconds=seconds,
                received=asked.received,
                sent=sent,
            )
        )


CLIENT_GONE = 499
"""In the access log: nobody waited for the answer. HTTP has no status for it, and this one is what others write."""
