"""Ways in which a served model differs from its notebook: each is right here, or the model is not registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Package, Workshop

pytestmark = pytest.mark.long

Packages = Callable[[str], Package]


def sent(package: Package, rows: Any) -> Any:
    """The columns that requests bring."""
    assert package.made is not None
    return rows[list(package.made.captured.columns)]


def test_column_order(packages: Packages, workshop: Workshop) -> None:
    package, rows = packages("column_order"), workshop.people[:5]
    assert package.refused is None
    ordered = package.ask(rows[["income", "size"]])
    assert list(package.ask(rows[["size", "income"]])) == list(ordered)


def test_dtype(packages: Packages, workshop: Workshop) -> None:
    package = packages("dtype")
    assert package.refused is None
    rows = sent(package, workshop.people[:3]).assign(postcode=[1, 2, 3])
    with pytest.raises(Exception, match="postcode"):
        package.ask(rows)


def test_time_zone(packages: Packages) -> None:
    assert "time zone in column 'when'" in str(packages("time_zone").refused)


def test_time_zone_of_text(packages: Packages, workshop: Workshop) -> None:
    package = packages("time_zone_of_text")
    assert package.refused is None
    rows = sent(package, workshop.people[:1])
    same = rows.assign(when="2026-03-28T19:00:00+00:00")  # another way to write the first moment
    assert package.ask(same) == pytest.approx(package.ask(rows), abs=1e-12)


def test_unseen_category(packages: Packages, workshop: Workshop) -> None:
    package = packages("unseen_category")
    assert package.refused is None
    with pytest.raises(Exception, match="unknown categories"):
        package.ask(sent(package, workshop.people[:1]).assign(city="Paris"))


def test_categories_made_of_the_rows_that_are_there(packages: Packages) -> None:
    assert "makes its categories of the rows that are there" in str(packages("category_codes").refused)


def test_refitted_scaler(packages: Packages, workshop: Workshop) -> None:
    package = packages("refitted_scaler")
    assert package.refused is None
    rows = sent(package, workshop.people[60:])
    assert package.ask(rows[:1])[0] == pytest.approx(package.ask(rows)[0], abs=1e-9)


def test_scaler_refitted_inside_a_function(packages: Packages) -> None:
    refused = str(packages("refitted_inside").refused)
    assert "the feature 'income' of work" in refused and "Cell 11, line 2" in refused


def test_scaler_fitted_by_a_function_of_the_notebooks(packages: Packages) -> None:
    package = packages("fitted_by_a_function")
    assert package.refused is None
    assert package.made is not None and "learn(" not in package.made.source


def test_missing_column(packages: Packages, workshop: Workshop) -> None:
    package = packages("missing_column")
    assert package.refused is None
    assert package.made is not None and set(package.made.captured.columns) == {"income", "size"}
    with pytest.raises(Exception, match="size"):
        package.ask(workshop.people[["income"]][:2])


def test_default_fill(packages: Packages, workshop: Workshop) -> None:
    package, people = packages("default_fill"), workshop.people
    assert package.refused is None
    row = sent(package, people[people["age"].isna()][:1])
    assert package.ask(row) == pytest.approx(package.ask(row.assign(age=people["age"].mean())), abs=1e-12)


def test_default_fill_inside_a_function(packages: Packages) -> None:
    assert "the feature 'age' of work" in str(packages("default_fill_inside").refused)


def test_string_case(packages: Packages, workshop: Workshop) -> None:
    package = packages("string_case")
    assert package.refused is None
    row = sent(package, workshop.people[:1])
    assert package.ask(row.assign(city="OSLO ")) == pytest.approx(package.ask(row.assign(city="Oslo")), abs=1e-12)


def test_index_dependence(packages: Packages) -> None:
    assert "the feature 'place' of work" in str(packages("index_dependence").refused)


def test_stale_global(packages: Packages) -> None:
    package = packages("stale_global")
    assert package.refused is None
    assert package.made is not None and "factor (cell" in package.made.source


def test_settings_and_set_ups(packages: Packages) -> None:
    package = packages("settings")
    assert package.refused is None
    assert package.made is not None and "decimal.getcontext().prec = 3" in package.made.source


def test_an_input_that_has_no_columns_is_told_with_what_is_made_of_it(workshop: Workshop) -> None:
    refused = str(workshop.package("string_case", "names").refused)
    assert "is a Series: requests bring the rows of a DataFrame" in refused
    assert "Name one with --input NAME: made of it are X." in refused
