"""Functions of the notebook that surely only look at what they get: calls of them need not be followed to know that."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from labline_compiler.analysis import methods, scopes
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.generators import NONE
from labline_compiler.analysis.heap import NOTHING, FunctionInfo, Value
from labline_compiler.analysis.inheritance import Inheritance
from labline_compiler.analysis.operations import TRANSPARENT, words

# Called with arguments by position, these call nothing but special methods, and alter nothing.
_CALLED = words("abs bool dict float int isinstance len list max min range round set sorted str sum super tuple")
_MAKING = words("dict list range set sorted sum tuple")
_DATA = TRANSPARENT | words("numpy pandas data")
_ALTERING = methods.CONTAINER_ALTERS | methods.NUMPY_ALTERS | methods.PANDAS_ALTERS | methods.SKLEARN_FITS
_STATEMENTS = (ast.Return, ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.If, ast.For, ast.While)
_MORE_STATEMENTS = (ast.Pass, ast.Break, ast.Continue)
_DISPLAYS = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)
_OPERATIONS = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Slice)
_TEXTS = (ast.Constant, ast.JoinedStr, ast.FormattedValue)
_WORDS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context, ast.comprehension)
_HARMLESS = _STATEMENTS + _MORE_STATEMENTS + _DISPLAYS + _OPERATIONS + _TEXTS + _WORDS


class Look(NamedTuple):
    """What the code of a function names that alters nothing by itself."""

    called: frozenset[str]  # names of the notebook or of Python that are called
    read: frozenset[str]  # other names of the notebook
    methods: frozenset[str]
    attributes: frozenset[str]
    makes: bool  # whether it may make objects of nothing
    adds: bool  # whether it has ``+=``, which may alter what it gets


class Looking(Inheritance):
    """Tells what calls of such functions give."""

    patched: dict[str, dict[str, None]]
    unseen: bool
    _looks: dict[scopes.FunctionNode, Look | None]

    def looked(self, number: int, arguments: Arguments, receiver: Value, node: ast.AST) -> Value | None:
        """What a call of a function gives that surely only looks at what it gets. None where that cannot be told."""
        if self.patched or self.stars or self.unseen:
            return None
        functions: set[int] = set()
        waiting = {number}
        roots = set(arguments.all | receiver)
        named: set[str] = set()
        asked: set[str] = set()
        data: set[int] = set()
        classes: set[int] = set()
        makes = adds = False
        while waiting:
            while waiting:
                functions.add(each := waiting.pop())
                look = self._look_of(each)
                if look is None:
                    return None
                called = self._called_by(look)
                if called is None:
                    return None
                for name in look.read:
                    roots |= self.state.module.names.get(name, NOTHING)
                if info := self.heap.things[each].function:
                    roots.update(*info.defaults.values())
                named |= look.methods
                asked |= look.attributes
                makes, adds = makes | look.makes, adds | look.adds
                waiting |= called - functions
            found = self._plain_data(roots, classes)
            if found is None:
                return None
            data = found
            its = self._methods_of(classes, data, named, asked)
            if its is None:
                return None
            waiting = its - functions
        if adds and (data or makes):
            return None
        self.heap.work += len(functions) + len(data)
        return self._looked_at(functions, frozenset(data), node, makes=makes)

    def _looked_at(self, functions: set[int], data: Value, node: ast.AST, *, makes: bool) -> Value | None:
        """Have the names read that *functions* mention; what they may give of *data*."""
        seen: set[int] = set()
        for each in sorted(functions, reverse=True):  # the newest first, as they tend to call the older
            if each not in seen:
                mentions = self.mentioned(each)
                if mentions.drawn != NONE or mentions.declared:
                    return None
                seen |= mentions.functions
        if not data and not makes:
            return NOTHING
        plain = all(self.heap.things[each].kind in TRANSPARENT for each in data - self.heap.instances)
        kind, maker = ("container", None) if plain else (None, "builtins.object")
        return data | self.heap.make(self.site(node, "looked"), kind, data, maker=maker)

    def _look_of(self, number: int) -> Look | None:
        thing = self.heap.things[number]
        info = thing.function
        if info is None or thing.caches or not _stands_alone(info):
            return None
        if info.node not in self._looks:
            self._looks[info.node] = look_of(info.node, info.scope)
        return self._looks[info.node]

    def _called_by(self, look: Look) -> set[int] | None:
        """The notebook's functions that it calls by name. None where it may call something else."""
        names, found = self.state.module.names, set[int]()
        for name in look.called:
            value = names.get(name)
            if value is None:
                if name not in _CALLED:
                    return None
            elif not value or not value <= self.heap.functions:
                return None
            else:
                found |= value
        return found if look.read <= names.keys() else None

    def _plain_data(self, roots: Iterable[int], classes: set[int]) -> set[int] | None:
        """All objects that are within reach of *roots*, and the *classes* of those. None if some are not plain data."""
        things, found, stack = self.heap.things, set(roots), list(roots)
        while stack:
            number = stack.pop()
            thing = things[number]
            if thing.instance_of is not None:
                if number in self.heap.vague or number in self.heap.mixed:
                    return None
                new = set[int]().union(*thing.stored.values())
                if thing.instance_of not in classes:
                    if not self.line(thing.instance_of) or self._run_by_use(thing.instance_of):
                        return None
                    classes.add(thing.instance_of)
                    new.update(*(value - self.heap.functions for value in self.members(thing.instance_of).values()))
            elif thing.kind in _DATA:
                new = thing.holds
            else:
                return None
            new = new - found
            found |= new
            stack += new
        return found

    def _methods_of(self, classes: set[int], data: set[int], named: set[str], asked: set[str]) -> set[int] | None:
        """What methods and properties of some names are. None where there may be others."""
        found: set[int] = set()
        stored = {name for number in data & self.heap.instances for name in self.heap.things[number].stored}
        if "*" in stored or named & (stored | _ALTERING):
            return None
        for klass in classes:
            members = self.members(klass)
            for name in (named | asked) & members.keys():
                its = members[name] & self.heap.functions
                infos = [self.heap.things[each].function for each in its]
                properties = {info is not None and info.binding == "property" for info in infos}
                if any(info is not None and info.binding == "kept" for info in infos):
                    return None
                if (its or name in named) and properties != {name in asked and name not in named}:
                    return None
                found |= its
        known = set().union(*(self.members(klass).keys() for klass in classes))
        return found if named <= known | methods.CONTAINER_READS else None


