"""Whether a module may keep something between two calls of its functions, read off its text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

# Decorators that keep nothing, and what gives objects that do not change.
_HARMLESS_DECORATORS = frozenset(
    (
        *("property", "staticmethod", "classmethod", "abc.abstractmethod", "contextlib.contextmanager"),
        *("functools.wraps", "functools.total_ordering", "dataclasses.dataclass", "typing.overload", "enum.unique"),
        *("setter", "getter", "deleter"),
    )
)
_UNCHANGING = frozenset(
    (
        *("frozenset", "tuple", "int", "float", "str", "bool", "len", "re.compile", "collections.namedtuple"),
        *("typing.NamedTuple", "typing.TypeVar", "pathlib.Path", "os.path.join", "os.path.dirname"),
        *("os.path.abspath", "os.getcwd", "logging.getLogger", "decimal.Decimal", "fractions.Fraction", "math.sqrt"),
    )
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def keeps_state(tree: ast.Module, origins: Mapping[str, str]) -> bool:
    """Whether the module of *tree* may; *origins*: dotted names of what it has from elsewhere, by its names for them.

    It may where functions bind its names, or mention names of it that stand for objects which can be changed; where
    classes, functions or other modules get attributes; where functions have caches, or defaults that can be changed.
    """
    definitions = {
        n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    }
    return _Module(origins, definitions).keeps(tree)


class _Module:
    def __init__(self, origins: Mapping[str, str], definitions: set[str]) -> None:
        self.origins, self.definitions = origins, definitions
        self.fixed: set[str] = set()  # names that stand for objects which do not change

    def keeps(self, tree: ast.Module) -> bool:
        """See :func:`keeps_state`."""
        changeable = set(self._changeable(tree.body))
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                return True
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                defaults = [] if isinstance(node, ast.ClassDef) else [*node.args.defaults, *node.args.kw_defaults]
                if not all(default is None or self._unchanging(default) for default in defaults):
                    return True
                if not all(map(self._harmless, getattr(node, "decorator_list", ()))):
                    return True
                if isinstance(node, ast.ClassDef):
                    if any(self._changeable(node.body)):
                        return True
                elif any(isinstance(each, ast.Name) and each.id in changeable for each in ast.walk(node)):
                    return True
            elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                if not isinstance(node.value, ast.Name) or self._is_shared(node.value.id):
                    return True
            elif isinstance(node, ast.Name) and node.id in ("globals", "setattr", "exec", "eval", "vars"):
                return True
        return False

    def _is_shared(self, name: str) -> bool:
        return name == "cls" or name in self.definitions or name in self.origins

    def _changeable(self, body: list[ast.stmt]) -> Iterator[str]:
        """The names that a module's or a class's own statements bind to what can be changed."""
        for statement in body:
            if isinstance(statement, (*_FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)):
                continue
            value = getattr(statement, "value", None)
            bound = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            if isinstance(statement, (ast.Assign, ast.AnnAssign)) and (value is None or self._unchanging(value)):
                self.fixed.update(bound)
            else:
                yield from bound

    def _unchanging(self, value: ast.expr) -> bool:
        match value:
            case ast.Constant() | ast.Lambda() | ast.JoinedStr():
                return True
            case ast.Name(id=name):
                return name in self.definitions or name in self.origins or name in self.fixed
            case ast.Attribute():
                return self._origin(value) is not None  # such as np.pi
            case ast.Tuple(elts=elements):
                return all(map(self._unchanging, elements))
            case ast.UnaryOp(operand=operand):
                return self._unchanging(operand)
            case ast.BinOp(left=left, right=right):
                return self._unchanging(left) and self._unchanging(right)
            case ast.Call(func=function):
                return self._origin(function) in _UNCHANGING and all(map(self._unchanging, value.args))
        return False

    def _harmless(self, decorator: ast.expr) -> bool:
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        if isinstance(decorator, ast.Attribute) and decorator.attr in _HARMLESS_DECORATORS:
            return True
        return self._origin(decorator) in _HARMLESS_DECORATORS

    def _origin(self, node: ast.expr) -> str | None:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in self.definitions:
            return None
        return ".".join((self.origins.get(node.id, node.id), *reversed(parts)))
