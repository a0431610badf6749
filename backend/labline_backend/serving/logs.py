"""Where a version's sampled requests go: to files, and to a collector as well where one is named."""

from __future__ import annotations

from typing import Protocol

from labline_backend.home import Home
from labline_backend.serving.checks import LoadError
from labline_backend.serving.event_sink import EventSink
from labline_backend.serving.payload_log import Exchange, PayloadLog
from labline_backend.serving.predictor import Predictor
from labline_backend.serving.privacy import Keeping, Privacy, PrivacyError, read_key
from labline_backend.store.payloads import NOWHERE, payload_folder


class Log(Protocol):
    """``dropped`` counts what is missing from it."""

    @property
    def dropped(self) -> int:
        """How many exchanges it lacks."""

    def offer(self, exchange: Exchange) -> None:
        """Take an exchange, or drop it. Never blocks for long."""

    def close(self) -> None:
        """Write what waits, and end."""


class Both:
    """Two logs of the same."""

    def __init__(self, first: Log, second: Log) -> None:
        self._logs = (first, second)

    @property
    def dropped(self) -> int:
        """What either lacks."""
        return sum(log.dropped for log in self._logs)

    def offer(self, exchange: Exchange) -> None:
        """To both."""
        for log in self._logs:
            log.offer(exchange)

    def close(self) -> None:
        """Both."""
        for log in self._logs:
            log.close()


def open_log(
    home: Home, predictor: Predictor, privacy: Privacy, events: str | None, events_token: str | None = None
) -> Log:
    """The log of a version. Raises ``LoadError`` where the privacy is of other columns, and ``OSError``."""
    try:
        privacy.check(predictor.signature)
    except PrivacyError as error:
        raise LoadError(str(error)) from error
    keeping = Keeping(privacy, read_key(home.served))
    version = predictor.version
    files = PayloadLog(payload_folder(home, version.name, version.version), keeping)
    return files if events in (None, NOWHERE) else Both(files, EventSink(events, version, keeping, events_token))
