"""MLflow imported ahead in a warm parent: it works in the run of each step, and no other step can tell."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labline_backend.engine.warm import Setting
from labline_runtime import telemetry

from .conftest import Forked, Ran, Steps, mlflow_store

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux"),
    pytest.mark.filterwarnings("ignore"),  # MLflow's own, while it makes its database
]

PATIENCE = 300.0
LEARNER = "from sklearn.linear_model import LogisticRegression"
COUNT = (
    """
import sys
executed = []
def note(event, arguments):
    if event == 'exec' and getattr(arguments[0], 'co_name', '') == '<module>':
        executed.append(arguments[0].co_filename)
sys.addaudithook(note)
""",
    "functions",
)
TRAIN = "model = LogisticRegression(C=0.5).fit([[0], [1], [2], [3]], [0, 0, 1, 1])"
SEE = """
import importlib.metadata, json, logging, os, sys, warnings
import sklearn.utils.parallel
print(json.dumps([
    sorted(name for name in sys.modules if name.startswith(('mlflow', 'sklearn', 'sqlalchemy', 'yaml', 'pytest'))),
    [str(item) for item in warnings.filters],
    [getattr(each, '__name__', type(each).__name__) for each in sys.meta_path],
    sorted(os.environ),
    [str(each) for each in logging.root.handlers],
    importlib.metadata.version('numpy'),
    sklearn.utils.parallel._threadpool_controller is None,
]))
"""


class Ahead(Forked):
    """Steps of notebooks that begin with *imports*, from a parent that has them, with MLflow aside for a training."""

    def __init__(self, root: Path, *imports: str, autologging: bool = False) -> None:
        super().__init__(root)
        self._imports, self._autologging = imports, autologging

    def setting(self, folder: Path, environment: dict[str, str]) -> Setting:
        return replace(super().setting(folder, environment), imports=self._imports, autologging=self._autologging)

    def is_ready(self, folder: Path, environment: dict[str, str]) -> bool:
        """Whether there is a parent that has it all; it is made else."""
        setting = self.setting(folder, environment)
        self._parents.prepare(setting)
        assert not self._parents._failures
        assert not self._parents._refused
        wanted = replace(setting.key.at(folder).having(self._imports), autologging=self._autologging)
        parent = self._parents._look(wanted)
        return parent is not None and parent.is_ready


@dataclass(frozen=True)
class Place:
    """A notebook's folder, whose steps have their imports from a warm parent."""

    steps: Steps
    ahead: Ahead

    def run(self, *cells: Any, environment: dict[str, str] | None = None, **fields: Any) -> Ran:
        """Run a step, once the parent for it is ready."""
        variables = self.steps.environment(telemetry.OFF | (environment or {}))
        until = time.monotonic() + PATIENCE
        while not self.ahead.is_ready(self.steps.folder, variables):
            assert time.monotonic() < until, "no parent got ready"
            time.sleep(0.01)
        ran = self.steps.run(*cells, environment=telemetry.OFF | (environment or {}), **fields)
        assert ran.result.error is None, ran.result.error
        return ran


@contextlib.contextmanager
def place(folder: Path, *imports: str, autologging: bool = False) -> Iterator[Place]:
    """One in *folder*."""
    with contextlib.closing(Ahead(folder, *imports, autologging=autologging)) as ahead:
        yield Place(Steps(folder, ahead), ahead)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return mlflow_store(tmp_path_factory.mktemp("mlflow"))


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A notebook that knows nothing of MLflow, and trains something."""
    with place(tmp_path_factory.mktemp("learning"), LEARNER, autologging=True) as found:
        yield found


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A notebook that imports MLflow itself."""
    names = ("import mlflow", "from mlflow import start_run")
    with place(tmp_path_factory.mktemp("tracking"), *names) as found:
        yield found


IMPORTS = (LEARNER, "imports")
TRACKS = ("import mlflow\nfrom mlflow import start_run", "imports")


def test_a_training_imports_no_mlflow_anew(learning: Place, store: SimpleNamespace) -> None:
    run = store.start()
    count = "print(*(name for name in executed if '/mlflow/' in name or '/sqlalchemy/' in name), sep='\\n')"
    ran = learning.run(IMPORTS, COUNT, TRAIN, count, autolog=True, environment=run.environment)
    # What takes other libraries along, and what is no module but a script that the store reads, by their names.
    anew = [name for name in ran.printed().split() if "/db_migrations/" not in name]
    assert len(anew) < 10, anew


