"""Which words may stand for ``None``: names, attributes, keys and parameters, wherever in the notebook they are.

To a call that draws random numbers ``random_state=SEED`` gives a generator of its own only where SEED is not None.
Words are not told apart by where they stand: one that is None somewhere may be so everywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import field
from typing import Any

from labline_runtime.dataclass import dataclass

_DEFAULTS = ("default", "required", "action")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def words_of_none(trees: Iterable[ast.AST], parameters: Iterable[str] = ()) -> frozenset[str]:
    """The words of the notebook whose cells have these *trees*. *parameters* that are None are some."""
    return _Words(frozenset(parameters)).go(trees)


def may_be_none(node: ast.expr, words: Collection[str]) -> bool:
    """Whether an expression may give None, where these *words* do."""
    match node:
        case ast.Constant(value=value):
            return value is None
        case ast.IfExp(body=body, orelse=orelse):
            return may_be_none(body, words) or may_be_none(orelse, words)
        case ast.BoolOp(values=values):
            return may_be_none(values[-1], words) or (isinstance(node.op, ast.And) and may_be_none(values[0], words))
        case ast.NamedExpr(value=value):
            return may_be_none(value, words)
        case ast.Call(func=ast.Attribute(attr="get" | "getenv" | "pop"), args=[_]):
            return True
        case ast.Call(func=ast.Attribute(attr="get" | "getenv" | "pop"), args=[_, default]):
            return may_be_none(default, words) or _word(node) in words
        case ast.Call(func=ast.Name(id="getattr"), args=[_, _, *default]):
            return any(may_be_none(each, words) for each in default) or _word(node) in words
    return _word(node) in words


def _word(node: ast.expr) -> str | None:
    """What an expression is looked up by, if it is."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return word
        case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[ast.Constant(value=str(word)), *_]):
            return word
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(word)), *_]):
            return word
        case ast.Call(func=ast.Name(id=word) | ast.Attribute(attr=word)):
            return f"{word}()"  # what a function gives
    return None


@dataclass
class _Parameters:
    """Of the functions of one name: which parameters they have by place, and those with a default."""

    places: list[str] = field(default_factory=list)
    defaults: dict[str, ast.expr] = field(default_factory=dict)


