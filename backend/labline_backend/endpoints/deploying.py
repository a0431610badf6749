"""What commands and the API do with endpoints. They write what is wanted; keepers bring it about.

Everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from labline_backend.endpoints import rollouts
from labline_backend.endpoints.folder import EndpointFolder, tail
from labline_backend.endpoints.kserve import Place, objects
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home
from labline_backend.registry import ModelReference, RegistryError, resolve, source
from labline_backend.serving.environments import BUILD_SECONDS, NEEDED
from labline_backend.store.endpoints import (
    CanaryRule,
    Endpoint,
    EndpointSpec,
    EndpointStore,
    Environment,
    Share,
)
from labline_backend.store.payloads import NOWHERE
from labline_backend.tracking.location import Location
from labline_runtime.dataclass import dataclass

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
SETTINGS = (
    "workers",
    "host",
    "body_bytes",
    "waiting",
    "deadline",
    "log_rate",
    "bound",
    "privacy",
    "events",
    "access_log",
    "environment",
)
"""What a wish may leave as it is."""

MOST_WORKERS = 64
LOOK_SECONDS = 0.1
MADE_SECONDS = 2 * BUILD_SECONDS
"""Within which an environment is made, or not: it is laid out, and filled."""

BORN_SECONDS = 60.0
"""Within which a keeper that was started is there."""


@dataclass(frozen=True)
class Wish:
    """What a user asks for. ``None`` is for what stays as it is, or has its default in a new endpoint.

    ``split`` has weights by alias or number; without it all requests go to what *model* names.
    """

    model: str
    name: str | None = None
    split: Mapping[str, int] | None = None
    shadow: str | None = None
    canary: str | None = None
    max_errors: float | None = None
    max_latency: float | None = None
    workers: int | None = None
    host: str | None = None
    port: int | None = None
    body_bytes: int | None = None
    waiting: int | None = None
    deadline: float | None = None
    log_rate: float | None = None
    bound: float | None = None
    privacy: dict[str, str] | None = None
    events: str | None = None
    access_log: bool | None = None
    environment: Environment | None = None
    grpc: bool | None = None
    grpc_port: int | None = None


@dataclass(frozen=True)
class Found:
    """An endpoint, where it is reached, and whether a keeper lives."""

    endpoint: Endpoint
    alive: bool
    token_file: str

    @property
    def state(self) -> str:
        """In one word."""
        if self.alive:
            return self.endpoint.status.state
        if self.endpoint.wanted == "running":
            return "dead"
        return "failed" if self.endpoint.status.state == "failed" else "stopped"

    @property
    def address(self) -> str | None:
        """Where it is reached on this machine; None until it first listened."""
        endpoint = self.endpoint
        return f"http://{_reached(endpoint.spec.host)}:{endpoint.port}" if endpoint.port else None

    @property
    def grpc_address(self) -> str | None:
        """Where gRPC is reached on this machine; None where it is not served, or was not yet."""
        spec, port = self.endpoint.spec, self.endpoint.status.grpc_port
        return f"{_reached(spec.host)}:{port}" if port and spec.grpc_port is not None else None


class Endpoints:
    """The endpoints of one data folder. Thread-safe."""

    def __init__(self, home: Home) -> None:
        """Open the database. Raises ``HomeError``."""
        self._home = home
        self._store = EndpointStore(home)

    def __enter__(self) -> Endpoints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the database back. Endpoints go on."""
        self._store.close()

    def all(self) -> list[Found]:
        """Every endpoint, by name."""
        return [self._found(endpoint) for endpoint in self._store.all()]

    def get(self, name: str) -> Found:
        """The endpoint called *name*. Raises ``NotFoundError``."""
        endpoint = self._store.get(name)
        if endpoint is None:
            names = ", ".join(each.name for each in self._store.all())
            known = f"there are {names}" if names else "labline deploy MODEL makes one"
            raise NotFoundError(f"There is no endpoint {name!r}; {known}.")
        return self._found(endpoint)

    def deploy(self, wish: Wish) -> Found:
        """Have an endpoint serve what is wished for, and return at once; :meth:`wait` waits. Raises ``InputError``."""
        missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
        if missing:
            raise InputError(f"Serving needs {', '.join(missing)}: pip install 'labline[serving]'.")
        try:
            reference = ModelReference.parse(wish.model)
        except RegistryError as error:
            raise InputError(str(error)) from error
        _check_log(wish)
        name = _name(wish, reference)
        before = self._store.get(name)
        spec = spec_of(wish, reference, None if before is None else before.spec, Location.find(self._home).registry)
        if spec.grpc_port is not None and importlib.util.find_spec("grpc") is None:
            raise InputError("gRPC needs grpcio: pip install 'labline[grpc]', or deploy with --no-grpc.")
        port = wish.port or 0
        if before is not None and self._found(before).alive:
            host = wish.host or before.spec.host
            if port not in (0, before.port) or host != before.spec.host:
                raise InputError(
                    f"The endpoint {name} listens on {before.spec.host}, port {before.port}: stop it to move it."
                )
        return self._want(name, spec, port)

    def kserve(self, wish: Wish, place: Place) -> list[dict[str, Any]]:
        """What is wished for as KServe's objects, for a cluster. Imports MLflow. Raises ``InputError``."""
        try:
            location = Location.find(self._home)
            reference = ModelReference.parse(wish.model)
            spec = spec_of(wish, reference, None, location.registry)
            sources = {}
            for each in rollouts.references(spec):
                version = resolve(ModelReference.parse(rollouts.as_asked(spec.model, each)), location)
                sources[each] = source(version, location)
        except RegistryError as error:
            raise InputError(str(error)) from error
        return objects(_name(wish, reference), spec, sources, place)

    def scale(self, name: str, workers: int) -> Found:
        """Have an endpoint run so many workers. Raises ``NotFoundError`` and ``InputError``."""
        before = self.get(name).endpoint
        return self._want(name, dataclasses.replace(before.spec, workers=_workers(workers)), 0, same=True)

    def stop(self, name: str, seconds: float | None = None) -> Found:
        """Have an endpoint stop when it has answered what it has. Waits for at most *seconds*, by default long enough.

        Raises ``NotFoundError``.
        """
        found = self.get(name)
        self._store.stop(name)
        end = time.monotonic() + (found.endpoint.spec.deadline + 30 if seconds is None else seconds)
        folder = EndpointFolder.of(self._home, name)
        while folder.is_kept() and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        return self.get(name)

    def remove(self, name: str) -> Found:
        """Stop an endpoint and forget it, its token and its log. Raises ``NotFoundError`` and ``InputError``."""
        found = self.stop(name)
        if found.alive:
            raise InputError(f"The endpoint {name} does not stop: labline endpoints logs {name} may say why.")
        self._store.remove(name)
        EndpointFolder.of(self._home, name).remove()
        return found

    def wait(
        self, name: str, generation: int, seconds: float, tell: Callable[[str], None] = lambda message: None
    ) -> Found:
        """Wait until the keeper has dealt with what was wanted, or has died. *tell* is told what it says meanwhile.

        Raises ``InputError`` where it cannot be served, and when *seconds* are over, in which the time does not count
        that an environment takes.
        """
        folder = EndpointFolder.of(self._home, name)
        end, born = time.monotonic() + seconds, time.monotonic() + BORN_SECONDS
        last = end + MADE_SECONDS
        said = self.get(name).endpoint.status.message
        lived, tries = False, 2  # a keeper that was about to end when the wish came is followed by another
        while time.monotonic() < end:
            alive = folder.is_kept()
            found = self.get(name)
            status = found.endpoint.status
            if status.generation >= generation:
                if status.refused:
                    raise InputError(f"{name}: {status.message}")
                return found
            if status.message != said:
                said = status.message
                tell(said)
            if not alive and (lived or time.monotonic() > born):
                tries -= 1
                if not tries:
                    raise InputError(f"The endpoint {name} ended before it served: see labline endpoints logs {name}.")
                self.start_keeper(name)
                lived, born = False, time.monotonic() + BORN_SECONDS
            if alive and status.making:
                end = min(time.monotonic() + seconds, last)
            lived = lived or alive
            time.sleep(LOOK_SECONDS)
        raise InputError(
            f"{name} does not serve what is wanted yet, and may do so later: labline endpoints show {name} says how it "
            f"is, labline endpoints logs {name} what went on."
        )

    def log(self, name: str, lines: int) -> str:
        """The last *lines* of an endpoint's log. Raises ``NotFoundError``."""
        self.get(name)
        return tail(EndpointFolder.of(self._home, name).log, lines)

    def access_log(self, name: str, lines: int) -> str:
        """The last *lines* of what an endpoint wrote of its requests. Raises ``NotFoundError`` and ``InputError``."""
        found, folder = self.get(name), EndpointFolder.of(self._home, name)
        if not found.endpoint.spec.access_log and not folder.access_log.exists():
            raise InputError(f"The endpoint {name} writes no access log: deploy it again with --access-log.")
        return tail(folder.access_log, lines)

    def token(self, name: str) -> str:
        """The token that clients of an endpoint send. Raises ``NotFoundError``."""
        self.get(name)
        try:
            return EndpointFolder.of(self._home, name).token()
        except OSError as error:
            raise NotFoundError(f"The endpoint {name} has lost its token: deploy it again.") from error

    def ask(self, name: str, body: bytes) -> bytes:
        """What an endpoint's ``/invocations`` answers to a JSON *body*. Raises ``NotFoundError`` and ``InputError``."""
        return self._asked(name, "POST", "/invocations", body)

    def traffic(self, name: str) -> dict[str, Any]:
        """What an endpoint has answered in the last minutes. Raises ``NotFoundError`` and ``InputError``."""
        found: dict[str, Any] = json.loads(self._asked(name, "GET", "/traffic"))
        return found

    def _asked(self, name: str, method: str, path: str, body: bytes | None = None) -> bytes:
        found = self.get(name)
        if found.address is None or not found.alive:
            raise InputError(f"The endpoint {name} does not run.")
        endpoint = found.endpoint
        connection = http.client.HTTPConnection(
            _reached(endpoint.spec.host).strip("[]"), endpoint.port, timeout=endpoint.spec.deadline + 10
        )
        headers = {"Authorization": f"Bearer {self.token(name)}", "Content-Type": "application/json"}
        with contextlib.closing(connection):
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise InputError(f"The endpoint {name} does not answer: {error}.") from error
        if response.status != http.client.OK:
            said = json.loads(answer)
            raise InputError(f"{name}: {said.get('message') or said.get('error')}")
        return answer

    def start_keeper(self, name: str) -> None:
        """Start a keeper, which ends at once where there is one."""
        folder = EndpointFolder.of(self._home, name)
        try:
            folder.make()
            with folder.open_log() as log:
                # It forks and its first half ends: the keeper is nobody's child.
                subprocess.run(
                    [sys.executable, "-P", "-m", "labline_backend.endpoints.keeper", name],
                    env={**os.environ, "LABLINE_HOME": str(self._home.root)},
                    cwd=folder.path,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    check=False,
                )
        except OSError as error:
            raise self._home.error(error) from error

    def _want(self, name: str, spec: EndpointSpec, port: int, *, same: bool = False) -> Found:
        endpoint = self._store.want(name, spec, port, same=same)
        if not EndpointFolder.of(self._home, name).is_kept():
            self.start_keeper(name)
        return self._found(endpoint)

    def _found(self, endpoint: Endpoint) -> Found:
        folder = EndpointFolder.of(self._home, endpoint.name)
        return Found(endpoint, folder.is_kept(), str(folder.token_file))


