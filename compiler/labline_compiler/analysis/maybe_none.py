"""Which words may stand for ``None``: names, attributes, keys and parameters, wherever in the notebook they are.

To a call that draws random numbers ``random_state=SEED`` gives a generator of its own only where SEED is not None.
Words are not told apart by where they stand: one that is None somewhere may be so everywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# Without one of these nobody asks.
ASKED = re.compile(r"random_state|seed|rng|generator")
_GIVEN = re.compile(r"\bNone\b|\.get\(|getenv\(")

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def words_of_none(trees: Iterable[ast.AST], sources: Iterable[str], parameters: Iterable[str] = ()) -> frozenset[str]:
    """The words of the notebook whose cells have these *trees* and *sources*. *parameters* that are None are some."""
    text = "\n".join(sources)
    if not ASKED.search(text):
        return frozenset()
    found = frozenset(parameters)
    return _Words(found).go(trees) if found or _GIVEN.search(text) else frozenset()


def may_be_none(node: ast.expr, words: frozenset[str]) -> bool:
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
        called = {name: [call for call in self._calls if _word(call.func) == name] for name in self._functions}
        for name, several in self._functions.items():
            for parameters in several:
                self._pairs += _handed(parameters, called[name], self._mentioned.get(name, 0))
        left = self._pairs
        while True:
            new = [pair for pair in left if may_be_none(pair[1], frozenset(self.words))]
            if not new:
                return frozenset(self.words)
            self.words.update(word for word, _ in new)
            left = [pair for pair in left if pair[0] not in self.words]

    def _look(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    self._mentioned[name] = self._mentioned.get(name, 0) + 1
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(target, value)
                case (
                    ast.AnnAssign(target=target, value=ast.expr() as value) | ast.NamedExpr(target=target, value=value)
                ):
                    self._bind(target, value)
                case ast.For(target=target, iter=ast.List(elts=items) | ast.Tuple(elts=items)):
                    for item in items:
                        self._bind(target, item)
                case ast.Dict(keys=keys, values=values):
                    for key, value in zip(keys, values, strict=True):
                        if isinstance(key, ast.Constant) and isinstance(key.value, str):
                            self._pairs.append((key.value, value))
                case ast.Call(keywords=keywords):
                    self._calls.append(node)
                    self._pairs += [(word.arg, word.value) for word in keywords if word.arg is not None]
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if name != "__init__":
                    self._functions.setdefault(name, []).append(_parameters(node))
                case ast.Lambda():
                    self._pairs += _parameters(node).defaults.items()
                case ast.ClassDef(name=name, body=body):
                    made = [each for each in body if isinstance(each, _Function) and each.name == "__init__"]
                    self._functions.setdefault(name, []).extend(map(_parameters, made))

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)):
                for one, its in zip(target.elts, value.elts, strict=False):
                    self._bind(one, its)
        elif (word := _word(target)) is not None:
            self._pairs.append((word, value))


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
