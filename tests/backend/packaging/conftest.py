"""One notebook, run once by the real engine; each of its steps ends with a prediction that is to be packaged."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.packaging import worker
from labline_backend.packaging.project import Made, Options, make
from labline_backend.service import Service

from ..notebooks import code, write

LOAD = """people = pd.read_csv("people.csv", dtype={"postcode": str})
stamped = people.assign(when=pd.to_datetime(people["when"], utc=True))
y = people["bought"]"""

IMPORTS = """import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler"""

FUNCTIONS = """def standardised(frame):
    return (frame - frame.mean()) / frame.std()


def filled(frame):
    return frame.fillna(frame.mean())


def learn(frame):
    return StandardScaler().fit(frame)"""

PREDICTIONS = {
    "column_order": """X = people[["income", "size"]].to_numpy()
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "dtype": """X = pd.DataFrame({"region": people["postcode"].str[:2].astype(int), "income": people["income"]})
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "time_zone": """hour = pd.DataFrame({"hour": stamped["when"].dt.hour})
model = LinearRegression().fit(hour, y)
p = model.predict(hour)""",
    "time_zone_of_text": """when = pd.to_datetime(people["when"], utc=True).dt.tz_convert("Asia/Kolkata")
hour = pd.DataFrame({"hour": when.dt.hour, "minute": when.dt.minute})
model = LinearRegression().fit(hour, y)
p = model.predict(hour)""",
    "unseen_category": """encoder = OneHotEncoder(sparse_output=False)
X = encoder.fit_transform(people[["city"]])
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "category_codes": """X = pd.DataFrame({"code": people["city"].astype("category").cat.codes})
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "refitted_scaler": """scaler = StandardScaler()
train, test = people[:60], people[60:]
model = LinearRegression().fit(scaler.fit_transform(train[["income", "size"]]), y[:60])
X = scaler.fit_transform(test[["income", "size"]])
p = model.predict(X)""",
    "refitted_inside": """work = people[["income", "size"]].copy()
work["income"] = standardised(work["income"])
model = LinearRegression().fit(work, y)
p = model.predict(work)""",
    "missing_column": """work = people[people["size"] > 1].dropna(subset=["bought"]).reset_index(drop=True)
work["ratio"] = work["income"] / work["size"]
model = LinearRegression().fit(work[["ratio"]], work["bought"])
p = model.predict(work[["ratio"]])""",
    "default_fill": """work = people[["income", "age"]].copy()
work["age"] = work["age"].fillna(work["age"].mean())
model = LinearRegression().fit(work, y)
p = model.predict(work)""",
    "default_fill_inside": """work = filled(people[["income", "age"]])
model = LinearRegression().fit(work, y)
p = model.predict(work)""",
    "string_case": """names = people["city"].str.strip().str.lower()
means = people.groupby(names)["income"].mean()
X = pd.DataFrame({"mean": names.map(means), "size": people["size"]})
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "index_dependence": """work = people[["income"]].copy()
work["place"] = work.index % 7
model = LinearRegression().fit(work, y)
p = model.predict(work)""",
    "stale_global": """factor = 2


def scaled(column):
    return column * factor


work = pd.DataFrame({"income": scaled(people["income"])})
factor = 3
work["size"] = scaled(people["size"])
model = LinearRegression().fit(work, y)
factor = 5
p = model.predict(work)""",
    "settings": """import csv, decimal
decimal.getcontext().prec = 3
csv.register_dialect("words", delimiter=" ")
third = people["income"].map(lambda income: float(decimal.Decimal(income) / 3))
words = people["city"].map(lambda city: len(next(csv.reader([city], "words"))))
X = pd.DataFrame({"third": third, "words": words})
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
    "fitted_by_a_function": """scaler = learn(people[["income", "size"]])
X = scaler.transform(people[["income", "size"]])
model = LinearRegression().fit(X, y)
p = model.predict(X)""",
}


def _write_people(path: Path) -> None:
    import numpy as np
    import pandas as pd

    chance = np.random.default_rng(3)
    count = 90
    frame = pd.DataFrame(
        {
            "id": range(1000, 1000 + count),
            "age": np.where(np.arange(count) % 11 == 4, np.nan, chance.integers(18, 80, count).astype(float)),
            "city": chance.choice(["Oslo", " OSLO", "bern", "Rome"], count),
            "income": chance.lognormal(3, 1, count),
            "size": chance.integers(1, 6, count),
            "postcode": [f"0{each:04}" for each in chance.integers(0, 9999, count)],
            "when": pd.date_range("2026-03-28 20:00", periods=count, freq="47min").strftime("%Y-%m-%dT%H:%M:%S+01:00"),
            "bought": chance.integers(0, 2, count),
        }
    )
    frame.to_csv(path, index=False)


@dataclass(frozen=True)
class Package:
    """A packaged model, and what is known of it; ``refused`` says why it may not be registered, if it may not."""

    made: Made | None
    refused: str | None
    model: Any = None

    def ask(self, rows: Any) -> Any:
        """What the model answers."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.model.predict(rows)


@dataclass(frozen=True)
class Workshop:
    """The notebook with its run, and the folder that models are made in."""

    home: Path
    notebook: Path
    folder: Path

    @property
    def people(self) -> Any:
        """The rows, as the notebook reads them."""
        import pandas as pd

        return pd.read_csv(self.notebook.with_name("people.csv"), dtype={"postcode": str})

    def package(self, step: str, given: str | None = "people", tolerance: float = 1e-9) -> Package:
        """Make the model of a step's prediction, save it and try it, as ``labline package`` does in processes."""
        folder = self.folder / f"{step}-{given}-{tolerance}"
        folder.mkdir()
        with Service(Home.open(self.home), track=False) as service:
            try:
                made = make(service, self.notebook, self.notebook.name, Options(step, None, given, tolerance), folder)
            except InputError as error:
                return Package(None, error.message)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            worker.save(made.job)
            tried = worker.try_out(made.job)
            import mlflow

            model = mlflow.pyfunc.load_model(str(folder / worker.MODEL))
        return Package(made, tried["difference"], model)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("packaging")
    _write_people(folder / "people.csv")
    cells = [code(IMPORTS, "imports"), code(FUNCTIONS, "functions"), code(LOAD, "step:load")]
    cells += [code(source, f"step:{step}") for step, source in PREDICTIONS.items()]
    path = write(folder / "people.ipynb", *cells)
    home = folder / "home"
    with Service(Home.open(home), track=False) as service:
        run = service.run(path, notebook=path.name)
        ended = service.engine.wait(run.id, 600)
        assert ended.state == "succeeded", ended.error
    models = folder / "models"
    models.mkdir()
    return Workshop(home, path, models)


@pytest.fixture(scope="session")
def packages(workshop: Workshop) -> Callable[[str], Package]:
    """The model of a step, made once."""
    known: dict[str, Package] = {}

    def package(step: str) -> Package:
        if step not in known:
            known[step] = workshop.package(step, "stamped" if step == "time_zone" else "people")
        return known[step]

    return package
