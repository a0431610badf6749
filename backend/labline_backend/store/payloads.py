"""The payload log of a served model version: Parquet files that its server writes and monitoring reads.

A file holds one row for each row that was predicted: ``time`` (UTC), ``request`` (its id), ``row`` (its number in the
request), ``latency_ms``, then ``input.NAME`` and ``output.NAME``, or ``hashed.input.NAME`` where only digests are kept.
A file is complete or absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from labline_backend.home import Home

TIME, REQUEST, ROW, LATENCY = "time", "request", "row", "latency_ms"
INPUT, OUTPUT = "input.", "output."
HASHED = "hashed."
"""Before the name of a column that holds digests of its values, and not these."""

SUFFIX = ".parquet"
NOWHERE = "off"
"""In the place of the address of a collector of events: what is kept is sent to nobody any more."""


def payload_folder(home: Home, model: str, version: str) -> Path:
    """Where the log of a version lies, or would."""
    return home.served / _as_folder(model) / _as_folder(version)


def logged_versions(home: Home, model: str) -> list[str]:
    """The versions of a model that have a log, oldest first."""
    folder = home.served / _as_folder(model)
    found = [unquote(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    return sorted((name for name in found if re.fullmatch(r"[0-9]+", name)), key=int)


def payload_files(folder: Path) -> list[Path]:
    """The files of a log, oldest first."""
    return (
        sorted(path for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".")) if folder.is_dir() else []
    )


def read_payloads(folder: Path) -> Any:
    """The whole log as an Arrow table, oldest first; None where nothing was logged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(path, partitioning=None) for path in payload_files(folder)]
    if not tables:
        return None
    return pa.concat_tables(tables, promote_options="permissive").sort_by(TIME)


def columns_of(table: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Name and values of the inputs or the outputs."""
    for name in table.column_names:
        if name.startswith(prefix):
            yield name.removeprefix(prefix), table.column(name)


def _as_folder(name: str) -> str:
    quoted = quote(name, safe=" ")
    return quoted.replace(".", "%2E") if quoted.startswith(".") else quoted
