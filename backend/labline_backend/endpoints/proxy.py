"""Endpoints behind the Jupyter server's own authentication, under ``labline/endpoints/NAME/``.

Who may use this server may ask its endpoints; the endpoint's token stays on this machine. An endpoint's own port is the
faster way for programs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from tornado.web import HTTPError, RequestHandler, authenticated

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.errors import NotFoundError

PATH = "labline/endpoints"
"""Below the Jupyter server's base URL."""

MAX_BYTES = 1 << 30
SLACK_SECONDS = 10.0  # beyond the endpoint's own deadline

_KEPT_FROM_ENDPOINT = {
    "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect", "host", "cookie", "origin",
    "authorization", "proxy-authorization", "referer", "x-xsrftoken", "forwarded", "content-length", "accept-encoding",
}  # fmt: skip
_KEPT_FROM_CLIENT = {
    "connection", "keep-alive", "trailer", "transfer-encoding", "upgrade", "server", "date", "set-cookie",
    "content-length", "www-authenticate",
}  # fmt: skip

Ask = Callable[[Callable[[], Any]], Awaitable[Any]]


def handlers(
    endpoints: Callable[[], Endpoints], off_loop: Ask
) -> list[tuple[str, type[RequestHandler], dict[str, Any]]]:
    """The route, for a Jupyter server extension: below the base URL. *endpoints* is called off the loop."""
    given = {"endpoints": endpoints, "off_loop": off_loop}
    return [(f"/{PATH}/(?P<name>[^/]+)(?P<rest>/.*)", EndpointHandler, given)]


class EndpointHandler(APIHandler):
    """Passes requests on to an endpoint, with the endpoint's token."""

    auth_resource = "labline"

    def initialize(self, endpoints: Callable[[], Endpoints], off_loop: Ask) -> None:
        """Take what the route says."""
        self._endpoints = endpoints
        self._off_loop = off_loop

    @authenticated
    @authorized
    async def _pass_on(self, name: str, rest: str) -> None:
        def look() -> tuple[str | None, str, float]:
            known = self._endpoints()
            found = known.get(name)
            return found.address if found.alive else None, known.token(name), found.endpoint.spec.deadline

        try:
            address, token, deadline = await self._off_loop(look)
        except NotFoundError as error:
            raise HTTPError(404, error.message) from error
        if address is None:
            raise HTTPError(503, f"The endpoint {name} does not run.")
        answer = await self._asked(f"{address}{self._target(name)}", token, deadline + SLACK_SECONDS)
        self.set_status(answer.code, answer.reason)
        self.clear_header("Content-Type")
        for header, value in answer.headers.get_all():
            if header.lower() not in _KEPT_FROM_CLIENT:
                self.set_header(header, value)
        self.finish(answer.body or b"")

    get = head = post = _pass_on

    async def _asked(self, url: str, token: str, seconds: float) -> HTTPResponse:
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            lower = name.lower()
            if lower not in _KEPT_FROM_ENDPOINT and not lower.startswith(("x-forwarded-", "sec-")):
                headers.add(name, value)
        headers["Authorization"] = f"Bearer {token}"
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=MAX_BYTES, max_buffer_size=MAX_BYTES)
        request = HTTPRequest(
            url,
            method=str(self.request.method),
            headers=headers,
            body=self.request.body if self.request.method == "POST" else None,
            follow_redirects=False,
            decompress_response=False,
            connect_timeout=SLACK_SECONDS,
            request_timeout=seconds,
        )
        try:
            return await client.fetch(request, raise_error=False)
        except (OSError, HTTPClientError) as error:
            raise HTTPError(502, f"The endpoint does not answer: {error}") from error
        finally:
            client.close()

    def _target(self, name: str) -> str:
        """The path and query as they were written, without what belongs to Jupyter."""
        parts = urlsplit(str(self.request.uri))
        path = parts.path.partition(f"/{PATH}/")[2].partition("/")[2]
        query = urlencode([pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != "token"])
        return f"/{path}?{query}" if query else f"/{path}"
