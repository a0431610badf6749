"""What the names of a module stand for in its own scope."""

from __future__ import annotations

import ast

from labline_compiler.analysis import scopes
from labline_compiler.analysis.staying import GENERATOR, made_by
from labline_compiler.kept.facts import Made, module_name

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda)
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_CONTAINERS = ("dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque")


class Names:
    """The module in the file *path*, which has this code."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.name = module_name(path)
        self.package = self.name if path.endswith("__init__.py") else self.name.rpartition(".")[0]
        self.origins: dict[str, str] = {}
        self.stars: list[str] = []
        self.early: set[str] = set()  # names that importing the module gives what another has then
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(node)
        self.early.update(
            alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        )
        self.top = scopes.bound_names(tree.body)
        self.generators = {n.name for n in tree.body if isinstance(n, FUNCTIONS) and scopes.is_generator(n)}

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                self.origins[alias.asname or top] = alias.name if alias.asname else top
            return
        source = node.module or ""
        if node.level:
            parts = self.package.split(".")
            source = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [source])])
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(source)
            else:
                self.origins[alias.asname or alias.name] = f"{source}.{alias.name}"

    def resolve(self, node: ast.AST) -> str | None:
        """The path of what an expression of the module's own scope is."""
        parts: list[str] = []
        while True:
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call) and parts:
                inner = self.resolve(node.func)
                return None if inner is None else ".".join((f"{inner}()", *reversed(parts)))
            else:
                break
        if not isinstance(node, ast.Name):
            return None
        if node.id in self.origins:
            root = self.origins[node.id]
        elif node.id in self.top:
            root = f"{self.name}.{node.id}"
        else:
            root = f"builtins.{node.id}"
        return ".".join((root, *reversed(parts)))

    def made(self, value: ast.expr, arguments: frozenset[str]) -> Made:
        """What *value* gives, where these names are a function's *arguments*."""
        calls = set()
        stays = None
        stack: list[ast.AST] = [value]
        while stack:
            node = stack.pop()
            if isinstance(node, SCOPES):
                continue  # what is called when it is called
            if isinstance(node, ast.Call) and (path := self.resolve(node.func)) is not None:
                calls.add(path)
                given = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
                mode = given[0].value if given and isinstance(given[0], ast.Constant) else None
                made = made_by(path, mode, None, frozenset())
                if path == "sqlite3.connect" and not _is_in_memory(node):
                    made = None  # what is written is in the file
                if made is not None:
                    stays = made.what
                elif path.startswith("weakref."):
                    stays = "a weak reference"
                elif isinstance(node.func, ast.Name) and node.func.id in self.generators:
                    stays = GENERATOR.what
                if (
                    path.rpartition(".")[2][:1].isupper() or path == "builtins.dict"
                ):  # it may well keep what it is handed
                    stack += [*node.args, *(word.value for word in node.keywords)]
                continue
            if isinstance(node, ast.GeneratorExp):
                stays = GENERATOR.what
            elif not isinstance(node, (ast.List, ast.Dict, ast.Set, ast.Tuple, ast.IfExp, ast.BoolOp)):
                continue
            stack += ast.iter_child_nodes(node)
        whole = self.resolve(value) if isinstance(value, (ast.Name, ast.Attribute)) else None
        argument = isinstance(value, ast.Name) and value.id in arguments
        function = isinstance(value, ast.Lambda) or (
            isinstance(value, ast.Subscript) and is_call_of(value.value, "globals")
        )
        return Made(frozenset(calls), None if argument else whole, argument, function, stays)


def _is_in_memory(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and ":memory:" in str(call.args[0].value)


def is_name(node: ast.AST, name: str) -> bool:
    """Whether *node* is that name."""
    return bool(name) and isinstance(node, ast.Name) and node.id == name


def is_call_of(node: ast.AST, *names: str) -> bool:
    """Whether *node* is a call of what is called so."""
    if not isinstance(node, ast.Call):
        return False
    return (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) in names


def is_container(node: ast.AST | None) -> bool:
    """Whether *node* is seen to give a container that can be altered."""
    return isinstance(node, _MUTABLE) or (node is not None and is_call_of(node, *_CONTAINERS))
