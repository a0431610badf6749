"""Whether what steps read over HTTP is still as it was, by its validators (RFC 9110, section 8.8)."""

from __future__ import annotations

import threading
from collections import OrderedDict

from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import PageUse

SECONDS = 5.0  # for one answer
REMEMBERED = 1000


@dataclass(frozen=True)
class _Validators:
    etag: str | None
    modified: str | None


class Pages:
    """Asks servers what their pages are known by, each once a run. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], _Validators | None] = OrderedDict()
        self._lock = threading.Lock()

    def changed(self, run: str, use: PageUse) -> str | None:
        """Why *use*, which an earlier run made of a page, cannot stand for one that *run* makes, or None. Blocks."""
        place = (run, use.address, use.accepted)
        with self._lock:
            asked, found = place in self._known, self._known.get(place)
        if not asked:
            found = _ask(use)
            with self._lock:
                self._known[place] = found
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        if found is None:
            return f"whether {use.address} is as it was cannot be told"
        # An entity tag is the stronger one; a date says nothing where there is a tag (RFC 9110, section 13.2.2).
        same = found.etag == use.etag if use.etag is not None else found.modified == use.modified
        return None if same else f"page {use.address}"


def _ask(use: PageUse) -> _Validators | None:
    import urllib.error
    import urllib.request

    for method in ("HEAD", "GET"):  # some servers answer only the latter; its body is not read
        request = urllib.request.Request(use.address, method=method)  # noqa: S310 - recorded of HTTP only
        request.add_header("Accept-Encoding", use.accepted)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
                return _Validators(answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
        except urllib.error.HTTPError as error:
            error.close()
            if method == "HEAD" and error.code in (403, 405, 501):
                continue
            return None
        except (OSError, ValueError):
            return None
    return None
