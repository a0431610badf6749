"""How the command starts."""

from __future__ import annotations

import subprocess
import sys

from labline_backend import __version__

from .conftest import Labline

HEAVY = (
    "kfp",
    "kubernetes",
    "mlflow",
    "nbformat",
    "jupyter_server",
    "jupyter_client",
    "tornado",
    "sqlalchemy",
    "alembic",
    "numpy",
    "pandas",
    "yaml",
    "jsonschema",
    "asyncio",
)


def test_help_imports_nothing_heavy(environment: dict[str, str]) -> None:
    program = f"""import sys
from labline_backend.cli import labline
labline.main(["--help"], standalone_mode=False)
print([name for name in {HEAVY} if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_run_needs_nothing_of_its_steps_libraries(environment: dict[str, str]) -> None:
    heavy = ("IPython", "numpy", "pandas", "sqlalchemy", "tornado", "mlflow", "kfp", "labline_runtime.values")
    program = f"""import sys
import labline_backend.engine.engine, labline_backend.planning
print([name for name in {heavy} if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_command_imports_no_other(environment: dict[str, str]) -> None:
    program = """import sys
from labline_backend.cli import labline
labline.main(["cache", "--help"], standalone_mode=False)
print([name for name in ("labline_backend.cli.cache", "labline_backend.cli.serve") if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['labline_backend.cli.cache']"


def test_a_command_like_the_one_asked_for_is_named(labline: Labline) -> None:
    assert "'check'" in labline("chek").err


def test_the_version_is_told(labline: Labline) -> None:
    assert labline("--version").out == f"labline {__version__}\n"


def test_a_command_that_does_not_exist_is_bad_input(labline: Labline) -> None:
    done = labline("frobnicate")
    assert done.code == 2
    assert "frobnicate" in done.err


def test_a_missing_argument_is_told_as_json_where_json_is_asked_for(labline: Labline) -> None:
    done = labline("run", "--json")
    assert done.code == 2
    assert "NOTEBOOK" in done.document["message"]
