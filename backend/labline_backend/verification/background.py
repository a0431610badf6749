"""Verifications that a server was asked for: each on a thread of its own, told to whoever watches its run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from labline_backend.errors import InputError
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from labline_backend.verification.interpreter import Reason, Stopped
from labline_backend.verification.session import Watcher, verify
from labline_backend.verification.subject import Subject, read_subject
from labline_backend.verification.verify import LOCAL

MOST = 4
"""Verifications that one server has going at a time: each copies a folder and runs a notebook."""

log = logging.getLogger(__name__)


class Verifications:
    """The verifications of one server. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._closed = threading.Event()

    def start(
        self,
        service: Service,
        path: Path,
        *,
        notebook: str,
        content: dict[str, Any] | None = None,
        parameters: Mapping[str, str] | None = None,
        target: str = LOCAL,
    ) -> RunRecord:
        """Start one whose pipeline runs on *target*, and return when its run has begun.

        Raises ``InputError`` where it cannot, and ``NotFoundError`` where there is no such target.
        """
        subject = read_subject(service, path, parameters or {}, shown=notebook, content=content)
        begun: Future[RunRecord] = Future()
        thread = threading.Thread(
            target=self._verify, args=(service, subject, target, begun), name="labline-verification"
        )
        with self._lock:
            if self._closed.is_set():
                raise InputError("This server is stopping.")
            if len(self._threads) >= MOST:
                raise InputError(f"{MOST} verifications are going on already: wait for one to end.")
            self._threads.add(thread)
            thread.start()
        return begun.result()

    def close(self) -> None:
        """Stop them all, and wait until what they started has ended."""
        with self._lock:
            self._closed.set()
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    def _verify(self, service: Service, subject: Subject, target: str, begun: Future[RunRecord]) -> None:
        try:
            verify(service, subject, target, _Background(begun, self._closed))
        except (InputError, Stopped) as error:
            if not begun.done():  # else its run tells
                begun.set_exception(InputError(str(error)) if isinstance(error, Stopped) else error)
        except Exception as fault:
            if begun.done():
                log.exception("The verification of %s failed by a fault of Labline's", subject.shown)
            else:
                begun.set_exception(fault)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())


class _Background(Watcher):
    """Tells when the run has begun, and stops with the server."""

    def __init__(self, begun: Future[RunRecord], closed: threading.Event) -> None:
        self._begun = begun
        self._closed = closed

    def attend(self, service: Service, record: RunRecord) -> RunRecord:
        self._begun.set_result(record)
        while not self._closed.is_set():
            ended = service.engine.wait(record.id, timeout=1)
            if ended.ended is not None or ended.state == "interrupted":
                return service.engine.wait(record.id)  # until it is tracked, too
        raise Stopped("interrupted")

    def warn(self, problem: str) -> None:
        log.warning("%s", problem)

    def stop(self) -> Reason | None:
        return "interrupted" if self._closed.is_set() else None
