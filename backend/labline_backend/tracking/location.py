"""Where MLflow keeps its things: a SQLite file in the data folder, or what ``MLFLOW_TRACKING_URI`` names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from labline_runtime import telemetry
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.home import Home

TRACKING_URI = "MLFLOW_TRACKING_URI"
REGISTRY_URI = "MLFLOW_REGISTRY_URI"

STORE_VARIABLE = "LABLINE_MLFLOW_STORE"
"""How our helper processes are told the store. Not on the command line, which every user of the machine can read: a
URI may hold a password."""

PROXY_PATH = "labline/mlflow"
"""Where the Jupyter server shows MLflow's own user interface, below its base URL."""

_QUIET = {
    **telemetry.OFF,
    "GIT_PYTHON_REFRESH": "quiet",
}
# MLflow retries for about four minutes by default. A server that is away must cost a run seconds, not minutes.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}


@dataclass(frozen=True)
class Location:
    """An MLflow store. ``artifacts`` is given for the store that we make ourselves, and only for that."""

    uri: str
    registry_uri: str | None = None
    artifacts: Path | None = None

    @staticmethod
    def find(home: Home, environ: Mapping[str, str] | None = None) -> Location:
        """The store that ``MLFLOW_TRACKING_URI`` names, else the one in the data folder."""
        environ = os.environ if environ is None else environ
        registry = environ.get(REGISTRY_URI) or None
        if uri := environ.get(TRACKING_URI):
            return Location(_absolute(uri), registry and _absolute(registry))
        folder = home.mlflow
        return Location(f"sqlite:///{folder / 'mlflow.db'}", registry and _absolute(registry), folder / "artifacts")

    def told(self) -> dict[str, str]:
        """This location as an environment variable for a helper process, which reads it by :meth:`taken`."""
        artifacts = str(self.artifacts) if self.artifacts else None
        return {STORE_VARIABLE: json.dumps([self.uri, self.registry_uri, artifacts])}

    @staticmethod
    def taken() -> Location:
        """The location that this process was told, which its own children are not."""
        uri, registry_uri, artifacts = json.loads(os.environ.pop(STORE_VARIABLE))
        return Location(uri, registry_uri, Path(artifacts) if artifacts else None)

    @property
    def database(self) -> Path | None:
        """The file of the store that we make ourselves."""
        return Path(self.uri.removeprefix("sqlite:///")) if self.artifacts else None

    @property
    def registry(self) -> str:
        """Where registered models are, without any password; empty for the data folder's own store."""
        return "" if self.artifacts and not self.registry_uri else shown(self.registry_uri or self.uri)

    @property
    def web_address(self) -> str | None:
        """The address of the MLflow server without its credentials, when the store is one."""
        return shown(self.uri).rstrip("/") if urlsplit(self.uri).scheme in ("http", "https") else None

    def environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a process needs in its environment so that MLflow uses this store, quietly and with little patience."""
        environ = os.environ if environ is None else environ
        variables = {TRACKING_URI: self.uri, **_QUIET}
        if self.registry_uri:
            variables[REGISTRY_URI] = self.registry_uri
        return variables | {name: environ.get(name, value) for name, value in _PATIENCE.items()}


def web_address(environ: Mapping[str, str] | None = None) -> str | None:
    """The address of the MLflow server that is in use, when one is."""
    environ = os.environ if environ is None else environ
    return Location(environ.get(TRACKING_URI, "")).web_address


def run_url(experiment_id: str, run_id: str) -> str | None:
    """Where a browser finds a run: relative to the Jupyter server's base URL, absolute for an MLflow server."""
    if os.environ.get(TRACKING_URI, "").startswith("databricks"):
        return None
    page = f"#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"  # not the one about agents
    return f"{web_address() or PROXY_PATH}/{page}"


def shown(uri: str) -> str:
    """*uri* without user name and password, fit for messages and links."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if "@" in parts.netloc else uri


def _absolute(uri: str) -> str:
    """*uri* with a relative path made absolute: steps run in another directory than this process."""
    if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
        path, _, query = uri.removeprefix("sqlite:///").partition("?")
        return f"sqlite:///{Path(path).absolute()}{'?' + query if query else ''}" if path else uri
    if not urlsplit(uri).scheme:
        return uri if uri in ("databricks", "databricks-uc", "uc") else Path(uri).expanduser().absolute().as_uri()
    return uri
