"""Calls to the REST API of a target, and what goes wrong with them.

Every failure is a ``TargetError`` with one sentence. What a server says is quoted at most as one short line, and
nothing that was sent.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from labline_backend.kubeflow import errors, secrets
from labline_backend.kubeflow.deadline import Deadline
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.forward import Forward
from labline_backend.kubeflow.targets import Target

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0  # between two bytes
WHOLE_SECONDS = 300.0  # for a call as a whole
LONGEST_QUOTE = 300  # characters of what a server says


class Connection:
    """A target, asked through the client that is generated from its API's definition. Opened by the first call."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._opened: Any = None
        self._forward = Forward(target) if target.port_forward else None
        self._deadline: Deadline  # that of the opened one

    def close(self) -> None:
        """Close what is open."""
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.rest_client.pool_manager.clear()
            opened.close()
        if self._forward is not None:
            self._forward.close()

    @contextlib.contextmanager
    def calling(self, what: str) -> Iterator[tuple[Any, dict[str, Any]]]:
        """The generated client and the options of a call for *what*. Raises ``TargetError`` for whatever fails."""
        import kfp_server_api as api
        import urllib3

        client = self._client()
        with self._deadline.within(WHOLE_SECONDS) as passed:
            try:
                yield client, {"_request_timeout": (CONNECT_SECONDS, READ_SECONDS)}
                # The generated client makes an empty model of whatever it is given.
                if not isinstance(json.loads(client.last_response.data), dict):
                    raise not_kubeflow(self._target)
            except api.ApiException as error:
                raise self._answered(error.status or 0, error.body, what) from error
            except TargetError:
                raise
            except (urllib3.exceptions.HTTPError, ValueError, TypeError, AttributeError) as error:
                if passed.is_set():
                    raise self._late() from error
                if isinstance(error, urllib3.exceptions.HTTPError):
                    fault = self._forward.fault if self._forward else None
                    raise fault or self._unreachable(error) from error
                raise not_kubeflow(self._target) from error  # an answer that is none of this API's

    def _client(self) -> Any:
        import kfp_server_api as api
        import urllib3

        if self._opened is None:
            configuration = api.Configuration(host=self._target.host)
            configuration.ssl_ca_cert = self._target.ca_file
            # Tried again where it is safe, by whoever calls; a redirect to a login page is an answer.
            configuration.retries = urllib3.Retry(total=0, raise_on_redirect=False, raise_on_status=False)
            self._opened = api.ApiClient(configuration)
            self._opened.user_agent = "labline"
            self._deadline = Deadline(
                self._opened.rest_client.pool_manager, self._forward.connect if self._forward else None
            )
        if self._target.secret is not None:
            self._target.check_connection()  # again: the file of targets may be edited
            secret = self._secret(self._target.secret)
            header, value = (
                ("Cookie", secret) if self._target.auth == "cookie" else ("Authorization", f"Bearer {secret}")
            )
            self._opened.set_default_header(header, value)
        return self._opened

    def _secret(self, reference: str) -> str:
        try:
            return secrets.read(reference)
        except secrets.AbsentError as error:
            if not may_sign_in(self._target):
                raise
            said = f"Nobody is signed in to the target {self._target.name}."
            raise TargetError(errors.NOT_SIGNED_IN, said, _sign_in(self._target.name)) from error

    def _unreachable(self, error: Exception) -> TargetError:
        import urllib3

        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            named = self._target.ca_file
            return TargetError(
                errors.UNREACHABLE,
                f"The certificate of {self._target.host} is not trusted"
                + (f": by the authority in {named} it is not for this address, or not at all." if named else "."),
                f"Name {'the right' if named else 'the'} certificate authority's file: "
                "labline target add ... --ca-file FILE.",
            )
        is_late = isinstance(reason, urllib3.exceptions.TimeoutError)
        is_late = is_late and not isinstance(reason, urllib3.exceptions.NewConnectionError)
        return self._late() if is_late else self._out_of_reach("cannot be reached")

    def _late(self) -> TargetError:
        return self._out_of_reach("does not answer in time")

    def _out_of_reach(self, how: str) -> TargetError:
        return TargetError(
            errors.UNREACHABLE,
            f"The target {self._target.name} ({self._target.host}) {how}.",
            "See that the address is right, that the server runs, and that a port-forward or VPN is up.",
            passing=True,
        )

    def _answered(self, status: int, body: Any, what: str) -> TargetError:
        name, said = self._target.name, _said(body)

        def error(code: str, message: str, fix: str, *, passing: bool = False) -> TargetError:
            return TargetError(code, message + said, fix, passing=passing, status=status)

        is_session = self._target.auth == "cookie"
        # So say proxies no that have a page to sign in with; Kubeflow Pipelines itself says it in JSON.
        is_page = status == 403 and is_session and _is_html(body)
        if status in (301, 302, 303, 307, 308, 401) or is_page:
            how = "sends to a login page" if status != 401 else "does not accept the credentials (401)"
            message = f"The target {name} {how} when asked for {what}."
            if may_sign_in(self._target):
                return error(errors.NOT_SIGNED_IN, message, f"If the session has ended, {_sign_in(name, again=True)}")
            renew = "Renew the token or cookie, and see that --auth and --secret are right."
            return error(errors.NOT_LET_IN, message, renew)
        if status == 403:
            ask = "Ask for the rights in this namespace, or use other credentials."
            return error(errors.NOT_LET_IN, f"The target {name} does not allow {what} (403).", ask)
        if status in (404, 410):
            look = "See whether somebody has removed it there, and that the address is right."
            return error(errors.GONE, f"The target {name} does not have {what} ({status}).", look)
        if status == 409:
            wait = "Run again; if it stays, look for another one of the same name there."
            return error(errors.REFUSED, f"The target {name} says that {what} is in conflict (409).", wait)
        if status == 429:
            return error(
                errors.UNREACHABLE, f"The target {name} is asked too often (429).", "Wait a while.", passing=True
            )
        if status >= 500 or status == 408:
            down = "Look at the API server's log, or try again later."
            return error(errors.UNREACHABLE, f"The target {name} is out of order ({status}).", down, passing=True)
        if status == 0:
            return not_kubeflow(self._target)
        phrase = HTTPStatus(status).phrase.lower() if status in set(HTTPStatus) else "unknown"
        see = "See that the target's release fits this Labline."
        return error(errors.REFUSED, f"The target {name} refuses {what} ({status}, {phrase}).", see)