def test_a_training_is_logged_as_ever(learning: Place, store: SimpleNamespace, steps: Steps) -> None:
    ahead, anew = store.start(), store.start()
    found = learning.run(IMPORTS, TRAIN, outputs=["model"], autolog=True, environment=ahead.environment)
    usual = steps.run(IMPORTS, TRAIN, outputs=["model"], autolog=True, environment=anew.environment)
    assert ahead.get().data.params == anew.get().data.params
    assert ahead.get().data.metrics == anew.get().data.metrics
    assert ahead.get().data.params["C"] == "0.5"
    assert ahead.get().info.status == "RUNNING"
    assert found.result.artifacts[0].values[0].digest == usual.result.artifacts[0].values[0].digest
    assert found.outputs() == usual.outputs()


def test_each_attempt_is_logged_to_its_own_run(learning: Place, store: SimpleNamespace) -> None:
    first, second = store.start(), store.start()
    for run, value in ((first, "0.25"), (second, "0.75")):
        learning.run(IMPORTS, TRAIN.replace("0.5", value), autolog=True, environment=run.environment)
    assert [run.get().data.params["C"] for run in (first, second)] == ["0.25", "0.75"]


def test_a_step_that_trains_nothing_cannot_tell(learning: Place, store: SimpleNamespace, steps: Steps) -> None:
    run = store.start()
    found = learning.run(IMPORTS, SEE, autolog=True, environment=run.environment)
    usual = steps.run(IMPORTS, SEE, autolog=True, environment=run.environment)
    assert json.loads(found.printed()) == json.loads(usual.printed())


def test_what_is_made_before_a_training_is_not_made_twice(learning: Place, store: SimpleNamespace) -> None:
    run = store.start()
    own = ("import sys, pydantic, yaml\nbefore, hidden = yaml, 'mlflow' not in sys.modules", "functions")
    same = "import mlflow.utils.yaml_utils\nprint(mlflow.utils.yaml_utils.yaml is before, hidden)"
    ran = learning.run(IMPORTS, own, TRAIN, same, autolog=True, environment=run.environment)
    assert ran.printed() == "True True\n"
    assert run.get().data.params["C"] == "0.5"


def test_calls_of_mlflow_land_in_the_steps_run(tracking: Place, store: SimpleNamespace) -> None:
    first, second = store.start(), store.start()
    for run, value in ((first, 1), (second, 2)):
        ran = tracking.run(
            TRACKS,
            f"mlflow.set_experiment('mine')\nwith start_run():\n    mlflow.log_metric('m', {value})",
            environment=run.environment,
        )
        assert "belongs to 'pipeline'" in ran.log
    assert first.get().data.metrics["m"] == 1.0
    assert second.get().data.metrics["m"] == 2.0
    assert [run.get().info.status for run in (first, second)] == ["RUNNING", "RUNNING"]


def test_a_notebooks_import_of_mlflow_executes_none_of_it(tracking: Place) -> None:
    count = "import mlflow\nprint(sum('/mlflow/' in name for name in executed), hasattr(start_run, '__wrapped__'))"
    ran = tracking.run(COUNT, TRACKS, count)
    assert ran.printed() == "0 False\n"


def test_another_store_that_the_notebook_names_is_used(tracking: Place, store: SimpleNamespace) -> None:
    own = f"""
mlflow.set_tracking_uri({store.uri!r})
mlflow.set_experiment('of the notebook')
with start_run() as mine:
    mlflow.log_param('p', 7)
"""
    tracking.run(TRACKS, own)
    (found,) = store.client.search_runs([store.client.get_experiment_by_name("of the notebook").experiment_id])
    assert found.data.params == {"p": "7"}


def test_a_variable_that_mlflow_reads_when_it_is_imported_counts(tracking: Place) -> None:
    ran = tracking.run(
        TRACKS,
        "import logging\nprint(logging.getLogger('mlflow').level)",
        environment={"MLFLOW_LOGGING_LEVEL": "ERROR"},
    )
    assert ran.printed() == "40\n"
