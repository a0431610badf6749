"""Versions that come and go in a process, and the shadow beside them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import shadow as shadows
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.metrics import Metrics, together
from labline_backend.serving.plan import Arm, Plan
from labline_backend.serving.predictor import load
from labline_backend.serving.routing import Routing
from labline_backend.serving.rows import Matrix
from labline_backend.serving.shadow import Mirrored, Shadow, same
from labline_backend.serving.signature import Signature
from labline_backend.serving.versions import Served, Versions

from .conftest import Registry, using
from .models import COLUMNS, frame
from .test_engine import Slow, entered, rows, run


class Held(Slow):
    """A model that answers when it is let, as a version."""

    version = RegisteredVersion("held", "1")
    signature = Signature()


def served(model: Any) -> Served:
    return Served(model, Engine(model, Limits()), None)


def test_a_version_leaves_when_its_last_request_is_answered() -> None:
    async def main() -> tuple[bool, Any, bool]:
        model = Held()
        version = served(model)

        async def ask() -> Any:
            with version:
                return await version.engine.predict(rows([[1, 2, 3, 4]]))

        asked = asyncio.create_task(ask())
        await entered(model)
        leaving = asyncio.create_task(version.leave())
        for _ in range(5):
            await asyncio.sleep(0)
        left_early = leaving.done()
        model.free.set()
        answer = await asked
        await leaving
        return left_early, answer.tolist(), leaving.done()

    assert run(main) == (False, [10.0], True)


def test_a_swap_is_one_routing_for_another_and_lets_go_of_what_it_does_not_need(registry: Registry) -> None:
    async def main() -> list[tuple[Routing[Served], int]]:
        seen: list[tuple[Routing[Served], int]] = []
        versions = Versions(
            Limits(),
            Metrics(),
            lambda routing, shadow: seen.append((routing, len(versions._loaded))),
            lambda version: load(version, registry.checks),
        )
        for model in ("forest", "logistic"):
            plan = Plan.of(RegisteredVersion(model, "1"))
            await versions.prepare(plan)
            versions.commit(plan)
        counted = versions.take_counts()
        assert list(counted) == ["1"] and len(versions._loaded) == 1
        await versions.close()
        return seen

    with using(registry.location.uri):
        (first, alone), (second, both) = run(main)
    assert (first.model, second.model) == ("forest", "logistic")
    assert (alone, both) == (1, 2)  # the new one is loaded beside the old


def mirrored(value: float) -> Mirrored:
    asked = Matrix(COLUMNS, np.full((1, 4), value))
    return Mirrored(lambda signature: (asked, None), [("output-0", np.array([4 * value]))], 10)


def test_a_shadow_that_is_too_slow_drops_requests_and_counts_them(monkeypatch: Any) -> None:
    monkeypatch.setattr(shadows, "WAITING", 3)

    async def main() -> list[str]:
        outcomes: list[str] = []
        model = Held()
        shadow = Shadow(served(model), outcomes.append)
        shadow.offer(mirrored(1.0))
        await entered(model)
        for _ in range(5):
            shadow.offer(mirrored(1.0))
        assert outcomes == ["dropped", "dropped"]
        model.free.set()
        while len(outcomes) < 6:
            await asyncio.sleep(0.001)
        return outcomes[2:]

    assert run(main) == ["equal"] * 4


def test_a_shadow_that_fails_is_counted_and_asked_on() -> None:
    async def main() -> list[str]:
        outcomes: list[str] = []
        model = Held()
        model.free.set()
        shadow = Shadow(served(model), outcomes.append)

        def refused(signature: Signature) -> Any:
            raise ValueError("its columns are others")

        shadow.offer(Mirrored(refused, [], 0))
        shadow.offer(Mirrored(mirrored(1.0).read, [("output-0", np.array([5.0]))], 0))
        while len(outcomes) < 2:
            await asyncio.sleep(0.001)
        return outcomes

    assert run(main) == ["failed", "different"]


def test_answers_are_the_same_but_for_rounding() -> None:
    def one(array: Any) -> Any:
        return [("a", np.asarray(array))]

    assert same(one([1.0, np.nan]), [("b", np.array([1.0 + 1e-9, np.nan]))])
    assert not same(one([1.0]), one([1.0001]))
    assert not same(one([1.0]), one([[1.0]]))
    assert not same(one(["yes"]), one(["no"]))
    assert same(one(["yes"]), one(["yes"]))
    assert not same([("a", np.array([1])), ("b", np.array([2]))], [("a", np.array([1])), ("c", np.array([2]))])
    assert not same(one([1.0]), one(["yes"]))


def test_metrics_of_workers_are_one_text_that_says_whose_each_is() -> None:
    found = {}
    for worker in ("1", "2"):
        metrics = Metrics()
        metrics.serves(Plan("m", (Arm("a", "3", 3), Arm("b", "4", 1)), "5"))
        for _ in range(int(worker)):
            metrics.answered("infer", 200, 0.01, "3")
        found[worker] = metrics.families()
    text = together(found).decode()
    assert text.count("# TYPE labline_requests_total counter") == 1
    for worker in ("1", "2"):
        assert (
            f'labline_requests_total{{endpoint="infer",status="200",version="3",worker="{worker}"}} {worker}.0' in text
        )
        assert f'labline_share{{version="3",worker="{worker}"}} 0.75' in text
        assert f'labline_share{{version="5",worker="{worker}"}} 0.0' in text


def test_a_loaded_version_answers_what_it_was_logged_with(registry: Registry) -> None:
    async def main() -> Any:
        versions = Versions(
            Limits(), Metrics(), lambda routing, shadow: None, lambda version: load(version, registry.checks)
        )
        (predictor,) = await versions.prepare(Plan.of(RegisteredVersion("forest", "1")))
        await versions.close()
        return predictor.answer([(Matrix(COLUMNS, frame(2).to_numpy()), None)])[0]

    with using(registry.location.uri):
        answer = run(main)
    assert answer.tobytes() == registry.pyfunc("forest", frame(2)).tobytes()
