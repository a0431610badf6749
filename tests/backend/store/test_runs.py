"""What goes into the store comes out of it, and every change is told."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from labline_backend.home import Home
from labline_backend.store.records import StepRecord, run_metrics
from labline_backend.store.runs import RunStore
from tests.backend.store.samples import ERROR, RESULT, RUN, run


def test_a_run_comes_out_as_it_went_in(store: RunStore) -> None:
    store.create(RUN)
    assert store.get(RUN.id) == RUN


def test_a_new_run_has_all_its_steps_pending_in_order(store: RunStore) -> None:
    store.create(RUN)
    assert store.steps(RUN.id) == [StepRecord(RUN.id, "first"), StepRecord(RUN.id, "second")]


def test_an_unknown_run_is_a_key_error(store: RunStore) -> None:
    with pytest.raises(KeyError):
        store.get("none")
    with pytest.raises(KeyError):
        store.steps("none")
    with pytest.raises(KeyError):
        store.set_run("none", state="failed")
    with pytest.raises(KeyError):
        store.request_cancel("none")


def test_an_unknown_step_is_a_key_error(store: RunStore) -> None:
    store.create(RUN)
    with pytest.raises(KeyError):
        store.step(RUN.id, "third")
    with pytest.raises(KeyError):
        store.set_step(RUN.id, "third", state="failed")


def test_a_run_changes_only_what_is_named(store: RunStore) -> None:
    store.create(RUN)
    store.set_run(RUN.id, state="failed", error="Why.", findings=())
    assert store.get(RUN.id) == replace(RUN, state="failed", error="Why.", findings=())


def test_a_step_changes_only_what_is_named(store: RunStore) -> None:
    store.create(RUN)
    store.set_step(RUN.id, "first", state="failed", attempt=2, error=ERROR)
    store.set_step(RUN.id, "first", ended=3.5)
    assert store.step(RUN.id, "first") == StepRecord(RUN.id, "first", "failed", 2, ended=3.5, error=ERROR)


def test_the_progress_of_a_run_is_its_steps_without_what_they_made(store: RunStore) -> None:
    store.create(RUN)
    store.set_step(RUN.id, "first", state="failed", result=RESULT, error=ERROR)
    assert store.progress(RUN.id) == [replace(step, result=None) for step in store.steps(RUN.id)]


def test_a_result_comes_out_as_it_went_in_even_with_numbers_that_are_none(store: RunStore) -> None:
    store.create(RUN)
    store.set_step(RUN.id, "first", state="succeeded", result=RESULT)
    assert repr(store.step(RUN.id, "first").result) == repr(RESULT)


def test_text_that_cannot_be_encoded_does_not_stop_a_transition(store: RunStore) -> None:
    store.create(RUN)
    store.set_step(RUN.id, "first", state="failed", error=replace(ERROR, message="\ud800"))
    store.set_run(RUN.id, state="failed", error="\ud800")
    assert store.get(RUN.id).error == "?"


def test_the_newest_run_comes_first(store: RunStore) -> None:
    for name in "abc":
        store.create(run(name))
    assert [found.id for found in store.list()] == ["c", "b", "a"]


def test_a_page_of_runs_ends_at_its_limit_and_the_next_begins_there(store: RunStore) -> None:
    for name in "abc":
        store.create(run(name))
    assert [found.id for found in store.list(limit=2)] == ["c", "b"]
    assert [found.id for found in store.list(before="b")] == ["a"]


def test_runs_are_listed_by_notebook(store: RunStore) -> None:
    store.create(run("a", notebook="one.ipynb"))
    store.create(run("b", notebook="two.ipynb"))
    assert [found.id for found in store.list(notebook="one.ipynb")] == ["a"]


def test_a_page_before_an_unknown_run_is_a_key_error(store: RunStore) -> None:
    with pytest.raises(KeyError):
        store.list(before="none")


def test_the_latest_run_has_a_name_of_its_own(store: RunStore) -> None:
    store.create(run("a"))
    store.create(run("b"))
    assert store.resolve("latest").id == "b"


def test_the_beginning_of_an_id_is_enough_where_it_is_unique(store: RunStore) -> None:
    store.create(run("trial-1a"))
    store.create(run("trial-2b"))
    assert store.resolve("trial-1").id == "trial-1a"


def test_a_whole_id_is_not_the_beginning_of_another(store: RunStore) -> None:
    store.create(run("trial"))
    store.create(run("trial-2"))
    assert store.resolve("trial").id == "trial"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("latest", "There are no runs yet."),
        ("x", "There is no run 'x'."),
        ("", "There is no run ''."),
        ("%", "There is no run '%'."),
    ],
)
def test_a_name_that_fits_no_run_is_said_in_a_sentence(store: RunStore, name: str, message: str) -> None:
    with pytest.raises(KeyError) as caught:
        store.resolve(name)
    assert caught.value.args == (message,)


def test_a_name_that_fits_several_runs_names_two(store: RunStore) -> None:
    store.create(run("trial-1"))
    store.create(run("trial-2"))
    with pytest.raises(KeyError, match="More than one run begins with 'trial': trial-2, trial-1"):
        store.resolve("trial")


def test_every_change_is_an_event_in_order(store: RunStore) -> None:
    store.create(RUN)
    store.set_step(RUN.id, "first", state="running")
    store.add_cell_event(RUN.id, "first", 3, "abc", "running")
    store.set_run(RUN.id, state="failed")
    assert [(e.seq, e.kind, e.data) for e in store.events()] == [
        (1, "run", {}),
        (2, "step", {"step": "first"}),
        (3, "cell", {"step": "first", "index": 3, "id": "abc", "state": "running"}),
        (4, "run", {}),
    ]


def test_events_go_on_after_a_number(store: RunStore) -> None:
    for name in "abc":
        store.create(run(name))
    assert [(e.seq, e.run) for e in store.events(after=1, limit=1)] == [(2, "b")]


def test_the_latest_event_is_zero_at_first(store: RunStore) -> None:
    assert store.latest_event() == 0
    store.create(RUN)
    assert store.latest_event() == 1


def test_the_version_changes_with_a_write_and_only_then(store: RunStore) -> None:
    before = store.version()
    store.list()
    assert store.version() == before
    store.create(RUN)
    assert store.version() != before


def test_the_version_changes_with_a_write_of_another_store(store: RunStore, home: Home) -> None:
    before = store.version()
    other = RunStore(home)
    other.create(RUN)
    other.close()
    assert store.version() != before


def test_a_cancel_is_asked_for_once_and_seen_by_all(store: RunStore, home: Home) -> None:
    store.create(RUN)
    store.request_cancel(RUN.id)
    other = RunStore(home)
    assert other.cancels_requested([RUN.id, "none"]) == {RUN.id}
    other.close()
    assert store.get(RUN.id).cancel_requested


def test_a_run_that_has_ended_is_not_asked_to_cancel(store: RunStore) -> None:
    store.create(run("a", state="succeeded"))
    store.request_cancel("a")
    assert not store.get("a").cancel_requested


def test_only_the_first_claim_wins(store: RunStore) -> None:
    store.create(RUN)
    assert store.claim(RUN.id, "two", "one")
    assert not store.claim(RUN.id, "three", "one")
    assert store.get(RUN.id).owner == "two"


def test_a_claim_that_loses_changes_no_state(store: RunStore) -> None:
    store.create(replace(RUN, owner="one", state="running"))
    assert store.claim(RUN.id, "two", "one")
    assert not store.claim(RUN.id, None, "one", "interrupted")
    assert store.get(RUN.id).state == "running"


def test_a_claim_with_a_state_is_told_as_one_change(store: RunStore) -> None:
    store.create(replace(RUN, owner="one", state="running"))
    before = store.latest_event()
    assert store.claim(RUN.id, None, "one", "interrupted")
    assert (store.get(RUN.id).state, store.get(RUN.id).owner) == ("interrupted", None)
    assert [event.kind for event in store.events(before)] == ["run"]


def test_a_run_without_an_owner_can_be_claimed(store: RunStore) -> None:
    store.create(run("a", owner=None))
    assert store.claim("a", "one", None)


def test_runs_that_have_not_ended_are_found(store: RunStore) -> None:
    for state in ("queued", "running", "succeeded", "failed", "cancelled", "interrupted"):
        store.create(run(state, state=state))
    assert [found.id for found in store.unfinished()] == ["queued", "running", "interrupted"]


def test_many_threads_write_at_once(store: RunStore) -> None:
    store.create(RUN)

    def write() -> None:
        for number in range(20):
            store.add_cell_event(RUN.id, "first", number, "a", "running")

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in store.events()] == list(range(1, 162))


def test_metrics_of_one_name_are_told_apart() -> None:
    first = StepRecord("r", "a", result=replace(RESULT, metrics={"m": 1.0, "n": 2.0}))
    second = StepRecord("r", "b", result=replace(RESULT, metrics={"m": 3.0}))
    assert run_metrics([first, second, StepRecord("r", "c")]) == {"a.m": 1.0, "n": 2.0, "b.m": 3.0}
