"""Statements that set up the process for all that comes after them, to be run again at the start of later steps.

``tqdm.pandas()`` in a cell of one step has an effect on ``df.progress_apply()`` in another, and
``from sklearn.experimental import enable_iterative_imputer`` on what can be imported there. Such a statement is
repeated where it stands for itself: at the top level of a cell, with nothing in it but what imports bind, and literals.
The rest is told (LL303).
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from labline_compiler.analysis.operations import words
from labline_compiler.assignment import CodeCell
from labline_compiler.findings import Finding
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
    **dict.fromkeys(("gym.register", "gym.envs.registration.register"), "gym"),
    **dict.fromkeys(("gymnasium.register", "gymnasium.envs.registration.register"), "gymnasium"),
    **{f"transformers.logging.set_verbosity{level}": "transformers" for level in ("", "_error", "_warning", "_info")},
}
_PANDAS_OF_TQDM = re.compile(r"tqdm(\.\w+)*\.pandas")

# Modules that change what others do when they are imported -> the library in which that is seen.
_CHANGING = {"sklearn.experimental": "sklearn", "scienceplots": "matplotlib"}
# Libraries of which an import that nobody uses is left over, and not there for what it does to others.
_PLAIN = words(
    "IPython PIL altair attr bokeh boto3 bs4 catboost category_encoders cloudpickle cv2 dask dateutil dotenv fastai "
    "folium gensim geopandas graphviz imblearn ipywidgets jax joblib kale keras kfp lightgbm lime lxml matplotlib "
    "missingno mlflow mpl_toolkits networkx nltk notebook numba numpy openpyxl optuna pandas patsy plotly polars "
    "prophet psutil pyarrow pycountry pydantic pydotplus pylab pymongo pyspark pytest pytz requests rich scipy "
    "seaborn shap shapely six skimage sklearn spacy sqlalchemy statsmodels sympy tensorflow torch torchvision tqdm "
    "transformers wandb wordcloud xgboost xlrd yaml yellowbrick"
) | frozenset(sys.stdlib_module_names)

_LITERAL_MAKERS = frozenset(("dict", "float", "int", "list", "set", "str", "tuple"))
_PURE = (
    *(ast.Call, ast.Attribute, ast.Name, ast.Constant, ast.keyword, ast.List, ast.Tuple, ast.Set, ast.Dict),
    *(ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.expr_context),
)


@dataclass(frozen=True)
class _Imported:
    """What an import binds: its dotted name, and the statement for this one name."""

    origin: str
    statement: str


@dataclass(frozen=True)
class Standing:
    """A statement of a step's cell that can be run again: where it stands, and in which library its effect is seen."""

    cell: CodeCell
    node: ast.stmt
    text: str
    library: str