def spec_of(wish: Wish, reference: ModelReference, before: EndpointSpec | None, registry: str) -> EndpointSpec:
    """The spec that a wish stands for; *before* is what the endpoint has. Raises ``InputError``."""
    named = reference.alias or reference.version or ""
    if wish.split is None:
        shares: tuple[Share, ...] = (Share(named, 100),)
    else:
        if named:
            raise InputError(f"Name the model alone where there is a split: {reference.name}, not {reference}.")
        shares = tuple(Share(_checked(name), weight) for name, weight in wish.split.items() if weight >= 0)
        if len(shares) < len(wish.split) or not any(share.weight for share in shares):
            raise InputError("The weights of a split are whole numbers from 0, and one at least is not 0.")
    canary = None
    if wish.canary is not None:
        if len(shares) < 2 or wish.canary not in [share.reference for share in shares]:
            raise InputError("The canary is one of several versions that share the requests: name it in --split, too.")
        rule = CanaryRule(wish.canary)
        canary = CanaryRule(
            wish.canary,
            rule.errors if wish.max_errors is None else wish.max_errors,
            rule.latency if wish.max_latency is None else wish.max_latency,
        )
    elif wish.max_errors is not None or wish.max_latency is not None:
        raise InputError("Limits of errors and latency are a canary's: name it with --canary.")
    kept = EndpointSpec("", ()) if before is None else before
    given = {name: getattr(wish, name) for name in SETTINGS}
    spec = dataclasses.replace(kept, **{name: value for name, value in given.items() if value is not None})
    spec = dataclasses.replace(spec, grpc_port=_grpc_port(wish, kept))
    if spec.events == NOWHERE:
        spec = dataclasses.replace(spec, events=None)
    _workers(spec.workers)
    shadow = None if wish.shadow is None else _checked(wish.shadow)
    return dataclasses.replace(
        spec, model=reference.name, shares=shares, shadow=shadow, canary=canary, registry=registry
    )


