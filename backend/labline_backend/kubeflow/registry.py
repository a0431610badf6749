"""Whether an image is in its registry, asked as the distribution API has it: by the manifest's head, nothing fetched.

A registry that cannot be asked from here says nothing of the image: clusters reach others than this machine does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from labline_backend.images.logins import Login, login_at
from labline_backend.kubeflow.deadline import Deadline
from labline_backend.kubeflow.targets import is_here
from labline_runtime.dataclass import dataclass

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0  # between two bytes
WHOLE_SECONDS = 15.0  # for all calls about one image
LARGEST_ANSWER = 64 << 10  # bytes; one with a token

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

_HOST = r"(?P<host>(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?)"
_NAME = r"(?P<name>[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>\w+:[0-9a-fA-F]{{32,}}))?", re.ASCII
)
_PARAMETER = re.compile(r'([a-zA-Z_]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class UnknownError(Exception):
    """It cannot be found out whether the image is there; the message goes on "the registry HOST ...".

    ``is_silent`` says that the registry did not answer at all.
    """

    def __init__(self, how: str, *, is_silent: bool = False) -> None:
        super().__init__(how)
        self.is_silent = is_silent


@dataclass(frozen=True)
class Reference:
    """An image as it is named. ``host`` is None where no registry is, ``at`` its tag or digest."""

    host: str | None
    name: str
    at: str

    @staticmethod
    def parse(image: str) -> Reference | None:
        """What *image* names; None where it is no reference."""
        found = _REFERENCE.fullmatch(image)
        if found is None:
            return None
        host, name = found["host"], found["name"]
        if host is not None and not ("." in host or ":" in host or host == "localhost"):
            host, name = None, f"{host}/{name}"  # the beginning of a name, not a registry
        return Reference(host, name, found["digest"] or found["tag"] or "latest")


@dataclass(frozen=True)
class Answer:
    """What a registry says of an image: whether it is there, and whether it was told who asks."""

    there: bool
    signed_in: bool


def ask(host: str, name: str, at: str) -> Answer:
    """Ask the registry *host* for the image *name* with the tag or digest *at*. Raises ``UnknownError``."""
    login = login_at(host)
    return Answer(_Asked(host, login).has(name, at), login is not None)


class _Asked:
    """One registry, asked about one image."""

    def __init__(self, host: str, login: Login | None) -> None:
        import urllib3

        self._host = host
        self._login = login
        self._pools = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS), headers={"User-Agent": "labline"}
        )
        self._deadline = Deadline(self._pools)

    def has(self, name: str, at: str) -> bool:
        """Whether it has the image. Raises ``UnknownError``."""
        with self._pools, self._asking():
            base, challenge = self._base()
            headers = {"Accept": ", ".join(MANIFESTS), **self._authorization(challenge, name)}
            address = f"{base}{name}/manifests/{quote(at, safe=':')}"
            answer = self._pools.request("HEAD", address, headers=headers, retries=_redirects(3))
            if answer.status not in (200, 404):
                is_kept_from = answer.status in (401, 403)
                raise UnknownError("does not let this user see it" if is_kept_from else f"answers {answer.status}")
            return answer.status == 200

    def _base(self) -> tuple[str, str | None]:
        """Where its API is, and how it challenges who asks. Raises ``UnknownError``."""
        import urllib3

        # What is on this machine often speaks plainly, as container engines allow there; nothing else may.
        schemes = ("http", "https") if is_loopback(self._host) else ("https",)
        for scheme in schemes:
            base = f"{scheme}://{self._host}/v2/"
            try:
                answer = self._pools.request("GET", base, retries=_redirects(0), preload_content=False)
            except urllib3.exceptions.ProtocolError:
                if scheme == schemes[-1]:
                    raise
                continue
            answer.close()
            if answer.status in (200, 401):
                return base, answer.headers.get("WWW-Authenticate") if answer.status == 401 else None
            if answer.status != 400:  # as who expects TLS answers
                break
        raise UnknownError(f"does not speak the distribution API ({answer.status})")

    def _authorization(self, challenge: str | None, name: str) -> dict[str, str]:
        """The header by which the pull of *name* is allowed, as the registry's *challenge* asks for it."""
        if challenge is None:
            return {}
        scheme, _, rest = challenge.strip().partition(" ")
        if scheme.lower() == "basic":
            if self._login is None or not self._login.user:
                raise UnknownError("lets nobody in without a login")
            return {"Authorization": _basic(self._login)}
        if scheme.lower() != "bearer":
            raise UnknownError(f"asks for a login by {scheme[:20]}, which is not known here")
        told = {
            key.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain for key, quoted, plain in _PARAMETER.findall(rest)
        }
        return {"Authorization": f"Bearer {self._token(told, name)}"}

    def _token(self, told: dict[str, str], name: str) -> str:
        realm = urlsplit(told.get("realm", ""))
        is_safe = realm.scheme == "https" or (
            realm.scheme == "http" and is_loopback(realm.netloc) and is_loopback(self._host)
        )
        if not realm.netloc or realm.username or not is_safe:
            raise UnknownError("sends to a place for logins that is not safe")
        asked = {"scope": f"repository:{name}:pull", **({"service": told["service"]} if "service" in told else {})}
        if self._login is not None and self._login.identity:
            form = {
                "grant_type": "refresh_token",
                "refresh_token": self._login.identity,
                "client_id": "labline",
                **asked,
            }
            answer = self._pools.request(
                "POST",
                realm.geturl(),
                fields=form,
                encode_multipart=False,
                retries=_redirects(0),
                preload_content=False,
            )
        else:
            address = f"{realm.geturl()}{'&' if realm.query else '?'}{urlencode(asked)}"
            headers = {"Authorization": _basic(self._login)} if self._login is not None else {}
            answer = self._pools.request("GET", address, headers=headers, retries=_redirects(0), preload_content=False)
        content = answer.read(LARGEST_ANSWER + 1)
        answer.close()
        if len(content) > LARGEST_ANSWER:
            raise UnknownError("sends too much in the place of a token")
        if answer.status != 200:
            who = "does not let this user" if self._login is not None else "lets nobody without a login"
            raise UnknownError(f"{who} pull it ({answer.status})")
        document = json.loads(content)
        token = document.get("token") or document.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise UnknownError("gives no token to ask by")
        return token

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        import urllib3

        with self._deadline.within(WHOLE_SECONDS) as passed:
            try:
                yield
            except urllib3.exceptions.HTTPError as error:
                reason = getattr(error, "reason", None) or error
                is_late = isinstance(reason, urllib3.exceptions.TimeoutError)
                is_late = passed.is_set() or (is_late and not isinstance(reason, urllib3.exceptions.NewConnectionError))
                how = "does not answer in time" if is_late else "cannot be reached"
                raise UnknownError(how, is_silent=True) from error
            except (ValueError, RecursionError, AttributeError, OSError) as error:
                how = "does not answer in time" if passed.is_set() else "does not answer as the distribution API has it"
                raise UnknownError(how) from error


def _redirects(most: int) -> Any:
    """As many redirects as that, and no second try; the token stays with the host that it is for."""
    import urllib3

    return urllib3.Retry(
        total=most or 0, connect=0, read=0, status=0, other=0, redirect=most or False, raise_on_redirect=False
    )


def _basic(login: Login) -> str:
    return f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}"


def is_loopback(address: str) -> bool:
    """Whether *address*, a host with a port or without, is this machine."""
    with contextlib.suppress(ValueError):
        return is_here(urlsplit(f"//{address}").hostname or "")
    return False
