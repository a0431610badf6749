"""MLflow inside a step: the user's own calls and autologging land in the run that ``MLFLOW_RUN_ID`` names.

That run was started by the target, which also ends it. Left to itself, MLflow would end it with the first ``with
mlflow.start_run()`` and open stray runs after that, and ``mlflow.set_experiment`` would clash with it. So, once the
step imports MLflow (never before):

- the first run that a cell starts, by name or implicitly, is the step's; later ones are its children;
- ending the step's run only means that no more is logged to it by default;
- ``set_experiment`` keeps the pipeline's experiment and says so in the log;
- a model logged while no run is active belongs to the step's run. MLflow would let it belong to none, and then nobody
  could tell which run registered it.

Without ``MLFLOW_RUN_ID`` nothing is changed.

A warm parent may have imported MLflow ahead, as it is: what a step changes of it is changed in the step, before any
cell runs, in all modules that have taken over these functions meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from labline_runtime import library, shelf
from labline_runtime.specification import StepSpecification

RUN_ID = "MLFLOW_RUN_ID"
TAKES = (
    "mlflow",
    "mlflow.sklearn.utils",
    "mlflow.xgboost",
    "mlflow.lightgbm",
    "mlflow.store.tracking.sqlalchemy_store",
    "sqlalchemy.dialects.sqlite",
)
"""What logging a training imports. No cell sees that it is there."""

_FLUENT = "mlflow.tracking.fluent"
_CHANGED = ("start_run", "set_experiment", "_create_logged_model")
_TRAINS = re.compile(r"\b(fit|train)\w*\b|\.fit_|\btrain_")


def prepare(log: Callable[[str], None]) -> None:
    """Arrange that MLflow, if a cell imports it, works in the step's run. *log* takes a line for the step's log."""
    run_id = os.environ.get(RUN_ID)
    if not run_id or _FLUENT in sys.modules:
        return
    run = _StepRun(run_id, log)
    if _learnt is not None:
        _learnt.change(run)
    if shelf.module(_FLUENT) is None:
        sys.meta_path.insert(0, _Finder(run))


def learn() -> None:
    """Find who holds what a step changes of MLflow, which is in force, so that processes that are forked need not."""
    global _learnt
    fluent = sys.modules.get(_FLUENT)
    _learnt = _Fluent(fluent) if fluent is not None else None


class _Fluent:
    """MLflow's fluent interface as it is, and all modules that have taken over functions of it."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module
        originals = {id(vars(module)[name]): name for name in _CHANGED if name in vars(module)}
        self._held = [
            (vars(each), name, originals[id(value)])
            for each in list(sys.modules.values())
            if isinstance(each, types.ModuleType) and each is not module
            for name, value in list(vars(each).items())
            if id(value) in originals
        ]

    def change(self, run: _StepRun) -> None:
        """Have all of them work in *run*."""
        with contextlib.suppress(AttributeError):  # another MLflow than any tried: it is left as it is
            run.change(self._module)
        for names, name, original in self._held:
            names[name] = vars(self._module)[original]


_learnt: _Fluent | None = None


def logs_training(spec: StepSpecification) -> bool:
    """Whether a training is to be logged: the specification asks for it, and the step trains something."""
    return spec.autolog and any(_TRAINS.search(cell.source) for cell in spec.cells)


def start_autologging(spec: StepSpecification) -> None:
    """Switch autologging on where a training is to be logged, by an MLflow that is no file beside the notebook."""
    if not (os.environ.get(RUN_ID) and logs_training(spec) and library.is_library("mlflow")):
        return
    with contextlib.suppress(Exception):  # tracking never fails a step
        shelf.take_aside()
        if _FLUENT in sys.modules:  # nobody waits for it any more
            sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, _Finder)]
        import mlflow
        from mlflow.utils.import_hooks import register_post_import_hook

        mlflow.autolog(exclusive=False, exclude_flavors=["sklearn"], **_QUIET)
        register_post_import_hook(_start_scikit_learn, "sklearn", overwrite=True)  # at once, where it is imported