def may_sign_in(target: Target) -> bool:
    """Whether one can sign in to *target* from here, and what is given then has a place."""
    is_kept = target.secret is not None and not target.secret.startswith("env:")
    return target.auth == "cookie" and is_kept and not target.port_forward


def _sign_in(name: str, *, again: bool = False) -> str:
    how = "sign in again" if again else "Sign in"
    return f"{how}: Sign In to a Target… in the Lab, or labline target login {name} at a terminal."


def not_kubeflow(target: Target) -> TargetError:
    """What to say where something else answers."""
    return TargetError(
        errors.NOT_KUBEFLOW,
        f"What answers at {target.host} is not the API of Kubeflow Pipelines 2.",
        "Use the address of the API server or of its proxy, https://HOST/pipeline in a full Kubeflow.",
    )


def _is_html(body: Any) -> bool:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    return text.lstrip().startswith("<")


def _said(body: Any) -> str:
    """The server's own sentence, where it is one."""
    try:
        told = json.loads(body)
        text = told.get("message") or told.get("error_message") or told.get("error") or ""
    except (ValueError, TypeError, AttributeError):
        return ""
    line = re.sub(r"\s+", " ", str(text)).strip()
    if not line:
        return ""
    return f" It says: {line[:LONGEST_QUOTE]}{'…' if len(line) > LONGEST_QUOTE else ''}"
