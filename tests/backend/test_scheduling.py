"""Recurring runs of this machine, begun when their time has come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend import scheduling
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home, HomeError
from labline_backend.recurrence.recurring import Change, Recurring, Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from tests.backend.engine.bench import PATIENCE, wait_until

from .notebooks import code, write

MINUTE = 60.0
QUICK = (code("count = 3", "pipeline-parameters"), code("print('count', count)", "step:one"))


def waits(folder: Path) -> str:
    return f"import os\nwhile not os.path.exists({str(folder / 'go')!r}): pass"


@pytest.fixture
def service(labline_home: Path) -> Iterator[Service]:
    with Service(Home.open(labline_home), track=False) as service:
        yield service


def add(service: Service, folder: Path, *cells: dict, cron: str = "* * * * *", **wish: object) -> Recurring:
    """A recurring run of a notebook of these cells."""
    path = write(folder / "nightly.ipynb", *(cells or QUICK))
    parameters = wish.pop("parameters", None)
    added, _ = scheduling.add(
        service, path, Timing(cron, zone="UTC"), Wish(**wish), notebook="nightly.ipynb", parameters=parameters
    )
    return added


def end(service: Service, run: RunRecord) -> RunRecord:
    return service.engine.wait(run.id, PATIENCE)


def due(service: Service, added: Recurring) -> float:
    return service.store.schedules.named(added.id).next


def test_nothing_begins_before_its_time(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    assert scheduling.begin_due(service, due(service, added) - 1) == []


def test_a_run_begins_when_its_time_has_come_and_knows_by_what(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, parameters={"count": "7"})
    (run,) = scheduling.begin_due(service, due(service, added))
    assert (run.control.begun.id, run.control.begun.name) == (added.id, "nightly")
    assert end(service, run).state == "succeeded"
    assert service.log(run.id, "one").text == "count 7\n"
    assert service.document(run.id)["control"]["begun"] == {"id": added.id, "name": "nightly"}


def test_what_runs_is_the_notebook_as_it_was(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    write(tmp_path / "nightly.ipynb", code("print('changed')", "step:one"))
    (run,) = scheduling.begin_due(service, due(service, added))
    end(service, run)
    assert service.log(run.id, "one").text == "count 3\n"


def test_it_outlives_the_process_that_made_it(labline_home: Path, tmp_path: Path) -> None:
    with Service(Home.open(labline_home), track=False) as service:
        added = add(service, tmp_path)
        moment = due(service, added)
    with Service(Home.open(labline_home), track=False) as service:
        (run,) = scheduling.begin_due(service, moment)
        assert end(service, run).state == "succeeded"


def test_of_times_that_were_missed_the_last_is_made_up_for(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    now = due(service, added) + 100 * MINUTE
    (run,) = scheduling.begin_due(service, now)
    end(service, run)
    assert scheduling.begin_due(service, now) == []
    assert due(service, added) == now + MINUTE


def test_all_of_them_are_made_up_for_where_that_is_wished(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, catch_up=True)
    now = due(service, added) + 2 * MINUTE
    for _ in range(3):
        (run,) = scheduling.begin_due(service, now)
        end(service, run)
    assert scheduling.begin_due(service, now) == []


def test_one_run_waits_for_the_other_to_end(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, code(waits(tmp_path), "step:one"))
    first = due(service, added)
    (run,) = scheduling.begin_due(service, first)
    assert scheduling.begin_due(service, first + 5 * MINUTE) == []
    (tmp_path / "go").touch()
    end(service, run)
    (second,) = scheduling.begin_due(service, first + 5 * MINUTE)
    end(service, second)


def test_as_many_as_are_wished_go_on_at_once(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, code(waits(tmp_path), "step:one"), at_most=2)
    first = due(service, added)
    runs = [run for minute in range(3) for run in scheduling.begin_due(service, first + minute * MINUTE)]
    (tmp_path / "go").touch()
    assert len({end(service, run).id for run in runs}) == 2


def test_a_run_whose_process_has_died_does_not_keep_others_from_beginning(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    (run,) = scheduling.begin_due(service, due(service, added))
    end(service, run)
    service.store.set_run(run.id, state="running", ended=None, owner="somewhere:1:1")
    (second,) = scheduling.begin_due(service, due(service, added))
    end(service, second)


def test_of_two_processes_only_one_begins_a_run(service: Service, labline_home: Path, tmp_path: Path) -> None:
    added = add(service, tmp_path, at_most=10)
    moment = due(service, added)
    with Service(Home.open(labline_home), track=False) as other:
        seen = other.store.schedules.due(moment)
        begun = scheduling.begin_due(service, moment)
        assert scheduling._take(other, seen[0], moment) is None
        assert [end(service, run).state for run in begun] == ["succeeded"]


def test_one_that_pauses_begins_nothing_and_misses_nothing(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, catch_up=True)
    moment = due(service, added)
    paused = scheduling.pause(service, "nightly", paused=True)
    assert (paused.paused, paused.next) == (True, None)
    assert scheduling.begin_due(service, moment + 100 * MINUTE) == []
    resumed = scheduling.pause(service, "nightly", paused=False)
    assert resumed.next is not None and resumed.next >= moment


def test_one_that_is_removed_is_gone_and_its_runs_stay(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    (run,) = scheduling.begin_due(service, due(service, added))
    end(service, run)
    assert scheduling.remove(service, added.id) == scheduling.Recurring(**{**vars(added), "next": due_after(added)})
    assert scheduling.all_(service) == []
    assert service.get(run.id).state == "succeeded"
    with pytest.raises(NotFoundError, match="There is no recurring run 'nightly' on this machine"):
        scheduling.remove(service, "nightly")


def due_after(added: Recurring) -> float:
    assert added.next is not None
    return added.next + MINUTE


def test_what_hinders_a_run_is_told_until_one_begins(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "away"
    folder.mkdir()
    added = add(service, folder, catch_up=True)
    moment = due(service, added)
    folder.rename(tmp_path / "elsewhere")
    assert scheduling.begin_due(service, moment + 50 * MINUTE) == []
    (hindered,) = scheduling.all_(service)
    assert hindered.problem is not None and "away is not there any more" in hindered.problem
    assert hindered.next == moment + 51 * MINUTE  # those in between would have come to the same
    (tmp_path / "elsewhere").rename(folder)
    (run,) = scheduling.begin_due(service, moment + 51 * MINUTE)
    end(service, run)
    assert [each.problem for each in scheduling.all_(service)] == [None]


def test_what_the_data_folder_could_not_take_is_still_due(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = add(service, tmp_path)
    moment = due(service, added)

    def full(*_: object, **__: object) -> None:
        raise HomeError("The disk is full.", full=True)

    with monkeypatch.context() as patched:
        patched.setattr(service.engine, "submit", full)
        with pytest.raises(HomeError):
            scheduling.begin_due(service, moment)
    (run,) = scheduling.begin_due(service, moment)
    wait_until(lambda: service.get(run.id).ended is not None, "the run never ended")


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        (Timing("soon"), "takes five fields"),
        (Timing("* * * * *", zone="Mars/Olympus"), "There is no time zone 'Mars/Olympus'"),
        (Timing(), "Say when to run"),
    ],
)
def test_what_says_no_time_is_refused(service: Service, tmp_path: Path, timing: Timing, said: str) -> None:
    path = write(tmp_path / "nightly.ipynb", *QUICK)
    with pytest.raises(InputError, match=said):
        scheduling.add(service, path, timing, Wish(), notebook="nightly.ipynb")


def test_what_could_not_run_is_refused_at_once(service: Service, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no parameter"):
        add(service, tmp_path, parameters={"cuont": "1"})
    with pytest.raises(InputError, match="cannot run as a pipeline"):
        add(service, tmp_path, code("x = ", "step:one"))
    write(tmp_path / "other.ipynb", *QUICK, kernel="no-such-kernel")
    with pytest.raises(InputError, match="no-such-kernel"):
        scheduling.add(service, tmp_path / "other.ipynb", Timing("@daily"), Wish(), notebook="other.ipynb")
    assert scheduling.all_(service) == []


def test_two_of_one_name_are_refused(service: Service, tmp_path: Path) -> None:
    add(service, tmp_path)
    with pytest.raises(InputError, match="There is a recurring run 'nightly' already"):
        add(service, tmp_path)
    add(service, tmp_path, name="another")
    assert [each.name for each in scheduling.all_(service)] == ["another", "nightly"]


def test_an_edited_one_keeps_what_is_not_said(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, cron="30 3 * * *", catch_up=True, parameters={"count": "7"})
    edited = scheduling.edit(service, "nightly", Change(Timing("0 4 * * *"), at_most=2))
    assert (edited.id, edited.cron, edited.time_zone, edited.at_most) == (added.id, "0 4 * * *", "UTC", 2)
    assert (edited.name, edited.catch_up, edited.parameters) == ("nightly", True, {"count": "7"})
    assert edited.next % 86_400 == 4 * 3600
    assert scheduling.all_(service) == [edited]


def test_one_whose_time_is_not_edited_begins_when_it_would_have(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    edited = scheduling.edit(service, added.id, Change(name="later", parameters={"count": "5"}))
    assert (edited.name, edited.next) == ("later", added.next)
    (run,) = scheduling.begin_due(service, due(service, added))
    assert (run.parameters, run.control.begun.name) == ({"count": "5"}, "later")
    end(service, run)


def test_an_interval_that_is_edited_counts_from_then(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    before = time.time()
    edited = scheduling.edit(service, added.id, Change(Timing(interval=3600)))
    assert before + 3600 <= edited.next <= time.time() + 3600
    assert (edited.cron, edited.time_zone) == (None, None)


def test_the_time_zone_alone_can_be_edited(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path, cron="30 3 * * *")
    edited = scheduling.edit(service, added.id, Change(Timing(zone="Asia/Kolkata")))
    assert (edited.cron, edited.time_zone) == ("30 3 * * *", "Asia/Kolkata")


def test_an_edit_that_does_not_fit_changes_nothing(service: Service, tmp_path: Path) -> None:
    added = add(service, tmp_path)
    add(service, tmp_path, name="other")
    for change, said in (
        (Change(Timing("soon")), "does not say when"),
        (Change(parameters={"cuont": "7"}), "cuont"),
        (Change(parameters={"count": "many"}), "count"),
        (Change(name="other"), "There is a recurring run 'other' already"),
    ):
        with pytest.raises(InputError, match=said):
            scheduling.edit(service, added.id, change)
    assert [each for each in scheduling.all_(service) if each.id == added.id] == [added]
    with pytest.raises(NotFoundError):
        scheduling.edit(service, "none", Change(name="one"))
