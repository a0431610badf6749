"""The tables of library operations, held against the libraries themselves.

What a table calls new must share no memory with what went in, and must leave it as it was. Every function of NumPy
and every method of its arrays and of pandas' objects is called with a few arguments; calls that fail tell nothing.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import io
import os
import pkgutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.utils import all_estimators

from labline_compiler.analysis import generators, methods, operations
from labline_compiler.analysis.estimators import DECIDING
from labline_compiler.analysis.homes import path_of

ARRAYS: tuple[Callable[[], Any], ...] = (
    lambda: np.arange(4.0) + 1,
    lambda: np.arange(16.0).reshape(4, 4) + np.eye(4) * 3,
    lambda: np.array(["a", "b"]),
    lambda: np.array([True, False]),
)
ARGUMENTS: tuple[tuple[Any, ...], ...] = ((), (0,), (1,), ("array",), ("array", 0), ((2, 2),))
MODULES = ("numpy", "numpy.linalg", "numpy.fft", "numpy.char", "numpy.strings", "numpy.ma", "numpy.emath")
SCIPY = ("scipy.linalg", "scipy.ndimage", "scipy.signal", "scipy.special", "scipy.stats")
# They write files, change NumPy's options, or make no data.
LEFT_OUT = frozenset(
    (
        *("save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "fromfile", "genfromtxt", "fromregex"),
        *("memmap", "test", "info", "show_config", "show_runtime", "set_printoptions", "setbufsize", "seterr"),
        *("seterrcall", "source", "fromfunction", "mintypecode"),
    )
)


def functions(module: str) -> Iterator[tuple[str, Any]]:
    home = pkgutil.resolve_name(module)
    for name in sorted(set(dir(home)) - LEFT_OUT):
        function = getattr(home, name)
        is_class = isinstance(function, type) and issubclass(function, (BaseException, np.generic, np.dtype))
        if not name.startswith("_") and callable(function) and not is_class:
            yield f"{module}.{name}", function


def shares(result: Any, given: Any) -> bool:
    if isinstance(result, (tuple, list)):
        return any(shares(part, given) for part in result)
    return result is given or (isinstance(result, np.ndarray) and np.shares_memory(result, given))


def findings(function: Callable[..., Any], make: Callable[[], Any], extra: tuple[Any, ...]) -> set[str]:
    """What a call did that it must not: "alters", "shares"."""
    first, second = make(), make()
    before = first.tobytes(), second.tobytes()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = function(first, *(second if argument == "array" else argument for argument in extra))
    except Exception:
        return set()
    found = {"alters"} if (first.tobytes(), second.tobytes()) != before else set()
    return found | ({"shares"} if shares(result, first) or shares(result, second) else set())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("module", [*MODULES, *SCIPY])
def test_what_functions_of_arrays_are_said_to_make_anew_is_new(module: str) -> None:
    wrong = {}
    for name, function in functions(module):
        operation = operations.library_operation(name)
        if operation is None or operation.result not in ("fresh", "scalar") or operation.alters:
            continue
        for make in ARRAYS:
            for extra in ARGUMENTS[: operation.plain + 1] if operation.plain else ARGUMENTS:
                if operation.plain is not None and 1 + len(extra) > operation.plain:
                    continue
                if found := findings(function, make, extra):
                    wrong[name, extra] = found
    assert wrong == {}


@pytest.mark.parametrize("module", MODULES)
def test_the_place_of_out_among_the_arguments_is_known(module: str) -> None:
    wrong = {}
    for name, function in functions(module):
        if isinstance(function, np.ufunc):
            place: int | None = function.nin
        else:
            try:
                parameters = list(inspect.signature(function).parameters.values())
            except (TypeError, ValueError):
                continue
            names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
            place = names.index("out") if "out" in names else None
        operation = operations.library_operation(name)
        if place is not None and (operation is None or operation.plain is None or operation.plain > place):
            wrong[name] = place
    assert wrong == {}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", ARRAYS[:2])
def test_what_array_methods_are_said_to_make_anew_is_new(make: Callable[[], Any]) -> None:
    wrong = {}
    known = methods.NUMPY_ALTERS | methods.NUMPY_VIEWS | {"tofile", "dump"}
    for name in sorted(set(dir(np.ndarray)) - known):
        if name.startswith("_") or not callable(getattr(np.ndarray, name)):
            continue
        plain = methods.NUMPY_PLAIN.get(name)
        for extra in ARGUMENTS:
            if plain is not None and len(extra) > plain:
                continue
            if found := findings(lambda array, *rest, name=name: getattr(array, name)(*rest), make, extra):
                wrong[name, extra] = found
    assert wrong == {}


def frame() -> pd.DataFrame:
    return pd.DataFrame({"x": [3, 1, 2, 4], "y": [5.0, 6, 7, 8]}, index=[10, 11, 12, 13])


PANDAS: dict[str, Callable[[], Any]] = {
    "frame": frame,
    "series": lambda: frame()["x"].copy(),
    "text": lambda: pd.Series(["a", "b", "c", "d"], name="q"),
    "index": lambda: pd.Index([3, 1, 2, 4], name="i"),
}
PANDAS_ARGUMENTS: tuple[tuple[Any, ...], ...] = ((), (0,), (1,), ("x",), (["x"],), ({"x": "y"},), ([10, 11],), ("x", 0))
# They plot, write, or print. ``clip`` without a bound and joining an index with nothing give the object itself.
PANDAS_LEFT_OUT = frozenset(["plot", "hist", "boxplot", "info", "style", "clip", "join"])


@pytest.mark.parametrize("kind", PANDAS)
def test_what_pandas_methods_are_said_to_make_anew_is_new(kind: str) -> None:
    wrong = {}
    known = methods.PANDAS_ALTERS | methods.PANDAS_VIEWS | PANDAS_LEFT_OUT
    for name in sorted(set(dir(type(PANDAS[kind]()))) - known):
        if name.startswith(("_", "to_")) or not callable(getattr(type(PANDAS[kind]()), name, None)):
            continue
        for extra in PANDAS_ARGUMENTS:
            if name == "copy" and extra:
                continue  # it is told how deep to go
            source, twin = PANDAS[kind](), PANDAS[kind]()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result = getattr(source, name)(*extra)
                    if result is source:
                        wrong[name, extra] = "gives itself"
                    if isinstance(result, np.ndarray):
                        result[...] = 0
                    elif isinstance(result, (pd.DataFrame, pd.Series)):
                        result.iloc[:] = result.iloc[::-1].to_numpy()
            except Exception:
                pass
            if not source.equals(twin) or (isinstance(source, (pd.Series, pd.Index)) and source.name != twin.name):
                wrong[name, extra] = "the source changed"
    assert wrong == {}


def test_names_of_pylab_are_at_home_where_it_has_them_from() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import matplotlib.pylab as pylab
        import matplotlib.pyplot
        import numpy.random

        wrong = set()
        for name in set(dir(pylab)) - {"cast", "overload"}:  # pyplot has these of typing
            thing, said = getattr(pylab, name), path_of("pylab", name).rpartition(".")[0]
            for home, module in (("matplotlib.pyplot", matplotlib.pyplot), ("numpy.random", numpy.random)):
                if callable(thing) and not isinstance(thing, type):
                    wrong |= {name} if (getattr(module, name, None) is thing) != (said == home) else set()
    assert wrong == set()


# Where packages that draw nothing have to do with random numbers all the same.
HARMLESS = {
    "bs4": {"diagnose.py"},  # makes nonsense to try itself with
    "click": {"_compat.py"},  # files that are written whole or not at all
    "IPython": {"core/tips.py", "lib/pretty.py", "utils/path.py"},
    "jinja2": {"filters.py", "utils.py"},  # a filter that is called random
    "matplotlib": {"backends/backend_webagg.py", "cbook.py", "pylab.py"},  # a port; boxes with bootstrap=
    "more_itertools": {"more.py", "recipes.py"},  # functions that say so
    "PIL": {"ImagePalette.py"},  # as above
    "prettytable": {"prettytable.py"},  # a style that says so
    "sqlalchemy": {"dialects/oracle/cx_oracle.py", "engine/default.py"},  # names of transactions
    "urllib3": {"util/retry.py"},
}
STANDARD = {"http", "secrets", "socketserver", "statistics", "tempfile", "crypt"}  # generators of their own, or by name


def names_a_generator(file: Path) -> bool:
    text = file.read_text("utf-8", "replace")
    if "random" not in text:
        return False
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import) and any(alias.name == "random" for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random") and not node.level:
            return {alias.name for alias in node.names} != {"Random"}
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            return node.attr not in ("Generator", "RandomState", "default_rng")
    return False


QUIET = sorted(generators.QUIET - generators.NAMES.keys() - {"numpy", "pandas", "mpl_toolkits"})


@pytest.mark.parametrize("package", [package for package in QUIET if importlib.util.find_spec(package) is not None])
def test_packages_that_are_said_to_draw_nothing_name_no_generator(package: str) -> None:
    spec = importlib.util.find_spec(package)
    home = Path(str(spec and spec.origin)).parent
    files = home.rglob("*.py") if spec and spec.submodule_search_locations else [Path(str(spec and spec.origin))]
    used = [file for file in files if not {"test", "tests", "testing"} & set(file.parts)]
    naming = {file.relative_to(home).as_posix() for file in used if names_a_generator(file)}
    assert naming <= HARMLESS.get(package, set())


def test_modules_of_the_standard_library_that_draw_are_known() -> None:
    home = Path(os.__file__).parent
    files = [
        *home.glob("*.py"),
        *(file for each in ("email", "http", "asyncio", "json") for file in home.glob(f"{each}/*.py")),
    ]
    drawing = {file.relative_to(home).parts[0].removesuffix(".py") for file in files if names_a_generator(file)}
    assert {name for name in drawing if generators.is_quiet(name)} <= STANDARD | generators.NAMES.keys()


@pytest.mark.parametrize("name", sorted(DECIDING))
def test_an_estimator_that_is_said_to_draw_only_where_it_is_told_to_does_not(name: str) -> None:
    kind = dict(all_estimators())[name]
    made = [kind(), *(kind(**{DECIDING[name].option: value}) for value in sorted(DECIDING[name].quiet, key=str))]
    rows = np.random.RandomState(0).rand(40, 3)
    before = np.random.get_state()[1].tobytes(), np.random.get_state()[2]
    for each in made:
        with warnings.catch_warnings(), contextlib.suppress(ValueError):  # some take other data, and a constant
            warnings.simplefilter("ignore")
            each.fit(rows, (rows[:, 0] > 0.5).astype(int))
    assert (np.random.get_state()[1].tobytes(), np.random.get_state()[2]) == before
