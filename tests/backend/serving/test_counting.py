"""What Prometheus reads, by the parser of its own library."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from labline_backend.serving.counting import Counts, Family, Gauges, Spreads, text


def read(*families: Family) -> dict[str, tuple[str, list[tuple[str, dict[str, str], float]]]]:
    """Type and samples of families, by their names."""
    found = text_string_to_metric_families(text(families).decode())
    return {each.name: (each.type, [(s.name, s.labels, s.value) for s in each.samples]) for each in found}


def test_a_count_is_a_counter() -> None:
    counts = Counts("asked", "Asked.", ("status",))
    counts.of("200").value += 2
    assert read(counts.family()) == {"asked": ("counter", [("asked_total", {"status": "200"}, 2.0)])}


def test_a_spread_is_a_histogram_whose_buckets_add_up() -> None:
    spreads = Spreads("seconds", "How long.", ("version",), (0.0005, 1))
    for value in (0.0001, 0.25, 0.5, 7):
        spreads.of("3").observe(value)
    kind, samples = read(spreads.family())["seconds"]
    assert kind == "histogram"
    assert [(name, labels.get("le"), value) for name, labels, value in samples] == [
        ("seconds_bucket", "0.0005", 1.0),
        ("seconds_bucket", "1.0", 3.0),
        ("seconds_bucket", "+Inf", 4.0),
        ("seconds_count", None, 4.0),
        ("seconds_sum", None, 7.7501),
    ]


def test_a_gauge_is_read_when_it_is_asked_for_and_may_be_forgotten() -> None:
    waiting = [1]
    gauges = Gauges("waiting", "How many wait.", ("version",))
    gauges.watch(lambda: waiting[0], "1")
    gauges.set(5, "2")
    waiting[0] = 3
    assert read(gauges.family()) == {
        "waiting": ("gauge", [("waiting", {"version": "1"}, 3.0), ("waiting", {"version": "2"}, 5.0)])
    }
    gauges.forget("1")
    assert [labels for _, labels, _ in read(gauges.family())["waiting"][1]] == [{"version": "2"}]


def test_a_gauge_without_labels_is_a_line_without_braces() -> None:
    gauge = Gauges("dropped", "Lost.")
    gauge.set(4)
    assert b"\ndropped 4.0\n" in text([gauge.family()])


def test_labels_may_hold_any_text() -> None:
    name = 'a "model" \\ in\ntwo lines'
    counts = Counts("asked", "Asked.", ("model",))
    counts.of(name).value += 1
    ((_, labels, _),) = read(counts.family())["asked"][1]
    assert labels == {"model": name}
