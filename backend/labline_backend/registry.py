"""Registered models: what a user calls one, and which version that is. MLflow is imported by :func:`resolve` only."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

from labline_backend.tracking.location import Location, shown
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator


class RegistryError(Exception):
    """What is asked of the registry cannot be had; the message is one or two sentences for the user."""


class AbsentError(RegistryError):
    """There is no such model, or no such version of it."""


@dataclass(frozen=True)
class ModelReference:
    """``NAME``, ``NAME@ALIAS`` or ``NAME/VERSION``. A name alone stands for the newest version."""

    name: str
    alias: str | None = None
    version: str | None = None

    @staticmethod
    def parse(text: str) -> ModelReference:
        """Raises ``RegistryError`` for what is none."""
        found = re.fullmatch(r"(?P<name>[^/:@]+)(?:@(?P<alias>[^/:@]+)|/(?P<version>[1-9][0-9]*))?", text.strip())
        if found is None:
            raise RegistryError(f"{text!r} names no model: write NAME, NAME@ALIAS or NAME/VERSION.")
        return ModelReference(found["name"], found["alias"], found["version"])

    def __str__(self) -> str:
        return self.name + (f"@{self.alias}" if self.alias else f"/{self.version}" if self.version else "")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a registered model. ``folder`` is given for one that was fetched from there already."""

    name: str
    version: str
    folder: str | None = None

    @property
    def uri(self) -> str:
        """As MLflow's loaders take it."""
        return self.folder or f"models:/{self.name}/{self.version}"

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


def resolve(reference: ModelReference, location: Location) -> RegisteredVersion:
    """The version that *reference* stands for now. Imports MLflow. Raises ``RegistryError``."""
    if location.database is not None and not location.database.exists():
        raise AbsentError("No model is registered yet: run a pipeline that registers one.")
    from mlflow import MlflowClient

    client = MlflowClient(location.uri, location.registry_uri)
    with told(location):
        if reference.alias:
            found = _get(client.get_model_version_by_alias, reference.name, reference.alias)
        elif reference.version:
            found = _get(client.get_model_version, reference.name, reference.version)
        else:
            versions = client.search_model_versions(f"name = '{_quoted(reference.name)}'")
            found = max(versions, key=lambda version: int(version.version), default=None)
        if found is None:
            raise AbsentError(_absent(client, reference))
    return RegisteredVersion(found.name, str(found.version))


def source(version: RegisteredVersion, location: Location) -> str:
    """The URI of the folder that holds *version*. Imports MLflow. Raises ``RegistryError``."""
    from mlflow import MlflowClient

    client = MlflowClient(location.uri, location.registry_uri)
    with told(location):
        found: str | None = _get(client.get_model_version_download_uri, version.name, version.version)
        if found is None:
            raise AbsentError(_absent(client, ModelReference(version.name, version=version.version)))
        if found.startswith("models:/m-"):  # MLflow's name for a model that a run has logged
            found = client.get_logged_model(found.removeprefix("models:/")).artifact_location
    return shown(found)


@dataclass(frozen=True)
class Lying:
    """A version in a store of our own, and the URI of the folder that holds it."""

    version: RegisteredVersion
    source: str


def lying(reference: ModelReference, location: Location) -> Lying | None:
    """The version that *reference* stands for now, read from a store of our own as it lies, without MLflow.

    None where there is none, or where that cannot be read so: :func:`resolve` knows, and says why.
    """
    version = None if reference.version is None else int(reference.version)
    rows = _read(location, _LYING, {"name": reference.name, "alias": reference.alias, "version": version})
    if rows is None or len(rows) != 1:
        return None
    ((number, source, logged),) = rows
    place = logged or source
    if place is None or place.startswith("models:"):
        return None
    return Lying(RegisteredVersion(reference.name, str(number)), place)


_LYING = """
SELECT found.version, coalesce(found.storage_location, found.source), logged.artifact_location
FROM model_versions AS found LEFT JOIN logged_models AS logged ON found.source = 'models:/' || logged.model_id
WHERE found.workspace = 'default' AND found.name = :name AND found.current_stage != 'Deleted_Internal'
  AND found.version = CASE
    WHEN :version IS NOT NULL THEN :version
    WHEN :alias IS NOT NULL THEN (
      SELECT version FROM registered_model_aliases WHERE workspace = 'default' AND name = :name AND alias = :alias)
    ELSE (
      SELECT max(version) FROM model_versions
      WHERE workspace = 'default' AND name = :name AND current_stage != 'Deleted_Internal')
  END
"""
"""As MLflow's own store looks for versions, and for where a model lies that a run has logged."""


def _read(location: Location, query: str, arguments: dict[str, Any]) -> list[tuple[Any, ...]] | None:
    """What a store of our own answers to *query*; None where there is none, or it does not answer."""
    if location.database is None or location.registry_uri is not None or not location.database.exists():
        return None
    import sqlite3  # here, for a server that is told what to serve reads no registry

    try:
        with contextlib.closing(sqlite3.connect(f"file:{location.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query, arguments).fetchall()
    except sqlite3.DatabaseError:  # not set up yet, or locked, or of a release that keeps it elsewhere
        return None


def registered_runs(location: Location, *, ask: bool) -> frozenset[str] | None:
    """The MLflow runs that registered models are from.

    A store of our own is read as it lies. Another one is asked where *ask* is true, which imports MLflow and raises
    ``RegistryError``; else the answer is None.
    """
    if location.database is not None and location.registry_uri is None:
        if not location.database.exists():
            return frozenset()
        rows = _read(location, "SELECT run_id FROM model_versions WHERE run_id IS NOT NULL", {})
        return None if rows is None else frozenset(run for (run,) in rows)
    if not ask:
        return None
    from mlflow import MlflowClient

    client = MlflowClient(location.uri, location.registry_uri)
    found: list[str] = []
    with told(location):
        page = client.search_model_versions()
        while True:
            found += [version.run_id for version in page if version.run_id]
            if not page.token:
                return frozenset(found)
            page = client.search_model_versions(page_token=page.token)


@contextlib.contextmanager
def told(location: Location) -> Iterator[None]:
    """What MLflow complains of inside, as a ``RegistryError`` that holds no password."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        said = " ".join(str(error.message).split())[:300].replace(location.uri, shown(location.uri))
        raise RegistryError(f"The model registry does not answer: {said}") from error


def _get(look: Any, name: str, which: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return look(name, which)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def _absent(client: Any, reference: ModelReference) -> str:
    versions = client.search_model_versions(f"name = '{_quoted(reference.name)}'")
    if versions:
        numbers = ", ".join(sorted((str(version.version) for version in versions), key=int)[-10:])
        return f"There is no {reference} in the registry; the versions of {reference.name} are {numbers}."
    names = sorted(model.name for model in client.search_registered_models(max_results=10))
    known = f"registered are {', '.join(names)}" if names else "none is registered yet"
    return f"There is no model {reference.name} in the registry; {known}."


def _quoted(name: str) -> str:
    return name.replace("'", "''")
