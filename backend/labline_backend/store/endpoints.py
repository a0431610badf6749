"""Endpoints: what each is to serve, and what its keeper last said of it. One row an endpoint, one writer a column."""

from __future__ import annotations

import dataclasses
import sqlite3
import time
from dataclasses import field
from typing import Literal

from labline_backend.home import Home
from labline_backend.store import database as db
from labline_backend.store.encoding import dump, load
from labline_runtime.dataclass import dataclass

Wanted = Literal["running", "stopped"]
Environment = Literal["model", "server"]
"""Where a model is served: in an environment of its own where it was made with other packages, or beside Labline."""

State = Literal["starting", "ready", "failed", "stopped"]


@dataclass(frozen=True)
class Share:
    """A version and its weight among the requests. ``reference`` is an alias or a number; empty for the newest."""

    reference: str
    weight: int


@dataclass(frozen=True)
class CanaryRule:
    """A version on trial, one of the shares, and what it may do worse than the others. See ``serving.canary.Guard``."""

    reference: str
    errors: float = 0.05
    latency: float = 3.0
    requests: int = 50


@dataclass(frozen=True)
class EndpointSpec:
    """What an endpoint is to serve, and how.

    ``bound`` is how far scores of ONNX may be off, 0 for none; ``grpc_port`` is None for no gRPC, and 0 for the port
    that it has, or any free one; ``registry`` is where its models come from, without any password.
    """

    model: str
    shares: tuple[Share, ...]
    shadow: str | None = None
    canary: CanaryRule | None = None
    workers: int = 1
    host: str = "127.0.0.1"
    body_bytes: int = 16 << 20
    waiting: int = 512
    deadline: float = 30.0
    log_rate: float = 0.0
    bound: float = 0.0
    privacy: dict[str, str] = field(default_factory=dict)
    events: str | None = None
    access_log: bool = False
    grpc_port: int | None = None
    environment: Environment = "model"
    registry: str = ""


@dataclass(frozen=True)
class Rollout:
    """What was put to serve: a spec, and the versions that its references stood for then.

    ``python``, ``requirements`` and ``constraints`` are what these were made with, as ``serving.needs.Needs`` has it;
    ``place`` is what the environment of their own is called that they were served in, empty beside Labline.
    """

    generation: int
    spec: EndpointSpec
    versions: dict[str, str]
    python: str = ""
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True)
class EndpointStatus:
    """What the keeper says. ``generation`` is the newest that it has dealt with; ``refused`` when it serves another."""

    state: State = "starting"
    generation: int = 0
    refused: bool = False
    message: str = ""
    workers: tuple[int, ...] = ()
    asked_by: tuple[str, ...] = ()
    making: bool = False
    """Whether an environment is being made, which may take long."""

    grpc_port: int = 0
    """The last that gRPC was served on, which the endpoint keeps."""

    time: float = 0.0


@dataclass(frozen=True)
class Endpoint:
    """An endpoint. ``generation`` counts what was wanted of it; ``port`` is 0 until it first listened."""

    name: str
    created: float
    wanted: Wanted
    generation: int
    port: int
    spec: EndpointSpec
    served: Rollout | None = None
    """The last that was served: what a change that fails leaves in place."""

    status: EndpointStatus = field(default_factory=EndpointStatus)


class EndpointStore:
    """The table of endpoints."""

    def __init__(self, home: Home) -> None:
        """Open the database. Raises ``HomeError``, as everything here does."""
        self._database = db.Database(home)

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def version(self) -> int:
        """A number that changes whenever another connection has written."""
        return self._database.version()

    def all(self) -> list[Endpoint]:
        """Every endpoint, by name."""
        with self._database.read() as connection:
            return [_endpoint(row) for row in connection.execute("SELECT * FROM endpoints ORDER BY name")]

    def get(self, name: str) -> Endpoint | None:
        """The endpoint of this name."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM endpoints WHERE name = ?", (name,)).fetchone()
        return None if row is None else _endpoint(row)

    def want(self, name: str, spec: EndpointSpec, port: int = 0, *, same: bool = False) -> Endpoint:
        """Have the endpoint run and serve *spec*; it is made where there is none. *port* 0 keeps what it has.

        With *same* its references go on to stand for the versions that they stand for now.
        """
        changes: dict[str, object] = {"wanted": "running", "spec": dump(spec), **({"port": port} if port else {})}
        with self._database.write() as connection:
            row = connection.execute("SELECT * FROM endpoints WHERE name = ?", (name,)).fetchone()
            if row is None:
                fixed = {"name": name, "created": time.time(), "generation": 1, "port": port, "status": "{}"}
                db.insert(connection, "endpoints", {**fixed, **changes})
            else:
                before = _endpoint(row)
                changes["generation"] = generation = before.generation + 1
                if same and before.served is not None and before.served.generation == before.generation:
                    changes["served"] = dump(dataclasses.replace(before.served, generation=generation))
                db.update(connection, "endpoints", changes, "name = :name", name=name)
            row = connection.execute("SELECT * FROM endpoints WHERE name = ?", (name,)).fetchone()
        return _endpoint(row)

    def stop(self, name: str) -> bool:
        """Have the endpoint stop; whether there is one."""
        with self._database.write() as connection:
            return db.update(connection, "endpoints", {"wanted": "stopped"}, "name = :name", name=name) == 1

    def remove(self, name: str) -> None:
        """Forget the endpoint."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM endpoints WHERE name = ?", (name,))

    # ------------------------------------------------------- for the keeper

    def listens(self, name: str, port: int) -> None:
        """The endpoint has a port, which it keeps."""
        with self._database.write() as connection:
            db.update(connection, "endpoints", {"port": port}, "name = :name", name=name)

    def serves(self, name: str, served: Rollout, status: EndpointStatus) -> None:
        """The keeper serves *served*."""
        changes = {"served": dump(served), "status": dump(status)}
        with self._database.write() as connection:
            db.update(connection, "endpoints", changes, "name = :name", name=name)

    def report(self, name: str, status: EndpointStatus) -> None:
        """The keeper says how it is."""
        with self._database.write() as connection:
            db.update(connection, "endpoints", {"status": dump(status)}, "name = :name", name=name)

    def settle(self, name: str, generation: int, served: Rollout | None, status: EndpointStatus) -> None:
        """Report, and have what is *served* be what is wanted, unless something newer than *generation* is.

        Where nothing is served, the endpoint is to stop.
        """
        changes = {"wanted": "stopped"} if served is None else {"spec": dump(served.spec), "served": dump(served)}
        with self._database.write() as connection:
            db.update(connection, "endpoints", {"status": dump(status)}, "name = :name", name=name)
            where = "name = :name AND generation = :known"
            db.update(connection, "endpoints", changes, where, name=name, known=generation)


def _endpoint(row: sqlite3.Row) -> Endpoint:
    return Endpoint(
        name=row["name"],
        created=row["created"],
        wanted=row["wanted"],
        generation=row["generation"],
        port=row["port"],
        spec=load(EndpointSpec, row["spec"]),
        served=None if row["served"] is None else load(Rollout, row["served"]),
        status=load(EndpointStatus, row["status"]),
    )
