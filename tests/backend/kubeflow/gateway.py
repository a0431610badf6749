"""What stands before Kubeflow: oauth2-proxy and Dex, as far as somebody sees who signs in; behind it the emulator.

Written after the pages and redirects that both are documented to have, not after a running one. Every state, request
and code counts once; cookies have the attributes that they have there, and are looked at when they come back.
"""

from __future__ import annotations

import contextlib
import gzip
import html
import secrets
import ssl
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlencode, urlsplit

SESSION = "oauth2_proxy_kubeflow"
CSRF = "_oauth2_proxy_csrf"
CLIENT = "kubeflow-oidc-authservice"
USER, PASSWORD = "user@example.com", "12341234 &=ü"


@dataclass
class Ways:
    """How it is set up."""

    sign_in_page: bool = False  # whether the proxy shows its own page first, with 403
    bare: bool = False  # or says no more than 403
    approval: bool = False  # whether Dex asks for consent
    connectors: tuple[str, ...] = ("local",)
    sso: bool = False  # whether Dex leaves it to a page with scripts
    hops: int = 0  # redirects that lead back to themselves
    max_age: int | None = 3600  # of the session
    old_form: bool = False  # whether Dex's request is in a hidden field, as in releases before 2.35
    status_of_refusal: int = 200
    sends_on: str | None = None  # where what is posted is to be posted again
    form_to: str | None = None  # a site that the form is sent to
    elsewhere: str | None = None  # the site that Dex is at, if not this one
    leads_to: str | None = None  # where the proxy sends everybody
    shows: str | None = None  # the page that the proxy shows everybody
    packs: bool = False  # whether pages come compressed, though nobody has asked for that
    thinks: float = 0  # seconds before each answer
    drips: bool = False  # whether answers come byte by byte, and never to an end


