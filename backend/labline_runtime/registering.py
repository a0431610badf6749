"""Registers the model that a step has made, in MLflow, once all that the step hands on is stored.

It comes last and alters nothing that is handed on. Whatever goes wrong is a sentence in the result: a model that is not
registered is no reason to throw away what the step has computed, and none to keep quiet about it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import inspect
import io
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from labline_runtime import sampling
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import Registered
from labline_runtime.requirements import modules_of, packages_of
from labline_runtime.specification import PREAMBLE_ROLES, CellSource, Registration, StepSpecification, code_digest
from labline_runtime.tracking import RUN_ID

SHOWN = 5  # rows that go along as the example
LOOKED_AT = 1000  # rows that tell the types of the columns, and which of them may be missing
LONGEST = 4000  # characters of a tag


class _UnregisteredError(Exception):
    """Why there is no new version, in words for the user."""


@dataclass(frozen=True)
class _Model:
    """A fitted model, the variable that holds it, and the cell that has made it."""

    value: Any
    variable: str
    cell: CellSource


def register(spec: StepSpecification, namespace: Mapping[str, Any], run_id: str | None) -> Registered:
    """Do what ``spec.register`` asks for, in the MLflow run *run_id*. Never raises but for an interruption."""
    wish = spec.register
    assert wish is not None  # noqa: S101 - the caller has looked
    found: _Model | None = None
    try:
        if importlib.util.find_spec("mlflow") is None:
            raise _UnregisteredError("the kernel's environment has no MLflow; install mlflow there")
        if run_id is None and wish.experiment is None:
            raise _UnregisteredError("MLflow records nothing of this step; see that tracking is on and that it answers")
        found = _find_model(spec, wish, namespace)
        version, tracked, lacks = _log(spec, wish, namespace, run_id, found)
    except _UnregisteredError as reason:
        why = str(reason)
    except Exception as error:
        said = " ".join(str(getattr(error, "message", None) or error).split())[:300]
        where = f"{found.variable} of cell {found.cell.shown} cannot be logged: " if found else ""
        why = f"{where}{type(error).__name__}: {said}"
    else:
        problem = None
        if lacks is not None:
            problem = f"Model {wish.name} version {version}, {found.variable} of cell {found.cell.shown}, {lacks}."
        return Registered(wish.name, version, found.variable, found.cell.index, problem, tracked)
    place = found.cell if found is not None else _own_cells(spec)[-1]
    return Registered(wish.name, None, found.variable if found else None, place.index, _sentence(wish.name, why))


def _sentence(name: str, why: str) -> str:
    return f"No model is registered as {name}: {why.rstrip('.')}."


# ---------------------------------------------------------------- which model


def _find_model(spec: StepSpecification, wish: Registration, namespace: Mapping[str, Any]) -> _Model:
    if (name := wish.variable) is not None:
        if name not in namespace:
            raise _UnregisteredError(f"`variable` names {name}, which there is not once the step has ended")
        if not _is_fitted(namespace[name]):
            raise _UnregisteredError(
                f"`variable` names {name}, which cell {_maker(spec, name).shown} leaves as {_kind(namespace[name])}, "
                "and not as a fitted model with scikit-learn's interface"
            )
        return _Model(namespace[name], name, _maker(spec, name))
    taken = {name for each in spec.inputs for name in each.names}
    given = {name for each in spec.outputs for name in each.names}
    made = [name for name in namespace if not name.startswith("_") and (name not in taken or name in given)]
    found: dict[int, str] = {}
    for name in made:
        if _is_fitted(namespace[name]):
            found.setdefault(id(namespace[name]), name)
    if not found:
        *others, last = [cell.shown for cell in _own_cells(spec)]
        makes = f"cells {', '.join(others)} and {last} of the step make" if others else f"cell {last} of the step makes"
        raise _UnregisteredError(
            f"{makes} no fitted model with scikit-learn's interface; give the option to the step that does, "
            "or name `variable`"
        )
    if len(found) > 1:
        names = [f"{name} (cell {_maker(spec, name).shown})" for name in found.values()]
        raise _UnregisteredError(
            f"the step makes {len(names)} fitted models, {', '.join(names)}; name one of them with `variable`"
        )
    (name,) = found.values()
    return _Model(namespace[name], name, _maker(spec, name))


def _is_fitted(value: Any) -> bool:
    """Whether *value* is a fitted estimator that predicts."""
    base = sys.modules.get("sklearn.base")
    if base is None or isinstance(value, type) or not isinstance(value, base.BaseEstimator):
        return False
    try:
        if not callable(getattr(value, "predict", None)):
            return False
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(value)
    except Exception:
        return False
    return True


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")


def _own_cells(spec: StepSpecification) -> list[CellSource]:
    return [cell for cell in spec.cells if cell.role not in PREAMBLE_ROLES]


def _maker(spec: StepSpecification, name: str) -> CellSource:
    """The last cell that binds or fits *name*; else the last one that mentions it, else the last."""
    cells = _own_cells(spec)
    for pattern in (rf"\b{name}\b\s*(=(?!=)|\.\s*(partial_)?fit)", rf"\b{name}\b"):
        if found := [cell for cell in cells if re.search(pattern, cell.source)]:
            return found[-1]
    return cells[-1]


# ---------------------------------------------------------------- what it is asked with


def _find_input(spec: StepSpecification, wish: Registration, model: _Model, namespace: Mapping[str, Any]) -> Any:
    """A table or array of rows that the model takes; None where none is known for one."""
    if (name := wish.input) is not None:
        if name not in namespace or (found := _as_input(namespace[name], model.value)) is None:
            raise _UnregisteredError(f"`input` names {name}, which is no table or array of what the model takes")
        return found
    fitted_with = _fitted_with(spec, model.variable)
    taken = [name for each in spec.inputs for name in each.names]
    given = [name for each in spec.outputs for name in each.names]
    names = list(dict.fromkeys([*fitted_with, *taken, *given, *namespace]))
    fitting: list[Any] = []
    for name in names:
        if name in namespace and not name.startswith("_"):
            value = _as_input(namespace[name], model.value)
            if value is None:
                continue
            if name in fitted_with or hasattr(model.value, "feature_names_in_"):
                return value
            fitting.append(value)
    # Of arrays only the width tells: another of the same width may be what the features were made of.
    return fitting[0] if len(fitting) == 1 else None


def _fitted_with(spec: StepSpecification, variable: str) -> list[str]:
    """The variables that the model in *variable* is fitted with, as far as the code spells that out."""
    found: list[str] = []
    for cell in _own_cells(spec):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:  # a magic
            continue
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            bound = any(isinstance(target, ast.Name) and target.id == variable for target in targets)
            for call in ast.walk(node.value) if bound and isinstance(node, ast.Assign) else [node]:
                if (
                    isinstance(call, ast.Call)
                    and isinstance(call.func, ast.Attribute)
                    and call.func.attr in ("fit", "partial_fit")
                    and (bound or (isinstance(call.func.value, ast.Name) and call.func.value.id == variable))
                    and call.args
                    and isinstance(call.args[0], ast.Name)
                ):
                    found.append(call.args[0].id)
    return found


def _as_input(value: Any, model: Any) -> Any:
    """*value*, or the columns of it, as what *model* takes; None where it is no such table or array."""
    columns, count = getattr(model, "feature_names_in_", None), getattr(model, "n_features_in_", None)
    pandas, numpy = sys.modules.get("pandas"), sys.modules.get("numpy")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        if not len(value):
            return None
        if columns is not None:
            return value[list(columns)] if set(columns) <= set(value.columns) else None
        return value if value.shape[1] == count else None
    if numpy is not None and type(value) is numpy.ndarray:
        return value if value.ndim == 2 and len(value) and columns is None and value.shape[1] == count else None
    return None


# ---------------------------------------------------------------- MLflow


def _log(
    spec: StepSpecification, wish: Registration, namespace: Mapping[str, Any], run_id: str | None, model: _Model
) -> tuple[str, str, str | None]:
    """Log and register the model; the version, the run that it belongs to, and what it lacks."""
    import cloudpickle

    rows = _find_input(spec, wish, model, namespace)
    modules = modules_of([cloudpickle.dumps(model.value)])
    beside = _beside(modules, Path(spec.working_directory))
    packages = packages_of({*modules, "cloudpickle", "numpy", *(("pandas",) if _is_table(rows) else ())})
    tags = {name: text[:LONGEST] for name, text in _tags(spec, model, packages).items()}
    with _quiet():
        import mlflow

        described: dict[str, Any] = {}
        if rows is not None:
            example = rows[:SHOWN].copy()
            answer = model.value.predict(example)
            described = {
                "signature": mlflow.models.infer_signature(rows[:LOOKED_AT], answer),
                "input_example": rows[:SHOWN],
            }
        with _run(mlflow, wish, run_id, tags), _sampled(mlflow, rows if wish.sample else None) as files:
            tracked = str(mlflow.active_run().info.run_id)
            logged = mlflow.sklearn.log_model(
                model.value,
                name="model",
                registered_model_name=wish.name,
                serialization_format="cloudpickle",
                pip_requirements=packages,
                code_paths=beside or None,
                tags=tags,
                metadata=tags,
                **described,
                **files,
            )
        version = str(logged.registered_model_version)
        client = mlflow.MlflowClient()
        for name, text in tags.items():
            client.set_model_version_tag(wish.name, version, name, text)
    lacks = None
    if rows is None:
        lacks = "has no signature and no example: what it is asked with is not known; name `input` in the option"
    return version, tracked, lacks


@contextlib.contextmanager
def _sampled(mlflow: Any, rows: Any) -> Iterator[dict[str, Any]]:
    """What has MLflow keep a sample of *rows* beside the model; nothing where its release knows no such files."""
    known = rows is not None and "extra_files" in inspect.signature(mlflow.sklearn.log_model).parameters
    text = sampling.document(rows) if known else None
    if text is None:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / sampling.FILE
        file.write_text(text, "utf-8")
        yield {"extra_files": [str(file)]}


def _is_table(rows: Any) -> bool:
    return rows is not None and hasattr(rows, "columns")


@contextlib.contextmanager
def _run(mlflow: Any, wish: Registration, run_id: str | None, tags: dict[str, str]) -> Iterator[None]:
    """The step's run, or one of its own; runs that a cell has left open stay."""
    if run_id is None:
        mlflow.set_experiment(wish.experiment)
        with mlflow.start_run(run_name=tags["labline.step"], nested=True, tags=tags):
            yield
        return
    active = mlflow.active_run()
    if active is not None and active.info.run_id == run_id:
        yield
        return
    with mlflow.start_run(run_id=run_id, nested=True):
        yield


def _tags(spec: StepSpecification, model: _Model, packages: list[str]) -> dict[str, str]:
    """Where the version comes from."""
    return {
        "labline.run": spec.run,
        "labline.pipeline": spec.pipeline,
        "labline.notebook": spec.notebook,
        "labline.step": spec.step,
        "labline.cell": model.cell.shown,
        "labline.variable": model.variable,
        "labline.code": code_digest(spec.cells),
        "labline.packages": ", ".join(packages),
    }


def _beside(modules: set[str], folder: Path) -> list[str]:
    """The modules beside the notebook that the model needs, as files and folders."""
    found = []
    for name in sorted(modules - {"__main__"}):
        origin = getattr(sys.modules.get(name), "__file__", None)
        if origin is None:
            continue
        path = Path(origin)
        place = path.parent if path.name == "__init__.py" else path
        if place.parent == folder:
            found.append(str(place))
    return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without a word in the step's log, and without a question at a terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    os.environ.pop(RUN_ID, None)  # the run is named; left to itself MLflow would take this up once
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
