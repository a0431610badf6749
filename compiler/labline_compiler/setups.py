"""Statements that set up the process for all that comes after them, to be run again at the start of later steps.

``tqdm.pandas()`` in a cell of one step has an effect on ``df.progress_apply()`` in another, and
``from sklearn.experimental import enable_iterative_imputer`` on what can be imported there. Such a statement is
repeated where it stands for itself: at the top level of a cell, with nothing in it but what imports bind, and literals;
also in a ``with`` there, or in a ``try`` above all else in it, where it may have failed, and may again. The rest is
told (LL303), imports in branches, loops and functions among it, of packages of which only the import is of use.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
import textwrap
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from labline_compiler.analysis.hidden_state import ASTROPYS_DEFAULTS
from labline_compiler.analysis.operations import words
from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Finding, finding
from labline_compiler.findings.place import span_of
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import Setup

# Calls whose effect is the same wherever they are made -> the library in which it is seen; "" for all code.
_CALLS = {
    **dict.fromkeys(("nest_asyncio.apply", "multiprocessing.set_start_method", "findspark.init"), ""),
    **dict.fromkeys(("csv.register_dialect",), "csv"),
    **dict.fromkeys(("sqlite3.register_adapter", "sqlite3.register_converter"), "sqlite3"),
    **dict.fromkeys(("mimetypes.add_type", "mimetypes.init"), "mimetypes"),
    "xml.etree.ElementTree.register_namespace": "xml",
    "cv2.setNumThreads": "cv2",
    "numba.set_num_threads": "numba",
    "numexpr.set_num_threads": "numexpr",
    "torch.set_printoptions": "torch",
    **dict.fromkeys(("tensorflow.keras.backend.set_floatx", "tensorflow.config.run_functions_eagerly"), "tensorflow"),
    **dict.fromkeys(("keras.backend.set_floatx", "keras.config.set_floatx"), "keras"),
    "jax.config.update": "jax",
    "polars.enable_string_cache": "polars",
    "pandarallel.pandarallel.initialize": "pandas",
    "sympy.init_printing": "sympy",
    **dict.fromkeys(("hvplot.extension", "holoviews.extension"), "holoviews"),
    **dict.fromkeys(("bokeh.io.output_notebook", "bokeh.plotting.output_notebook"), "bokeh"),
    **dict.fromkeys(("plotly.offline.init_notebook_mode", "cufflinks.go_offline"), "plotly"),
    "altair.data_transformers.disable_max_rows": "altair",
    **dict.fromkeys(("altair.data_transformers.enable", "altair.renderers.enable"), "altair"),
    **dict.fromkeys(("altair.themes.enable", "altair.theme.enable"), "altair"),
    **dict.fromkeys(("matplotlib.font_manager.fontManager.addfont", "matplotlib.colormaps.register"), "matplotlib"),
    "optuna.logging.set_verbosity": "optuna",
    **dict.fromkeys(("optuna.logging.disable_default_handler", "optuna.logging.enable_propagation"), "optuna"),
    **dict.fromkeys(("sklearnex.patch_sklearn",), "sklearn"),
    "xarray.set_options": "xarray",
    "dask.config.set": "dask",
    "scipy.special.seterr": "scipy",
    "rich.pretty.install": "",
    **dict.fromkeys((f"astropy.visualization.{name}_support" for name in ("quantity", "time")), "matplotlib"),
    **dict.fromkeys(ASTROPYS_DEFAULTS, "astropy"),
    **dict.fromkeys(("quantstats.extend_pandas", "itables.init_notebook_mode"), "pandas"),
    "yfinance.pdr_override": "pandas_datareader",
    "mpld3.enable_notebook": "matplotlib",
    "graphviz.set_jupyter_format": "graphviz",
    "altair.renderers.set_embed_options": "altair",
    **dict.fromkeys(("gym.register", "gym.envs.registration.register"), "gym"),
    **dict.fromkeys(("gymnasium.register", "gymnasium.envs.registration.register"), "gymnasium"),
    **{f"transformers.logging.set_verbosity{level}": "transformers" for level in ("", "_error", "_warning", "_info")},
}
# What a session of SymPy leaves behind beside names, which are handed on, is how it prints.
_SESSION = "sympy.init_session"
_PRINTING = words("pretty_print order use_unicode use_latex")
_OF_SESSION = words("quiet argv")  # nothing that lasts
_PANDAS_OF_TQDM = re.compile(r"tqdm(\.\w+)*\.pandas")

# Modules that change what others do when they are imported -> the library in which that is seen.
_CHANGING = {
    "sklearn.experimental": "sklearn",
    # Frames and series have methods and accessors of theirs from then on.
    **dict.fromkeys(
        words(
            "cufflinks ffn hvplot.pandas janitor lux pandas_alive pandas_bokeh pandas_profiling pandas_ta pandera "
            "pingouin pint_pandas sidetable swifter texthero vectorbt woodwork ydata_profiling"
        ),
        "pandas",
    ),
    **dict.fromkeys(words("cf_xarray hvplot.xarray metpy pint_xarray rioxarray salem"), "xarray"),
    "hvplot.polars": "polars",
    # Colour maps, styles and projections can be named from then on.
    **dict.fromkeys(
        words(
            "arviz cmasher cmcrameri cmocean colorcet mpl_scatter_density mplcyberpunk mplhep mpltern scienceplots "
            "windrose"
        ),
        "matplotlib",
    ),
    "seaborn": "matplotlib",
    "hdf5plugin": "h5py",
}
# Of a library that nearly every step imports: where one of these words tells that it takes what it changes.
_TELLING_OF = {
    "seaborn": frozenset(f"{name}{end}" for name in words("rocket mako icefire vlag flare crest") for end in ("", "_r"))
}
# Libraries of which an import that nobody uses is left over, and not there for what it does to others.
_PLAIN = words(
    "IPython PIL altair attr bokeh boto3 bs4 catboost category_encoders cloudpickle cv2 dask dateutil dotenv fastai "
    "folium gensim geopandas google graphviz imblearn ipywidgets jax joblib kale keras kfp lightgbm lime lxml "
    "matplotlib missingno mlflow mpl_toolkits networkx nltk notebook numba numpy openpyxl optuna pandas patsy pip "
    "pkg_resources plotly polars prophet psutil pyarrow pycountry pydantic pydotplus pylab pymongo pyspark pytest "
    "pytz requests rich scipy seaborn shap shapely six skimage sklearn spacy sqlalchemy statsmodels sympy tensorflow "
    "torch torchvision tqdm transformers wandb wordcloud xgboost xlrd yaml yellowbrick"
) | frozenset(sys.stdlib_module_names)

LITERAL_MAKERS = frozenset(("dict", "float", "int", "list", "set", "str", "tuple"))
"""Names of builtins that make something of literals and do nothing else."""
_IMPORTS = (ast.Import, ast.ImportFrom)
_IMPORTING = re.compile(r"\b(?:from|import) (\w+)")
_WORD = re.compile(r"\w+")
_FIRST_WORD = re.compile(r"(?<![\w.])\w+")
_PURE = (
    *(ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.keyword, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.expr_context),
)


@dataclass(frozen=True)
class Imported:
    """What an import binds: its dotted name, and the statement for this one name."""

    origin: str
    statement: str

    def beside(self, other: Imported | None) -> Imported:
        """This and another import of the same: ``import a.b`` and ``import a.c`` both bind what ``a`` is."""
        if other is None or self.statement in other.statement.split("\n"):
            return other or self
        return Imported(self.origin, f"{other.statement}\n{self.statement}")

    def giving(self, origin: str) -> str:
        """The statements by which *origin* can be told to be there; all of them where none is."""
        lines = self.statement.split("\n")
        needed = [line for line in lines if f"{origin}.".startswith(f"{line.removeprefix('import ')}.")]
        return "\n".join(needed or lines)


class _Mentions(NamedTuple):
    """Names that code mentions other than by importing them, and those of them that it binds."""

    used: set[str]
    bound: set[str]


@dataclass(frozen=True, eq=False)
class Standing:
    """A statement of a step's cell that can be run again: where it stands, and in which library its effect is seen."""

    cell: CodeCell
    place: int  # of the cell, among those looked at
    node: ast.stmt
    text: str
    library: str

    @property
    def telling(self) -> frozenset[str]:
        """Words one of which a step has that needs it; none where every step may."""
        found = _IMPORTING.search(self.text) if isinstance(self.node, _IMPORTS) else None
        return _TELLING_OF.get(found[1], frozenset()) if found else frozenset()


