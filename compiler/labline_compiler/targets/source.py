"""Syntax trees to source that a person enjoys reading: lines that fit, double quotes, one argument a line where not.

It writes what the targets generate and nothing more; a node that it does not know raises ``TypeError``. What it writes
parses to the same tree again, whatever text is in it, and is laid out as ruff and black would.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

WIDTH = 120
INDENT = "    "


def name(text: str) -> ast.expr:
    """A name that is read."""
    return ast.Name(text, ast.Load())


def dotted(text: str) -> ast.expr:
    """A name with attributes, as in ``dsl.Input``."""
    first, *rest = text.split(".")
    node = name(first)
    for attribute in rest:
        node = ast.Attribute(node, attribute, ast.Load())
    return node


def literal(value: object) -> ast.expr:
    """A value made of Python's literals."""
    if isinstance(value, dict):
        return ast.Dict([literal(key) for key in value], [literal(item) for item in value.values()])
    if isinstance(value, list):
        return ast.List([literal(item) for item in value], ast.Load())
    if isinstance(value, tuple):
        return ast.Tuple([literal(item) for item in value], ast.Load())
    if isinstance(value, (str, int, float, bool)) or value is None:
        return ast.Constant(value)
    raise TypeError(f"{type(value).__name__} is no literal")


def call(function: ast.expr, *positional: ast.expr, **named: ast.expr) -> ast.Call:
    """A call."""
    return ast.Call(function, list(positional), [ast.keyword(key, value) for key, value in named.items()])


def function(
    name: str,
    arguments: Iterable[tuple[str, ast.expr, ast.expr | None]],
    body: Sequence[ast.stmt],
    *,
    decorator: ast.expr | None = None,
    docstring: str | None = None,
    returns: ast.expr | None = None,
) -> ast.FunctionDef:
    """A function; an argument is its name, its annotation and its default, if it has one."""
    given = list(arguments)
    described = [] if docstring is None else [ast.Expr(ast.Constant(docstring))]
    return ast.FunctionDef(
        name=name,
        args=ast.arguments(
            posonlyargs=[],
            args=[ast.arg(argument, annotation) for argument, annotation, _ in given],
            kwonlyargs=[],
            kw_defaults=[],
            defaults=[default for *_, default in given if default is not None],
        ),
        body=[*described, *body],
        decorator_list=[] if decorator is None else [decorator],
        returns=returns,
    )


def write(statements: Iterable[ast.stmt], depth: int = 0) -> str:
    """The source of *statements*, indented *depth* times; it ends with a line feed."""
    lines: list[str] = []
    for statement in statements:
        lines += _statement(statement, INDENT * depth)
    return "".join(f"{line}\n" for line in lines)


# ---------------------------------------------------------------- statements


def _statement(node: ast.stmt, indent: str) -> list[str]:
    match node:
        case ast.Expr(ast.Constant(str() as text)) if _fits_triple_quotes(text):
            return f'{indent}"""{text}"""'.split("\n")
        case ast.Expr(value):
            return _expression(value, indent, indent)
        case ast.Return(ast.expr() as value):
            return _expression(value, indent, f"{indent}return ")
        case ast.Assign([ast.Name(target)], value):
            return _expression(value, indent, f"{indent}{target} = ")
        case ast.FunctionDef():
            return _function(node, indent)
        case ast.If(test, body, []):
            return [f"{indent}if {_line(test)}:", *_block(body, indent)]
        case ast.With([ast.withitem(context, variable)], body):
            named = "" if variable is None else f" as {_line(variable)}"
            return [*_expression(context, indent, f"{indent}with ", f"{named}:"), *_block(body, indent)]
        case ast.Import() | ast.ImportFrom() | ast.Pass():
            return [indent + ast.unparse(node)]
    raise TypeError(f"{type(node).__name__} is not written")


