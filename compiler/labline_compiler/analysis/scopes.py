"""Which names belong to which scope, exactly as Python decides it.

``symtable`` works on source text and knows no positions, so the rules are applied to the syntax tree here; the tests
hold them against ``symtable`` on the standard library.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from labline_runtime.dataclass import dataclass

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Scope:
    """The names that a function or a class body binds itself, and those it declares to be another scope's."""

    locals: frozenset[str]
    globals: frozenset[str]
    nonlocals: frozenset[str]


@dataclass(frozen=True)
class Binding:
    """One place that binds a name. ``deletes``: it is unbound instead."""

    name: str
    node: ast.AST
    deletes: bool = False


@lru_cache(maxsize=4096)
def function_scope(node: FunctionNode) -> Scope:
    """The scope of a function or lambda."""
    body = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
    return _scope(body, {argument.arg for argument in arguments(node)})


@lru_cache(maxsize=4096)
def class_scope(node: ast.ClassDef) -> Scope:
    """The scope of a class body."""
    return _scope(node.body, set())


def bound_names(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that *statements* bind in the scope they stand in, always or maybe."""
    return {binding.name for binding in bindings(statements) if not binding.deletes}


def arguments(node: FunctionNode) -> list[ast.arg]:
    """All parameters of a function, in the order of its signature."""
    a = node.args
    extra = [argument for argument in (a.vararg, a.kwarg) if argument is not None]
    return [*a.posonlyargs, *a.args, *a.kwonlyargs, *extra]


def comprehension_targets(node: Comprehension) -> set[str]:
    """The names that live inside the comprehension only."""
    targets = [generator.target for generator in node.generators]
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _scope(body: Iterable[ast.stmt], parameters: set[str]) -> Scope:
    body = list(body)
    declared_global: set[str] = set()
    declared_nonlocal: set[str] = set()
    for node in _own_nodes(body):
        if isinstance(node, ast.Global):
            declared_global |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            declared_nonlocal |= set(node.names)
    bound = {binding.name for binding in bindings(body)} | parameters
    return Scope(
        frozenset(bound - declared_global - declared_nonlocal), frozenset(declared_global), frozenset(declared_nonlocal)
    )


def bindings(statements: Iterable[ast.stmt]) -> Iterator[Binding]:
    """Every place in *statements* that binds or deletes a name of the scope they stand in."""
    for node in _own_nodes(statements):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield Binding(name, node)
            case ast.Name(id=name, ctx=ast.Del()):
                yield Binding(name, node, deletes=True)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield Binding(name, node)
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield Binding(alias.asname or alias.name.partition(".")[0], node)
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    if alias.name != "*":
                        yield Binding(alias.asname or alias.name, node)
            case ast.ExceptHandler(name=str(name)):
                yield Binding(name, node)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield Binding(name, node)
            case ast.MatchMapping(rest=str(name)):
                yield Binding(name, node)
            case _:
                pass


def _own_nodes(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes that are evaluated in the scope of *statements*, inner scopes left out."""
    stack: list[ast.AST] = list(reversed(list(statements)))
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(list(_children(node))))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from node.decorator_list
            yield from _signature(node)
        case ast.Lambda():
            yield from _signature(node)
        case ast.ClassDef():
            yield from node.decorator_list
            yield from node.bases
            yield from (keyword.value for keyword in node.keywords)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield node.generators[0].iter  # the rest is evaluated inside
            yield from _walruses(node)
        case _:
            yield from ast.iter_child_nodes(node)


def _signature(node: FunctionNode) -> Iterator[ast.AST]:
    yield from node.args.defaults
    yield from (default for default in node.args.kw_defaults if default is not None)
    if not isinstance(node, ast.Lambda):
        yield from (argument.annotation for argument in arguments(node) if argument.annotation is not None)
        if node.returns is not None:
            yield node.returns


def _walruses(node: Comprehension) -> Iterator[ast.AST]:
    """The targets of ``:=`` inside a comprehension: they bind in the scope around it."""
    stack: list[ast.AST] = [*ast.iter_child_nodes(node)]
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.NamedExpr):
            yield inner.target
        if not isinstance(inner, ast.Lambda):
            stack.extend(ast.iter_child_nodes(inner))


def _is_generator(node: ast.AST) -> bool:
    return isinstance(node, (ast.Yield, ast.YieldFrom))


@lru_cache(maxsize=4096)
def is_generator(node: FunctionNode) -> bool:
    """Whether calling the function makes a generator."""
    body = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
    return any(_is_generator(inner) for inner in _own_nodes(body))


@lru_cache(maxsize=4096)
def spelled_names(node: ast.AST) -> frozenset[str]:
    """What may be names in the texts of code: ``@name`` in queries of frames, any word where texts are run as code."""
    inside = list(ast.walk(node))
    runs = any(isinstance(inner, ast.Name) and inner.id in ("eval", "exec", "globals") for inner in inside)
    texts = [inner.value for inner in inside if isinstance(inner, ast.Constant) and isinstance(inner.value, str)]
    return frozenset(name for text in texts for name in (_WORD if runs else _MARKED).findall(text))


@lru_cache(maxsize=4096)
def has_class(node: ast.AST) -> bool:
    """Whether a class is defined inside *node*."""
    return any(isinstance(inner, ast.ClassDef) for inner in ast.walk(node))


@lru_cache(maxsize=4096)
def nonlocal_names(node: ast.AST) -> frozenset[str]:
    """The names that functions inside *node* declare nonlocal."""
    return frozenset(name for inner in ast.walk(node) if isinstance(inner, ast.Nonlocal) for name in inner.names)


@lru_cache(maxsize=4096)
def global_names(node: ast.AST) -> frozenset[str]:
    """The names that a function or functions inside it declare global."""
    return frozenset(name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names)


@lru_cache(maxsize=4096)
def free_names(node: ast.AST) -> frozenset[str]:
    """The names that code takes from the scopes around *node*, functions inside it included, whenever they run.

    A little more than that where classes inside functions bind names: those count.
    """
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            outside = [*_signature(node), *getattr(node, "decorator_list", ())]
            body = [node.body] if isinstance(node, ast.Lambda) else node.body
            return _mentioned(outside) | (_mentioned(body) - function_scope(node).locals)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            first = node.generators[0]
            inside = [*node.generators[1:], first.target, *first.ifs]
            inside += [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            return _mentioned([first.iter]) | (_mentioned(inside) - comprehension_targets(node))
        case _:
            return _mentioned([node])


def _mentioned(nodes: Iterable[ast.AST]) -> frozenset[str]:
    found: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, *_COMPREHENSIONS)):
            found |= free_names(node)
        else:
            stack.extend(ast.iter_child_nodes(node))
    return frozenset(found)


_WORD = re.compile(r"[^\W\d]\w*")
_MARKED = re.compile(r"@([^\W\d]\w*)")
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
