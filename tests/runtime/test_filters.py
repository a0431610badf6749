"""Of the filters of warnings the notebook's own are compared."""

from __future__ import annotations

import sysconfig
import warnings

import pytest

from labline_runtime.hidden_state import Baseline, capture, restore
from labline_runtime.states import filters
from labline_runtime.values.digest import digest

NOBODY = Baseline({}, (), "")


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "_add_filter", warnings._add_filter)  # type: ignore[attr-defined]
    monkeypatch.setattr(warnings, "filters", [])
    filters.watch()


def ignore(message: str, *, by_library: bool = False) -> None:
    place = f"{sysconfig.get_paths()['purelib']}/library.py" if by_library else "notebook.py"
    exec(compile(f"import warnings\nwarnings.filterwarnings('ignore', '{message}')", place, "exec"), {})


@pytest.mark.parametrize(("by_library", "same"), [(True, True), (False, False)])
def test_only_filters_of_the_notebook_make_a_difference(by_library: bool, same: bool) -> None:
    ignore("before")
    before = digest(capture("@warnings", NOBODY))
    ignore("more", by_library=by_library)
    assert (digest(capture("@warnings", NOBODY)) == before) is same


def test_all_filters_travel() -> None:
    ignore("mine")
    ignore("theirs", by_library=True)
    was, value = list(warnings.filters), capture("@warnings", NOBODY)
    warnings.resetwarnings()
    restore("@warnings", value, NOBODY)
    assert list(warnings.filters) == was


def test_a_filter_that_came_from_a_step_above_is_the_notebook_s() -> None:
    ignore("above")
    value = capture("@warnings", NOBODY)
    filters._own.clear()  # as in another process
    restore("@warnings", value, NOBODY)
    assert digest(capture("@warnings", NOBODY)) == digest(value)
