"""What code reads that no watch over its process sees, told by the code: registries, and what libraries read in C."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

_PLACES = (
    (re.compile(r"models:/"), "reads from the model registry, which may have other versions by now"),
    (
        re.compile(
            r"(bigquery|clickhouse|databricks|db2|hive|mariadb|mongodb(\+srv)?|mssql|mysql|oracle|postgres|postgresql|"
            r"presto|redis|redshift|snowflake|trino)(\+\w+)?://"
        ),
        "reads from a database",
    ),
    (re.compile(r"(abfss?|adl|az|gcs|gs|hdfs|hf|s3a?)://"), "reads from an object store"),
)
_PAGE = re.compile(r"https?://")
_CLIENTS = {"MySQLdb", "cx_Oracle", "oracledb", "psycopg", "psycopg2", "pymssql", "pyodbc"}
_READERS = {"duckdb", "polars"}  # they read pages themselves, in C
_QUERIES = (  # of MLflow
    "get_latest_versions",
    "get_model_version",
    "get_model_version_by_alias",
    "get_registered_model",
    "last_active_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
)


def reads(tree: ast.Module, imported: Collection[str]) -> str | None:
    """What the code does whose result may be another next time, in words; *imported* are the notebook's packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for place, words in _PLACES:
                if place.match(node.value):
                    return words
        elif isinstance(node, ast.Attribute) and node.attr in _QUERIES:
            return f"asks MLflow ({node.attr}), which may give another answer by now"
        elif isinstance(node, ast.Call):
            called = _called(node)
            if called == "connect" and not _CLIENTS.isdisjoint(imported):
                return "connects to a database"
            if called.startswith(("read_", "scan_")) and not _READERS.isdisjoint(imported) and _names_page(node):
                return "reads a page with a library that does not tell which"
    return None


def _names_page(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and _PAGE.match(each.value) for each in given
    )


def _called(call: ast.Call) -> str:
    function = call.func
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
