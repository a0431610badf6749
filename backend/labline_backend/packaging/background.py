"""Models that a server was asked to package: each on a thread of its own, told to whoever asks how far it has come."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import HomeError
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_backend.packaging.project import Options, Packaged, Stage
    from labline_backend.service import Service

MOST = 2
"""Going on at a time: each runs a part of a notebook, and loads a model."""

KEPT = 50
"""Packagings that are remembered; what they registered is in the registry anyway."""

State = Literal["running", "registered", "refused", "failed"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Packaging:
    """One of them. ``stage`` is what is done now, or where it ended; ``message`` says why it was refused."""

    id: str
    notebook: str
    predict: str
    began: float
    state: State = "running"
    stage: Stage = "slice"
    ended: float | None = None
    message: str = ""
    needs_run: bool = False
    """Whether it is refused because the notebook has no finished run as it stands."""
    packaged: Packaged | None = None


class _Stopped(Exception):
    """The server stops."""


class Packagings:
    """The packagings of one server. Thread-safe. Those that go on when it stops end after what they are about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._known: dict[str, Packaging] = {}
        self._closed = threading.Event()

    def start(self, service: Service, path: Path, notebook: str, options: Options) -> Packaging:
        """Start one, and return at once. Raises ``InputError`` where there are too many."""
        packaging = Packaging(secrets.token_hex(8), notebook, options.predict, time.time())
        thread = threading.Thread(
            target=self._package, args=(service, path, packaging, options), name="labline-packaging"
        )
        with self._lock:
            if self._closed.is_set():
                raise InputError("This server is stopping.")
            if len(self._threads) >= MOST:
                raise InputError(f"{MOST} models are being packaged already: wait for one to end.")
            ended = [each.id for each in self._known.values() if each.ended is not None]
            for old in ended[: max(0, len(self._known) - KEPT + 1)]:
                del self._known[old]
            self._known[packaging.id] = packaging
            self._threads.add(thread)
            thread.start()
        return packaging

    def get(self, packaging: str) -> Packaging:
        """How far one has come. Raises ``NotFoundError``."""
        with self._lock:
            try:
                return self._known[packaging]
            except KeyError:
                raise NotFoundError(
                    f"This server knows of no packaging {packaging}: it was started before, or long ago."
                ) from None

    def close(self) -> None:
        """Have all end after the stage that they are in, and wait for that."""
        with self._lock:
            self._closed.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _package(self, service: Service, path: Path, packaging: Packaging, options: Options) -> None:
        from labline_backend.packaging.project import NotRunError, package

        def told(stage: Stage) -> None:
            if self._closed.is_set():
                raise _Stopped
            self._now(packaging.id, stage=stage)

        try:
            packaged = package(service, path, packaging.notebook, options, told)
        except (InputError, NotFoundError, HomeError) as error:
            needs_run = isinstance(error, NotRunError)
            self._now(packaging.id, state="refused", message=str(error), needs_run=needs_run, ended=time.time())
        except _Stopped:
            self._now(packaging.id, state="failed", message="The server stopped.", ended=time.time())
        except Exception as fault:
            log.exception("The packaging of %s failed by a fault of Labline's", packaging.notebook)
            said = f"Labline met an error it did not expect ({type(fault).__name__}); the server's log says more."
            self._now(packaging.id, state="failed", message=said, ended=time.time())
        else:
            self._now(packaging.id, state="registered", packaged=packaged, ended=time.time())
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _now(self, packaging: str, **changes: object) -> None:
        with self._lock:
            self._known[packaging] = replace(self._known[packaging], **changes)  # type: ignore[arg-type]
