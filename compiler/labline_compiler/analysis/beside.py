"""What the modules beside a notebook may do to hidden state and to files, read off their text.

Flow and values count for nothing here: a function may do what any line of it does, and what any function does that it
mentions by name, in whichever of the modules that is. Whatever else they do is seen when they have run.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache

from labline_compiler.analysis import files, generators, hidden_state
from labline_compiler.analysis.homes import path_of
from labline_compiler.analysis.module_state import keeps_state
from labline_compiler.analysis.spelled import dotted, is_off
from labline_compiler.syntax import parse
from labline_runtime.dataclass import dataclass

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True)
class _Code:
    """What some lines of a module change, and the names that they mention.

    ``named``: dotted names of what they have from elsewhere. ``attributes``: of whatever else, and arguments by name.
    """

    changes: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Source:
    """One module: what runs when it is imported, and its functions and classes."""

    body: _Code
    definitions: Mapping[str, _Code]
    imports: frozenset[str]  # modules, by the parts of their names
    origins: Mapping[str, str]  # of the names that its imports bind
    keeps: bool  # whether it may keep something between two calls of its functions


@dataclass(frozen=True)
class Effects:
    """What code may do: the hidden state that it changes, the generators it draws from, how it uses files."""

    changes: frozenset[str] = frozenset()
    draws: frozenset[str] = frozenset()
    files: frozenset[files.Mode] = frozenset()

    def __or__(self, other: Effects) -> Effects:
        """What either may do."""
        return Effects(self.changes | other.changes, self.draws | other.draws, self.files | other.files)


NO_EFFECTS = Effects()
ANY_EFFECTS = Effects(generators.EVERY, generators.EVERY, frozenset(("write",)))
WORST = ANY_EFFECTS | Effects(frozenset(hidden_state.AMBIENT))


@dataclass(frozen=True)
class Beside:
    """What importing, and calling into, the modules beside the notebook may do."""

    imported: Mapping[str, Effects] = field(default_factory=dict)  # by top-level module
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by module: what its imports bind
    called: Mapping[str, Effects] = field(default_factory=dict)  # by function, method or class, of any of them
    keeping: frozenset[str] = frozenset()  # top-level modules that may keep something between two calls
    loading: bool = False  # whether one of them makes a loader of data, which draws as one goes through it
    unseen: frozenset[str] = frozenset()  # top-level modules that are there only when the notebook runs

    def knows(self, origin: str) -> bool:
        """Whether *origin*, a dotted name, is of one of them. Relative names are those of the folder."""
        return generators.package_of(origin) in self.imported

    def importing(self, module: str) -> Effects:
        """What happens when *module* is imported, if it is one of them."""
        if generators.package_of(module) in self.unseen:
            return WORST
        return self.imported.get(generators.package_of(module), NO_EFFECTS)

    def calling(self, origin: str) -> Effects:
        """What a call of *origin* may do."""
        if generators.package_of(origin) in self.unseen:
            return WORST
        if not self.knows(origin):
            return NO_EFFECTS
        if not self.defines(origin):  # a variable, or what a star import has brought
            return ANY_EFFECTS
        found = NO_EFFECTS
        for part in origin.lstrip(".").split(".")[1:]:
            found |= self.called.get(part, NO_EFFECTS)
        return found

    def keeps(self, origin: str) -> bool:
        """Whether a call of *origin*, which is one of theirs, may leave something in its module."""
        return generators.package_of(origin) in self.keeping or not self.defines(origin)

    def defines(self, origin: str) -> bool:
        """Whether *origin* is a function or a class, or something of a class, that one of them defines."""
        _, *parts = origin.lstrip(".").split(".")
        return any(part in self.called for part in parts)

    def drawing(self, origin: str) -> frozenset[str]:
        """What anybody may draw from who gets hold of what *origin*, one of theirs, has made."""
        return frozenset().union(*(effects.draws for effects in self.called.values()))

    def origin(self, module: str, name: str) -> str:
        """The dotted name of what *module* calls *name*: of another library, where it has it from there."""
        return self.origins.get(module.lstrip("."), {}).get(name, f"{module}.{name}")

    def uses(self, state: str) -> bool:
        """Whether any of them may change *state*."""
        return any(state in effects.changes for effects in (*self.imported.values(), *self.called.values()))

    def calling_method(self, name: str) -> Effects:
        """What a method of an object that may be of theirs may do."""
        return self.called.get(name, NO_EFFECTS)


NOTHING_BESIDE = Beside()


def read_modules(sources: Mapping[str, str], unseen: frozenset[str] = frozenset()) -> Beside:
    """Read modules: source by path from the notebook's folder. What is no Python is taken to do nothing.

    *unseen* are modules that nobody can read before the notebook runs: those do the worst.
    """
    modules = {path: module for path, text in sources.items() if (module := _read(text)) is not None}
    definitions: dict[str, list[_Code]] = {}
    for module in modules.values():
        for name, code in module.definitions.items():
            definitions.setdefault(name, []).append(code)
    tops = frozenset(_top(path) for path in modules)
    called = {name: _reached(codes, definitions, tops) for name, codes in definitions.items()}
    own: dict[str, Effects] = {}
    needs: dict[str, frozenset[str]] = {}
    keeping: set[str] = set()
    for path, module in modules.items():
        top = _top(path)
        own[top] = own.get(top, NO_EFFECTS) | _reached([module.body], definitions, tops)
        needs[top] = needs.get(top, frozenset()) | module.imports
        keeping |= {top} if module.keeps else set()
    imported, kept = {}, set()
    for top in own:
        above = _closure(top, needs)
        imported[top] = NO_EFFECTS
        for each in sorted(above):
            imported[top] |= own[each]
        kept |= set() if keeping.isdisjoint(above) else {top}
    origins = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): module.origins
        for path, module in modules.items()
    }
    codes = [code for module in modules.values() for code in (module.body, *module.definitions.values())]
    loading = any(generators.draws_when_gone_through(name) for code in codes for name in code.named)
    return Beside(imported, origins, called, frozenset(kept), loading, unseen - imported.keys())


def _top(path: str) -> str:
    return path.partition("/")[0].removesuffix(".py")


def _reached(codes: Iterable[_Code], definitions: Mapping[str, list[_Code]], tops: frozenset[str]) -> Effects:
    """What *codes* do, and those that they mention. *tops*: the modules that are read."""
    effects = NO_EFFECTS
    seen: set[str] = set()
    stack = list(codes)
    while stack:
        code = stack.pop()
        effects |= _own_effects(code, tops)
        for name in code.mentions - seen:
            seen.add(name)
            stack += definitions.get(name, ())
    return effects


@lru_cache(maxsize=4096)
def _own_effects(code: _Code, tops: frozenset[str]) -> Effects:
    others = [name for name in code.named if generators.package_of(name) not in tops]
    draws = generators.NONE.union(*map(generators.drawn_by, others), *map(generators.drawn_by_word, code.attributes))
    uses = [use.mode for name in others for use in files.function_uses(name)]
    uses += ["write" for name in others if name in files.OPENERS]
    for name in code.attributes:
        uses += [use.mode for use in files.method_uses(name, is_path=False, known_value=False, arguments=1)]
    return Effects(code.changes, draws, frozenset(uses))


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
        self.stars: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    self.origins[alias.asname or top] = alias.name if alias.asname else top
                    self.imports.add(top)
            elif isinstance(node, ast.ImportFrom):
                self.imports.add((node.module or "").partition(".")[0])
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.add(node.module or "")
                    elif not node.level:
                        self.origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                    elif not node.module:  # from . import other
                        self.imports.add(alias.name)

    def source(self, tree: ast.Module) -> _Source:
        definitions: dict[str, list[ast.AST]] = {}
        for node in ast.walk(tree):
            if isinstance(node, _DEFINITIONS):
                definitions.setdefault(node.name, []).append(node)
        called = {name: self._code(nodes, entered=True) for name, nodes in definitions.items()}
        keeps = keeps_state(tree, self.origins)
        return _Source(self._code(tree.body), called, frozenset(self.imports), self.origins, keeps)

    def _code(self, nodes: Iterable[ast.AST], *, entered: bool = False) -> _Code:
        """What *nodes* do; *entered*: the functions among them when they are called, and not when they are made."""
        changes: set[str] = set()
        mentions: set[str] = set()
        named: set[str] = set()
        attributes: set[str] = set()
        inside: set[int] = set()  # nodes of dotted names that have been gone through
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
            if isinstance(node, (ast.Name, ast.Attribute)):
                mentions.add(node.id if isinstance(node, ast.Name) else node.attr)
                if id(node) not in inside:
                    self._name(node, named, attributes)
                    inside.update(map(id, _chain(node)))
            elif isinstance(node, ast.Call):
                attributes.update(word.arg for word in node.keywords if word.arg and not is_off(word.value))
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                restored |= {
                    hidden_state.RESTORING[origin]
                    for item in node.items
                    if isinstance(item.context_expr, ast.Call)
                    and (origin := self._origin(item.context_expr.func)) in hidden_state.RESTORING
                }
            stack += [(child, restored) for child in ast.iter_child_nodes(node)]
        return _Code(frozenset(changes), frozenset(mentions), frozenset(named), frozenset(attributes))

    def _name(self, node: ast.Name | ast.Attribute, named: set[str], attributes: set[str]) -> None:
        """A name, with attributes: something of a library, or of anything else."""
        if (origin := self._origin(node)) is not None:
            named.add(origin)
            return
        root, *parts = (dotted(node) or f".{getattr(node, 'attr', '')}").split(".")
        attributes.update(parts)
        if root:
            named.update(path_of(module, ".".join((root, *parts))) for module in self.stars)
            if root in dir(builtins):
                named.add(f"builtins.{root}")

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


def _chain(node: ast.expr) -> Iterator[ast.expr]:
    """A dotted name, and what stands before its dots."""
    while isinstance(node, ast.Attribute):
        yield node
        node = node.value
    yield node


def _constant(node: ast.AST) -> object:
    return node.value if isinstance(node, ast.Constant) else None