_QUIET = {
    "log_input_examples": False,
    "log_model_signatures": False,
    "log_models": False,
    "log_datasets": False,
    "silent": True,
}


def _start_scikit_learn(_: types.ModuleType) -> None:
    """scikit-learn's integration by itself: only so can it be kept from writing the run's id into every model, and from
    letting the warnings of metrics that nobody asked for out into the cell."""
    import mlflow.sklearn
    import mlflow.sklearn.utils as internals

    original = internals._log_estimator_content

    @functools.wraps(original)
    def log_estimator_content(*args: Any, **kw: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return original(*args, **kw)

    internals._log_estimator_content = log_estimator_content
    mlflow.sklearn.autolog(log_post_training_metrics=False, **_QUIET)


class _StepRun:
    """The step's run, and the changes to MLflow's fluent interface that keep to it."""

    def __init__(self, run_id: str, log: Callable[[str], None]) -> None:
        self._run_id = run_id
        self._log = log
        self._ended = False

    def change(self, fluent: types.ModuleType) -> None:
        """Change the freshly imported *fluent*."""
        fluent.start_run = self._start_run(fluent, fluent.start_run)  # type: ignore[attr-defined]
        fluent.set_experiment = self._set_experiment(fluent, fluent.set_experiment)  # type: ignore[attr-defined]
        client = fluent.MlflowClient
        client.set_terminated = self._set_terminated(client.set_terminated)
        fluent._create_logged_model = self._create_model(fluent, fluent._create_logged_model)  # type: ignore[attr-defined]

    def _start_run(self, fluent: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def start_run(
            run_id: str | None = None,
            experiment_id: str | None = None,
            run_name: str | None = None,
            *args: Any,
            **kw: Any,
        ) -> Any:
            if run_id is not None or fluent.active_run() is not None:
                return original(run_id, experiment_id, run_name, *args, **kw)
            os.environ.pop(RUN_ID, None)
            if not self._ended:
                return original(self._run_id, None, None, *args, **kw)
            experiment = fluent.MlflowClient().get_run(self._run_id).info.experiment_id
            child = original(None, experiment, run_name, *args, **kw)
            with contextlib.suppress(Exception):
                fluent.MlflowClient().set_tag(child.info.run_id, "mlflow.parentRunId", self._run_id)
            return child

        return start_run

    def _set_experiment(self, fluent: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def set_experiment(experiment_name: str | None = None, experiment_id: str | None = None, **_: Any) -> Any:
            client = fluent.MlflowClient()
            experiment = client.get_experiment(client.get_run(self._run_id).info.experiment_id)
            wanted = experiment_name or experiment_id
            if wanted not in (experiment.name, experiment.experiment_id):
                self._log(f"mlflow.set_experiment({wanted!r}) is left out: the run belongs to {experiment.name!r}.")
            return experiment

        return set_experiment

    def _create_model(self, fluent: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def create_model(name: str | None = None, source_run_id: str | None = None, *args: Any, **kw: Any) -> Any:
            if source_run_id is not None or fluent.active_run() is not None:
                return original(name, source_run_id, *args, **kw)
            model = original(name, self._run_id, *args, **kw)
            with contextlib.suppress(Exception):
                from mlflow.entities import LoggedModelOutput

                output = LoggedModelOutput(model.model_id, step=0)
                fluent.MlflowClient().log_outputs(run_id=self._run_id, models=[output])
            return model

        return create_model

    def _set_terminated(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def set_terminated(client: Any, run_id: str, *args: Any, **kw: Any) -> None:
            if run_id == self._run_id:
                self._ended = True
            else:
                original(client, run_id, *args, **kw)

        return set_terminated


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for MLflow's fluent interface to be imported, then steps aside."""

    def __init__(self, run: _StepRun) -> None:
        self._run = run

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _FLUENT:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._run)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads the module as its own loader does, then changes it."""

    def __init__(self, loader: Any, run: _StepRun) -> None:
        self._loader = loader
        self._run = run

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        with contextlib.suppress(AttributeError):  # another MLflow than any tried: it is left as it is
            self._run.change(module)
