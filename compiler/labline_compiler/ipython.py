"""Cell source to a Python syntax tree: magics and shell lines are put into Python that keeps the line numbers.

The analysis reads the result; what runs is always the cell as it was written. IPython is imported only for a cell that
needs it.
"""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import warnings
from collections.abc import Callable, Collection, Iterable

from labline_compiler.syntax import parse
from labline_runtime.dataclass import dataclass

# Cell magics whose body is Python that runs in the notebook's namespace.
_PYTHON_BODY = frozenset({"time", "capture", "prun", "memit", "mprun", "lprun", "heat", "snakeviz", "pyinstrument"})
# Cell magics whose body is Python with names of its own.
_LOCAL_BODY = frozenset({"timeit"})
# Cell magics whose line is Python as well, which runs before the body; and what options may stand before it.
_WITH_SETUP = frozenset({"timeit", "memit"})
_OPTIONS = re.compile(r"(?:\s*-\w+(?:\s+[\d_]+(?=\s|\Z))?)*\s*")

_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w[\w.]*)[ \t]*(?P<line>[^\n]*)(?:\n(?P<body>.*))?\Z", re.DOTALL)
# What IPython makes Python of: magics, shell lines, help, calls without parentheses (``/f a``, and ``;`` alone); cells
# that are indented as a whole, and copied prompts.
_OWN_SYNTAX = re.compile(r"[%!?]|(?m:^[ \t]*(?:[,;/]|>>>))|\A\s*[ \t]|\A\s*In \[")
# A copied prompt that Python takes for an annotation of ``In``.
_PROMPT = re.compile(r"^\s*(?:\[(?:nav|ins)\] )?In \[\d+\]: ", re.MULTILINE)
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
# A cell of one line that begins with a magic's name, which does for the magic unless a variable is called so.
_AUTOMAGIC = re.compile(r"(?:[ \t]*\n)*[ \t]*(?P<line>(?P<name>[a-zA-Z]\w*)(?![\w.]|[ \t]*[=,])[^\n]*)\n?\Z")
# What makes a magic of a shell's command.
_ALIAS = re.compile(r"^[ \t]*%?alias[ \t]+([A-Za-z_]\w*)[ \t]+\S", re.MULTILINE)
_LINE_MAGICS = (
    "alias alias_magic autoawait autocall automagic autoreload autosave bookmark cat cd cls code_wrap colors "
    "conda config connect_info cp debug dhist dirs doctest_mode ed edit env gui hist history killbgscripts ldir "
    "less lf lk ll load load_ext loadpy logoff logon logstart logstate logstop ls lsmagic lx macro magic mamba "
    "man matplotlib memit micromamba mkdir more mv notebook page pastebin pdb pdef pdoc pfile pinfo pinfo2 pip "
    "popd pprint precision prun psearch psource pushd pwd pycat pylab qtconsole quickref recall rehashx "
    "reload_ext rep rerun reset reset_selective rm rmdir run save sc set_env store subshell sx system tb time "
    "timeit unalias unload_ext uv who who_ls whos xdel xmode"
)
_AUTOMAGICS = frozenset(_LINE_MAGICS.split()) - {*dir(builtins), *keyword.kwlist}


class CellSyntaxError(Exception):
    """The cell is not valid Python. ``line`` and ``column`` count from 1 in the cell as written."""

    def __init__(self, message: str, line: int | None, column: int | None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True)
class CellMagic:
    """The ``%%name line`` that a cell starts with. ``body`` is the rest where that is not Python."""

    name: str
    line: str
    body: str | None = None


@dataclass(frozen=True)
class ParsedCell:
    """A cell for the analysis. ``local`` is set where the names that the code binds stay inside (``%%timeit``)."""

    tree: ast.Module
    magic: CellMagic | None = None
    local: bool = False


