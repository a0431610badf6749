"""Parameters: what counts as one, and what a run may give for it."""

from __future__ import annotations

import ast

import pytest

from labline_compiler.parameters import (
    NotLiteralError,
    fold,
    literal,
    parse_literal,
    parse_override,
    split_parameters,
    unknown_parameter,
)
from labline_compiler.pipeline import Parameter


def folded(text: str) -> object:
    return fold(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize(
    "text",
    ["1", "-1", "1.5", "True", "None", "'a'", "b'a'", "[1, [2]]", "{'a': (1,)}", "{1, 2}", "2 * 3 + 1", "10**6", "1e-3",
     "-(2 ** 8)", "not True", "'a' 'b'", "[0] * 3", "'x' * 3", "1j", "60 * 60 * 24", "()", "set()", "~1"],
)  # fmt: skip
def test_expressions_of_literals(text: str) -> None:
    assert folded(text) == eval(text)


@pytest.mark.parametrize(
    "text", ["x", "f()", "[x]", "...", "a.b", "1 if x else 2", "{**x}", "1 / 0", "'a' + 1", "f'{x}'"]
)
def test_other_expressions(text: str) -> None:
    with pytest.raises(NotLiteralError):
        folded(text)


@pytest.mark.parametrize(
    "text", ["10**10**10", "'x' * 10**9", "[0] * 10**9", "1 << 10**9", "2**9999999", "9**9**9**9", "'%99999999d' % 1"]
)
def test_no_expression_takes_long(text: str) -> None:
    with pytest.raises(NotLiteralError):
        folded(text)


@pytest.mark.parametrize(
    "value", [1, -1.5, "é'\"", None, True, [1, (2,), {3}], {"a": set()}, float("inf"), -float("inf"), b"\0", 1j, ()]
)
def test_a_literal_reads_back(value: object) -> None:
    assert parse_literal(literal(value)) == value


def split(source: str) -> tuple[dict[str, tuple[str, str]], str | None]:
    cell = split_parameters(ast.parse(source), source, 0)
    return {p.name: (p.default, p.type) for p in cell.parameters}, cell.rest_source


def test_annotated_assignments_are_parameters() -> None:
    assert split("rate: float = 0.1") == ({"rate": ("0.1", "float")}, None)


def test_other_statements_keep_their_lines() -> None:
    assert split("n = 1\nm = n * 2\nk = 3") == ({"n": ("1", "int"), "k": ("3", "int")}, "\nm = n * 2\n")


def test_statements_that_share_a_line() -> None:
    parameters, rest = split("n = 1; m = f(n)")
    assert list(parameters) == ["n"]
    assert rest is not None
    assert ast.unparse(ast.parse(rest).body[-1]) == "m = f(n)"


def test_a_name_mentioned_above_is_no_parameter() -> None:
    assert split("n = f()\nn = 2") == ({}, "n = f()\nn = 2")


def test_the_last_of_two_literals_counts() -> None:
    assert split("n = 1\nn = 2") == ({"n": ("2", "int")}, None)


def parameter(kind: str, default: str) -> Parameter:
    return Parameter("p", default, kind, 0, 1)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("int", "5", "5"), ("int", " -5 ", "-5"), ("float", "1", "1.0"), ("float", "1e-3", "0.001"),
        ("bool", "true", "True"), ("bool", "False", "False"), ("str", "abc", "'abc'"), ("str", "'abc'", "'abc'"),
        ("str", "1", "'1'"), ("list", "[1, 2]", "[1, 2]"),
        ("dict", "{'a': 1}", "{'a': 1}"), ("NoneType", "3", "3"),
        ("NoneType", "None", "None"), ("tuple", "(1,)", "(1,)"),
    ],
)  # fmt: skip
def test_what_a_run_may_give(kind: str, text: str, expected: str) -> None:
    assert parse_override(parameter(kind, "None"), text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("int", "1.5"),
        ("int", "x"),
        ("int", "True"),
        ("float", "'1'"),
        ("bool", "1"),
        ("list", "(1,)"),
        ("list", "[1"),
        ("dict", ""),
    ],
)
def test_what_a_run_may_not_give(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"^Parameter p is .*\.$"):
        parse_override(parameter(kind, "None"), text)


def test_an_unknown_parameter_gets_a_suggestion() -> None:
    known = [Parameter("learning_rate", "0.1", "float", 0, 1)]
    assert unknown_parameter("learning_rat", known) == "There is no parameter learning_rat; did you mean learning_rate?"
