"""Which modules code imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from labline_compiler.analysis.packages import imported_modules, local_modules


def imported(source: str) -> list[tuple[str, bool]]:
    return [(each.name, each.optional) for each in imported_modules([ast.parse(source)])]


def test_modules_in_order_of_mention() -> None:
    source = "import b.c\nfrom a import d\ndef f():\n    import e\nfrom . import g\nfrom h import *"
    assert imported(source) == [("b.c", False), ("a.d", False), ("e", False), ("h", False)]


def test_the_standard_library_is_left_out() -> None:
    assert imported("import json, os.path, hypothesis") == [("hypothesis", False)]


@pytest.mark.parametrize("caught", ["ImportError", "(ValueError, ModuleNotFoundError)", "Exception", ""])
def test_code_may_do_without_a_module(caught: str) -> None:
    source = f"try:\n    import fast\nexcept {caught}:\n    import slow"
    assert imported(source) == [("fast", True), ("slow", True)]


def test_an_except_of_something_else_does_not_forgive_a_missing_module() -> None:
    assert imported("try:\n    import fast\nexcept ValueError:\n    pass") == [("fast", False)]


def test_what_is_imported_without_condition_anywhere_is_needed() -> None:
    source = "try:\n    import fast\nexcept ImportError:\n    pass\nimport fast"
    assert imported(source) == [("fast", False)]


def test_imports_for_type_checkers_do_not_happen() -> None:
    assert imported("if TYPE_CHECKING:\n    import a\nelse:\n    import b") == [("b", False)]


def test_modules_beside_the_notebook_are_local(tmp_path: Path) -> None:
    (tmp_path / "helper.py").touch()
    assert local_modules(["helper", "numpy"], tmp_path) == ["helper"]
