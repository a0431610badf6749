"""Signing in to a target behind oauth2-proxy or AuthService, at Dex's page, with a user name and a password.

The way is the one that a browser takes: the target's address, the proxy's start, Dex's page (through its choice of
ways to sign in, where it has several), the page that asks for consent, and back. What is kept is the session's cookie.
Neither name nor password is kept, or quoted.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from labline_backend.kubeflow import secrets
from labline_backend.kubeflow.browsing import PASTE, Browser, Form, Page, see_that_it_is_safe, site_of
from labline_backend.kubeflow.errors import NO_SECRET, NOT_LET_IN, TargetError
from labline_backend.kubeflow.targets import Target, write_whole
from labline_runtime.dataclass import dataclass

HEALTH = "/apis/v2beta1/healthz"
LOCAL = "local"  # what Dex calls its own users in Kubeflow's manifests
_START = re.compile(r"/oauth2/start/?$")
_CONNECTOR = re.compile(r"/auth/([A-Za-z0-9._~%-]{1,100})/?$")
_LATEST = 253402300800  # the end of the year 9999: a session that lasts longer has no end
_MOST_PAGES = 5  # between the target and the form


@dataclass(frozen=True)
class Session:
    """The cookie, as ``name=value``, several by ``; ``; until when, in seconds since the epoch, where that is said."""

    cookie: str = field(repr=False)
    expires: float | None


@dataclass(frozen=True)
class _Asked:
    """The form that takes name and password, and what the two are called in it."""

    form: Form
    user: str
    password: str


class UndecidedError(TargetError):
    """Which way to sign in is meant has to be said; ``among`` are those that there are."""

    def __init__(self, message: str, fix: str, among: tuple[str, ...]) -> None:
        super().__init__(NOT_LET_IN, message, fix)
        self.among = among


class SignIn:
    """One sign-in to *target*. *connector* is Dex's name for the way to sign in, where it offers several."""

    def __init__(self, target: Target, connector: str | None = None) -> None:
        """Prepare; nothing is asked yet. Raises ``TargetError`` where *target* has no such sign-in."""
        if target.port_forward:
            why = f"{target.name} is reached through the cluster's own API, past its gateway: nobody signs in there."
            raise TargetError(NOT_LET_IN, why, "Run: the kubeconfig says who you are.")
        see_that_it_is_safe(target.host)
        self._target = target
        self._connector = connector
        self.connectors: tuple[str, ...] = ()
        """The ways to sign in that the page lets choose from, as far as there is such a page on the way."""
        self._browser = Browser(target.ca_file, encrypted=urlsplit(target.host).scheme == "https")
        self._asked: _Asked | None = None

    def __enter__(self) -> SignIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._browser.close()

    def find(self) -> str:
        """Find the page that takes a name and a password; its site. Raises ``TargetError``."""
        page = self._browser.get(f"{self._target.host}/")
        may_start = True
        for _ in range(_MOST_PAGES):
            if (asked := _asking(page)) is not None:
                self._asked = asked
                return page.site
            if (choices := _connectors(page)) and _START.search(urlsplit(page.address).path) is None:
                page = self._browser.get(self._chosen(choices))
            elif (start := next((f for f in page.forms if _START.search(urlsplit(f.action).path)), None)) is not None:
                page = self._browser.send(dataclasses.replace(start, method="get"), start.hidden)
            elif page.status in (401, 403) and page.site == site_of(self._target.host) and may_start:
                # The proxy says no more than that; this is where it begins.
                may_start = False
                page = self._browser.get(f"{page.site}/oauth2/start?rd={urlsplit(self._target.host).path or '/'}")
            else:
                break
        raise self._unknown(page)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the page that was found is on another site than the target."""
        return self._asked is not None and site_of(self._asked.form.action) != site_of(self._target.host)

    def submit(self, user: str, password: str) -> Session:
        """Sign in at the page that was found. Raises ``TargetError``."""
        asked = self._asked
        if asked is None:
            raise RuntimeError("find comes first")
        content = {**asked.form.hidden, asked.user: user, asked.password: password}
        page = self._browser.send(asked.form, content)
        if _asking(page) is not None or page.status == 401:
            raise TargetError(
                NOT_LET_IN,
                f"{page.site} refuses this user name or password.",
                "Try again; Dex's own users sign in with their e-mail address.",
            )
        consent = next((form for form in page.forms if form.hidden.get("approval") == "approve"), None)
        if consent is not None:
            self._see_that_it_stays(page, consent)
            page = self._browser.send(consent, consent.hidden)
        if page.site != site_of(self._target.host):
            raise self._unknown(page)
        return self._session()

    def _session(self) -> Session:
        address = f"{self._target.host}{HEALTH}"
        status = self._browser.look(address, "application/json")
        if status in (301, 302, 303, 307, 308, 401, 403):
            raise TargetError(
                NOT_LET_IN,
                f"You are signed in, but {self._target.name} does not let this session in ({status}).",
                "Ask who runs the cluster whether this user may use Kubeflow Pipelines.",
            )
        kept = [each for each in self._browser.cookies(address) if not each.name.endswith("csrf") and each.value]
        if not kept:
            raise TargetError(
                NOT_LET_IN, f"{self._target.name} lets in who signs in, but gives no cookie to come back with.", PASTE
            )
        ends = [float(each.expires) for each in kept if each.expires is not None and each.expires < _LATEST]
        return Session("; ".join(f"{each.name}={each.value}" for each in kept), min(ends, default=None))

    def _chosen(self, choices: dict[str, str]) -> str:
        self.connectors = tuple(sorted(choices))
        if self._connector in choices:
            return choices[self._connector]
        if self._connector is None and (LOCAL in choices or len(choices) == 1):
            return choices.get(LOCAL) or next(iter(choices.values()))
        problem = f"there is no {self._connector}" if self._connector else "none is chosen"
        raise UndecidedError(
            f"One can sign in to {self._target.name} by {', '.join(self.connectors)}; {problem}.",
            f"Name one that takes a password: labline target login {self._target.name} --connector NAME.",
            self.connectors,
        )

    def _unknown(self, page: Page) -> TargetError:
        if self._asked is None and self._browser.look(f"{self._target.host}{HEALTH}", "application/json") == 200:
            said = f"{self._target.name} asks nobody to sign in: there is no page for it behind {self._target.host}."
            return TargetError(NOT_LET_IN, said, "See that --host is right; use --auth none where none is needed.")
        where = f"{page.site}{urlsplit(page.address).path}"
        said = f"The sign-in leads to {where} ({page.status}), a page that takes no user name and password from here."
        return TargetError(NOT_LET_IN, said, PASTE.replace("NAME", self._target.name))

    @staticmethod
    def _see_that_it_stays(page: Page, form: Form) -> None:
        if site_of(form.action) != page.site or form.method != "post":
            raise TargetError(NOT_LET_IN, f"The page at {page.site} sends what it is told elsewhere.", PASTE)


def _asking(page: Page) -> _Asked | None:
    """The form of a page that takes one name and one password, and keeps them on its own site."""
    for form in page.forms:
        users, passwords = form.of_kind("text", "email"), form.of_kind("password")
        if form.method == "post" and len(users) == len(passwords) == 1 and site_of(form.action) == page.site:
            see_that_it_is_safe(form.action)
            return _Asked(form, users[0].name, passwords[0].name)
    return None


def _connectors(page: Page) -> dict[str, str]:
    """The ways to sign in that a page of Dex offers, by its names for them."""
    found: dict[str, str] = {}
    for link in page.links:
        if link and site_of(link) == page.site and (named := _CONNECTOR.search(urlsplit(link).path)):
            found.setdefault(named[1], link)
    return found


def place_of(target: Target) -> str:
    """Where the session of *target* is to be kept, as it refers to it. Raises ``TargetError``."""
    if target.auth != "cookie" or target.secret is None:
        raise TargetError(NO_SECRET, f"{target.name} takes no cookie.", "Add it with --auth cookie.")
    if target.secret.startswith("env:"):
        raise TargetError(
            NO_SECRET,
            f"{target.name} reads its cookie from an environment variable, which nothing here can set for others.",
            f"Keep it in the keyring: labline target add {target.name} ... --secret keyring:{target.name}.",
        )
    return target.secret


def keep(target: Target, session: Session) -> None:
    """Keep a session where *target* looks for it. Raises ``TargetError``."""
    kind, _, name = place_of(target).partition(":")
    if kind == "keyring":
        secrets.store(name, session.cookie)
        return
    file = Path(name).expanduser()
    try:
        write_whole(file, session.cookie + "\n")
    except OSError as error:
        why = error.strerror or error
        raise TargetError(NO_SECRET, f"The secret's file {file} cannot be written: {why}.", "Correct it.") from error