class Setups:
    """Those of a notebook, but for imports of the modules called *beside*.

    What these do when they are imported is read off their text and travels; doing it again may write a file twice.
    """

    def __init__(self, cells: Iterable[CodeCell], beside: Container[str] = ()) -> None:
        self._cells = [c for c in cells if c.parsed is not None and not c.parsed.local]
        self._beside = beside
        self.standing = list(self._found())
        self._spans: dict[str, tuple[int, int]] = {}  # of steps: the places of their first and last cells
        for place, c in enumerate(self._cells):
            if c.step is not None:
                self._spans[c.step] = (self._spans.get(c.step, (place, place))[0], place)
        self._always = [Setup(each.text) for each in self.standing]
        self._in_use = [Setup(each.text, each.library) for each in self.standing]

    def __bool__(self) -> bool:
        return bool(self.standing)

    def of(self, step: str) -> tuple[Setup, ...]:
        """What the step called *step* has to run again before its own cells."""
        named = {each.library for each in self.standing if self._is_named(each.library, step)}
        return tuple(
            self._always[i] if each.library in named else self._in_use[i]
            for i, each in enumerate(self.standing)
            if self._needs(step, each)
        )

    def told(self, findings: Iterable[Finding]) -> list[Finding]:
        """*findings* without those on statements that all later steps run again."""
        kept = [
            found for found in findings if found.code != "LL303" or not any(map(self._settled(found), self.standing))
        ]
        return [*kept, *self._hidden_imports()]

    def _hidden_imports(self) -> Iterator[Finding]:
        """What imports that are not repeated do to others ends with their steps."""
        standing, repeated = {id(each.node) for each in self.standing}, {each.text for each in self.standing}
        last = max((place for _, place in self._spans.values()), default=-1)
        for place, c in enumerate(self._cells):
            if c.step is None or c.parsed is None or place >= last or "import" not in c.cell.source:
                continue
            top = set(map(id, c.parsed.tree.body))
            for node in ast.walk(c.parsed.tree):
                if isinstance(node, _IMPORTS) and id(node) not in standing | top:
                    for each in (Standing(c, place, node, *changed) for changed in self._changing_import(node)):
                        if not repeated.isdisjoint((each.text, _tried(each.text))):
                            continue
                        if not any(self._needs(step, each) for step in self._spans):
                            continue
                        yield finding(
                            "LL303",
                            f"The cell may not come to '{each.text}', so later steps do not repeat it: what it changes "
                            "in other libraries ends with the step.",
                            cell=c.cell.place,
                            step=c.step,
                            span=span_of(node, c.cell.source),
                        )

    def _settled(self, found: Finding) -> Callable[[Standing], bool]:
        """Whether a finding is on a statement, and all steps with cells below that one run it again."""

        def settles(each: Standing) -> bool:
            lines = range(each.node.lineno, (each.node.end_lineno or each.node.lineno) + 1)
            return (
                found.cell_index == each.cell.cell.index
                and found.line in lines
                and all(
                    step == each.cell.step or last <= each.place or self._above(each, step)
                    for step, (_, last) in self._spans.items()
                )
            )

        return settles

    def _needs(self, step: str, each: Standing) -> bool:
        """Whether a step below may take what the statement changes."""
        told = not each.telling or not each.telling.isdisjoint(self._words_of(step))
        return told and self._above(each, step)

    def _above(self, each: Standing, step: str) -> bool:
        """Whether it stands above all cells of another step."""
        return step != each.cell.step and each.place < self._spans.get(step, (-1, -1))[0]

    def _is_named(self, library: str, step: str) -> bool:
        """Whether the code of a step names *library*, so that it is in use there."""
        if not library:
            return False
        names = {name for name, at in self._imports.items() if at.origin.partition(".")[0] == library}
        return not self._words_of(step).isdisjoint({library, *names})

    def _words_of(self, step: str) -> set[str]:
        return self._words.get(step, set()) | self._words.get(None, set())

    @cached_property
    def _words(self) -> Mapping[str | None, set[str]]:
        """The words of each step's code; of the cells that come before every step under None."""
        found: dict[str | None, set[str]] = {}
        for c in self._cells:
            found.setdefault(c.step, set()).update(_WORD.findall(c.cell.source))
        return found

    # ------------------------------------------------------------------------------------------------ what there is

    def _found(self) -> Iterator[Standing]:
        for place, c in enumerate(self._cells):
            if c.step is None or c.parsed is None or not _TELLING.search(c.cell.source):
                continue
            for node in c.parsed.tree.body:
                if not isinstance(node, (ast.Try, ast.With)):
                    yield from (Standing(c, place, node, text, library) for text, library in self._of(node))
                    continue
                for each in node.body:
                    found = list(self._of(each))
                    # What stands above it in a `try` may have failed, so that it was not come to.
                    if isinstance(node, ast.Try) and not found and not isinstance(each, _IMPORTS):
                        break
                    yield from (Standing(c, place, each, _tried(text), library) for text, library in found)

    def _of(self, node: ast.stmt) -> Iterator[tuple[str, str]]:
        if isinstance(node, _IMPORTS):
            yield from self._changing_import(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if (module := self._imported_by_text(node.value)) is not None:
                yield from self._changing_import(ast.Import([ast.alias(module)]), binds=False)
            yield from self._call(node)

    def _imported_by_text(self, call: ast.Call) -> str | None:
        """What ``importlib.import_module("...")`` imports."""
        plain = isinstance(call.func, ast.Name) and call.func.id == "__import__"
        if call.keywords or not (plain or self._origin(call.func) == "importlib.import_module"):
            return None
        match call.args:
            case [ast.Constant(value=str(module))] if all(map(str.isidentifier, module.split("."))):
                return module
        return None

    def _changing_import(self, node: ast.Import | ast.ImportFrom, *, binds: bool = True) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.ImportFrom) and (node.level or node.module in (None, "__future__")):
            return
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else str(node.module)
            top = module.partition(".")[0]
            library = next((seen for name, seen in _CHANGING.items() if f"{module}.".startswith(f"{name}.")), None)
            used = binds and self._is_used(alias)
            if library is None and (top in _PLAIN or top in self._beside or alias.name == "*" or used):
                continue
            single = type(node)(**{**dict(ast.iter_fields(node)), "names": [alias]})
            yield ast.unparse(ast.fix_missing_locations(single)), library or ""

    def _is_used(self, alias: ast.alias) -> bool:
        """Whether anything but imports mentions the name that an import binds."""
        return (alias.asname or alias.name.partition(".")[0]) in self._mentions.used

    @cached_property
    def _mentions(self) -> _Mentions:
        """Those of all cells, each gone through once."""
        used: set[str] = set()
        bound: set[str] = set()
        for c in self._cells:
            for node in ast.walk(c.parsed.tree) if c.parsed is not None else ():
                if isinstance(node, ast.Name):
                    used.add(node.id)
                    if not isinstance(node.ctx, ast.Load):
                        bound.add(node.id)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    used.update(_FIRST_WORD.findall(node.value))  # as a magic's line has it
                elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    bound.add(node.name)
        return _Mentions(used, bound)

    def _call(self, node: ast.Expr) -> Iterator[tuple[str, str]]:
        assert isinstance(node.value, ast.Call)  # noqa: S101 - the caller has looked
        origin = self._origin(node.value.func)
        if origin == _SESSION:
            yield from _printing(node.value)
            return
        library = "pandas" if _PANDAS_OF_TQDM.fullmatch(origin) else _CALLS.get(origin)
        if library is None or not all(isinstance(part, _PURE) for part in ast.walk(node.value)):
            return
        names = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
        made = names - self._imports.keys()
        if not made <= LITERAL_MAKERS & set(dir(builtins)) or names & self._mentions.bound:
            return
        lines = [self._imports[name].giving(origin) for name in sorted(names - made)]
        yield "\n".join([*lines, ast.unparse(node)]), library

    def _origin(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        found = self._imports.get(node.id) if isinstance(node, ast.Name) else None
        return "" if found is None else ".".join([found.origin, *reversed(parts)])

    @cached_property
    def _imports(self) -> Mapping[str, Imported]:
        """By name, what imports at the top level of cells bind; not what two of them bind differently."""
        every: dict[str, dict[str, Imported]] = {}
        for c in self._cells:
            if c.parsed is None or "import" not in c.cell.source:
                continue
            for name, found in _imported(c.parsed.tree.body):
                same = every.setdefault(name, {})
                same[found.origin] = found.beside(same.get(found.origin))
        return {name: found for name, same in every.items() for found in same.values() if len(same) == 1}


def _printing(session: ast.Call) -> Iterator[tuple[str, str]]:
    """What sets up printing as a session of SymPy does; nothing where that does more."""
    told = {each.arg: each for each in session.keywords if each.arg and isinstance(each.value, ast.Constant)}
    if len(told) == len(session.keywords) and not session.args and told.keys() <= _PRINTING | _OF_SESSION:
        call = ast.Call(ast.Name("init_printing"), [], [told[name] for name in sorted(told.keys() & _PRINTING)])
        yield f"from sympy import init_printing\n{ast.unparse(call)}", "sympy"


def _tried(text: str) -> str:
    return f"try:\n{textwrap.indent(text, '    ')}\nexcept Exception:\n    pass"


def _imported(body: Iterable[ast.stmt]) -> Iterator[tuple[str, Imported]]:
    """What imports among the statements of a cell bind, in whichever part of a `try` or a `with`."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            yield from _starred(str(node.module))
        else:
            yield from bound_by(node)
        if isinstance(node, (ast.Try, ast.With)):
            yield from _imported(node.body)
        for handler in node.handlers if isinstance(node, ast.Try) else ():
            yield from _imported(handler.body)


def bound_by(node: ast.stmt) -> Iterator[tuple[str, Imported]]:
    """The names that an import binds; none for other statements."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            said = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            yield alias.asname or top, Imported(alias.name if alias.asname else top, said)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            said = f"from {node.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            yield alias.asname or alias.name, Imported(f"{node.module}.{alias.name}", said)


def _starred(module: str) -> Iterator[tuple[str, Imported]]:
    """Of what a star import binds, that by which the process can be set up."""
    for origin in (*_CALLS, _SESSION):
        if origin.startswith(f"{module}."):
            name = origin.removeprefix(f"{module}.").partition(".")[0]
            yield name, Imported(f"{module}.{name}", f"from {module} import {name}")


_TELLING = re.compile("import|" + "|".join(sorted({origin.rpartition(".")[2] for origin in _CALLS} | {"pandas"})))
"""What the source of a cell has that such a statement may be in."""


def find_setups(cells: Sequence[CodeCell], beside: Container[str] = ()) -> Setups:
    """The statements of *cells*, which are in the notebook's order, that later steps can run again."""
    return Setups(cells, beside)
