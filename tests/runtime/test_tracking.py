"""The user's MLflow calls and autologging land in the step's run, which the step does not end. With a real MLflow."""

from __future__ import annotations

import pytest

from .conftest import mlflow_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return mlflow_store(tmp_path_factory.mktemp("mlflow"))


pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, while it makes its database


def test_the_users_calls_land_in_the_steps_run(steps, store):
    run = store.start()
    ran = steps.run(
        ("import mlflow", "imports"),
        "mlflow.set_experiment('mine')\nwith mlflow.start_run(run_name='first'):\n    mlflow.log_metric('m', 1)\n"
        "with mlflow.start_run(run_name='second') as child:\n    mlflow.log_param('p', 2)",
        environment=run.environment,
    )
    assert ran.result.error is None, ran.result.error
    assert "belongs to 'pipeline'" in ran.log
    recorded = run.get()
    assert (recorded.data.metrics, recorded.info.status) == ({"m": 1.0}, "RUNNING")
    children = store.client.search_runs([store.experiment], f"tags.`mlflow.parentRunId` = '{run.id}'")
    assert [(child.info.run_name, child.data.params, child.info.status) for child in children] == [
        ("second", {"p": "2"}, "FINISHED")
    ]
    assert [e.name for e in store.client.search_experiments()].count("mine") == 0


def test_a_metric_logged_without_a_run_lands_in_the_steps_run(steps, store):
    run = store.start()
    steps.run("import mlflow\nmlflow.log_metric('loose', 3)", environment=run.environment)
    assert (run.get().data.metrics, run.get().info.status) == ({"loose": 3.0}, "RUNNING")


def test_a_model_logged_without_a_run_belongs_to_the_steps_run(steps, store):
    run = store.start()
    ran = steps.run(
        "import mlflow\nmlflow.pyfunc.log_model(name='m', python_model=lambda model_input: model_input, "
        "pip_requirements=[], registered_model_name='loose')\nwith mlflow.start_run():\n    pass",
        environment=run.environment,
    )
    assert ran.result.error is None, ran.result.error
    assert [version.name for version in store.client.search_model_versions(f"run_id = '{run.id}'")] == ["loose"]


def test_autologging_records_training_and_changes_no_value(steps, store):
    run = store.start()
    cells = (  # the library's name stands in an earlier step only
        "import importlib\nModel = importlib.import_module('sk' + 'learn.linear_model').LogisticRegression\n"
        "model = Model(C=0.5).fit([[0], [1], [2], [3]], [0, 0, 1, 1])",
    )
    plain = steps.run(*cells, outputs=["model"])
    logged = steps.run(*cells, outputs=["model"], autolog=True, environment=run.environment)
    assert run.get().data.params["C"] == "0.5"
    assert run.get().info.status == "RUNNING"
    assert logged.result.artifacts[0].values[0].digest == plain.result.artifacts[0].values[0].digest
    assert logged.outputs() == []


def test_a_tracking_server_that_is_gone_does_not_fail_autologging(steps, tmp_path):
    environment = {
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    ran = steps.run(
        "from sklearn.linear_model import LinearRegression\nm = LinearRegression().fit([[1], [2]], [1, 2])",
        autolog=True,
        environment=environment,
    )
    assert ran.result.error is None, ran.result.error


def test_without_a_run_nothing_is_imported(steps):
    ran = steps.run("import sys\ndef fit(): pass\nfit()\nprint('mlflow' in sys.modules)", autolog=True)
    assert ran.printed() == "False\n"
