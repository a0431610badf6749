"""LL120, LL121 and LL504: parameters of a run that are refused, and those close to them that are not."""

from __future__ import annotations

import pytest

from labline_backend.compiling import literals
from labline_backend.engine.parameters import ParameterError, merge
from labline_backend.errors import InputError
from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Pipeline

TEXT = """\
# %% tags=["parameters"]
depth = 3
rate = 0.5
name = "a"
on = True
nothing = None
# %% tags=["step:a"]
print(depth, rate, name, on, nothing)
"""


def pipeline() -> Pipeline:
    found = compile_notebook(parse(TEXT, "little.py")).pipeline
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "name", "typed"),
    [("LL120", "Depth", "3"), ("LL121", "depth", "3.5"), ("LL121", "depth", "three"), ("LL121", "on", "1")],
)
def test_what_a_user_types_for_a_parameter_may_be_refused(code: str, name: str, typed: str) -> None:
    with pytest.raises(InputError) as caught:
        literals(pipeline(), {name: typed})
    assert [found.code for found in caught.value.findings] == [code]


@pytest.mark.parametrize(
    ("name", "typed", "read"),
    [
        ("depth", " -3 ", "-3"),
        ("rate", "3", "3.0"),
        ("name", "3", "'3'"),
        ("on", "false", "False"),
        ("nothing", "3", "3"),
    ],
)
def test_what_is_close_to_it_is_taken(name: str, typed: str, read: str) -> None:
    assert literals(pipeline(), {name: typed}) == {name: read}


@pytest.mark.parametrize(("name", "literal"), [("Depth", "3"), ("depth", "'3'"), ("depth", "f()")])
def test_a_literal_that_does_not_fit_is_refused_before_a_run_starts(name: str, literal: str) -> None:
    with pytest.raises(ParameterError) as caught:
        merge(pipeline(), {name: literal})
    assert caught.value.finding.code == "LL504"


@pytest.mark.parametrize(("name", "literal"), [("depth", "-3"), ("rate", "3"), ("name", "''"), ("nothing", "[1]")])
def test_a_literal_that_fits_is_taken_beside_the_defaults(name: str, literal: str) -> None:
    assert set(merge(pipeline(), {name: literal})) == {"depth", "rate", "name", "on", "nothing"}
