"""A run on this machine tells what its steps ask for and do not get."""

from __future__ import annotations

from pathlib import Path

from labline_backend.home import Home
from labline_backend.service import Service

from .notebooks import code, write


def test_a_run_here_tells_which_secrets_are_missing(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SET_HERE", "1")
    path = write(tmp_path / "n.ipynb", code("x = 1", "step:a", "secret:store:one:SET_HERE", "secret:store:two:NOT_SET"))
    with Service(Home.open(tmp_path / "home"), track=False) as service:
        run = service.engine.wait(service.run(path, notebook="n.ipynb").id, timeout=120)
    assert run.state == "succeeded"
    assert [(f.code, f.severity, "NOT_SET" in f.message) for f in run.findings] == [("LL601", "warning", True)]