@dataclass
class Site:
    """One server: the proxy, and Dex unless that is *dex_elsewhere*. *api* is the emulator's address."""

    api: str | None = None
    ways: Ways = field(default_factory=Ways)
    dex_elsewhere: Site | None = None
    tls: ssl.SSLContext | None = None  # what it serves https with

    def __post_init__(self) -> None:
        self.states: set[str] = set()
        self.requests: dict[str, dict[str, str]] = {}
        self.codes: set[str] = set()
        self.sessions: dict[str, float] = {}
        self.asked: list[str] = []
        self.posted: list[dict[str, str]] = []
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def end_sessions(self) -> None:
        self.sessions.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # ---------------------------------------------------------------- oauth2-proxy

    def proxied(self, handler: _Handler, path: str, query: dict[str, str]) -> None:
        ways = self.ways
        if ways.leads_to is not None:
            handler.redirect(ways.leads_to)
        elif ways.shows is not None:
            handler.answer(200 if "text/html" in handler.headers.get("Accept", "") else 401, ways.shows)
        elif path == "/oauth2/start":
            self._start(handler, query.get("rd", "/"))
        elif path == "/oauth2/callback":
            self._callback(handler, query)
        elif self._is_let_in(handler):
            self._pass_on(handler)
        elif path.startswith("/apis/") or "text/html" not in handler.headers.get("Accept", ""):
            handler.answer(401, "Unauthorized", "text/plain")
        elif ways.bare:
            handler.answer(403, "Forbidden", "text/plain")
        elif ways.sign_in_page:
            hidden = f'<input type="hidden" name="rd" value="{html.escape(handler.path)}">'
            page = f'<form method="GET" action="/oauth2/start">{hidden}<button type="submit">Sign in</button></form>'
            handler.answer(403, page)
        else:
            self._start(handler, handler.path)

    def _start(self, handler: _Handler, back: str) -> None:
        nonce = secrets.token_hex(8)
        state = f"{nonce}:{back}"
        self.states.add(state)
        dex = self.ways.elsewhere or ""
        asked = {"client_id": CLIENT, "redirect_uri": f"{self.url}/oauth2/callback", "response_type": "code"}
        address = f"{dex}/dex/auth?{urlencode({**asked, 'scope': 'openid email groups', 'state': state})}"
        # Secure, as in Kubeflow's manifests behind TLS; a browser takes it from loopback, too.
        handler.redirect(address, f"{CSRF}={nonce}; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax")

    def _callback(self, handler: _Handler, query: dict[str, str]) -> None:
        state = query.get("state", "")
        if state not in self.states or handler.cookie(CSRF) != state.split(":")[0]:
            handler.answer(403, "Login Failed: Unable to find a valid CSRF token. Please try again.")
            return
        self.states.remove(state)
        issuer = self.dex_elsewhere or self
        if query.get("code") not in issuer.codes:
            handler.answer(500, "Login Failed: could not exchange the code")
            return
        issuer.codes.remove(query["code"])
        session = secrets.token_urlsafe(24)
        self.sessions[session] = time.time() + 3600
        age = "" if self.ways.max_age is None else f"Max-Age={self.ways.max_age}; "
        cookie = f"{SESSION}={session}; Path=/; {age}HttpOnly; SameSite=Lax"
        handler.redirect(state.partition(":")[2], cookie, f"{CSRF}=; Path=/; Max-Age=0; HttpOnly; Secure")

    def _is_let_in(self, handler: _Handler) -> bool:
        return self.sessions.get(handler.cookie(SESSION) or "", 0) > time.time()

    def _pass_on(self, handler: _Handler) -> None:
        path = handler.path.removeprefix("/pipeline")
        if path in ("/", ""):
            handler.answer(200, "<html><title>Kubeflow Pipelines</title></html>")
            return
        request = urllib.request.Request(f"{self.api}{path}", data=handler.body or None, method=handler.command)
        for name in ("Content-Type", "Accept"):
            if name in handler.headers:
                request.add_header(name, handler.headers[name])
        try:
            with urllib.request.urlopen(request) as answer:
                handler.answer(answer.status, answer.read().decode(), "application/json")
        except urllib.error.HTTPError as error:
            handler.answer(error.code, error.read().decode(), "application/json")

    # ---------------------------------------------------------------- Dex

    def dex(self, handler: _Handler, path: str, query: dict[str, str]) -> None:
        parts = path.removeprefix("/dex/").split("/")
        if parts == ["auth"]:
            self._choice(handler, query)
        elif parts == ["approval"]:
            self._approval(handler, query)
        elif len(parts) == 2 and parts[0] == "auth":
            self._begin(handler, parts[1], query)
        elif len(parts) == 3 and parts[2] == "login":
            self._login(handler, query)
        else:
            handler.answer(404, "Page not found")

    def _choice(self, handler: _Handler, query: dict[str, str]) -> None:
        if query.get("client_id") != CLIENT or "state" not in query:
            handler.answer(400, "Invalid client_id")
        elif len(self.ways.connectors) == 1:
            handler.redirect(f"/dex/auth/{self.ways.connectors[0]}?{urlencode(query)}")
        else:
            links = (
                f'<a href="/dex/auth/{name}?{html.escape(urlencode(query))}">{name}</a>'
                for name in self.ways.connectors
            )
            handler.answer(200, f'<a href="/theme">Dex</a>{"".join(links)}')

    def _begin(self, handler: _Handler, connector: str, query: dict[str, str]) -> None:
        if self.ways.hops:
            handler.redirect(f"/dex/auth/{connector}?{urlencode(query)}")
        elif self.ways.sso or connector != "local":
            handler.answer(200, '<script src="/sso.js"></script><form><input name="q"></form>')
        else:
            request = secrets.token_hex(12)
            self.requests[request] = {**query, "approved": ""}
            name = "req" if self.ways.old_form else "state"
            handler.redirect(f"/dex/auth/{connector}/login?back=&{name}={request}")

    def _login(self, handler: _Handler, query: dict[str, str]) -> None:
        name = "req" if self.ways.old_form else "state"
        content = handler.form()
        request = content.get(name) or query.get(name) or ""
        if request not in self.requests:
            handler.answer(400, "User session error.")
        elif handler.command == "GET":
            self._form(handler, request)
        elif self.ways.sends_on is not None:
            self.posted.append(content)
            handler.answer(307, "", headers=[("Location", self.ways.sends_on)])
        elif (content.get("login"), content.get("password")) != (USER, PASSWORD):
            self.posted.append(content)
            self._form(handler, request, "Invalid Email Address and password.")
        else:
            self.posted.append(content)
            if self.ways.approval:
                handler.redirect(f"/dex/approval?req={request}&hmac={request[::-1]}")
            else:
                self._approve(handler, request)

    def _form(self, handler: _Handler, request: str, error: str = "") -> None:
        to = (self.ways.form_to or "") + f"/dex/auth/local/login?back=&state={request}"
        hidden = f'<input type="hidden" name="req" value="{request}"/>' if self.ways.old_form else ""
        page = f"""<h2 class="theme-heading">Log in to Your Account</h2>
            <form method="post" action="{"" if self.ways.old_form else html.escape(to)}">{hidden}
            <input tabindex="1" required id="login" name="login" type="text" placeholder="email address" autofocus />
            <input tabindex="2" required id="password" name="password" type="password" />
            <div id="login-error" class="dex-error-box">{error}</div>
            <button tabindex="3" id="submit-login" type="submit">Login</button></form>"""
        handler.answer(self.ways.status_of_refusal if error else 200, page)

    def _approval(self, handler: _Handler, query: dict[str, str]) -> None:
        content = handler.form()
        request = content.get("req") or query.get("req") or ""
        if request not in self.requests or query.get("hmac") != request[::-1]:
            handler.answer(400, "User session error.")
        elif handler.command == "GET":
            forms = (
                f'<form method="post"><input type="hidden" name="req" value="{request}"/>'
                f'<input type="hidden" name="approval" value="{value}"><button type="submit">{value}</button></form>'
                for value in ("approve", "rejected")
            )
            handler.answer(200, "".join(forms))
        elif content.get("approval") == "approve":
            self._approve(handler, request)
        else:
            handler.answer(500, "Approval rejected.")

    def _approve(self, handler: _Handler, request: str) -> None:
        asked = self.requests.pop(request)
        code = secrets.token_hex(8)
        self.codes.add(code)
        handler.answer(
            303, "", headers=[("Location", f"{asked['redirect_uri']}?code={code}&state={quote(asked['state'])}")]
        )


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"
    body = b""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {name: values[0] for name, values in parse_qs(address.query, keep_blank_values=True).items()}
        self.site.asked.append(f"{self.command} {address.path}")
        work = self.site.dex if address.path.startswith("/dex/") else self.site.proxied
        work(self, address.path, query)

    do_POST = do_DELETE = do_GET

    def cookie(self, name: str) -> str | None:
        found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        return None if found is None else found.value

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    def redirect(self, to: str, *cookies: str) -> None:
        self.answer(302, "", headers=[("Location", to), *(("Set-Cookie", cookie) for cookie in cookies)])

    def answer(
        self,
        status: int,
        text: str,
        kind: str = "text/html; charset=utf-8",
        headers: list[tuple[str, str]] | None = None,
    ) -> None:
        content = gzip.compress(text.encode()) if self.site.ways.packs else text.encode()
        time.sleep(self.site.ways.thinks)
        self.send_response(status)
        for name, value in headers or ():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if self.site.ways.packs:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content) + self.site.ways.drips * 10**6))
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked has had enough
            self.wfile.write(content)
            while self.site.ways.drips:
                time.sleep(0.02)
                self.wfile.write(b" ")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
