"""Text of any kind survives: in a step's file, and in generated source."""

from __future__ import annotations

import ast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labline_compiler.targets import source
from labline_compiler.targets.python_cells import read_cells, write_cells
from labline_runtime.specification import CellSource

# What a notebook may hold: no null bytes and no lone surrogates, which are refused when it is read.
ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
HARD = [
    "# %% ",
    "# %%",
    "# magic: ",
    "%%bash\n",
    "!ls",
    "x = 1",
    "if x:\n",
    "# %% [markdown]\n",
    '# %% Cell 3 {"id": "x"}\n',
]
PIECES = st.sampled_from(
    [*HARD, "'''", '"""', "\\", "{{$}}", "é", "\t", "  ", "\n", "\n\n", "\r\n", "\r", "\f", "\u2028"]
)
SOURCES = st.lists(PIECES | ANY, max_size=8).map("".join)
SETTINGS = settings(max_examples=100, database=None)


@SETTINGS
@given(st.lists(st.tuples(SOURCES, ANY, st.sampled_from(["step", "imports", "metrics"]), SOURCES), max_size=3))
@example([("a\n", "1", "step", "%% x"), ("\n\nb\n\n\n", "2", "step", "")])
def test_cells_come_back_from_a_steps_file_as_they_went_in(drawn: list[tuple[str, str, str, str]]) -> None:
    cells = [CellSource(n * 2, name, text, role) for n, (text, name, role, _) in enumerate(drawn)]  # type: ignore[arg-type]
    prose = {n * 2: (words,) for n, (*_, words) in enumerate(drawn)}
    text = write_cells(cells, prose, ["Step a."])
    assert [CellSource(**found) for found in read_cells(text)] == cells


@SETTINGS
@given(st.lists(SOURCES, max_size=3))
def test_a_steps_file_is_python_whatever_its_cells_hold(drawn: list[str]) -> None:
    cells = [CellSource(n, str(n), text) for n, text in enumerate(drawn)]
    ast.parse(write_cells(cells, {}, ["Step a."]).encode())


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.tuples(inner) | st.dictionaries(ANY, inner),
    max_leaves=20,
)


@SETTINGS
@given(LITERALS)
def test_generated_source_holds_exactly_the_values_that_were_put_in(value: object) -> None:
    written = source.write(
        [ast.Assign([ast.Name("x", ast.Store())], source.call(source.name("f"), source.literal(value)))]
    )
    (assigned,) = ast.parse(written).body
    assert isinstance(assigned, ast.Assign)
    assert isinstance(assigned.value, ast.Call)
    assert repr(ast.literal_eval(assigned.value.args[0])) == repr(value)


@SETTINGS
@given(SOURCES)
def test_a_docstring_holds_exactly_its_text(text: str) -> None:
    (function,) = ast.parse(source.write([source.function("f", [], [ast.Pass()], docstring=text)])).body
    assert isinstance(function, ast.FunctionDef)
    assert ast.get_docstring(function, clean=False) == text


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ("%matplotlib inline\nx = 1  # one", "# magic: %matplotlib inline\nx = 1  # one"),
        ("files = !ls\nlen?", "# magic: files = !ls\n# magic: len?"),
        ("%%time\nx = 1", "# magic: %%time\nx = 1"),
        ("%%bash\n\nls", "# magic: %%bash\n\n# magic: ls"),
        ("for x in y:\n    !echo {x}\n    z(x)", "for x in y:\n    # magic: !echo {x}\n    z(x)"),
        ("print('%d' % 3)\nx = 5 % 3\n'!'", "print('%d' % 3)\nx = 5 % 3\n'!'"),
    ],
)
def test_only_lines_that_are_no_python_stand_behind_magic(code: str, kept: str) -> None:
    _, found = write_cells([CellSource(0, "a", code)], {}, ["Step a."]).split('# %% Cell 1 {"id": "a"}\n')
    assert found == kept + "\n"


def test_code_above_the_first_cell_is_refused_rather_than_lost() -> None:
    with pytest.raises(ValueError, match="import os"):
        read_cells("# Step a.\nimport os\n# %%\nx = 1\n")
