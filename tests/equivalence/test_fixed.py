"""A notebook that the fixes of its findings have changed computes, as a pipeline, what it computes as a notebook."""

from __future__ import annotations

import pytest

from labline_compiler.findings import RULES
from labline_compiler.fixing import fix
from labline_compiler.notebook import parse

from .judge import Judge

TABLE = """import pandas as pd
pd.DataFrame({"age": [1, 2, 3, 4], "sick": [0, 1, 0, 1]}).to_csv("people.csv", index=False)
"""
DATABASE = "import sqlite3\nsqlite3.connect('shop.db').execute('create table orders (id int, amount int)')\n"
# Before the first cell: what a rule's example finds in its folder.
BEFORE = {"LL406": DATABASE, "LL709": TABLE}
# Those that correct how a tag is written (LL102, LL103, LL104) change no cell; the example of LL111 asks for the time.
FIXED = ["LL106", "LL109", "LL202", "LL203", "LL406", "LL709"]


@pytest.mark.parametrize("code", FIXED)
def test_a_fixed_notebook_is_equal_to_its_pipeline(code: str, judge: Judge) -> None:
    document = fix(parse(RULES[code].bad, "example.py")).document
    cells = [("".join(cell["source"]), list(cell["metadata"].get("tags", ()))) for cell in document["cells"]]
    assert judge([*([(BEFORE[code], [])] if code in BEFORE else []), *cells]).outcome == "equal"
