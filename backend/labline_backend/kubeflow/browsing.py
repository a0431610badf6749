"""A browser without scripts, for one sign-in: pages with their forms and links, cookies, redirects.

It goes to https, and to this machine by http, and nowhere else. What is posted is never posted again elsewhere.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from dataclasses import field
from email.message import Message
from html.parser import HTMLParser
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit
from urllib.request import Request

from labline_backend.kubeflow.deadline import Deadline
from labline_backend.kubeflow.errors import NOT_LET_IN, UNREACHABLE, TargetError
from labline_backend.kubeflow.targets import is_here
from labline_runtime.dataclass import dataclass

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0  # between two bytes
WHOLE_SECONDS = 60.0  # for all that one sign-in waits for; nobody hurries who types
LARGEST_PAGE = 2 << 20  # bytes
LONGEST_ADDRESS = 8192  # as long as servers take one
MOST_PARTS = 1000  # forms and links of a page, each of which holds a whole address
MOST_REDIRECTS = 20  # on the way to one page

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_IN_ADDRESSES = "%/:?#[]@!$&'()*+,;=~"


@dataclass(frozen=True)
class Field:
    """What a form sends: ``kind`` as in HTML, "text" where nothing is said."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True)
class Form:
    """A form; ``action`` is a whole address, ``method`` in small letters."""

    action: str
    method: str
    fields: tuple[Field, ...]

    def of_kind(self, *kinds: str) -> list[Field]:
        """The fields of these kinds that have a name."""
        return [each for each in self.fields if each.kind in kinds and each.name]

    @property
    def hidden(self) -> dict[str, str]:
        """What it sends without being asked."""
        return {each.name: each.value for each in self.of_kind("hidden")}


@dataclass(frozen=True)
class Page:
    """An answer, after all redirects."""

    address: str
    status: int
    forms: tuple[Form, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def site(self) -> str:
        """Where it is: scheme, host and port."""
        return site_of(self.address)


def site_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port == (443 if parts.scheme == "https" else 80) else f":{port}")


class Browser:
    """Cookies and connections of one sign-in. Every failure is a ``TargetError``."""

    def __init__(self, ca_file: str | None = None, *, encrypted: bool = False) -> None:
        """*encrypted*: to go by https alone, for pages elsewhere have no business with what listens on this machine."""
        import urllib3

        self._encrypted = encrypted
        self._left = WHOLE_SECONDS
        self._pools = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            ca_certs=ca_file,
            headers={"User-Agent": "labline"},
        )
        self._deadline = Deadline(self._pools)
        self._policy = _Policy()
        self._jar = CookieJar(self._policy)

    def close(self) -> None:
        """Close what is open."""
        self._pools.clear()

    def get(self, address: str, accept: str = "text/html") -> Page:
        """The page at *address*, wherever it redirects to."""
        return self._follow(self._asked("GET", address, accept=accept))

    def look(self, address: str, accept: str) -> int:
        """The status of the answer at *address* itself."""
        return self._asked("GET", address, accept=accept).status

    def send(self, form: Form, content: dict[str, str]) -> Page:
        """Send a form; the page that comes of it."""
        try:
            text = urlencode(content)
        except UnicodeEncodeError:
            raise _strange("What was typed in is no text that can be sent") from None  # and not quoted
        if form.method == "get":
            action = urlsplit(form.action)._replace(query=text, fragment="").geturl()
            return self.get(action)
        answer = self._asked("POST", form.action, body=text)
        if answer.status in (307, 308):
            raise _strange(f"{site_of(form.action)} wants what was typed in to be sent elsewhere, which is not done")
        return self._follow(answer)

    def cookies(self, address: str) -> list[Cookie]:
        """The cookies that go to *address*."""
        request = Request(address)  # noqa: S310 - never opened
        policy = self._policy
        return [
            each
            for each in self._jar
            if policy.domain_return_ok(each.domain, request)
            and policy.path_return_ok(each.path, request)
            and policy.return_ok(each, request)
        ]

    # ---------------------------------------------------------------- calls

    def _follow(self, answer: _Answer) -> Page:
        for _ in range(MOST_REDIRECTS):
            if answer.location is None:
                return answer.page()
            answer = self._asked("GET", _joined(answer.address, answer.location))
        raise _strange(f"{site_of(answer.address)} redirects in a circle")

    def _asked(self, method: str, address: str, *, body: str | None = None, accept: str = "text/html") -> _Answer:
        import urllib3

        see_that_it_is_safe(address)
        if self._encrypted and urlsplit(address).scheme == "http":
            raise _strange(f"The sign-in leads from https to plain http, at {site_of(address)}")
        # Quoted, because parts of it are shown to the user.
        address = quote(urlsplit(address)._replace(fragment="").geturl(), _IN_ADDRESSES)
        request = Request(address, method=method)  # noqa: S310 - for the cookies alone
        self._jar.add_cookie_header(request)
        headers = {"User-Agent": "labline", "Accept": accept}
        if cookies := request.get_header("Cookie"):
            headers["Cookie"] = cookies
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._left <= 0:
            raise _late(address)
        begun = time.monotonic()
        with self._deadline.within(self._left) as passed:
            try:
                response = self._pools.request(
                    method,
                    address,
                    body=body,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                    decode_content=False,  # none was asked for, and a small one can be of any size when it is unpacked
                )
                content = response.read(LARGEST_PAGE + 1)
                response.close()
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise _late(address) if passed.is_set() else _unreachable(address, error) from error
            finally:
                self._left -= time.monotonic() - begun
        if passed.is_set():  # what came until then is no whole answer
            raise _late(address)
        if len(content) > LARGEST_PAGE:
            raise _strange(f"{site_of(address)} sends more than a page to sign in with")
        told = Message()
        for name, value in response.headers.items():
            told[name] = value
        self._jar.extract_cookies(_Told(told), request)  # type: ignore[arg-type]
        location = response.headers.get("Location") if response.status in (301, 302, 303, 307, 308) else None
        return _Answer(address, response.status, location, content, response.headers.get("Content-Type") or "")


