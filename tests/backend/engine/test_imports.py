"""Which imports a notebook's preamble begins with."""

from __future__ import annotations

import pytest

from labline_backend.engine.imports import first_imports
from labline_backend.engine.tracking import autologs
from tests.backend.engine.pipelines import cell, pipeline, step


def found(*sources: str) -> tuple[str, ...]:
    return first_imports(cell(source, "imports") for source in sources)


def test_imports_of_all_cells_come_one_by_one_without_other_names() -> None:
    assert found("import os, numpy as np", "from sklearn.svm import SVC as S, SVR") == (
        "import os",
        "import numpy",
        "from sklearn.svm import SVC as S, SVR",
    )


@pytest.mark.parametrize(
    "between",
    [
        "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
        "def f(): pass",
        "from . import helpers",
        "try:\n    import numpy\nexcept ImportError:\n    pass",
        "%load_ext autoreload",
        "!pip install numpy",
        "warnings.simplefilter('error')",
        "warnings.filterwarnings('ignore', message=input())",
        "not Python",
    ],
)
def test_whatever_may_matter_to_an_import_ends_them(between: str) -> None:
    assert "import pandas" not in found(between, "import pandas")
    assert "import pandas" not in found(f"{between}\nimport pandas")


@pytest.mark.parametrize(
    "between",
    [
        "'''What the notebook is about.'''",
        "%matplotlib inline",
        "%config InlineBackend.figure_format = 'retina'",
        "import warnings\nwarnings.filterwarnings('ignore', category=FutureWarning)",
        "from __future__ import annotations",
    ],
)
def test_what_changes_no_import_does_not_end_them(between: str) -> None:
    assert found(f"{between}\nimport pandas")[-1] == "import pandas"


@pytest.mark.parametrize(
    ("statement", "source", "logged"),
    [
        ("from sklearn.linear_model import Ridge", "Ridge().fit(x, y)", True),
        ("import xgboost as xgb", "model = xgb.train({}, x)", True),
        ("from sklearn.linear_model import Ridge", "rows = load()", False),
        ("import pandas as pd", "model.fit(x)", False),
    ],
)
def test_a_training_is_logged_of_what_can_be_logged(statement: str, source: str, logged: bool) -> None:
    assert autologs(pipeline(step("a", source)), (statement,)) is logged
