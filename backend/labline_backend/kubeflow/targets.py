"""The targets of one data folder: where they are and how to sign in, never a secret."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import ipaddress
import json
import os
import re
import secrets as random
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from labline_backend.home import Home
from labline_backend.kubeflow import secrets
from labline_backend.kubeflow.errors import NO_SECRET, NOT_KUBEFLOW, TargetError
from labline_backend.store.records import LOCAL
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_plain

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
TAKEN = (LOCAL, "kfp-local")  # on this machine
FORWARDED = "http://ml-pipeline.kubeflow:8888"  # where KFP's manifests have its API server
SERVICE = re.compile(
    r"http://([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.([a-z0-9](?:[a-z0-9-]*[a-z0-9])?):(\d{1,5})(?:/[^?#]*)?"
)
ROOT = re.compile(r"(s3|minio)://[^/?#@\[\]]+(/[^?#]*)?")


@dataclass(frozen=True)
class Target:
    """A Kubeflow Pipelines installation.

    ``secret`` refers to a bearer token, or to a cookie as ``name=value``. ``root`` is the pipeline root, a place in
    an S3 that this machine reads, too, to mirror results; ``image`` is for steps that name none. ``kubeconfig`` and
    ``context`` lead to the cluster itself, for rights, logs and why a step failed. With ``port_forward`` they lead to
    the API server, too: ``host`` is then a Service in the cluster, ``http://NAME.NAMESPACE:PORT``.
    """

    name: str
    host: str = ""
    namespace: str | None = None
    auth: Literal["none", "token", "cookie"] = "none"
    secret: str | None = None
    ca_file: str | None = None
    root: str | None = None
    image: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
    folder_limit: int = 256 << 20  # bytes of the notebook's folder that travel with a run at most
    packages: str | None = None  # the claim of a volume that what images lack is installed into
    plain_http: bool = False  # whether the secret may go over a connection that others can read
    port_forward: bool = False

    def checked(self) -> Target:
        """The target where it can be one. Raises ``TargetError``."""
        if not NAME.fullmatch(self.name) or self.name in TAKEN:
            raise _wrong(
                f"A target cannot be called {self.name!r}.",
                "Use up to 40 small letters, digits and dashes; local and kfp-local are on this machine.",
            )
        if self.port_forward and (named := self._forwarded()) != self:
            return named.checked()
        if not _is_address(self.host):
            raise _wrong(
                "This is no address of Kubeflow Pipelines.", "Write it like https://kubeflow.example.org/pipeline."
            )
        if self.namespace is not None and not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", self.namespace):
            raise _wrong(f"{self.namespace!r} is no name for a namespace.", "Name a Kubernetes namespace.")
        if self.root is not None and not ROOT.fullmatch(self.root):
            raise _wrong("The pipeline root is no place in an S3.", "Write it like s3://bucket/prefix.")
        if self.packages is not None:
            checked_claim(self.packages)
        if (self.auth == "none") != (self.secret is None):
            raise TargetError(
                NO_SECRET,
                f"A target with --auth {self.auth} takes {'no' if self.auth == 'none' else 'a'} secret.",
                "Say both: --auth token --secret env:VARIABLE, for example.",
            )
        if self.secret is not None:
            secrets.checked(self.secret)
            self.check_connection()
        try:
            from_plain(Target, dataclasses.asdict(self))
        except ValueError as error:  # nothing is written that could not be read back
            raise _wrong(f"This is no target: {error}.", "Correct what it says.") from error
        for file in (self.ca_file, self.kubeconfig):
            if file is not None and not Path(file).is_file():
                raise _wrong(f"There is no file {file}.", "Correct the path.")
        if self.ca_file is not None and not _holds_authorities(Path(self.ca_file)):
            raise _wrong(
                f"There is no certificate authority in {self.ca_file}.", "Name a file with its certificate, as PEM."
            )
        return dataclasses.replace(self, host=self.host.rstrip("/"), root=self.root.rstrip("/") if self.root else None)

    def check_connection(self) -> None:
        """Raise ``TargetError`` where the secret would go over the network for everybody to read."""
        address = urlsplit(self.host)
        if self.port_forward:  # it goes as what is said to the cluster's own API goes
            return
        if self.secret is None or self.plain_http or address.scheme == "https" or is_here(address.hostname or ""):
            return
        raise TargetError(
            NO_SECRET,
            f"The target {self.name} is reached over plain http, where anybody on the way could read its "
            f"{'cookie' if self.auth == 'cookie' else 'token'}; it is not sent.",
            "Use an address with https, or a port-forward on this machine. Where the network itself is to be trusted, "
            "say so: labline target add ... --plain-http.",
        )

    def service(self) -> tuple[str, str, int]:
        """The Service behind a port-forward: its name, its namespace, and its port. Raises ``TargetError``."""
        if (found := SERVICE.fullmatch(self.host)) is None or not 0 < int(found[3]) < 1 << 16:
            raise _wrong(
                "A port-forward leads to a Service in the cluster, and this names none.",
                f"Leave --host out, which is {FORWARDED}, or write it like that.",
            )
        return found[1], found[2], int(found[3])

    def _forwarded(self) -> Target:
        if self.kubeconfig is None and self.context is None:
            raise _wrong("A port-forward takes the cluster's kubeconfig.", "Name it: --kubeconfig FILE.")
        host = self.host or FORWARDED
        named = dataclasses.replace(self, host=host if "://" in host else f"http://{host}")
        named.service()
        return named

    def page(self, run_id: str) -> str | None:
        """Where a browser finds a run; None where it has no way there."""
        return None if self.port_forward else f"{self.host}/#/runs/details/{run_id}"


class Targets:
    """The targets, in one file that may be edited and copied: it holds no secret."""

    def __init__(self, home: Home) -> None:
        self._file = home.root / "targets.json"
        self._home = home

    def all(self) -> list[Target]:
        """Every target, by name. Raises ``TargetError`` where the file cannot be read."""
        try:
            found = json.loads(self._file.read_text("utf-8"))["targets"]
            return sorted((from_plain(Target, each) for each in found), key=lambda target: target.name)
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _wrong(f"The file {self._file} cannot be read as targets.", "Correct or remove it.") from error

    def get(self, name: str) -> Target:
        """The target of this name. Raises ``KeyError`` and ``TargetError``."""
        for target in self.all():
            if target.name == name:
                return target
        raise KeyError(name)

    def add(self, target: Target) -> Target:
        """Keep *target*, in the place of one of the same name. Raises ``TargetError`` and ``HomeError``."""
        target = target.checked()
        with self._alone():
            self._write([*(other for other in self.all() if other.name != target.name), target])
        return target

    def remove(self, name: str) -> None:
        """Forget a target; its runs stay. Raises ``KeyError``, ``TargetError`` and ``HomeError``."""
        with self._alone():
            self.get(name)
            self._write([target for target in self.all() if target.name != name])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Have nobody else change them as long as the block goes on: else one of two changes would be lost."""
        try:
            file = self._file.with_name(".targets.lock").open("a")
        except OSError as error:
            raise self._home.error(error) from error
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, targets: list[Target]) -> None:
        text = json.dumps({"targets": [dataclasses.asdict(target) for target in targets]}, indent=1) + "\n"
        try:
            write_whole(self._file, text)
        except OSError as error:
            raise self._home.error(error) from error


