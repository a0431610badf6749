"""``labline server`` and ``labline mlflow``."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import SECONDS, Labline

Server = tuple[subprocess.Popen[str], str, str]


@pytest.fixture
def server(environment: dict[str, str], tmp_path: Path) -> Iterator[Server]:
    """A server on a free port: its process, the address and the token that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "server", "--port", "0", "--allow-root"],
        cwd=tmp_path,
        env={**environment, "PYTHONWARNINGS": "ignore"},  # the server's own are not ours to mend
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"(http://127\.0\.0\.1:\d+/labline/api/v1/status)\?token=(\w+)", line)
    assert found is not None, f"{line}{process.stderr.read() if process.stderr and process.poll() is not None else ''}"
    yield process, found[1], found[2]
    process.kill()
    process.communicate()


def test_the_server_answers_those_who_have_the_token_and_ends_on_ctrl_c(server: Server, labline_home: Path) -> None:
    process, address, token = server
    with urllib.request.urlopen(f"{address}?token={token}", timeout=SECONDS) as answer:
        assert json.load(answer)["home"] == str(labline_home)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=SECONDS)
    assert refused.value.code == 403
    refused.value.close()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
def test_root_has_to_say_so(labline: Labline) -> None:
    done = labline("server", "--port", "0")
    assert done.code == 2
    assert "--allow-root" in done.err
