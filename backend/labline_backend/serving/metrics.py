"""What Prometheus reads. One registry a server, so that two in one process do not meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from labline_backend.serving.counting import Count, Counts, Spread, Spreads
from labline_backend.serving.plan import Plan

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counters of one server. ``version`` is a version's number, and empty where an answer is no version's."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._answers: dict[tuple[str, int, str], tuple[Count, Spread]] = {}  # looking them up one by one costs more
        self._requests = Counts("labline_requests", "Requests answered.", ("endpoint", "status", "version"))
        self._seconds = Spreads(
            "labline_request_seconds", "From a request's head to its answer.", ("endpoint", "version"), _SECONDS
        )
        self._batch = Spreads("labline_call_requests", "Requests in one call to the model.", ("version",), _COUNTS)
        self._rows = Counts("labline_rows", "Rows predicted.", ("version",))
        for counted in (self._requests, self._seconds, self._batch, self._rows):
            registry.register(counted)
        self._model = Gauge(
            "labline_model", "1 for each version that is served.", ["model", "version"], registry=registry
        )
        self._share = Gauge(
            "labline_share", "The share of the requests that a version is to answer.", ["version"], registry=registry
        )
        self._waiting = Gauge(
            "labline_waiting_requests", "Requests waiting or being answered.", ["version"], registry=registry
        )
        self._unlogged = Gauge(
            "labline_payloads_dropped", "Exchanges missing from the log.", ["version"], registry=registry
        )
        self._shadow = Counter(
            "labline_shadow_answers",
            "A shadow's answers: equal to the one given, different, or none (failed).",
            ["version", "outcome"],
            registry=registry,
        )
        self._unshadowed = Counter(
            "labline_shadow_dropped", "Requests that a shadow was too slow for.", ["version"], registry=registry
        )

    def answered(self, endpoint: str, status: int, seconds: float, version: str = "") -> None:
        """A request was answered."""
        found = self._answers.get((endpoint, status, version))
        if found is None:
            found = self._requests.of(endpoint, str(status), version), self._seconds.of(endpoint, version)
            self._answers[endpoint, status, version] = found
        found[0].value += 1
        found[1].observe(seconds)

    def calls(self, version: str) -> Callable[[int, int], None]:
        """What is to be told of each call to a version: how many requests, how many rows."""
        batch, counted = self._batch.of(version), self._rows.of(version)

        def called(requests: int, rows: int) -> None:
            batch.observe(requests)
            counted.value += rows

        return called

    def shadowed(self, version: str) -> Callable[[str], None]:
        """What is to be told of each request that a shadow was offered."""
        answers = {name: self._shadow.labels(version, name) for name in ("equal", "different", "failed")}
        counters = {**answers, "dropped": self._unshadowed.labels(version)}
        return lambda outcome: counters[outcome].inc()

    def serves(self, plan: Plan) -> None:
        """A plan is served from now on."""
        for gauge in (self._model, self._share):
            gauge.clear()
        whole = sum(arm.weight for arm in plan.arms)
        for version in plan.versions:
            self._model.labels(plan.model, version.version).set(1)
            weight = sum(arm.weight for arm in plan.arms if arm.version == version.version)
            self._share.labels(version.version).set(weight / whole)

    def watch(self, version: str, waiting: Callable[[], float], unlogged: Callable[[], float] | None) -> None:
        """What of a version is asked for when somebody reads."""
        self._waiting.labels(version).set_function(waiting)
        if unlogged is not None:
            self._unlogged.labels(version).set_function(unlogged)

    def watch_access_log(self, dropped: Callable[[], float]) -> None:
        """Tell how many requests the access log lacks."""
        gauge = Gauge("labline_access_dropped", "Requests missing from the access log.", registry=self._registry)
        gauge.set_function(dropped)

    def forget(self, version: str) -> None:
        """A version goes. What it has answered stays counted."""
        for gauge in (self._waiting, self._unlogged):
            gauge.remove_by_labels({"version": version})

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return generate_latest(self._registry)


class _Together:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def together(texts: Mapping[str, str]) -> bytes:
    """The metrics of several workers, by the workers' names, in one text. Each sample says whose it is.

    They are not added up: a worker that was replaced begins at zero, and Prometheus can only allow for what it sees.
    """
    families: dict[str, Metric] = {}
    for worker, text in texts.items():
        for family in text_string_to_metric_families(text):
            merged = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                merged.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)
    return generate_latest(_Together(families.values()))
