"""What steps above have set up is set up again, and nothing of it stays in the notebook's names."""

from __future__ import annotations

import csv
import random
import sys
from pathlib import Path

import pytest

from labline_runtime import setups, transfer
from labline_runtime.failure import StepFailure
from labline_runtime.specification import Setup

from .conftest import Steps
from .handover import Handover


@pytest.fixture
def dialect() -> str:
    """The name of one that nobody has registered."""
    assert "of_a_test" not in csv.list_dialects()
    return "of_a_test"


def test_a_statement_is_run(dialect: str) -> None:
    setups.repeat([Setup(f"import csv\ncsv.register_dialect({dialect!r}, delimiter=';')", "csv")])
    assert csv.get_dialect(dialect).delimiter == ";"
    csv.unregister_dialect(dialect)


def test_a_statement_of_a_library_that_is_not_in_use_is_left_out() -> None:
    setups.repeat([Setup("raise AssertionError('it was run')", "a_library_that_nobody_has")])


def test_one_that_fails_says_which_and_why() -> None:
    (error,) = setups.repeat([Setup("import csv\ncsv.register_dialect('x', delimiter='')")])
    assert "csv.register_dialect('x', delimiter='') raised" in error.message
    assert "a cell tagged imports" in (error.hint or "")


def test_a_step_does_not_run_without_what_it_is_to_be_set_up_with(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    spec = handover.specification("after", setups=(Setup("raise AttributeError('gone')"),))
    with pytest.raises(StepFailure, match="could not be set up here"):
        transfer.Inbox(spec, {}, handover.baseline).open()


def test_generators_stand_where_the_last_step_left_them_whatever_a_setup_draws(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    inputs = handover.make("import random\nrandom.seed(7)", ["@random"])
    spec = handover.specification("after", inputs=tuple(inputs), setups=(Setup("import random\nrandom.random()"),))
    transfer.Inbox(spec, {}, handover.baseline).open()
    assert random.random() == random.Random(7).random()


def test_a_setup_finds_the_libraries_of_the_values_in_use(tmp_path: Path, dialect: str) -> None:
    handover = Handover(tmp_path)
    inputs = handover.make("import fractions\nx = fractions.Fraction(1, 2)", ["x"])
    sys.modules.pop("fractions")
    setup = Setup(f"import csv\ncsv.register_dialect({dialect!r}, delimiter=';')", "fractions")
    spec = handover.specification("after", inputs=tuple(inputs), setups=(setup,))
    transfer.Inbox(spec, {}, handover.baseline).open()
    assert dialect in csv.list_dialects()
    csv.unregister_dialect(dialect)


def test_figures_are_shown_after_cells_though_a_setup_chooses_another_backend(steps: Steps) -> None:
    other = Setup("import matplotlib.pyplot\nmatplotlib.use('agg')")
    chosen = "import matplotlib.pyplot as plt\nplt.switch_backend('agg')\n%matplotlib inline"
    drawn = "import matplotlib.pyplot as plt\nfigure = plt.figure()\nfigure.gca().plot([1, 2])"
    ran = steps.chain(chosen, ["@matplotlib.backend"], drawn, setups=(other,))
    assert [set(output["data"]) & {"image/png"} for output in ran.outputs() if "data" in output][-1] == {"image/png"}