def _function(node: ast.FunctionDef, indent: str) -> list[str]:
    first = len(node.args.args) - len(node.args.defaults)
    defaults = [None] * first + node.args.defaults
    arguments = []
    for argument, default in zip(node.args.args, defaults, strict=True):
        annotation = f": {_line(argument.annotation)}" if argument.annotation is not None else ""
        equals = " = " if annotation else "="
        arguments.append(f"{argument.arg}{annotation}" + (f"{equals}{_line(default)}" if default is not None else ""))
    lines = [line for decorator in node.decorator_list for line in _expression(decorator, indent, f"{indent}@")]
    returns = f" -> {_line(node.returns)}" if node.returns is not None else ""
    head = f"{indent}def {node.name}({', '.join(arguments)}){returns}:"
    if len(head) > WIDTH and arguments:
        head_lines = [
            f"{indent}def {node.name}(",
            *(f"{indent}{INDENT}{a}," for a in arguments),
            f"{indent}){returns}:",
        ]
    else:
        head_lines = [head]
    return [*lines, *head_lines, *_block(node.body, indent)]


def _block(statements: Sequence[ast.stmt], indent: str) -> list[str]:
    return [line for statement in statements for line in _statement(statement, indent + INDENT)]


def _fits_triple_quotes(text: str) -> bool:
    printable = all(character.isprintable() or character == "\n" for character in text)
    return printable and "\\" not in text and '"""' not in text and not text.startswith('"') and not text.endswith('"')


# ---------------------------------------------------------------- expressions


def _expression(node: ast.expr, indent: str, before: str, after: str = "") -> list[str]:
    """*node* between *before* and *after*: on one line where that fits, else what it holds on lines of their own."""
    line = _line(node)
    if len(before) + len(line) + len(after) <= WIDTH:
        return [f"{before}{line}{after}"]
    inner = indent + INDENT
    match node:
        case ast.Call() if node.args or node.keywords:
            items = [_expression(argument, inner, inner, ",") for argument in node.args]
            items += [_expression(k.value, inner, f"{inner}{k.arg}=", ",") for k in node.keywords]
            opening, closing = f"{_line(node.func)}(", ")"
        case ast.List(elements) | ast.Tuple(elements) if elements:
            items = [_expression(element, inner, inner, ",") for element in elements]
            opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
        case ast.Dict(keys, values) if keys:
            pairs = zip(keys, values, strict=True)
            items = [_expression(value, inner, f"{inner}{_line(key)}: ", ",") for key, value in pairs]
            opening, closing = "{", "}"
        case _:  # one long word
            return [f"{before}{line}{after}"]
    return [f"{before}{opening}", *(line for item in items for line in item), f"{indent}{closing}{after}"]


def _line(node: ast.expr | None) -> str:
    """*node* on one line."""
    match node:
        case ast.Constant(str() as text):
            return _text(text)
        case ast.Constant():
            return ast.unparse(node)
        case ast.Name(identifier):
            return identifier
        case ast.Attribute(value, attribute):
            return f"{_line(value)}.{attribute}"
        case ast.Subscript(value, key):
            return f"{_line(value)}[{_line(key)}]"
        case ast.Compare(left, [ast.Eq()], [right]):
            return f"{_line(left)} == {_line(right)}"
        case ast.Call():
            arguments = [_line(argument) for argument in node.args]
            arguments += [f"{keyword.arg}={_line(keyword.value)}" for keyword in node.keywords]
            return f"{_line(node.func)}({', '.join(arguments)})"
        case ast.List(elements):
            return f"[{', '.join(map(_line, elements))}]"
        case ast.Tuple([element]):
            return f"({_line(element)},)"
        case ast.Tuple(elements):
            return f"({', '.join(map(_line, elements))})"
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return f"{{{', '.join(f'{_line(key)}: {_line(value)}' for key, value in pairs)}}}"
    raise TypeError(f"{type(node).__name__} is not written")


def _text(text: str) -> str:
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written
