"""Which functions and classes of the cells that run before every step a step's result can depend on.

A step depends on those that its code mentions, on what these mention in turn, and on what may come to it inside of
values: a closure that a step above has made calls its helpers here. What a step above only calls does not travel; what
it hands about, or mentions in functions of its own, may. All of this goes by names, wherever they stand, in texts that
may be code as well; code that may reach names out of sight depends on everything. Definitions that do something when
they are made (decorators that register, defaults that are computed, classes of a registry) count for every step, as do
all other statements.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from labline_compiler.pipeline import Pipeline
from labline_compiler.syntax import unparse
from labline_runtime.dataclass import dataclass

_Parse = Callable[[str], ast.Module | None]
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

# What finds definitions by itself: in the namespace, in the interpreter's tables, by the names in stored objects.
_OUT_OF_SIGHT = {
    *("dir", "eval", "exec", "get_ipython", "getsource", "globals", "inspect", "locals", "vars"),
    *(f"__{name}__" for name in ("closure", "dict", "globals", "main", "name", "subclasses")),
    *("cloudpickle", "dill", "joblib", "load_model", "pickle", "read_pickle", "shelve"),
    *("doctest", "ipytest", "unittest"),
}
_LOADS = {"load", "loads"}
_REGISTERS = {"__init_subclass__", "__set_name__", "metaclass"}
_QUIET_DECORATORS = {
    *("abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "dataclass", "deleter", "final"),
    *(
        "getter",
        "jit",
        "lru_cache",
        "njit",
        "overload",
        "property",
        "setter",
        "staticmethod",
        "total_ordering",
        "wraps",
    ),
}
_IS_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_CODE_IN_TEXT = re.compile(r"@([^\W\d]\w*)|([^\W\d]\w*)\s*\(")  # df.query("@f(x)")


@dataclass
class _Code:
    """What some code mentions by name, and which of that may travel in the values that it makes."""

    mentions: set[str] = field(default_factory=set)
    travels: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)  # what these let travel travels
    loads: bool = False  # with some library's function: what was stored may be an instance of a class

    def read(self, node: ast.AST, *, kept: bool = False) -> _Code:
        """Add what *node* says; *kept* is code that runs later, wherever it has come to."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not kept:
            self.mentions.add(node.func.id)
            self.called.add(node.func.id)
            if node.func.id == "__ipython__":  # a line of IPython's
                self._add(re.findall(r"\w+", unparse(node)))
            for child in (*node.args, *node.keywords):
                self.read(child)
            return self
        if isinstance(node, ast.Name):
            self._add([node.id])
        elif isinstance(node, ast.Attribute):
            self._add([node.attr])
            if node.attr in _LOADS:
                self.loads = True
        elif isinstance(node, ast.alias):
            self._add(node.name.split("."))
        elif isinstance(node, ast.keyword) and node.arg == "metaclass":
            self._add([node.arg])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._add(_names_in(node.value))
        elif isinstance(node, _DEFINITIONS):
            self._add([node.name])
        later = kept or isinstance(node, (*_DEFINITIONS, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            self.read(child, kept=later)
        return self

    def _add(self, names: Iterable[str]) -> None:
        self.mentions.update(names)
        self.travels.update(names)


@dataclass(frozen=True)
class _Helper:
    """A definition: all that it mentions, and, if it is a function, what it does when it is called."""

    whole: _Code
    calling: _Code | None


class Helpers:
    """The definitions in a pipeline's preamble."""

    def __init__(self, pipeline: Pipeline, parse: _Parse) -> None:
        self._trees = [parse(cell.source) for cell in pipeline.preamble]
        statements = [each for tree in self._trees if tree is not None for each in tree.body]
        quiet = _quiet(statements)
        self._quiet = frozenset(map(id, quiet))
        self._known: dict[str, list[_Helper]] = {}
        for definition in quiet:
            self._known.setdefault(definition.name, []).append(_helper(definition))
        self._always = _read(each for each in statements if id(each) not in self._quiet).mentions
        self._wanted: dict[str, frozenset[str] | None] = {}
        if self._known:
            self._follow(pipeline, parse)

    def trimmed(self, cell: int, step: str) -> ast.Module | None:
        """The *cell*th cell of the preamble with what counts of it for *step*; None if that is not known."""
        tree, wanted = self._trees[cell], self._wanted.get(step)
        if tree is None or wanted is None:
            return None
        kept = [each for each in tree.body if id(each) not in self._quiet or getattr(each, "name", "") in wanted]
        return ast.Module(kept, [])

    def _follow(self, pipeline: Pipeline, parse: _Parse) -> None:
        brought: dict[str, frozenset[str] | None] = {}  # what may come from a step, and from above it; None: anything
        for step in pipeline.steps:
            trees = [parse(cell.source) for cell in step.cells]
            come = [brought.get(name) for name in step.predecessors]
            code = _read(tree for tree in trees if tree is not None)
            if None in trees or None in come or self._sees_all(code):
                self._wanted[step.name] = brought[step.name] = None
                continue
            above = frozenset(name for names in come if names is not None for name in names)
            brought[step.name] = above | self._travelling(code)
            self._wanted[step.name] = self._closed(code.mentions | above | self._always)

    def _sees_all(self, code: _Code) -> bool:
        """Whether *code* may reach more than it mentions."""
        names = _OUT_OF_SIGHT | (_LOADS - self._known.keys())
        return code.loads or not names.isdisjoint(code.mentions)

    def _travelling(self, code: _Code) -> frozenset[str]:
        """The definitions that values may hold which *code* makes."""
        found, seen, ahead = set(code.travels), set[str](), set(code.called)
        while ahead:
            name = ahead.pop()
            seen.add(name)
            for helper in self._known.get(name, ()):
                if helper.calling is None:  # a class: its instance
                    found.add(name)
                else:
                    found |= helper.calling.travels
                    ahead |= helper.calling.called - seen
        return frozenset(found & self._known.keys())

    def _closed(self, names: Iterable[str]) -> frozenset[str] | None:
        """The definitions called *names* and all that they mention; None where one of them sees more than it says."""
        found, ahead = set[str](), set(names) & self._known.keys()
        while ahead:
            name = ahead.pop()
            found.add(name)
            for helper in self._known[name]:
                if self._sees_all(helper.whole):
                    return None
                ahead |= (helper.whole.mentions & self._known.keys()) - found
        return frozenset(found)


def _read(nodes: Iterable[ast.AST]) -> _Code:
    code = _Code()
    for node in nodes:
        code.read(node)
    return code


def _helper(definition: _Definition) -> _Helper:
    calling = None if isinstance(definition, ast.ClassDef) or definition.decorator_list else _read(definition.body)
    return _Helper(_read([definition]), calling)


def _quiet(statements: Sequence[ast.stmt]) -> list[_Definition]:
    """The definitions among *statements* whose making does nothing but bind their names."""
    registry = not _REGISTERS.isdisjoint(_read(statements).mentions)
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for each in statements
        if isinstance(each, ast.Import | ast.ImportFrom)
        for alias in each.names
    }
    bases = imported | set(vars(builtins))
    found: list[_Definition] = []
    for each in statements:
        if not isinstance(each, _DEFINITIONS) or not _is_quiet(each):
            continue
        if isinstance(each, ast.ClassDef):
            if registry or not all(_root(base) in bases for base in each.bases):
                continue
            bases.add(each.name)
        found.append(each)
    names = [each.name for each in found]
    others = {each.name for each in statements if isinstance(each, _DEFINITIONS)} - set(names)
    return [each for each in found if each.name not in others]


def _is_quiet(definition: _Definition) -> bool:
    if not all(_is_quiet_decorator(each) for each in definition.decorator_list):
        return False
    if isinstance(definition, ast.ClassDef):
        rest = [each for each in definition.body if not isinstance(each, _DEFINITIONS)]
        inner = [each for each in definition.body if isinstance(each, _DEFINITIONS)]
        heads: list[ast.AST] = [*definition.bases, *definition.keywords, *rest]
        return all(map(_is_quiet, inner)) and not any(map(_does, heads))
    arguments = definition.args
    return not any(map(_does, [arguments, *([definition.returns] if definition.returns else [])]))


def _is_quiet_decorator(decorator: ast.expr) -> bool:
    if isinstance(decorator, ast.Call):
        given = [*decorator.args, *(keyword.value for keyword in decorator.keywords)]
        return not any(map(_does, given)) and _is_quiet_decorator(decorator.func)
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name in _QUIET_DECORATORS


def _does(node: ast.AST) -> bool:
    """Whether evaluating *node* may do more than look something up."""
    doing = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.ListComp, ast.SetComp, ast.DictComp)
    return any(isinstance(each, doing) for each in ast.walk(node))


def _root(base: ast.expr) -> str:
    while isinstance(base, ast.Attribute | ast.Subscript):
        base = base.value
    return base.id if isinstance(base, ast.Name) else ""


def _names_in(text: str) -> list[str]:
    """The names in a text that may be one, or code."""
    if _IS_NAME.fullmatch(text):
        return text.split(".")
    return [name for groups in _CODE_IN_TEXT.findall(text) for name in groups if name]
