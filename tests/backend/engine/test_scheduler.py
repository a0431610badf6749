"""Which steps can start, and which never will."""

from __future__ import annotations

from labline_backend.engine.scheduler import Decision, Scheduler

DIAMOND = {"top": (), "left": ("top",), "right": ("top",), "bottom": ("left", "right")}


def scheduler(graph: dict[str, tuple[str, ...]] = DIAMOND, **states: str) -> Scheduler:
    return Scheduler(graph, {name: states.get(name, "pending") for name in graph})


def test_steps_that_wait_for_nothing_are_ready_first() -> None:
    assert scheduler({"a": (), "b": (), "c": ("a",)}).begin() == Decision(ready=("a", "b"))


def test_a_step_is_ready_when_the_last_it_waits_for_is_done() -> None:
    graph = scheduler()
    graph.begin()
    assert graph.ended("top", "succeeded").ready == ("left", "right")
    assert graph.ended("left", "cached").ready == ()
    assert graph.ended("right", "succeeded").ready == ("bottom",)


def test_everything_below_a_failure_is_skipped_once() -> None:
    graph = scheduler()
    graph.begin()
    assert graph.ended("top", "failed") == Decision(skipped=("left", "right", "bottom"))


def test_what_is_skipped_is_not_ready_later() -> None:
    graph = scheduler()
    graph.begin()
    graph.ended("top", "succeeded")
    assert graph.ended("left", "failed").skipped == ("bottom",)
    assert graph.ended("right", "succeeded") == Decision()


def test_a_resumed_run_begins_where_it_was() -> None:
    assert scheduler(top="succeeded", left="cached").begin() == Decision(ready=("right",))


def test_a_resumed_run_skips_what_is_below_an_earlier_failure() -> None:
    assert scheduler(top="succeeded", left="failed").begin() == Decision(ready=("right",), skipped=("bottom",))


def test_a_step_that_waits_twice_for_the_same_step_waits_once() -> None:
    graph = scheduler({"a": (), "b": ("a", "a")})
    graph.begin()
    assert graph.ended("a", "succeeded").ready == ("b",)


class Counting(tuple[str, ...]):
    """A list of predecessors that counts how often it is gone through."""

    looks = 0

    def __iter__(self):
        Counting.looks += 1
        return super().__iter__()


def test_each_edge_is_looked_at_a_fixed_number_of_times() -> None:
    def looks(count: int) -> int:
        Counting.looks = 0
        graph = scheduler({str(n): Counting((str(n - 1),) if n else ()) for n in range(count)})
        graph.begin()
        for n in range(count):
            graph.ended(str(n), "succeeded")
        return Counting.looks

    assert looks(2000) == 2 * looks(1000)
