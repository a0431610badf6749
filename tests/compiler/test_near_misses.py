"""A rule is told where it is broken, and not where that only looks so: one rule, one class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.findings import RULES
from labline_compiler.notebook import NotebookError, parse, read
from tests.compiler.near_misses import TABLES, Content, document, steps

# Told by others: of a run's parameters, by guards while a step runs, of the machine, of a target; and of modelling,
# which has a table of its own (``leakage_cases``).
ELSEWHERE = {"LL120", "LL121", "LL210", "LL212", "LL220", "LL221", "LL222", "LL223", "LL401", "LL402"}
ELSEWHERE |= {"LL403", "LL404", "LL405"} | {code for code in RULES if code[:3] in ("LL5", "LL6", "LL7")}
PATHS = {"LL001", "LL002", "LL010"}

BROKEN = {code: broken for table in TABLES for code, (broken, _) in table.items()}


def _close() -> Iterator[tuple[str, Content]]:
    for table in TABLES:
        for code, (_, near) in table.items():
            for content in near:
                yield code, content


CLOSE = list(_close())


def told(content: Content) -> set[str]:
    percent = isinstance(content, str) and content.startswith("# %%")
    try:
        notebook = parse(content, "little.py" if percent else "little.ipynb")
    except NotebookError as error:
        return {error.finding.code}
    return {found.code for found in compile_notebook(notebook).findings}


@pytest.mark.parametrize("code", BROKEN)
def test_the_smallest_notebook_that_breaks_a_rule_is_told_of(code: str) -> None:
    assert code in told(BROKEN[code])


@pytest.mark.parametrize("number", range(len(CLOSE)), ids=[f"{code}-{n}" for n, (code, _) in enumerate(CLOSE)])
def test_what_only_looks_like_breaking_a_rule_is_not(number: int) -> None:
    code, content = CLOSE[number]
    assert code not in told(content)


def test_every_rule_that_the_compiler_tells_of_has_what_is_close_to_it() -> None:
    assert {code for code, _ in CLOSE} | PATHS | ELSEWHERE == set(RULES)
    assert set(BROKEN) == {code for code, _ in CLOSE}


def test_a_notebook_is_found_where_it_is_whatever_it_is_called(tmp_path: Path) -> None:
    """LL001 and LL002: a link, a hidden file, a name with blanks and no suffix of a notebook."""
    for name in (".hidden.ipynb", "größer als 1.ipynb", "plain"):
        (tmp_path / name).write_text(json.dumps(document("x = 1")))
        (tmp_path / "link.ipynb").unlink(missing_ok=True)
        (tmp_path / "link.ipynb").symlink_to(tmp_path / name)
        assert [read(tmp_path / each).cells[0].source for each in (name, "link.ipynb")] == ["x = 1", "x = 1"]


def test_a_link_that_leads_nowhere_is_no_notebook(tmp_path: Path) -> None:
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "none.ipynb")
    with pytest.raises(NotebookError) as caught:
        read(tmp_path / "link.ipynb")
    assert caught.value.finding.code == "LL001"


def test_a_name_that_no_file_can_have_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotebookError) as caught:
        read(tmp_path / ("x" * 300))
    assert caught.value.finding.code == "LL010"


@pytest.mark.parametrize(
    "source",
    [
        "import os, unknown\nunknown.f(os.environ)",
        "import sys, unknown\nunknown.f([sys.path])",
        "import os, json\njson.load(open('a'), object_hook=os.environ.update)",
    ],
)
def test_what_holds_hidden_state_may_be_changed_by_code_that_is_not_known(source: str) -> None:
    assert told(steps(source, "x = 1")) == {"LL302"}
