"""Which cells are imports, functions or parameters, as far as their code says."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from labline_compiler.ipython import ParsedCell
from labline_compiler.parameters import NotLiteralError, fold
from labline_compiler.suggest.model import Role
from labline_compiler.suggest.words import words

_SETTINGS = words(
    "filterwarnings simplefilter set_option set_printoptions set_theme set_style set_context "
    "set_palette set use rc set_config basicConfig register_matplotlib_converters set_eng_float_format "
    "seterr set_matplotlib_formats init_printing"
)
# Those whose names alone say what they are, called as they were imported.
_BY_NAME = words(
    "filterwarnings simplefilter set_option set_printoptions register_matplotlib_converters set_eng_float_format "
    "seterr set_matplotlib_formats init_printing"
)
_SET_UP = words("matplotlib config load_ext reload_ext autoreload precision")
_OPTIONS = frozenset(("rcParams", "options"))


def roles(cells: Mapping[int, ParsedCell]) -> dict[int, Role]:
    """The cells, by index, that look like one of the special roles; whether they can be is for the compiler to say."""
    found: dict[int, Role] = {}
    bound = Counter(name for parsed in cells.values() for name in _bound(parsed.tree))
    for index, parsed in cells.items():
        if parsed.magic is not None or not parsed.tree.body:
            continue
        own = _own_settings(parsed.tree.body)
        if own and (set(own) & _read(other.tree for place, other in cells.items() if place != index)):
            own = []
        body = [each for each in parsed.tree.body if not own or not _gives_name(each)]
        if all(_sets_up(statement, own) for statement in body):
            found[index] = "imports"
        elif all(_defines(statement) for statement in parsed.tree.body):
            found[index] = "functions"
        elif names := _literals(parsed.tree.body):
            later = (other.tree for place, other in cells.items() if place > index)
            if all(bound[name] == 1 for name in names) and set(names) & _read(later):
                found[index] = "parameters"
    return found


def _own_settings(body: Sequence[ast.stmt]) -> list[str]:
    """The names that an importing cell gives to literals, as ``params = {...}``, for ``rcParams.update(params)``."""
    if not any(isinstance(statement, (ast.Import, ast.ImportFrom)) for statement in body):
        return []
    return [name for statement in body if (name := _gives_name(statement))]


def _gives_name(statement: ast.stmt) -> str | None:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value) if _is_plain(value):
            return name
    return None


def _is_plain(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError):
        return False
    return True


def _sets_up(statement: ast.stmt, own: Collection[str] = ()) -> bool:
    """Whether a statement only imports or sets options, for which it may use names of its *own* cell."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()) | ast.Pass():
            return not (isinstance(statement, ast.ImportFrom) and any(a.name == "*" for a in statement.names))
        case ast.Try(body=body, handlers=handlers, orelse=[], finalbody=[]):
            rest = [inner for handler in handlers for inner in handler.body]
            return all(_sets_up(inner) for inner in [*body, *rest])
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=name, value=value), args=arguments)):
            if name == "run_line_magic":
                first = arguments[0] if arguments else None
                return isinstance(first, ast.Constant) and first.value in _SET_UP
            if name == "update" and isinstance(value, ast.Attribute) and value.attr in _OPTIONS:
                return all(_is_plain(each) or (isinstance(each, ast.Name) and each.id in own) for each in arguments)
            return name in _SETTINGS and _is_dotted(value)
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in _BY_NAME
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript() as target], value=value):
            parts = {node.attr for node in ast.walk(target) if isinstance(node, ast.Attribute)}
            return bool(parts & _OPTIONS) and _is_literal(value)
    return False


def _defines(statement: ast.stmt) -> bool:
    return isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or _sets_up(statement)


def _literals(body: Sequence[ast.stmt]) -> list[str]:
    """The names of a cell that only gives names to numbers, texts and truth values."""
    names = []
    for statement in body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if _is_literal(value):
                names.append(name)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                return []
    return names


def _is_literal(value: ast.expr) -> bool:
    try:
        return isinstance(fold(value), (int, float, str, bool))
    except NotLiteralError:
        return False


def _is_dotted(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) or (isinstance(value, ast.Attribute) and _is_dotted(value.value))


def _bound(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Global):
            yield from node.names


def _read(trees: Iterable[ast.AST]) -> set[str]:
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