def _stands_alone(info: FunctionInfo) -> bool:
    """Whether all names that it does not bind are the notebook's."""
    return info.frame is None or (info.frame.is_class and info.frame.parent is None)


def look_of(function: scopes.FunctionNode, scope: scopes.Scope) -> Look | None:
    """What the code of a function names, if that alters nothing by itself."""
    if isinstance(function, ast.AsyncFunctionDef) or scopes.is_generator(function):
        return None
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    free = scopes.free_names(function) - scope.locals
    called: set[str] = set()
    names: dict[str, set[str]] = {"read": set(), "methods": set(), "attributes": set()}
    makes = bool(function.args.vararg or function.args.kwarg)
    adds = False
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call):
            if node.keywords and isinstance(node.func, ast.Name) and node.func.id in _CALLED:
                return None  # such as a key
            if isinstance(node.func, ast.Name):
                if node.func.id not in free:
                    return None
                called.add(node.func.id)
            elif isinstance(node.func, ast.Attribute):
                names["methods"].add(node.func.attr)
                stack.append(node.func.value)
            else:
                return None
            stack += [*node.args, *(word.value for word in node.keywords)]
            continue
        if isinstance(node, ast.Name):
            if node.id in free:
                names["read"].add(node.id)
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            names["attributes"].add(node.attr)
        elif not isinstance(node, _HARMLESS) or not _binds_names_only(node):
            return None
        makes |= isinstance(node, _DISPLAYS)
        adds |= isinstance(node, ast.AugAssign)
        stack += ast.iter_child_nodes(node)
    own = {
        target
        for each in ast.walk(function)
        if isinstance(each, (ast.ListComp, ast.SetComp, ast.DictComp))
        for target in scopes.comprehension_targets(each)
    }
    spelled = names["methods"] | names["attributes"]
    if own & free or any(name.startswith("__") for name in spelled):
        return None
    return Look(
        frozenset(called),
        frozenset(names["read"]),
        frozenset(names["methods"]),
        frozenset(names["attributes"]),
        makes or bool(called & _MAKING) or bool(names["methods"] & methods.CONTAINER_READS),
        adds,
    )


def _binds_names_only(node: ast.AST) -> bool:
    """Whether a statement stores nothing in objects, and a comparison asks for no identity but that of None."""
    if isinstance(node, ast.Compare):
        identities = [
            right for op, right in zip(node.ops, node.comparators, strict=True) if isinstance(op, (ast.Is, ast.IsNot))
        ]
        return all(isinstance(right, ast.Constant) for right in identities)
    if isinstance(node, (ast.Subscript, ast.Starred)):
        return isinstance(node.ctx, ast.Load)
    return not (isinstance(node, ast.comprehension) and node.is_async)
