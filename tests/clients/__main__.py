"""Ask real servers with clients that live in environments of their own, and print what each found.

    python -m tests.clients CLIENT=PYTHON ...     kserve_sdk=build/kserve/bin/python, for example

CLIENT is a module of this package; without any, those of this environment are asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from labline_backend.home import Home

from ..backend.serving.conftest import REPOSITORY, SECONDS, Registry, filled, place, started

HERE = ("triton_http", "triton_grpc", "mlflow_deployments")
OPTIONS = ("--grpc-port", "0", "--max-body", "1")


def ask(client: str, python: str, given: dict[str, Any], folder: str) -> dict[str, str | None]:
    """What *client*, a module of this package, finds: for each fact null, or what was wrong."""
    done = subprocess.run(
        [python, "-m", f"tests.clients.{client}"],
        input=json.dumps(given),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/none.db"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
    return facts


def main() -> None:
    """Ask."""
    clients = dict(given.split("=", 1) for given in sys.argv[1:]) or dict.fromkeys(HERE, sys.executable)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        registry = filled(Registry(Home.open(Path(folder) / "home")))
        servers = {name: stack.enter_context(started(registry, name, *OPTIONS)) for name in ("forest", "prices")}
        given = place(registry, servers["forest"], servers["prices"])
        found = {name: ask(name, str(Path(python).absolute()), given, folder) for name, python in clients.items()}
    for name, facts in found.items():
        for fact, wrong in facts.items():
            print(f"{name:20} {'WRONG' if wrong else 'holds':6} {fact.replace('_', ' ')}")
            if wrong:
                print(wrong)
    sys.exit(any(wrong for facts in found.values() for wrong in facts.values()))


if __name__ == "__main__":
    main()
