"""What Prometheus reads of a server, and of the workers of an endpoint together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from labline_backend.serving.counting import Count, Counts, Family, Gauges, Spread, Spreads, text
from labline_backend.serving.plan import Plan

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """The counters of one server. ``version`` is a version's number, and empty where an answer is no version's."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, int, str], tuple[Count, Spread]] = {}  # looking them up one by one costs more
        self._requests = Counts("labline_requests", "Requests answered.", ("endpoint", "status", "version"))
        self._seconds = Spreads(
            "labline_request_seconds", "From a request's head to its answer.", ("endpoint", "version"), _SECONDS
        )
        self._batch = Spreads("labline_call_requests", "Requests in one call to the model.", ("version",), _COUNTS)
        self._rows = Counts("labline_rows", "Rows predicted.", ("version",))
        self._model = Gauges("labline_model", "1 for each version that is served.", ("model", "version"))
        self._share = Gauges("labline_share", "The share of the requests that a version is to answer.", ("version",))
        self._waiting = Gauges("labline_waiting_requests", "Requests waiting or being answered.", ("version",))
        self._unlogged = Gauges("labline_payloads_dropped", "Exchanges missing from the log.", ("version",))
        self._shadow = Counts(
            "labline_shadow_answers",
            "A shadow's answers: equal to the one given, different, or none (failed).",
            ("version", "outcome"),
        )
        self._unshadowed = Counts("labline_shadow_dropped", "Requests that a shadow was too slow for.", ("version",))
        self._unwritten = Gauges("labline_access_dropped", "Requests missing from the access log.")

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
        counted = {name: self._shadow.of(version, name) for name in ("equal", "different", "failed")}
        counted["dropped"] = self._unshadowed.of(version)

        def told(outcome: str) -> None:
            counted[outcome].value += 1

        return told

    def serves(self, plan: Plan) -> None:
        """A plan is served from now on."""
        for gauge in (self._model, self._share):
            gauge.clear()
        whole = sum(arm.weight for arm in plan.arms)
        for version in plan.versions:
            self._model.set(1, plan.model, version.version)
            weight = sum(arm.weight for arm in plan.arms if arm.version == version.version)
            self._share.set(weight / whole, version.version)

    def watch(self, version: str, waiting: Callable[[], float], unlogged: Callable[[], float] | None) -> None:
        """What of a version is asked for when somebody reads."""
        self._waiting.watch(waiting, version)
        if unlogged is not None:
            self._unlogged.watch(unlogged, version)

    def watch_access_log(self, dropped: Callable[[], float]) -> None:
        """Tell how many requests the access log lacks."""
        self._unwritten.watch(dropped)

    def forget(self, version: str) -> None:
        """A version goes. What it has answered stays counted."""
        for gauge in (self._waiting, self._unlogged):
            gauge.forget(version)

    def families(self) -> tuple[Family, ...]:
        """All of them, but for those that have no number yet."""
        counted = (self._requests, self._seconds, self._batch, self._rows, self._shadow, self._unshadowed)
        gauges = (self._model, self._share, self._waiting, self._unlogged, self._unwritten)
        found = [each.family() for each in (*counted, *gauges)]
        return tuple(family for family in found if family.samples)

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        return text(self.families())


def together(found: Mapping[str, Iterable[Family]]) -> bytes:
    """The metrics of several workers, by the workers' names, in one text. Each sample says whose it is.

    They are not added up: a worker that was replaced begins at zero, and Prometheus can only allow for what it sees.
    """
    merged: dict[str, Family] = {}
    for worker, families in found.items():
        for family in families:
            before = merged[family.name].samples if family.name in merged else ()
            own = (replace(sample, labels={**sample.labels, "worker": worker}) for sample in family.samples)
            merged[family.name] = replace(family, samples=(*before, *own))
    return text(merged.values())