def parse_cell(
    source: str,
    is_variable: Callable[[str], bool] = lambda _: True,
    own: Collection[str] = (),
    python: Callable[[str], ast.Module] | None = None,
) -> ParsedCell:
    """Parse a cell. Raises :class:`CellSyntaxError`.

    *is_variable* tells whether a name may be one of the notebook's: ``pwd`` alone is a magic where it is not. *own* are
    the names of magics that the notebook makes. *python* parses what is Python by then, as :func:`parse_python` does.
    """
    python = python or parse_python
    magic = _CELL_MAGIC.match(source)
    if magic is None:
        return ParsedCell(_parse_line(source, is_variable, own) or python(source))
    name, line, body = magic["name"], magic["line"], magic["body"] or ""
    if name not in _PYTHON_BODY | _LOCAL_BODY:
        return ParsedCell(ast.Module([], []), CellMagic(name, line, body))
    above = source[: len(source) - len(body)].count("\n")
    tree = python("\n" * above + body)
    if name in _WITH_SETUP:
        setup = without_options(line)
        before = source[: magic.end("line") - len(setup)]
        tree = ast.Module([*_setup(setup, before, python), *tree.body], tree.type_ignores)
    return ParsedCell(tree, CellMagic(name, line), local=name in _LOCAL_BODY)


def without_options(line: str) -> str:
    """The code in the line of a magic such as ``%timeit -n 10 code``."""
    return line[match.end() :] if (match := _OPTIONS.match(line)) else line


def _setup(code: str, before: str, python: Callable[[str], ast.Module]) -> list[ast.stmt]:
    """The *code* of a magic's line, at its place in the cell, of which *before* comes before it."""
    try:
        found = python(code).body
    except CellSyntaxError:  # a release that has other options
        return []
    column = len(before.rpartition("\n")[2].encode())
    for statement in found:
        for node in ast.walk(ast.increment_lineno(statement, before.count("\n"))):
            if isinstance(node, (ast.expr, ast.stmt)):
                node.col_offset += column
                node.end_col_offset = (node.end_col_offset or 0) + column
    return found


def aliases(sources: Iterable[str]) -> frozenset[str]:
    """The names that ``%alias`` in cells makes magics of, which may be called without a ``%``."""
    return frozenset(name for source in sources for name in _ALIAS.findall(source))


def _parse_line(source: str, is_variable: Callable[[str], bool], own: Collection[str]) -> ast.Module | None:
    """A cell that is one magic written without its ``%``; none where it is something else."""
    line = _AUTOMAGIC.match(source)
    if line is None or (line["name"] not in _AUTOMAGICS and line["name"] not in own):
        return None
    try:
        _parse(source)
    except CellSyntaxError:
        is_python = False
    else:
        is_python = True
    if is_python and is_variable(line["name"]):
        return None
    return parse_python(f"{source[: line.start('line')]}%{line['line']}")


def parse_python(source: str) -> ast.Module:
    """Parse Python that may hold IPython's line magics, shell lines and help. Raises :class:`CellSyntaxError`."""
    if _PROMPT.search(source):
        source = _transform(source) or source
    try:
        return _parse(source)
    except CellSyntaxError:
        if not _OWN_SYNTAX.search(source):
            raise
        transformed = _transform(source)
        if transformed is None or transformed == source:
            raise
    return _parse(transformed)


def _parse(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a cell is the cell's business
            tree: ast.Module = parse(source, flags=_FLAGS)
            # The tree alone does not show a return outside a function and its like. IPython runs a cell statement by
            # statement, so an import from ``__future__`` may follow others.
            for statement in tree.body:
                compile(ast.Module([statement], []), "<cell>", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError as error:
        raise CellSyntaxError(error.msg, error.lineno, error.offset or None) from error
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise CellSyntaxError(
            f"the code is too deeply nested or otherwise beyond Python's parser ({error})", None, None
        ) from error
    return tree


def _transform(source: str) -> str | None:
    """Let IPython turn its own syntax into Python, with as many lines as before. None where it cannot."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            transformed = str(TransformerManager().transform_cell(source))
        above = source[: len(source) - len(source.lstrip())].count("\n")  # empty lines, which IPython takes away
        transformed = "\n" * above + transformed
    except (ImportError, SyntaxError, RecursionError, ValueError):
        return None
    return transformed


def expanded_names(text: str) -> set[str]:
    """The names that IPython puts into a shell line or a magic's line: ``{expression}`` and ``$name``."""
    names = {match[1] for match in re.finditer(r"(?<![\\$])\$([A-Za-z_]\w*)", text)}
    for match in re.finditer(r"(?<!\{)\{([^{}]+)\}", text):
        expression = re.split(r"![rsa](?=$|:)|:(?![^\[(]*[\])])", match[1].strip(), maxsplit=1)[0]
        try:
            tree = parse(expression, "eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names
