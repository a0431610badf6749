"""A real Jupyter server in a process of its own, with folders of its own, for tests that drive it from a browser."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from labline_runtime import telemetry

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
START_SECONDS = 90


class LabServer:
    """JupyterLab (with Notebook 7) on loopback, serving ``root/work``; all its state lies below *root*."""

    def __init__(self, root: Path, *, dark: bool = False) -> None:
        self.root = root
        self.work = root / "work"
        self.home = root / "labline"
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.work.mkdir(parents=True)
        self._write_settings()
        self.choose_theme(dark=dark)

    @property
    def url(self) -> str:
        """Where the server answers, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def add_example(self, name: str) -> Path:
        """Put one of the project's example notebooks into the served folder."""
        return Path(shutil.copy(NOTEBOOKS / name, self.work / name))

    def start(self) -> None:
        """Start the server and wait until it answers."""
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("JUPYTER", "LABLINE", "MLFLOW"))
            },
            "JUPYTER_CONFIG_DIR": str(self.root / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.root / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.root / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(self.root / "runtime"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_PLATFORM_DIRS": "1",
            "IPYTHONDIR": str(self.root / "ipython"),
            "LABLINE_HOME": str(self.home),
            **telemetry.OFF,
        }
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", f"--notebook-dir={self.work}"]
        command += [f"--IdentityProvider.token={self.token}"]
        with (self.root / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.work, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                self.get("api/status")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"the server did not start:\n{(self.root / 'server.log').read_text()[-4000:]}")

    def stop(self) -> None:
        """Stop the server as Ctrl-C, Ctrl-C would, and whatever it left behind."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def get(self, path: str) -> dict[str, object]:
        """GET *path* below the base URL with the token and read the JSON answer."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def choose_theme(self, *, dark: bool) -> None:
        """The theme of pages that are opened from now on."""
        themes = self.root / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
        themes.parent.mkdir(parents=True, exist_ok=True)
        themes.write_text(json.dumps({"theme": "JupyterLab Dark" if dark else "JupyterLab Light"}))

    def _write_settings(self) -> None:
        page_config = self.root / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        told = {
            "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True},
            "buildCheck": False,  # every page would have the server start yarn, to find that nothing is to be built
            "exposeAppInBrowser": True,  # see window.py
        }
        page_config.write_text(json.dumps(told))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