def see_that_it_is_safe(address: str) -> None:
    """Raise ``TargetError`` where what goes to *address* could be read on the way, or it is none."""
    try:
        parts = urlsplit(address)
        # Letters of other alphabets look like these, and others than urllib3 may read another host from a backslash.
        is_host = _HOST.fullmatch(parts.hostname or "") is not None and "@" not in parts.netloc and parts.port != 0
        is_address = is_host and len(address) <= LONGEST_ADDRESS
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in ("http", "https"):
        raise _strange("The way to the sign-in page leads to something that is no address")
    if parts.scheme == "http" and not is_here(parts.hostname or ""):
        raise TargetError(
            NOT_LET_IN,
            f"The sign-in leads over plain http to {parts.hostname}, where anybody on the way could read the password.",
            "Use an address with https, or a port-forward on this machine.",
        )


def _joined(address: str, reference: str) -> str:
    """Where *reference* leads from *address*; empty where that is no address."""
    try:
        whole = urljoin(address, reference.strip())
        site_of(whole)
    except ValueError:
        return ""
    return whole if len(whole) <= LONGEST_ADDRESS else ""


def _unreachable(address: str, error: Exception) -> TargetError:
    import urllib3

    reason = getattr(error, "reason", None) or error
    if isinstance(reason, (urllib3.exceptions.SSLError, ssl.SSLError)):
        how, fix = "is not trusted", "Name the certificate authority's file: labline target add ... --ca-file FILE."
        return TargetError(UNREACHABLE, f"The certificate of {site_of(address)} {how}.", fix)
    return TargetError(
        UNREACHABLE, f"{site_of(address)} cannot be reached, or does not answer in time.", "Try again.", passing=True
    )


def _late(address: str) -> TargetError:
    said = f"The sign-in takes too long: {site_of(address)} was the last that was waited for."
    return TargetError(UNREACHABLE, said, "Try again.", passing=True)


def _strange(what: str) -> TargetError:
    return TargetError(NOT_LET_IN, f"{what}.", PASTE)


PASTE = (
    "Sign in with a browser, copy the session's cookie as name=value from its developer tools, and store it: "
    "labline target login NAME --paste."
)


# ---------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Told:
    """An answer as the standard library's cookie jar wants it."""

    message: Message

    def info(self) -> Message:
        return self.message


class _Policy(DefaultCookiePolicy):
    """As browsers have it: a cookie without a domain is for its host alone, and this machine counts as safe, though it
    is spoken to by http.
    """

    def __init__(self) -> None:
        super().__init__(strict_ns_domain=DefaultCookiePolicy.DomainStrictNonDomain)

    def return_ok_secure(self, cookie: Cookie, request: Any) -> bool:
        return not cookie.secure or request.type == "https" or is_here(urlsplit(request.full_url).hostname or "")


@dataclass(frozen=True)
class _Answer:
    address: str
    status: int
    location: str | None
    content: bytes
    kind: str

    def page(self) -> Page:
        if "html" not in self.kind:
            return Page(self.address, self.status)
        parser = _Parser(self.address)
        # Its words for a declaration that it does not know, and for the number of a letter with thousands of digits.
        with contextlib.suppress(AssertionError, ValueError):
            parser.feed(self.content.decode("utf-8", "replace"))
        parser.end()
        return Page(self.address, self.status, tuple(parser.forms), tuple(parser.links))


@dataclass
class _Open:
    action: str
    method: str
    fields: list[Field] = field(default_factory=list)

    def closed(self) -> Form:
        return Form(self.action, self.method, tuple(self.fields))


class _Parser(HTMLParser):
    """Forms and links of a page."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._open: _Open | None = None
        self.forms: list[Form] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(self.forms) + len(self.links) >= MOST_PARTS:
            return
        if tag == "form":
            self._end()
            self._open = _Open(self._whole(given.get("action", "")), given.get("method", "get").strip().lower())
        elif tag in ("input", "button") and self._open is not None:
            kind = given.get("type", "text" if tag == "input" else "submit").strip().lower()
            self._open.fields.append(Field(given.get("name", ""), kind, given.get("value", "")))
        elif tag == "a" and "href" in given:
            self.links.append(self._whole(given["href"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._end()

    def end(self) -> None:
        """The page has no more. Not ``close``, which seeks a meaning in every beginning of a tag that has no end: a
        hundred kilobytes of them take minutes.
        """
        self._end()

    def _end(self) -> None:
        if self._open is not None:
            self.forms.append(self._open.closed())
            self._open = None

    def _whole(self, reference: str) -> str:
        return _joined(self._address, reference)
