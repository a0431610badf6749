"""``python -m tests.faults.apis [EXAMPLES]``: Schemathesis on real servers, by what they say of their own APIs.

Schemathesis is no dependency of the tests: it is taken from beside this Python or from the search path, where ``uv
tool install schemathesis`` puts it in an environment of its own. The same EXAMPLES give the same requests. No request
may be answered with 5xx, and every answer has to have a status, a type and a schema that the document knows.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labline_backend.home import Home

from ..backend.serving.conftest import TOKEN, Registry, filled, started

REPOSITORY = Path(__file__).parents[2]
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def main(examples: int) -> int:
    """Ask both; how many of them fell."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        registry = filled(Registry(Home.open(Path(folder, "models"))))
        fallen = 0
        for model in ("forest", "prices"):
            served = stack.enter_context(started(registry, model))
            place = f"http://127.0.0.1:{served.port}"
            fallen += _asked(f"{place}/openapi.json", place, f"Bearer {TOKEN}", examples)
        token = secrets.token_hex(24)
        port = stack.enter_context(_lab(Path(folder), token))
        document = REPOSITORY / "backend/labline_backend/api/openapi.yaml"
        address = f"http://127.0.0.1:{port}/labline/api/v1"
        fallen += _asked(str(document), address, f"token {token}", examples, "deployModel")
    return fallen


def _asked(document: str, address: str, authorization: str, examples: int, without: str | None = None) -> bool:
    beside = Path(sys.executable).with_name("schemathesis")
    command = [str(beside) if beside.exists() else shutil.which("schemathesis") or "", "run", document]
    command += ["--url", address, "--checks", CHECKS, "--max-examples", str(examples), "--generation-deterministic"]
    command += ["--header", f"Authorization: {authorization}", "--warnings", "off", "--no-color"]
    command += ["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "60"]
    if without is not None:
        command += ["--exclude-operation-id", without]
    print(f"{address}, from {document}", flush=True)
    with tempfile.TemporaryDirectory() as folder:  # it leaves notes where it is called
        return subprocess.run(command, cwd=folder, check=False).returncode != 0


@contextlib.contextmanager
def _lab(folder: Path, token: str) -> Iterator[int]:
    """A Labline server, from when it listens; its port."""
    notebooks = folder / "notebooks"
    notebooks.mkdir()
    places = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
    home = {"LABLINE_HOME": str(folder / "lab"), "JUPYTER_TOKEN": token, "PYTHONPATH": places}
    command = [sys.executable, "-m", "labline_backend", "server", "--port", "0", "--allow-root"]
    log = folder / "lab.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--folder", str(notebooks)],
            env={**os.environ, **home},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        while (found := re.search(r"http://127\.0\.0\.1:(\d+)", log.read_text())) is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
                raise SystemExit(log.read_text())
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()
        said = log.read_text().splitlines()
        print("\n".join(line for line in said if "Error" in line or "Traceback" in line))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 25))
