"""MLflow's user interface behind the Jupyter server's own authentication, under ``labline/mlflow/``.

MLflow has no authentication of its own, so the only way to it is through here: a handler that asks for a Jupyter login,
and a Unix socket that nobody else can open.
"""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, ResponseStartLine, parse_response_start_line
from tornado.iostream import StreamClosedError
from tornado.netutil import Resolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import HTTPError, RequestHandler, authenticated

from labline_backend.tracking.location import PROXY_PATH, web_address
from labline_backend.tracking.ui import MLflowUI, UIError

MAX_BYTES = 1 << 40  # responses are streamed: artifacts may be large

_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
# Jupyter's credentials are none of MLflow's business. Without the rest MLflow sees a local caller that is no browser;
# the questions its own defences ask (which host, which origin) are answered here, where the real ones are known.
_KEPT_FROM_MLFLOW = _HOP_BY_HOP | {"host", "cookie", "authorization", "origin", "referer", "x-xsrftoken", "forwarded"}
_KEPT_FROM_BROWSER = _HOP_BY_HOP | {"server", "date", "set-cookie", "x-frame-options"}

# A refresh by <meta> would go to the same address, which with a fragment (#/experiments/...) loads nothing anew.
_WAITING_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>MLflow is starting</title>
<script>setTimeout(() => location.reload(), 1000)</script>
<style>body{font:16px system-ui,sans-serif;display:grid;place-content:center;height:100vh;margin:0;text-align:center;
color-scheme:light dark}</style></head>
<body><p role="status">MLflow is starting. This takes a few seconds the first time.</p></body></html>
"""


def handlers(ui: MLflowUI) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """The routes that make *ui* reachable, for a Jupyter server extension: below the base URL."""
    return [(f"/{PROXY_PATH}(?P<rest>/.*)?", MLflowHandler, {"ui": ui})]


class _UnixResolver(Resolver):
    def initialize(self, path: Path) -> None:
        self._path = str(path)

    async def resolve(self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
        return [(socket.AF_UNIX, self._path)]


class MLflowHandler(JupyterHandler):
    """Passes requests on to MLflow's user interface, and starts it first where it does not run."""

    auth_resource = "labline"

    def initialize(self, ui: MLflowUI) -> None:
        """Take what the route says."""
        self._ui = ui

    def check_xsrf_cookie(self) -> None:
        """Refuse what another site's page sends with this user's cookies.

        MLflow's pages know nothing of Jupyter's XSRF token, so it cannot be asked for. Asked for instead is what a page
        cannot forge: the origin that the browser itself puts into the request. A request that changes something and is
        not authenticated by a token must name this very origin, or say ``Sec-Fetch-Site: same-origin``; no origin at
        all is not enough.
        """
        if not hasattr(self, "_jupyter_current_user") or self.request.method in ("GET", "HEAD", "OPTIONS"):
            return
        if self.token_authenticated or self.settings.get("disable_check_xsrf", False):
            return
        headers = self.request.headers
        if "Origin" in headers:
            same = self._is_own_origin(headers["Origin"])
        elif "Sec-Fetch-Site" in headers:
            same = headers["Sec-Fetch-Site"] == "same-origin"
        else:
            same = bool(self.check_referer())
        if not same or headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise HTTPError(403, "This request does not come from a page of this server.")

    def _is_own_origin(self, origin: str) -> bool:
        """Whether a page of *origin* may do here what its user may: this server's own, or one that was named.

        ``allow_origin = "*"`` names nobody: it lets every page read, and must not let every page write.
        """
        if urlsplit(origin).netloc.lower() == self.request.host.lower():
            return True
        return self.allow_origin != "*" and bool(self.check_origin(origin))

    def get_login_url(self) -> str:
        """Send people to the login page, and programs a plain refusal."""
        if not self._is_navigation:
            raise HTTPError(403)
        return str(super().get_login_url())

    @authenticated
    @authorized
    async def _pass_on(self, rest: str | None = None) -> None:
        if address := web_address():
            self.redirect(address)
        elif rest is None:
            self.redirect(url_path_join(self.base_url, PROXY_PATH) + "/")
        elif self._ui.socket is None and self._is_navigation:
            await self._wait_visibly()
        else:
            await self._relay()

    get = head = post = put = patch = delete = options = _pass_on

    @property
    def _is_navigation(self) -> bool:
        return self.request.method == "GET" and "text/html" in self.request.headers.get("Accept", "")

    async def _wait_visibly(self) -> None:
        try:
            await asyncio.wait_for(self._ui.start(), 0.5)
        except TimeoutError:
            self.set_status(HTTPStatus.ACCEPTED)
            self.set_header("Cache-Control", "no-store")
            self.finish(_WAITING_PAGE)
        except UIError as error:
            raise HTTPError(502, str(error)) from error
        else:
            await self._relay()

    async def _relay(self) -> None:
        try:
            path = await self._ui.start()
        except UIError as error:
            raise HTTPError(502, str(error)) from error
        client = SimpleAsyncHTTPClient(
            force_instance=True, resolver=_UnixResolver(path=path), max_body_size=MAX_BYTES, max_buffer_size=1 << 22
        )
        answer = _Answer(self)
        try:
            await client.fetch(
                HTTPRequest(
                    f"http://localhost{self._target}",
                    method=str(self.request.method),
                    headers=self._forwarded_headers,
                    body=self.request.body or None,
                    allow_nonstandard_methods=True,  # a DELETE with a body, a POST without
                    follow_redirects=False,
                    decompress_response=False,
                    request_timeout=0,
                    header_callback=answer.header,
                    streaming_callback=answer.chunk,
                ),
                raise_error=False,
            )
            answer.begin()
        except (OSError, HTTPClientError) as error:
            raise HTTPError(502, f"MLflow's user interface does not answer: {error}") from error
        finally:
            client.close()
        self.finish()

    @property
    def _target(self) -> str:
        """The path and query as the browser wrote them, without what belongs to Jupyter."""
        parts = urlsplit(str(self.request.uri))
        path = parts.path.removeprefix(url_path_join(self.base_url, PROXY_PATH)) or "/"
        query = parts.query
        if "token=" in query:
            query = urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "token"])
        return f"{path}?{query}" if query else path

    @property
    def _forwarded_headers(self) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            lower = name.lower()
            if lower not in _KEPT_FROM_MLFLOW and not lower.startswith(("x-forwarded-", "sec-fetch-")):
                headers.add(name, value)
        return headers


class _Answer:
    """What comes back, handed to the browser piece by piece as it comes."""

    def __init__(self, handler: MLflowHandler) -> None:
        self._handler = handler
        self._status: ResponseStartLine | None = None
        self._headers = HTTPHeaders()
        self._begun = False
        self._gone = False

    def header(self, line: str) -> None:
        line = line.rstrip("\r\n")
        if line.startswith("HTTP/"):
            self._status, self._headers = parse_response_start_line(line), HTTPHeaders()
        elif line:
            self._headers.parse_line(line)

    def begin(self) -> None:
        if self._begun or self._status is None:
            return
        self._begun = True
        self._handler.set_status(self._status.code, self._status.reason)
        self._handler.clear_header("Content-Type")
        for name in self._headers:
            if name.lower() not in _KEPT_FROM_BROWSER:
                self._handler.clear_header(name)
                for value in self._headers.get_list(name):
                    self._handler.add_header(name, value)

    async def chunk(self, data: bytes) -> None:
        self.begin()
        if self._gone:
            return
        self._handler.write(data)
        try:
            await self._handler.flush()
        except StreamClosedError:  # the browser has left the page
            self._gone = True
