"""Modules that draw random numbers while they are imported."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labline_runtime.import_draws import ImportDraws

DRAWING = "import random\nimport numpy\nrandom.random()\nnumpy.random.normal()\n"


@pytest.fixture
def draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImportDraws]:
    """With the modules ``loud``, which draws, and ``uses_loud``, which imports it."""
    (tmp_path / "loud.py").write_text(DRAWING)
    (tmp_path / "uses_loud.py").write_text("import loud\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = random.getstate(), np.random.get_state()
    random.seed(1)
    np.random.seed(1)
    np.random.normal()  # the second of a pair is kept for the next call
    found = ImportDraws()
    found.follow({})
    yield found
    found.stop()
    for name in ("loud", "uses_loud"):
        sys.modules.pop(name, None)
    random.setstate(before[0])
    np.random.set_state(before[1])


def stand() -> tuple[object, ...]:
    name, words, *rest = np.random.get_state(legacy=True)
    return random.getstate(), name, words.tobytes(), *rest


def test_a_first_import_draws(draws: ImportDraws) -> None:
    before = stand()
    import loud  # type: ignore[import-not-found]  # noqa: F401

    assert stand()[0] != before[0]
    assert stand()[1:] != before[1:]


def test_who_drew_is_known_though_another_module_imported_it(draws: ImportDraws) -> None:
    import uses_loud  # type: ignore[import-not-found]  # noqa: F401

    assert draws.drawn(["@random"]) == {"@random": ["loud"]}


def test_a_module_whose_import_has_failed_is_not_told_to_have_drawn(draws: ImportDraws, tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(f"{DRAWING}raise ImportError\n")
    with pytest.raises(ImportError):
        import fails  # type: ignore[import-not-found]  # noqa: F401
    assert draws.drawn(["@random"]) == {}


def test_what_drew_above_leaves_the_generators_where_they_are(draws: ImportDraws) -> None:
    draws.learn({"@random": ["loud"], "@numpy.random": ["loud"]})
    before = stand()
    import uses_loud  # noqa: F401

    assert stand() == before


def test_a_generator_whose_numbers_were_not_drawn_above_is_drawn_from(draws: ImportDraws) -> None:
    draws.learn({"@numpy.random": ["loud"]})
    before = stand()
    import uses_loud  # noqa: F401

    assert stand()[0] != before[0]
    assert stand()[1:] == before[1:]


def test_what_is_imported_to_load_a_value_leaves_them_too(draws: ImportDraws) -> None:
    before = stand()
    with draws.undone():
        import loud  # noqa: F401

    assert stand() == before
    assert draws.drawn(["@random"]) == {"@random": ["loud"]}


def test_what_was_taken_out_of_the_modules_draws_again(draws: ImportDraws) -> None:
    draws.learn({"@random": ["loud"]})
    import loud

    del sys.modules["loud"]
    before = random.getstate()
    import loud  # noqa: F401, F811

    assert random.getstate() != before


def test_a_cell_above_in_another_step_has_imported_it_by_another_module(
    draws: ImportDraws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labline_runtime.import_draws.is_library", lambda _: True)
    draws.stop()
    draws.follow({"uses_loud": 2})
    random.seed(2)
    draws.go_to(3)
    before = random.getstate()
    import loud  # noqa: F401

    assert random.getstate() == before


def test_a_cell_below_in_another_step_has_not_imported_it(draws: ImportDraws) -> None:
    draws.stop()
    draws.follow({"loud": 4})
    random.seed(2)
    draws.go_to(3)
    before = random.getstate()
    import loud  # noqa: F401

    assert random.getstate() != before
