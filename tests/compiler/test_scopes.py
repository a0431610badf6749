"""Scopes, held against Python's own symbol tables."""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import pytest

from labline_compiler.analysis.scopes import Scope, bound_names, class_scope, free_names, function_scope


def bound(source: str) -> set[str]:
    return bound_names(ast.parse(source).body)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = y", {"x"}),
        ("import a.b", {"a"}),
        ("import a.b as c", {"c"}),
        ("from a import b as c, d", {"c", "d"}),
        ("for i, (j, *k) in x: pass", {"i", "j", "k"}),
        ("with a as b, c as (d, e): pass", {"b", "d", "e"}),
        ("try: pass\nexcept E as e: pass", {"e"}),
        ("match x:\n case {'a': p, **q}: pass\n case [r, *s] as t: pass", {"p", "q", "r", "s", "t"}),
        ("[a for a in b]", set()),
        ("[c := a for a in b]", {"c"}),
        ("(lambda a: a)(1)", set()),
        ("def f(a=(b := 1)): c = 1", {"f", "b"}),
        ("class C(D): e = 1", {"C"}),
        ("x.a = 1; y[0] = 2", set()),
        ("x: int", {"x"}),
        ("x += 1", {"x"}),
    ],
)
def test_bound_names(source: str, names: set[str]) -> None:
    assert bound(source) == names


def scope_of(source: str) -> Scope:
    (node,) = ast.parse(source).body
    assert isinstance(node, (ast.FunctionDef, ast.ClassDef))
    return class_scope(node) if isinstance(node, ast.ClassDef) else function_scope(node)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a, b=c): return a + d", {"c", "d"}),
        ("def f():\n    x = y\n    return lambda z: (x, z, w)", {"y", "w"}),
        ("def f():\n    global n\n    n = 1", {"n"}),
        ("def f():\n    return [x for x in xs if x > y]", {"xs", "y"}),
        ("def f():\n    return [x for x in x]", {"x"}),
        ("def f(x):\n    def g():\n        nonlocal x\n        x = z\n    return g", {"z"}),
        ("@d\ndef f(x: t): pass", {"d", "t"}),
    ],
)
def test_free_names(source: str, names: set[str]) -> None:
    (function,) = ast.parse(source).body
    assert free_names(function) == names


def test_a_global_declaration_takes_the_name_out_of_the_locals() -> None:
    assert scope_of("def f():\n global x\n x = y = 1") == Scope(frozenset({"y"}), frozenset({"x"}), frozenset())


def test_nonlocals_are_told_apart() -> None:
    assert scope_of("def f(a):\n def g():\n  nonlocal a\n  a = 1").locals == {"a", "g"}


STANDARD_LIBRARY = [
    Path(ast.__file__).with_name(name)
    for name in ("argparse.py", "dataclasses.py", "enum.py", "typing.py", "inspect.py")
]


@pytest.mark.parametrize("path", STANDARD_LIBRARY, ids=lambda path: path.name)
def test_every_function_of_a_module_has_the_locals_that_python_gives_it(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    expected: dict[tuple[str, int], list[set[str]]] = {}

    def collect(table: symtable.SymbolTable) -> None:
        if isinstance(table, symtable.Function) and table.get_name() not in ("lambda", "listcomp", "genexpr"):
            names = {name for name in table.get_locals() if not name.startswith(".")}
            expected.setdefault((table.get_name(), table.get_lineno()), []).append(names)
        for child in table.get_children():
            collect(child)

    collect(symtable.symtable(source, path.name, "exec"))
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 10
    for node in functions:
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        tables = expected.get((node.name, node.lineno)) or expected.get((node.name, first)) or []
        assert set(function_scope(node).locals) in tables, node.name
