"""JupyterLab, opened on the notebook of a failed step: the server that serves it already, or a new one."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from labline_backend.debugging.replays import Replay
from labline_backend.errors import InputError

if TYPE_CHECKING:
    from labline_backend.service import Service

PARAMETER = "labline-debug"
"""In the Lab's address: ``RUN/STEP``, which its extension opens at the failure."""

SECONDS = 5


def show(service: Service, replay: Replay) -> int:
    """Open the Lab in a browser; the exit code. Without a server of the user's that can, one is started and waited for.

    Raises ``InputError`` where the notebook is gone.
    """
    if not replay.notebook.is_file():
        raise InputError(f"The notebook {replay.notebook} is not there any more: use --console.")
    for server in _servers():
        if (path := _inside(server, replay.notebook)) is not None and _is_ours(server, service):
            address = f"{server['url']}lab/tree/{quote(path)}?{_query(replay)}"
            click.echo(f"Opening {address}")
            token = server.get("token")
            webbrowser.open(_page(f"{address}&{urlencode({'token': token})}").as_uri() if token else address)
            return 0
    page = f"/lab/tree/{quote(replay.notebook.name)}?{_query(replay)}"
    command = [sys.executable, "-m", "jupyter", "lab", f"--notebook-dir={replay.notebook.parent}"]
    return subprocess.run([*command, f"--LabApp.default_url={page}"], check=False).returncode


def _page(address: str) -> Path:
    """A file for this user only that leads a browser to *address*, whose token no command line is to show.

    Where Jupyter keeps its own of this kind, and like these.
    """
    from jupyter_core.paths import jupyter_runtime_dir

    path = Path(jupyter_runtime_dir()) / "labline-open.html"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(
        f'<meta charset="utf-8"><meta http-equiv="refresh" content="0; url={html.escape(address)}">', "utf-8"
    )
    return path


def _query(replay: Replay) -> str:
    return urlencode({PARAMETER: f"{replay.run.id}/{replay.step.name}"})


def _servers() -> Iterator[dict[str, Any]]:
    from jupyter_server.serverapp import list_running_servers

    yield from list_running_servers()


def _inside(server: dict[str, Any], notebook: Path) -> str | None:
    """What the server calls the notebook, where it serves it."""
    try:
        return notebook.resolve().relative_to(Path(server["root_dir"]).resolve()).as_posix()
    except (ValueError, KeyError, OSError):
        return None


def _is_ours(server: dict[str, Any], service: Service) -> bool:
    """Whether the server answers, has Labline, and keeps its runs where this one is."""
    request = urllib.request.Request(  # noqa: S310 - what Jupyter itself wrote down, for this user only
        f"{server['url']}labline/api/v1/status", headers={"Authorization": f"token {server.get('token', '')}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            return bool(json.load(answer)["home"] == str(service.home.root))
    except (urllib.error.URLError, OSError, ValueError, LookupError, TypeError):
        return False
