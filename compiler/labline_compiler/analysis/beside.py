"""What the modules beside a notebook may do to hidden state, read off their text.

Flow and values count for nothing here: a function may do what any line of it does, and what any function does that it
mentions by name, in whichever of the modules that is. Whatever else they do is seen when they have run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from labline_compiler.analysis import hidden_state
from labline_compiler.syntax import parse

# What these change they put back.
_RESTORING = {
    "warnings.catch_warnings": "@warnings",
    "matplotlib.rc_context": "@matplotlib.rcParams",
    "matplotlib.pyplot.rc_context": "@matplotlib.rcParams",
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True)
class _Code:
    """What some lines of a module change, and the names that they mention."""

    changes: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Source:
    """One module: what runs when it is imported, and its functions and classes."""

    body: _Code
    definitions: Mapping[str, _Code]
    imports: frozenset[str]  # modules, by the parts of their names
    origins: Mapping[str, str]  # of the names that its imports bind


@dataclass(frozen=True)
class Beside:
    """What importing, and calling into, the modules beside the notebook may change: names of hidden state."""

    imported: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by top-level module
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by module: what its imports bind
    called: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by function, method or class, of any of them

    def importing(self, module: str) -> frozenset[str]:
        """What changes when *module* is imported, if it is one of them. Relative names are those of the folder."""
        return self.imported.get(module.lstrip(".").partition(".")[0], frozenset())

    def calling(self, origin: str) -> frozenset[str]:
        """What a call of *origin* may change, a dotted name."""
        top, *parts = origin.lstrip(".").split(".")
        if top not in self.imported:
            return frozenset()
        return frozenset().union(*(self.called.get(part, frozenset()) for part in parts))

    def origin(self, module: str, name: str) -> str:
        """The dotted name of what *module* calls *name*: of another library, where it has it from there."""
        return self.origins.get(module.lstrip("."), {}).get(name, f"{module}.{name}")

    def uses(self, state: str) -> bool:
        """Whether any of them may change *state*."""
        return any(state in states for states in (*self.imported.values(), *self.called.values()))

    def calling_method(self, name: str) -> frozenset[str]:
        """What a method of an object that may be of theirs may change."""
        return self.called.get(name, frozenset())


NOTHING_BESIDE = Beside()


def read_modules(sources: Mapping[str, str]) -> Beside:
    """Read modules: source by path from the notebook's folder. What is no Python is taken to do nothing."""
    modules = {path: module for path, text in sources.items() if (module := _read(text)) is not None}
    definitions: dict[str, list[_Code]] = {}
    for module in modules.values():
        for name, code in module.definitions.items():
            definitions.setdefault(name, []).append(code)
    called = {name: _reached(codes, definitions) for name, codes in definitions.items()}
    own: dict[str, frozenset[str]] = {}
    needs: dict[str, frozenset[str]] = {}
    for path, module in modules.items():
        top = path.partition("/")[0].removesuffix(".py")
        own[top] = own.get(top, frozenset()) | _reached([module.body], definitions)
        needs[top] = needs.get(top, frozenset()) | module.imports
    imported = {top: frozenset().union(*(own[each] for each in _closure(top, needs))) for top in own}
    origins = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): module.origins
        for path, module in modules.items()
    }
    return Beside(imported, origins, called)


def _reached(codes: Iterable[_Code], definitions: Mapping[str, list[_Code]]) -> frozenset[str]:
    changes: set[str] = set()
    seen: set[str] = set()
    stack = list(codes)
    while stack:
        code = stack.pop()
        changes |= code.changes
        for name in code.mentions - seen:
            seen.add(name)
            stack += definitions.get(name, ())
    return frozenset(changes)


def _closure(top: str, needs: Mapping[str, frozenset[str]]) -> set[str]:
    found, stack = {top}, [top]
    while stack:
        more = {each for each in needs[stack.pop()] if each in needs} - found
        found |= more
        stack += more
    return found


@lru_cache(maxsize=200)
def _read(text: str) -> _Source | None:
    try:
        tree = parse(text)
        return _Reader(tree).source(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Reader:
    def __init__(self, tree: ast.Module) -> None:
        self.origins: dict[str, str] = {}  # of names that are bound by imports, wherever these stand
        self.imports: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    self.origins[alias.asname or top] = alias.name if alias.asname else top
                    self.imports.add(top)
            elif isinstance(node, ast.ImportFrom):
                self.imports.add((node.module or "").partition(".")[0])
                for alias in node.names:
                    if not node.level:
                        self.origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    elif not node.module:  # from . import other
                        self.imports.add(alias.name)

    def source(self, tree: ast.Module) -> _Source:
        definitions: dict[str, list[ast.AST]] = {}
        for node in ast.walk(tree):
            if isinstance(node, _DEFINITIONS):
                definitions.setdefault(node.name, []).append(node)
        called = {name: self._code(nodes, entered=True) for name, nodes in definitions.items()}
        return _Source(self._code(tree.body), called, frozenset(self.imports), self.origins)

    def _code(self, nodes: Iterable[ast.AST], *, entered: bool = False) -> _Code:
        """What *nodes* do; *entered*: the functions among them when they are called, and not when they are made."""
        changes: set[str] = set()
        mentions: set[str] = set()
        stack: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset()) for node in nodes]
        while stack:
            node, restored = stack.pop()
            if isinstance(node, _FUNCTIONS) and not entered:
                stack += [(each, restored) for each in (*node.decorator_list, node.args)]
                continue
            if isinstance(node, ast.If) and "__main__" in map(_constant, ast.walk(node.test)):
                stack += [(each, restored) for each in node.orelse]
                continue
            changes |= self._changed(node) - restored
            if isinstance(node, ast.Name):
                mentions.add(node.id)
            elif isinstance(node, ast.Attribute):
                mentions.add(node.attr)
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                restored |= {
                    _RESTORING[origin]
                    for item in node.items
                    if isinstance(item.context_expr, ast.Call)
                    and (origin := self._origin(item.context_expr.func)) in _RESTORING
                }
            stack += [(child, restored) for child in ast.iter_child_nodes(node)]
        return _Code(frozenset(changes), frozenset(mentions))

    def _changed(self, node: ast.AST) -> set[str]:
        """The hidden state that *node* itself changes."""
        if isinstance(node, ast.Call):
            uses = hidden_state.call_uses(self._origin(node.func) or "")
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            of_logger = {"@logging"} if "logging" in self.imports and method in hidden_state.LOGGER_SETTINGS else set()
            return of_logger | {use.state for use in uses if use.use in ("set", "change")}
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            state = hidden_state.assignment_state(self._origin(node.value) or "")
            return set() if state is None else {state}
        return set()

    def _origin(self, node: ast.expr) -> str | None:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.origins:
            return None
        return ".".join((self.origins[node.id], *reversed(parts)))


def _constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None
