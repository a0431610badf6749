"""Verifies every case of ``tests/equivalence`` and prints a table: ``python -m tests.verification.cases [NAME...]``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from labline_backend.cli.certificate import conclusion
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.service import Service
from labline_backend.verification.verify import fix_hash_seed

from ..equivalence.cases import CASES
from ..equivalence.reference import cells_of, notebook_of
from .conftest import Verifier


def main(names: list[str]) -> int:
    """Verify the cases called *names*, or all; the number of those that are not as they should be."""
    bad = 0
    fix_hash_seed()
    with tempfile.TemporaryDirectory() as root, Service(Home.open(Path(root) / "home"), track=False) as service:
        for name in names or CASES:
            folder = Path(root) / name
            folder.mkdir()
            path = folder / "case.ipynb"
            path.write_text(json.dumps(notebook_of(cells_of(CASES[name]))))
            try:
                certificate = Verifier(service, folder).file(path)
                verdict, said = certificate["subject"]["verdict"], conclusion(certificate)
                if certificate["subject"]["failure"]:
                    said += " " + certificate["subject"]["failure"]
            except InputError as error:
                verdict, said = "refused", error.message
            bad += verdict in ("different", "refused")
            print(f"{name:60} {verdict:16} {said}", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 100))
