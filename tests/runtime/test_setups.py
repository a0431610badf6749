"""What steps above have set up is set up again, and nothing of it stays in the notebook's names."""

from __future__ import annotations

import csv
import sys

import pytest

from labline_runtime import setups
from labline_runtime.failure import StepFailure
from labline_runtime.specification import Setup


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
    assert "colorsys" not in sys.modules
    setups.repeat([Setup("import colorsys", "colorsys")])
    assert "colorsys" not in sys.modules


def test_one_that_fails_says_which_and_why() -> None:
    with pytest.raises(StepFailure) as failed:
        setups.repeat([Setup("import csv\ncsv.register_dialect('x', delimiter='')")])
    assert "csv.register_dialect('x', delimiter='') raised" in failed.value.error.message