def checked_claim(name: str) -> str:
    """*name* where a volume claim can be called so. Raises ``TargetError``."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", name):
        raise _wrong(f"{name!r} is no name for a volume claim.", "Name a PersistentVolumeClaim.")
    return name


def _holds_authorities(file: Path) -> bool:
    """Whether a file has certificates in it that can be verified by."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except OSError:  # ssl's own errors, too
        return False
    return context.cert_store_stats()["x509"] > 0  # a server's own, signed by itself, will do


def _is_address(text: str) -> bool:
    """Whether *text* is the address of a server, and holds no name and password."""
    try:
        host = urlsplit(text)
        is_numbered = host.port is None or host.port > 0
    except ValueError:
        return False
    is_plain = not (host.query or host.fragment or "@" in host.netloc)
    return host.scheme in ("http", "https") and bool(host.hostname) and is_plain and is_numbered


def is_here(host: str) -> bool:
    """Whether *host* is this machine, by its loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def write_whole(file: Path, text: str) -> None:
    """Write *text* to *file*, whole or not at all, for its owner only."""
    temporary = file.with_name(f".{file.name}-{random.token_hex(4)}")
    try:
        with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as written:  # noqa: PTH123
            written.write(text)
            written.flush()
            os.fsync(written.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _wrong(message: str, fix: str) -> TargetError:
    return TargetError(NOT_KUBEFLOW, message, fix)