class Setups:
    """Those of a notebook."""

    def __init__(self, cells: Iterable[CodeCell]) -> None:
        self._cells = [c for c in cells if c.parsed is not None and not c.parsed.local]
        self._bindings: dict[str, _Imported] | None = None
        self._standing = list(self._found())
        self._spans: dict[str, tuple[int, int]] = {}  # of steps: the places of their first and last cells
        for place, c in enumerate(self._cells):
            if c.step is not None:
                self._spans[c.step] = (self._spans.get(c.step, (place, place))[0], place)

    def __bool__(self) -> bool:
        return bool(self._standing)

    def of(self, step: str) -> tuple[Setup, ...]:
        """What the step called *step* has to run again before its own cells."""
        return tuple(Setup(each.text, self._where(each, step)) for each in self._standing if self._above(each, step))

    def told(self, findings: Iterable[Finding]) -> list[Finding]:
        """*findings* without those on statements that all later steps run again."""
        again = [
            (each.cell.cell.index, range(each.node.lineno, (each.node.end_lineno or each.node.lineno) + 1))
            for each in self._standing
            if all(step == each.cell.step or self._above(each, step) for step in self._below(each))
        ]
        return [
            found
            for found in findings
            if found.code != "LL303" or not any(found.cell_index == cell and found.line in at for cell, at in again)
        ]

    def _below(self, each: Standing) -> Iterator[str]:
        """The steps that have cells below it."""
        place = self._cells.index(each.cell)
        return (step for step, (_, last) in self._spans.items() if last > place)

    def _above(self, each: Standing, step: str) -> bool:
        """Whether it stands above all cells of another step."""
        return step != each.cell.step and self._cells.index(each.cell) < self._spans.get(step, (-1, -1))[0]

    def _where(self, each: Standing, step: str) -> str:
        """The library that has to be in use for it to matter; nothing where the step's code names it anyway."""
        if not each.library:
            return ""
        names = {name for name, at in self._imports.items() if at.origin.partition(".")[0] == each.library}
        words = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted({each.library, *names})))})\b")
        own = (c.cell.source for c in self._cells if c.step in (step, None))
        return "" if any(words.search(source) for source in own) else each.library

    # ------------------------------------------------------------------------------------------------ what there is

    def _found(self) -> Iterator[Standing]:
        for c in self._cells:
            if c.step is None or c.parsed is None or not _TELLING.search(c.cell.source):
                continue
            for node in c.parsed.tree.body:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield from self._changing_import(c, node)
                elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                    yield from self._call(c, node)

    def _changing_import(self, c: CodeCell, node: ast.Import | ast.ImportFrom) -> Iterator[Standing]:
        if isinstance(node, ast.ImportFrom) and (node.level or node.module in (None, "__future__")):
            return
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else str(node.module)
            single = type(node)(**{**dict(ast.iter_fields(node)), "names": [alias]})
            text = ast.unparse(ast.fix_missing_locations(single))
            library = next((seen for name, seen in _CHANGING.items() if f"{module}.".startswith(f"{name}.")), None)
            if library is not None:
                yield Standing(c, node, text, library)
            elif module.partition(".")[0] not in _PLAIN and alias.name != "*" and not self._is_used(alias, node):
                yield Standing(c, node, text, "")

    def _is_used(self, alias: ast.alias, imported: ast.stmt) -> bool:
        """Whether anything but imports mentions the name that an import binds."""
        name = alias.asname or alias.name.partition(".")[0]
        word = re.compile(rf"(?<![\w.]){re.escape(name)}\b")
        for c in self._cells:
            if not word.search(c.cell.source) or c.parsed is None:
                continue
            for node in ast.walk(c.parsed.tree):
                if isinstance(node, ast.Name) and node.id == name:
                    return True
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and word.search(node.value):
                    return True  # as a magic's line has it
        return False

    def _call(self, c: CodeCell, node: ast.Expr) -> Iterator[Standing]:
        assert isinstance(node.value, ast.Call)  # noqa: S101 - the caller has looked
        origin = self._origin(node.value.func)
        library = "pandas" if _PANDAS_OF_TQDM.fullmatch(origin) else _CALLS.get(origin)
        if library is None or not all(isinstance(part, _PURE) for part in ast.walk(node.value)):
            return
        names = {part.id for part in ast.walk(node.value) if isinstance(part, ast.Name)}
        made = names - self._imports.keys()
        if not made <= _LITERAL_MAKERS & set(dir(builtins)) or any(map(self._is_bound, names)):
            return
        lines = [self._imports[name].statement for name in sorted(names - made)]
        yield Standing(c, node, "\n".join([*lines, ast.unparse(node)]), library)

    def _origin(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        found = self._imports.get(node.id) if isinstance(node, ast.Name) else None
        return "" if found is None else ".".join([found.origin, *reversed(parts)])

    @property
    def _imports(self) -> Mapping[str, _Imported]:
        """By name, what imports at the top level of cells bind; not what two of them bind differently."""
        if self._bindings is None:
            every: dict[str, set[_Imported]] = {}
            for c in self._cells:
                if c.parsed is None or "import" not in c.cell.source:
                    continue
                for node in c.parsed.tree.body:
                    for name, found in _bound_by(node):
                        every.setdefault(name, set()).add(found)
            self._bindings = {name: found for name, (found, *more) in every.items() if not more}
        return self._bindings

    def _is_bound(self, name: str) -> bool:
        """Whether anything but imports at the top level binds *name*."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        for c in self._cells:
            if c.parsed is None or not word.search(c.cell.source):
                continue
            for node in ast.walk(c.parsed.tree):
                if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
                    return True
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
                    return True
        return False


def _bound_by(node: ast.stmt) -> Iterator[tuple[str, _Imported]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            top = alias.name.partition(".")[0]
            said = f"import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            yield alias.asname or top, _Imported(alias.name if alias.asname else top, said)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            said = f"from {node.module} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")
            yield alias.asname or alias.name, _Imported(f"{node.module}.{alias.name}", said)


_TELLING = re.compile("import|" + "|".join(sorted({origin.rpartition(".")[2] for origin in _CALLS} | {"pandas"})))
"""What the source of a cell has that such a statement may be in."""


def find_setups(cells: Sequence[CodeCell]) -> Setups:
    """The statements of *cells*, which are in the notebook's order, that later steps can run again."""
    return Setups(cells)
