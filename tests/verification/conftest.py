"""One data folder and one service for all verifications of a module."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.service import Service
from labline_backend.verification import verify as verification
from labline_backend.verification.comparison import Outcome
from labline_backend.verification.session import Watcher
from labline_backend.verification.session import verify as verify_subject
from labline_backend.verification.subject import read_subject

from ..backend.notebooks import write

Certificate = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(Home.open(tmp_path_factory.mktemp("home")), track=False) as service:
        yield service


class Verifier:
    """Verifies notebooks as the command does. *change* alters what the pipeline hands on, to see that noticed."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.folder = folder

    def __call__(
        self,
        *cells: dict[str, Any],
        change: Callable[[Outcome], Outcome] = lambda outcome: outcome,
        pipeline: Callable[[Any], Any] = lambda compiled: compiled,
        **given: str,
    ) -> Certificate:
        return self.file(write(self.folder / "case.ipynb", *cells), change=change, pipeline=pipeline, **given)

    def file(
        self,
        path: Path,
        change: Callable[[Outcome], Outcome] = lambda outcome: outcome,
        pipeline: Callable[[Any], Any] = lambda compiled: compiled,
        **given: str,
    ) -> Certificate:
        subject = read_subject(self.service, path, given)
        subject = dataclasses.replace(subject, pipeline=pipeline(subject.pipeline))
        real = verification.local_outcome
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(verification, "local_outcome", lambda *given: change(real(*given)))
            return verify_subject(self.service, subject, "local", Watcher())


@pytest.fixture
def verify(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Verifier:
    monkeypatch.setenv(verification.HASH_SEED, "random")
    verification.fix_hash_seed()
    return Verifier(service, tmp_path)


def statuses(certificate: Certificate) -> dict[tuple[str, str, str], str]:
    """What was found, by step, role and name."""
    return {(v["step"], v["role"], v["name"]): v["status"] for v in certificate["values"]}


def found(certificate: Certificate, status: str) -> list[tuple[str, str, str | None]]:
    """The step, the name and the path to the difference of all values with this status."""
    return [
        (v["step"], v["name"], v["difference"] and v["difference"]["path"])
        for v in certificate["values"]
        if v["status"] == status
    ]
