"""How long a run takes is foreseen as the engine then starts its steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labline_backend.engine.capacity import Share
from labline_backend.engine.makespan import Work, makespan

MACHINE = Share(2)


def work(name: str, seconds: float, *after: str, cores: int = 1, memory: int = 0) -> Work:
    return Work(name, after, seconds, Share(cores, memory))


DIAMOND = [work("load", 1), work("a", 4, "load"), work("b", 3, "load"), work("join", 2, "a", "b")]


def test_steps_side_by_side_count_once() -> None:
    assert makespan(DIAMOND, MACHINE).seconds == 7


def test_the_path_names_what_makes_it_so_long() -> None:
    assert makespan(DIAMOND, MACHINE).path == ("load", "a", "join")


def test_on_one_core_the_work_is_the_time() -> None:
    assert makespan(DIAMOND, Share(1)).seconds == 10


def test_a_step_that_waits_for_room_follows_whom_it_waits_for() -> None:
    found = makespan([work("a", 1), work("b", 3), work("c", 2)], MACHINE)
    assert (found.seconds, found.path) == (3, ("a", "c"))


def test_a_step_that_wants_all_cores_runs_alone() -> None:
    assert makespan([work("a", 1), work("big", 2, cores=8), work("c", 1)], MACHINE).seconds == 4


def test_two_steps_that_do_not_fit_into_memory_do_not_meet() -> None:
    assert makespan([work("a", 1, memory=6), work("b", 1, memory=6)], Share(4, 10)).seconds == 2


def test_what_is_not_to_run_is_not_waited_for() -> None:
    assert makespan([work("join", 2, "cached")], MACHINE).seconds == 2


def test_nothing_to_run_takes_no_time() -> None:
    assert makespan([], MACHINE).path == ()


@st.composite
def works(draw: st.DrawFn) -> list[Work]:
    count = draw(st.integers(1, 8))
    return [
        work(str(n), draw(st.integers(0, 9)), *draw(st.sets(st.sampled_from([str(m) for m in range(n)] or [""]))))
        for n in range(count)
    ]


@given(works(), st.integers(1, 4))
def test_it_is_between_the_longest_chain_and_the_work(trial: list[Work], cores: int) -> None:
    found = makespan(trial, Share(cores)).seconds
    total = sum(each.seconds for each in trial)
    assert max(makespan(trial, None).seconds, total / cores) <= found <= total


@given(works(), st.integers(1, 4))
def test_the_steps_of_the_path_fill_its_time(trial: list[Work], cores: int) -> None:
    found = makespan(trial, Share(cores))
    seconds = {each.name: each.seconds for each in trial}
    assert sum(seconds[name] for name in found.path) == found.seconds
