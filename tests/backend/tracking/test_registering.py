"""A step that makes a model registers it by one option, in a real MLflow."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.service import Service
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.tracking.location import Location
from labline_compiler.selection import Selection
from tests.backend.notebooks import code, write
from tests.backend.stores import copy_into
from tests.backend.tracking.conftest import Reader

pytestmark = pytest.mark.long

LOAD = """import numpy as np
import pandas as pd
rows = pd.DataFrame({"size": np.arange(40.0), "rooms": np.arange(40) % 7, "city": "Bern"})
price = rows["size"] * 3 + rows["rooms"]"""

TRAIN = """from sklearn.linear_model import LinearRegression
X = rows[["rooms", "size"]]
model = LinearRegression().fit(X, price)"""

TWO = f"""{TRAIN}
from sklearn.tree import DecisionTreeRegressor
tree = DecisionTreeRegressor(max_depth=2).fit(X, price)"""

HALVED = """from sklearn.linear_model import LinearRegression
numbers = rows[["rooms", "size"]].to_numpy()
halves = numbers / 2
model = LinearRegression()
model.fit(halves[::1], price)"""

OWN = """import mlflow
from sklearn.linear_model import LinearRegression
mlflow.start_run()
mlflow.log_metric("own", 3)
X = rows[["rooms", "size"]]


class Doubled(LinearRegression):
    def predict(self, X):
        return 2 * super().predict(X)


