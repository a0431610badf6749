"""The queue: batches without a timer, and limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.serving.agreement import Verdict
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.refusal import LateRefusal, Refusal
from labline_backend.serving.rows import Matrix, Rows

from .conftest import Registry
from .models import COLUMNS, frame
from .test_checks import LOGISTIC, append, copied

Calls = list[tuple[int, int]]


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(main())


def rows(values: Any) -> Rows:
    return Matrix(COLUMNS, np.asarray(values, dtype="float64"))


class Slow:
    """A model that answers when it is let, in the place of one that takes long."""

    verdict = Verdict(merges=True)

    def __init__(self) -> None:
        self.free = threading.Event()
        self.entered = threading.Event()
        self.sizes: list[int] = []

    def answer(self, asked: Any) -> list[Any]:
        self.entered.set()
        assert self.free.wait(60)
        self.sizes.append(len(asked))
        return [part.values.sum(axis=1) for part, _ in asked]


async def entered(model: Slow) -> None:
    await asyncio.to_thread(model.entered.wait, 60)


def test_requests_of_one_turn_are_one_call_and_each_gets_its_own_rows(registry: Registry) -> None:
    table = frame(30)
    calls: Calls = []

    async def main() -> list[Any]:
        engine = Engine(registry.predictor("forest"), Limits(), lambda *call: calls.append(call))
        return await asyncio.gather(*(engine.predict(rows(table.iloc[i : i + 1 + i % 3])) for i in range(25)))

    answers = run(main)
    assert calls == [(25, sum(1 + i % 3 for i in range(25)))]
    for i, answer in enumerate(answers):
        assert answer.tobytes() == registry.pyfunc("forest", table.iloc[i : i + 1 + i % 3]).tobytes()


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_a_bad_row_harms_nobody_it_is_merged_with(registry: Registry) -> None:
    good, bad = frame(4).to_numpy(), np.full((1, 4), 1e300)

    async def main() -> list[Any]:
        engine = Engine(registry.predictor("forest"), Limits())
        asked = [good[:1], bad, good[1:3], bad, good[3:]]
        return await asyncio.gather(*(engine.predict(rows(part)) for part in asked), return_exceptions=True)

    first, refused, second, also_refused, third = run(main)
    assert isinstance(refused, Refusal) and isinstance(also_refused, Refusal)
    assert "too large" in refused.message
    expected = registry.pyfunc("forest", frame(4))
    assert np.concatenate([first, second, third]).tobytes() == expected.tobytes()


def test_what_waits_while_the_model_is_busy_is_taken_together() -> None:
    async def main() -> list[int]:
        model = Slow()
        engine = Engine(model, Limits())  # type: ignore[arg-type]
        first = asyncio.create_task(engine.predict(rows([[0, 0, 0, 1]])))
        await entered(model)
        others = [asyncio.create_task(engine.predict(rows([[0, 0, 0, i]]))) for i in range(5)]
        await asyncio.sleep(0)
        model.free.set()
        assert [float(answer[0]) for answer in await asyncio.gather(first, *others)] == [1, 0, 1, 2, 3, 4]
        return model.sizes

    assert run(main) == [1, 5]


def test_a_batch_has_a_largest_number_of_rows() -> None:
    async def main() -> list[int]:
        model = Slow()
        model.free.set()
        engine = Engine(model, Limits(batch=10))  # type: ignore[arg-type]
        await asyncio.gather(*(engine.predict(rows(np.zeros((4, 4)))) for _ in range(5)))
        return model.sizes

    assert run(main) == [2, 2, 1]


def test_a_full_queue_says_when_to_ask_again() -> None:
    async def main() -> Refusal:
        model = Slow()
        engine = Engine(model, Limits(waiting=2))  # type: ignore[arg-type]
        tasks = [asyncio.create_task(engine.predict(rows([[0, 0, 0, 0]]))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refused:
            await engine.predict(rows([[0, 0, 0, 0]]))
        model.free.set()
        await asyncio.gather(*tasks)
        return refused.value

    refusal = run(main)
    assert (refusal.status, refusal.retry_after) == (429, 1)


def test_the_deadline_ends_a_wait_but_not_the_model() -> None:
    async def main() -> tuple[list[Any], float]:
        model = Slow()
        engine = Engine(model, Limits(deadline=0.01))  # type: ignore[arg-type]
        late = await asyncio.gather(*(engine.predict(rows([[0, 0, 0, 0]])) for _ in range(2)), return_exceptions=True)
        model.free.set()
        while engine.waiting:
            await asyncio.sleep(0.001)
        answer = await Engine(model, Limits()).predict(rows([[0, 0, 0, 7]]))  # type: ignore[arg-type]
        return late, float(answer[0])

    late, answer = run(main)
    assert [error.status for error in late] == [503, 503]
    assert answer == 7


def test_the_deadline_holds_for_who_comes_while_the_model_is_busy() -> None:
    async def main() -> Any:
        model = Slow()
        engine = Engine(model, Limits(deadline=0.01))  # type: ignore[arg-type]
        first = asyncio.ensure_future(engine.predict(rows([[0, 0, 0, 0]])))
        await entered(model)
        try:
            async with asyncio.timeout(30):
                return await asyncio.gather(engine.predict(rows([[0, 0, 0, 0]])), return_exceptions=True)
        finally:
            model.free.set()
            await asyncio.gather(first, return_exceptions=True)

    (late,) = run(main)
    assert isinstance(late, LateRefusal)
    assert late.status == 503


def test_a_model_that_exits_ends_its_request_and_not_the_server() -> None:
    class Leaving(Slow):
        def answer(self, asked: Any) -> list[Any]:
            raise SystemExit(3)

    async def main() -> None:
        engine = Engine(Leaving(), Limits())  # type: ignore[arg-type]
        for _ in range(2):
            with pytest.raises(RuntimeError, match="SystemExit"):
                await engine.predict(rows([[0, 0, 0, 0]]))

    run(main)


def test_a_request_that_is_alone_in_its_turn_does_not_wait_for_others_to_merge_with(registry: Registry) -> None:
    async def main() -> None:
        engine = Engine(registry.predictor("forest"), Limits())
        one = rows(frame(1))
        await engine.predict(one)
        engine._seconds = {1: 1e-9}
        assert engine.at_once(one) == []
        (answer,) = engine.at_once(one, alone=True)
        assert answer.tobytes() == registry.pyfunc("forest", frame(1)).tobytes()
        engine.close()

    run(main)


def test_single_rows_to_a_linear_model_are_one_call_and_have_the_bits_of_each_alone(registry: Registry) -> None:
    table = frame(12)
    calls: Calls = []

    async def main() -> list[Any]:
        engine = Engine(registry.predictor("logistic"), Limits(), lambda *call: calls.append(call))
        return await asyncio.gather(*(engine.predict(rows(table.iloc[i : i + 1])) for i in range(12)))

    answers = run(main)
    assert calls == [(12, 12)]
    for i, answer in enumerate(answers):
        expected = registry.pyfunc("logistic", table.iloc[i : i + 1])
        assert (answer.shape, answer.tobytes()) == (expected.shape, expected.tobytes())


class Apart:
    """A short model whose answers depend on the rows beside a row."""

    verdict = Verdict(merges=False)

    def __init__(self) -> None:
        self.threads: list[str] = []

    def answer(self, asked: Any) -> list[Any]:
        self.threads.append(threading.current_thread().name)
        return [Refusal("too large") if part.values.max() > 100 else np.array([part.values.sum()]) for part, _ in asked]


def test_a_short_model_that_is_asked_for_each_request_alone_is_asked_on_the_spot() -> None:
    model = Apart()

    async def main() -> None:
        engine = Engine(model, Limits())  # type: ignore[arg-type]
        engine._seconds = {1: 1e-9}
        waiting = engine.predict(rows([[1, 2, 3, 4]]))
        with pytest.raises(StopIteration) as answered:
            waiting.send(None)  # no turn of the loop is waited for
        assert answered.value.value == [10]
        with pytest.raises(Refusal, match="too large"):
            engine.predict(rows([[1, 2, 3, 400]])).send(None)
        engine.close()

    run(main)
    assert set(model.threads) == {threading.current_thread().name}


def test_a_row_that_a_linear_model_refuses_harms_none_of_its_pile(registry: Registry) -> None:
    table = frame(3)
    table.iloc[1, 2] = np.nan

    async def main() -> list[Any]:
        engine = Engine(registry.predictor("logistic"), Limits())
        asked = (engine.predict(rows(table.iloc[i : i + 1])) for i in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, refused, third = run(main)
    assert isinstance(refused, Refusal) and "column 'c'" in refused.message
    for i, answer in ((0, first), (2, third)):
        assert answer.tobytes() == registry.pyfunc("logistic", table.iloc[i : i + 1]).tobytes()


def test_where_the_model_cannot_be_loaded_only_the_rows_that_need_it_fail(registry: Registry, tmp_path: Path) -> None:
    checked = copied(registry, "logistic", tmp_path / "model")
    append(tmp_path / "model" / "model.pkl")
    table = frame(3)
    table.iloc[1, 2] = np.nan

    async def main() -> list[Any]:
        engine = Engine(Predictor(LOGISTIC, checked), Limits())
        asked = (engine.predict(rows(table.iloc[i : i + 1])) for i in range(3))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, failed, third = run(main)
    assert isinstance(failed, RuntimeError) and "the model cannot be loaded" in str(failed)
    for i, answer in ((0, first), (2, third)):
        assert answer.tobytes() == registry.pyfunc("logistic", table.iloc[i : i + 1]).tobytes()
