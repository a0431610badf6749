"""A web server whose pages tests can change, on loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Site:
    """Its pages by path: content, and headers of the answer. ``asked`` are the requests that came, the oldest first."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, tuple[str, dict[str, str]]] = {}
        self.asked: list[str] = []

    def put(self, path: str, content: str, **headers: str) -> str:
        """Set a page; its address. ``Location`` in *headers* makes it lead elsewhere."""
        self.pages[path] = (content, headers)
        return f"{self.address}{path}"


@contextmanager
def served() -> Iterator[Site]:
    """A site of one's own while inside."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(with_body=True)

        def log_message(self, *_: object) -> None:
            """Tests look at ``asked``."""

        def _answer(self, *, with_body: bool) -> None:
            site.asked.append(f"{self.command} {self.path}")
            content, headers = site.pages.get(self.path, ("", {}))
            self.send_response(404 if self.path not in site.pages else 302 if "Location" in headers else 200)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            if with_body:
                self.wfile.write(content.encode())

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Site(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
