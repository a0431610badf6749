"""What must hold on every installation of Kubeflow Pipelines. The emulator of the tests is one, too."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from labline_backend import recurring
from labline_backend.recurrence.recurring import Wish
from labline_backend.recurrence.timing import Timing
from tests.backend.notebooks import DOUBLE, code
from tests.cluster.place import Place

LOOP = (
    code("xs = [1, 2, 4]", "step:a"),
    code("found = []\nfor x in xs:\n    found.append(8 // x)", "step:s"),
    code("assert found == [8, 4, 2]", "step:last"),
)


def states(run: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in run["steps"]}


def test_the_preflight_finds_nothing_wrong(place: Place) -> None:
    findings = place.service.targets.check(place.target.name).findings
    assert [found for found in findings if found.severity == "error"] == []


def test_a_run_is_followed_to_its_end(place: Place) -> None:
    run = place.end(place.submit(*DOUBLE, parameters={"count": "4"}))
    assert (run["state"], run["error"]) == ("succeeded", None)
    assert states(run) == {"load": "succeeded", "double": "succeeded"}


def test_its_values_and_metrics_are_mirrored(place: Place) -> None:
    if place.target.root is None:
        pytest.skip("no pipeline root is named: results stay on the cluster")
    run = place.end(place.submit(*DOUBLE, parameters={"count": "4"}))
    assert run["metrics"] == {"total": 12}
    (load,) = [step for step in run["steps"] if step["name"] == "load"]
    assert [value["preview"]["text"] for value in load["values"]] == ["[0, 1, 2, 3]"]


def test_a_failing_step_says_where_and_why(place: Place) -> None:
    run = place.end(place.submit(code("x = 1\nx / 0", "step:bad"), code("y = x", "step:after")))
    assert states(run) == {"bad": "failed", "after": "skipped"}
    assert run["error"] == "Step bad failed: Cell 1, line 2 raised ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in place.service.log(run["id"], "bad").text


def test_the_items_of_a_loop_are_counted(place: Place) -> None:
    run = place.end(place.submit(*LOOP, metadata={"steps": {"s": {"foreach": True}}}))
    assert (run["state"], run["error"]) == ("succeeded", None)
    (loop,) = [step for step in run["steps"] if step["name"] == "s"]
    known = place.target.root is not None  # how many there are is among the results
    assert loop["items"] == ({"total": 3, "cached": 0, "failed": 0} if known else None)


def test_cancelling_ends_the_run_there(place: Place) -> None:
    record = place.submit(code("import time\ntime.sleep(3600)\nx = 1", "step:slow"))
    place.until(record, lambda run: states(run) == {"slow": "running"})
    place.service.cancel(record.id)
    run = place.end(record)
    assert (run["state"], states(run)) == ("cancelled", {"slow": "cancelled"})


def test_a_recurring_run_is_made_paused_and_removed(place: Place) -> None:
    service, target, name = place.service, place.target.name, f"labline-test-{uuid.uuid4().hex[:8]}"
    path = place.notebook(code("x = 1", "step:one"))
    made, _ = recurring.add(service, path, Timing("0 0 1 1 *"), Wish(name), notebook=path.name, target=target)
    try:
        assert made in recurring.all_(service, target)
        recurring.pause(service, made.id, paused=True, target=target)
        assert [each.paused for each in recurring.all_(service, target) if each.id == made.id] == [True]
    finally:
        recurring.remove(service, made.id, target=target)
    assert made.id not in [each.id for each in recurring.all_(service, target)]