model = Doubled().fit(X, price)"""

BESIDE = """from beside_the_shop import Plain
X = rows[["rooms", "size"]]
model = Plain().fit(X, price)"""

STEPS: dict[str, tuple[str, Any]] = {
    "houses": (TRAIN, "houses"),
    "none": ("total = price.sum()", "none"),
    "two": (TWO, "two"),
    "unfitted": (
        "from sklearn.linear_model import Ridge\nmodel = Ridge()",
        {"name": "unfitted", "variable": "model"},
    ),
    "unbound": (TRAIN, {"name": "unbound", "variable": "modle"}),
    "misfit": (TRAIN, {"name": "misfit", "input": "price"}),
    "named": (TWO, {"name": "named", "variable": "tree", "input": "X", "sample": False}),
    "halved": (HALVED, "halved"),
    "array": (HALVED.replace("halves[::1]", "halves"), "array"),
    "own": (OWN, "own"),
    "beside": (BESIDE, "beside"),
}
IMPORTS = "import pandas\nimport sklearn.linear_model"  # once, ahead of all steps: else every one takes seconds

CELLS = {"houses": 3, **{name: place for place, name in enumerate(list(STEPS)[1:], 5)}}  # people count from 1


@dataclass(frozen=True)
class Shop:
    """A notebook whose steps each are to register a model, and its run."""

    path: Path
    home: Home
    run: RunRecord

    def run_again(self, *stops: str) -> dict[str, RunRecord]:
        """Run it once more up to each of some steps."""
        with Service(self.home) as service:
            return {
                stop: service.engine.wait(
                    service.run(self.path, notebook=self.path.name, selection=Selection(stop=stop)).id, 900
                )
                for stop in stops
            }

    def step(self, name: str, run: RunRecord | None = None) -> StepRecord:
        """A step of the run, or of another."""
        with Service(self.home, track=False) as service:
            return next(step for step in service.store.steps((run or self.run).id) if step.name == name)

    @property
    def client(self) -> Reader:
        """MLflow's own."""
        return Reader(Location.find(self.home).uri)

    def folder(self, name: str) -> Path:
        """Where the files of a model's version 1 lie."""
        version = self.client.get_model_version(name, "1")
        found = self.client.get_logged_model(version.source.removeprefix("models:/"))
        return Path(found.artifact_location.removeprefix("file://"))

    def load(self, name: str) -> Any:
        """A model's version 1, as MLflow has it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow

            return mlflow.pyfunc.load_model(str(self.folder(name)))


def _run(home: Home, path: Path, *, track: bool = True) -> RunRecord:
    with Service(home, track=track) as service:
        run = service.run(path, notebook=path.name)
        return service.engine.wait(run.id, 900)


def told(run: RunRecord, step: str) -> list[str]:
    return [found.message for found in run.findings if found.code == "LL505" and found.step == step]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("registering")
    (folder / "beside_the_shop.py").write_text(
        "from sklearn.linear_model import LinearRegression\n\n\nclass Plain(LinearRegression):\n    pass\n"
    )
    cells = [code(IMPORTS, "imports"), code(LOAD, "step:load")]
    for name, (source, _) in STEPS.items():
        cells.append(code(source, f"step:{name}"))
        if name == "houses":
            cells.append(code("loss = 0.5", "pipeline-metrics"))
    steps = {name: {"register": wish} for name, (_, wish) in STEPS.items()}
    path = write(folder / "shop.ipynb", *cells, labline={"steps": steps})
    home = copy_into(Home.open(folder / "home"), tmp_path_factory)
    run = _run(home, path)
    assert run.state == "succeeded", run.error
    return Shop(path, home, run)


@pytest.fixture(scope="module")
def version(shop: Shop) -> Any:
    return shop.client.get_model_version("houses", "1")


@pytest.fixture(scope="module")
def loaded(shop: Shop) -> Any:
    return shop.load("houses")


@pytest.fixture(scope="module")
def again(shop: Shop) -> dict[str, RunRecord]:
    """The same once more, up to a step whose model was registered, and up to one whose models were not."""
    return shop.run_again("houses", "two")


def test_rows_that_a_model_was_fitted_with_lie_beside_it(shop: Shop) -> None:
    from labline_backend.serving import mlmodel
    from labline_backend.serving.examples import sampled

    folder = shop.folder("houses")
    rows = sampled(folder, mlmodel.read((folder / mlmodel.FILE).read_bytes()).signature)
    assert rows is not None and rows.count == 40
    assert dict(rows.named())["size"].tolist() == list(range(40))


def test_no_rows_but_the_example_lie_beside_a_model_where_no_sample_is_wanted(shop: Shop) -> None:
    from labline_runtime.sampling import FILE

    assert list(shop.folder("houses").rglob(FILE))
    assert not list(shop.folder("named").rglob(FILE))
    assert len(shop.load("named").input_example) == 5


def test_nothing_is_told_where_the_model_is_registered(shop: Shop) -> None:
    assert told(shop.run, "houses") == []


def test_the_version_predicts_what_the_notebook_predicts(loaded: Any) -> None:
    import pandas as pd

    assert loaded.predict(pd.DataFrame({"rooms": [2], "size": [10.0]}))[0] == pytest.approx(32)


def test_its_signature_names_the_columns_that_it_was_fitted_with(loaded: Any) -> None:
    assert loaded.metadata.signature.inputs.input_names() == ["rooms", "size"]


def test_its_example_is_of_the_values_that_it_was_fitted_with(loaded: Any) -> None:
    assert loaded.input_example.to_dict("list") == {"rooms": [0, 1, 2, 3, 4], "size": [0.0, 1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("labline.step", "houses"),
        ("labline.notebook", "shop.ipynb"),
        ("labline.cell", "3"),
        ("labline.variable", "model"),
    ],
)
def test_it_says_where_it_comes_from(version: Any, tag: str, value: str) -> None:
    assert version.tags[tag] == value


def test_it_names_its_run(version: Any, shop: Shop) -> None:
    assert version.tags["labline.run"] == shop.run.id


def test_it_has_the_digest_of_what_the_step_took(shop: Shop, version: Any) -> None:
    made = shop.step("load").result
    assert made is not None
    digests = {value.name: value.digest for artifact in made.artifacts for value in artifact.values}
    assert version.tags["labline.input.rows"] == digests["rows"]


def test_it_has_the_packages_that_it_needs(version: Any) -> None:
    named = {each.partition("==")[0] for each in version.tags["labline.packages"].split(", ")}
    assert named >= {"scikit-learn", "pandas"}


def test_its_run_has_the_metrics_of_the_step(shop: Shop, version: Any) -> None:
    assert shop.client.get_run(version.run_id).data.metrics["loss"] == 0.5


def test_the_log_says_what_was_registered(shop: Shop) -> None:
    log = shop.home.step_folder(shop.run.id, "houses") / "log.txt"
    assert log.read_text() == "Registered houses/1: model\n"


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (
            "none",
            "cell {cell} of the step makes no fitted model with scikit-learn's interface; give the option to the step "
            "that does, or name `variable`.",
        ),
        (
            "two",
            "the step makes 2 fitted models, model (cell {cell}), tree (cell {cell}); name one of them with "
            "`variable`.",
        ),
        (
            "unfitted",
            "`variable` names model, which cell {cell} leaves as sklearn.linear_model._ridge.Ridge, and not as a "
            "fitted model with scikit-learn's interface.",
        ),
        ("unbound", "`variable` names modle, which there is not once the step has ended."),
        ("misfit", "`input` names price, which is no table or array of what the model takes."),
    ],
)
def test_what_cannot_be_registered_is_told_with_the_run(shop: Shop, step: str, why: str) -> None:
    expected = f"Step {step}: No model is registered as {step}: {why.format(cell=CELLS[step])}"
    assert told(shop.run, step) == [expected]


def test_the_finding_is_at_the_cell(shop: Shop) -> None:
    (found,) = [each for each in shop.run.findings if each.code == "LL505" and each.step == "none"]
    assert found.cell_index == CELLS["none"] - 1


def test_of_two_models_the_one_that_is_named_is_registered(shop: Shop) -> None:
    version = shop.client.get_model_version("named", "1")
    assert (told(shop.run, "named"), version.tags["labline.variable"]) == ([], "tree")


def test_a_model_whose_input_is_not_known_is_registered_without_a_signature_and_that_is_told(shop: Shop) -> None:
    assert told(shop.run, "halved") == [
        f"Step halved: Model halved version 1, model of cell {CELLS['halved']}, has no signature and no example: what "
        "it is asked with is not known; name `input` in the option."
    ]


def test_an_array_that_the_code_fits_with_is_the_input(shop: Shop) -> None:
    assert shop.load("array").input_example[1].tolist() == [0.5, 0.5]


def test_a_class_of_the_notebook_goes_into_the_model(shop: Shop) -> None:
    import pandas as pd

    answer = shop.load("own").predict(pd.DataFrame({"rooms": [2], "size": [10.0]}))
    assert answer[0] == pytest.approx(64)


def test_a_run_that_a_cell_has_left_open_is_the_models(shop: Shop) -> None:
    version = shop.client.get_model_version("own", "1")
    assert shop.client.get_run(version.run_id).data.metrics["own"] == 3


def test_a_class_of_a_module_beside_the_notebook_comes_along(shop: Shop) -> None:
    assert [path.name for path in (shop.folder("beside") / "code").iterdir()] == ["beside_the_shop.py"]


def test_a_step_whose_model_is_registered_is_cached_and_registers_nothing_anew(
    shop: Shop, again: dict[str, RunRecord]
) -> None:
    assert shop.step("houses", again["houses"]).state == "cached"
    assert [int(each.version) for each in shop.client.search_model_versions("name='houses'")] == [1]


def test_a_model_that_was_not_registered_is_tried_again(again: dict[str, RunRecord]) -> None:
    assert len(told(again["two"], "two")) == 1


def test_without_tracking_it_is_told_that_nothing_is_registered(tmp_path: Path) -> None:
    cells = [code(LOAD, "step:load"), code("total = price.sum()", "step:sum")]
    path = write(tmp_path / "sum.ipynb", *cells, labline={"steps": {"sum": {"register": "sums"}}})
    assert told(_run(Home.open(tmp_path / "home"), path, track=False), "sum") == [
        "Step sum: No model is registered as sums: MLflow records nothing of this step; see that tracking is on and "
        "that it answers."
    ]
