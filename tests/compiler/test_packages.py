"""Imports and the distributions they come from."""

from __future__ import annotations

import ast
from pathlib import Path

from labline_compiler.analysis.packages import distributions, imported_modules, local_modules


def test_top_level_modules_in_order_of_mention() -> None:
    tree = ast.parse("import b.c\nfrom a import d\ndef f():\n    import e\nfrom . import g")
    assert imported_modules([tree]) == ["b", "a", "e"]


def test_modules_beside_the_notebook_are_local(tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    assert local_modules(["helper", "numpy"], tmp_path) == ["helper"]


def test_the_standard_library_has_no_distribution(tmp_path: Path) -> None:
    assert distributions(["json", "hypothesis"], tmp_path) == {"hypothesis": ("hypothesis",)}