class _Words:
    """Found by going through all that hands something on, until that adds nothing."""

    def __init__(self, words: frozenset[str]) -> None:
        self.words = set(words)
        self._functions: dict[str, list[_Parameters]] = {}
        self._calls: list[ast.Call] = []
        self._mentioned: dict[str, int] = {}  # how often each name is read, be it to call what it stands for
        self._pairs: list[tuple[str, ast.expr]] = []  # a word, and what comes to stand under it

    def go(self, trees: Iterable[ast.AST]) -> frozenset[str]:
        """Those of the cells."""
        for tree in trees:
            self._look(tree)
        called: dict[str | None, list[ast.Call]] = {}
        for call in self._calls:
            called.setdefault(_word(call.func), []).append(call)
        for name, several in self._functions.items():
            for parameters in several:
                self._pairs += _handed(parameters, called.get(name, []), self._mentioned.get(name, 0))
        left = [pair for pair in self._pairs if type(pair[1]) is not ast.Constant or pair[1].value is None]
        while True:
            new = [pair for pair in left if may_be_none(pair[1], self.words)]
            if not new:
                return frozenset(self.words)
            self.words.update(word for word, _ in new)
            left = [pair for pair in left if pair[0] not in self.words]

    def _look(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if (looking := _LOOKING.get(type(node))) is not None:
                looking(self, node)

    def _look_at_name(self, node: ast.Name) -> None:
        if type(node.ctx) is ast.Load:
            self._mentioned[node.id] = self._mentioned.get(node.id, 0) + 1

    def _look_at_assignment(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)

    def _look_at_binding(self, node: ast.AnnAssign | ast.NamedExpr) -> None:
        if node.value is not None:
            self._bind(node.target, node.value)

    def _look_at_loop(self, node: ast.For) -> None:
        for item in node.iter.elts if isinstance(node.iter, (ast.List, ast.Tuple)) else ():
            self._bind(node.target, item)

    def _look_at_dict(self, node: ast.Dict) -> None:
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                self._pairs.append((key.value, value))

    def _look_at_call(self, node: ast.Call) -> None:
        self._calls.append(node)
        match node:  # of argparse: what is not given is None
            case ast.Call(func=ast.Attribute(attr="add_argument"), args=[ast.Constant(value=str(said)), *_]):
                if said.startswith("-") and not any(word.arg in _DEFAULTS for word in node.keywords):
                    self.words.add(said.strip("-").replace("-", "_"))
        self._pairs += [(word.arg, word.value) for word in node.keywords if word.arg is not None]

    def _look_at_function(self, node: _Function) -> None:
        if node.name != "__init__":
            self._functions.setdefault(node.name, []).append(_parameters(node))
            given = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
            self._pairs += [(f"{node.name}()", each or ast.Constant(None)) for each in given]
            if given and _may_go_on(node.body):
                self.words.add(f"{node.name}()")

    def _look_at_lambda(self, node: ast.Lambda) -> None:
        self._pairs += _parameters(node).defaults.items()

    def _look_at_class(self, node: ast.ClassDef) -> None:
        made = [each for each in node.body if isinstance(each, _Function) and each.name == "__init__"]
        self._functions.setdefault(node.name, []).extend(map(_parameters, made))

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)):
                for one, its in zip(target.elts, value.elts, strict=False):
                    self._bind(one, its)
        elif (word := _word(target)) is not None:
            self._pairs.append((word, value))


_LOOKING: dict[type[ast.AST], Callable[[_Words, Any], None]] = {
    ast.Name: _Words._look_at_name,
    ast.Assign: _Words._look_at_assignment,
    ast.AnnAssign: _Words._look_at_binding,
    ast.NamedExpr: _Words._look_at_binding,
    ast.For: _Words._look_at_loop,
    ast.Dict: _Words._look_at_dict,
    ast.Call: _Words._look_at_call,
    ast.FunctionDef: _Words._look_at_function,
    ast.AsyncFunctionDef: _Words._look_at_function,
    ast.Lambda: _Words._look_at_lambda,
    ast.ClassDef: _Words._look_at_class,
}


def _may_go_on(body: list[ast.stmt]) -> bool:
    """Whether a function may come to the end of *body*, as far as its last statement tells."""
    last = body[-1]
    if isinstance(last, ast.If):
        return not last.orelse or _may_go_on(last.body) or _may_go_on(last.orelse)
    return not isinstance(last, (ast.Return, ast.Raise, ast.Try, ast.With, ast.Match, ast.While))


def _parameters(node: _Function | ast.Lambda) -> _Parameters:
    arguments = node.args
    places = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    defaults = dict(zip(reversed(places), reversed(arguments.defaults), strict=False))
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            defaults[each.arg] = default
    if places[:1] in (["self"], ["cls"]):
        del places[0]
    return _Parameters(places, defaults)


def _handed(parameters: _Parameters, calls: list[ast.Call], mentioned: int) -> Iterator[tuple[str, ast.expr]]:
    """What the parameters come to stand for; their defaults where some call does not give them, or may not be seen."""
    missed = not calls or mentioned > len(calls)
    given: set[str] = set(parameters.defaults)
    for call in calls:
        unknown = any(isinstance(each, ast.Starred) for each in call.args) or any(w.arg is None for w in call.keywords)
        here = dict(zip(parameters.places, call.args, strict=False))
        yield from here.items()
        given &= here.keys() | {word.arg for word in call.keywords if word.arg is not None}
        missed |= unknown
    for name, default in parameters.defaults.items():
        if missed or name not in given:
            yield name, default
