"""Why a request is not answered. The status is HTTP's because every transport can map it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Refusal(Exception):
    """The message says what is wrong and where; ``retry_after`` (seconds) when asking again later may help."""

    def __init__(self, message: str, status: int = 400, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after


class LateRefusal(Refusal):
    """Something did not come in time, which some transports tell apart from a server that is busy."""


def shorten(text: str, limit: int = 60) -> str:
    """*text*, or its beginning."""
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def quoted(text: str) -> str:
    """What a client sent, as it may be repeated in a message."""
    return repr(shorten(text))


def listed(names: Iterable[object], limit: int = 10) -> str:
    """Quoted names, the first few of them."""
    texts = [quoted(str(name)) for name in names]
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def repeated(names: Iterable[str]) -> list[str]:
    """Those of *names* that are given more than once, in order. A request may have a million of them."""
    return sorted(name for name, count in Counter(names).items() if count > 1)