def _grpc_port(wish: Wish, before: EndpointSpec) -> int | None:
    """As a spec has it. Raises ``InputError``."""
    if wish.grpc is False:
        if wish.grpc_port is not None:
            raise InputError("--no-grpc and a port for gRPC exclude each other.")
        return None
    if wish.grpc_port is not None:
        return wish.grpc_port
    return 0 if wish.grpc and before.grpc_port is None else before.grpc_port


def _checked(reference: str) -> str:
    """An alias or a number. Raises ``InputError``."""
    try:
        parsed = ModelReference.parse(f"x/{reference}" if reference.isdigit() else f"x@{reference}")
    except RegistryError as error:
        raise InputError(f"{reference!r} is no alias and no number of a version.") from error
    return parsed.alias or parsed.version or ""


def _check_log(wish: Wish) -> None:
    from labline_backend.serving.event_sink import EventSinkError, check_address
    from labline_backend.serving.privacy import Privacy, PrivacyError

    try:
        Privacy.parse(f"{column}={level}" for column, level in (wish.privacy or {}).items())
        if wish.events not in (None, NOWHERE):
            check_address(wish.events)
    except (PrivacyError, EventSinkError) as error:
        raise InputError(str(error)) from error


def _workers(count: int) -> int:
    if not 1 <= count <= MOST_WORKERS:
        raise InputError(f"An endpoint has from 1 to {MOST_WORKERS} workers.")
    return count


def _name(wish: Wish, reference: ModelReference) -> str:
    name = wish.name or _as_name(reference.name)
    if not NAME.fullmatch(name):
        raise InputError(f"An endpoint cannot be called {name!r}: use up to 40 small letters, digits and dashes.")
    return name


def _as_name(model: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:40].rstrip("-")


def _reached(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - listened on, not asked
    return f"[{shown}]" if ":" in shown else shown
