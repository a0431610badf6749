"""What Prometheus reads. One registry a server, so that two in one process do not meet."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[tuple[str, int], Counter] = {}  # looking them up by their labels costs more than counting
        self._requests = Counter(
            "labline_requests", "Requests answered.", ["endpoint", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "labline_request_seconds",
            "From a request's head to its answer.",
            ["endpoint"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._batch = Histogram(
            "labline_call_requests", "Requests in one call to the model.", buckets=_COUNTS, registry=self._registry
        )
        self._rows = Counter("labline_rows", "Rows predicted.", registry=self._registry)
        self._model = Gauge(
            "labline_model", "1 for the version that is served.", ["model", "version"], registry=self._registry
        )

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """A request was answered."""
        counter = self._counters.get((endpoint, status))
        if counter is None:
            counter = self._counters[endpoint, status] = self._requests.labels(endpoint, status)
        counter.inc()
        self._seconds.labels(endpoint).observe(seconds)

    def called(self, requests: int, rows: int) -> None:
        """The model was called once for so many requests."""
        self._batch.observe(requests)
        self._rows.inc(rows)

    def serves(self, model: str, version: str) -> None:
        """A version is served from now on."""
        self._model.clear()
        self._model.labels(model, version).set(1)

    def watch(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """A gauge that is asked for when somebody reads."""
        Gauge(name, help_text, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)
