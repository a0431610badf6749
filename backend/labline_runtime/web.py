"""What a step reads over the network, seen through the interpreter's audit events.

HTTP spoken by the standard library, and by what is built upon it (``urllib``, ``requests``, pandas, scikit-learn's
downloads), is understood: what was read, and by which validators (RFC 9110, section 8.8) it can be told to be the same
still. Of every other connection it is only known that there was one: :attr:`Watch.blind` says so, as it does of
answers without validators, of requests that carry a login or a body, and of addresses that may hold a secret. Not seen
are connections that a library opens in C.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import types
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from labline_runtime import library
from labline_runtime.outcome import PageUse

if TYPE_CHECKING:
    import http.client

PAGE_LIMIT = 200

_REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.[01]\r\n")
_HEADER = re.compile(rb"^([\w-]+):[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_LOGIN = {b"authorization", b"cookie", b"proxy-authorization", b"x-api-key"}
_SECRET = re.compile(r"key|token|secret|sig|auth|pass|cred|session|jwt", re.IGNORECASE)
_LONG = 40  # what is longer, in a query, may be a secret under any name
# What is told to, and asked from, the tracking server and the store of values is no data of the notebook's.
_OWN = tuple(
    os.path.join(os.sep, *parts)  # noqa: PTH118 - as in files.py, paths are texts here
    for parts in (
        ("labline_runtime", ""),
        ("mlflow", "artifacts", ""),
        ("mlflow", "store", ""),
        ("mlflow", "tracing", ""),
        ("mlflow", "tracking", ""),
        ("mlflow", "utils", "re"),  # rest_utils, request_utils
    )
)
_HTTP = (f"{os.sep}http{os.sep}client.py", f"{os.sep}urllib3{os.sep}")

_watching: Watch | None = None
_hooked = False


class Watch:
    """Collects what is read over the network from its making until :meth:`stop`. Thread-safe."""

    def __init__(self) -> None:
        global _watching, _hooked
        self.blind: str | None = None  # why more may have been read than can be asked about
        self._pages: dict[str, PageUse] = {}
        self._first = threading.local()  # of a chain of redirections: where it leads, and where it began
        _watching = self
        if not _hooked:
            sys.addaudithook(_hook)  # there is no way to take it off again
            _hooked = True

    def stop(self) -> tuple[PageUse, ...]:
        """End the watch; returns what was read, by address."""
        global _watching
        _watching = None
        return self.uses()

    def uses(self) -> tuple[PageUse, ...]:
        """What was read so far, by address."""
        return tuple(self._pages[address] for address in sorted(self._pages))

    def asks(self, connection: Any, data: Any) -> None:
        """A part of a request is about to be sent."""
        request = _REQUEST.match(data) if isinstance(data, bytes | bytearray) else None
        if request is None or request[1] == b"CONNECT":  # a body follows a request that was seen
            return
        host = getattr(connection, "_tunnel_host", None) or connection.host
        if request[1] not in (b"GET", b"HEAD"):
            self.blind = f"it sends something to {host}, and its answer is not known without asking again"
            return
        headers = {name.lower(): value for name, value in _HEADER.findall(bytes(data[request.end() :]))}
        address = _address(connection, host, request[2].decode("latin-1"))
        led, origin = getattr(self._first, "chain", (None, None))
        origin = origin if led == address and origin is not None else address
        self._first.chain = (None, None)
        if not headers.keys().isdisjoint(_LOGIN):
            self.blind = f"it reads from {host} with a login, which is not kept"
        elif _may_hold_secret(origin):
            self.blind = f"it reads from {host}, from an address that may hold a secret and is not kept"
        elif len(self._pages) >= PAGE_LIMIT:
            self.blind = f"it reads more than {PAGE_LIMIT} addresses"
        else:
            accepted = headers.get(b"accept-encoding", b"identity").decode("latin-1")
            self._hear(connection, address, origin, accepted)

    def _hear(self, connection: Any, address: str, origin: str, accepted: str) -> None:
        """Have the answer to the request for *address*, which *origin* led to, come by here."""
        watch = self
        given: Any = type(connection).response_class

        class Heard(given):  # type: ignore[misc]
            def begin(self) -> None:
                super().begin()
                watch._answered(self, address, origin, accepted)

        Heard.__name__, Heard.__qualname__, Heard.__module__ = given.__name__, given.__qualname__, given.__module__
        connection.response_class = Heard

    def _answered(self, answer: http.client.HTTPResponse, address: str, origin: str, accepted: str) -> None:
        place = answer.headers.get("Location")
        if answer.status in (301, 302, 303, 307, 308) and place is not None:
            self._first.chain = (urldefrag(urljoin(address, place)).url, origin)
            return
        etag, modified = answer.headers.get("ETag"), answer.headers.get("Last-Modified")
        known = self._pages.get(origin)
        page = PageUse(origin, etag, modified, accepted)
        if answer.status not in (200, 206, 304):
            self.blind = f"{origin} answered {answer.status}"
        elif etag is None and modified is None:
            self.blind = f"it reads {origin}, whose server does not say when it changes"
        elif known is not None and known != page:
            self.blind = f"{origin} changed while it ran"
        else:
            self._pages[origin] = page


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _watching  # it may end meanwhile, for another thread
    if watch is None or event not in ("http.client.send", "socket.connect", "socket.sendto"):
        return
    try:
        if event == "http.client.send":
            if _is_the_notebooks(sys._getframe(1)):
                watch.asks(*arguments)
        elif isinstance(arguments[1], tuple) and _is_the_notebooks(sys._getframe(1), _HTTP):  # no path of this machine
            watch.blind = f"it talks to {arguments[1][0]} over the network, and what it hears there is not seen"
    except Exception:  # an odd request must not break the program that makes it, nor be taken for nothing
        watch.blind = "it uses the network in a way that cannot be told"


def _is_the_notebooks(frame: types.FrameType | None, passed: tuple[str, ...] = ()) -> bool:
    """Whether the notebook, or a thread of its, has it done; not what *passed* files do, which is seen elsewhere."""
    libraries = library.folders()
    while frame is not None:
        name = frame.f_code.co_filename
        if any(part in name for part in (*_OWN, *passed)):
            return False
        if not name.startswith(libraries) and not name.startswith("<frozen "):
            return True
        frame = frame.f_back
    return True


def _address(connection: Any, host: str, target: str) -> str:
    if "://" in target:  # through a proxy
        return urldefrag(target).url
    scheme, usual = ("https", 443) if connection.default_port == 443 else ("http", 80)
    port = getattr(connection, "_tunnel_port", None) or connection.port
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{'' if port in (None, usual) else f':{port}'}{urldefrag(target).url}"


def _may_hold_secret(address: str) -> bool:
    parts = urlsplit(address)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    return "@" in parts.netloc or any(_SECRET.search(name) or len(value) >= _LONG for name, value in pairs)
