"""Who asks, as a gateway in front of the server says it in a header: Kubeflow's, for example.

A header is only worth what keeps others from writing it. So a request is believed when something that its sender has
no hand in says that it comes from the gateway, and a server that has nothing of the kind does not start.
"""

from __future__ import annotations

import hmac
import ipaddress
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError
from traitlets import Bool, List, TraitError, Type, Unicode

GATEWAY_HEADER = "X-Labline-Gateway"
SHORTEST_SECRET = 16  # characters

_UNPROTECTED = (
    "Whoever reaches this port could write the header {header} and be anybody. Say what keeps others from it: the "
    "gateway's addresses (--gateway-peer), a file with a secret that the gateway sends along (--gateway-secret), or "
    "that the network lets nobody but the gateway reach this port (--gateway-only)."
)
_NOBODY = "Nobody is let in. Name whom the server belongs to, as the gateway names them: --owner USER."


class NoLoginHandler(JupyterHandler):
    """Where pages send those who are not known: there is nothing here to sign in with."""

    @allow_unauthenticated
    def get(self) -> None:
        """Send who is known on, and tell the others why they are not."""
        if self.current_user:
            self.redirect(self.base_url)
            return
        raise HTTPError(403, "The gateway does not say who you are, or this server is not yours.")


class GatewayIdentityProvider(IdentityProvider):
    """Takes the user from a header that a gateway sets, and lets in those whom the server belongs to.

    Each request is judged anew: there is neither a token nor a login cookie, so that whoever is no longer an owner is
    out at once. XSRF tokens and the check of origins stay, as browsers send the gateway's cookie along whoever asks.
    """

    token = Unicode("", help="There is none, whatever the configuration or the environment says.")
    login_handler_class = Type(default_value=NoLoginHandler, klass=JupyterHandler)
    updatable_fields = List([], help="The gateway says who somebody is.")

    user_header = Unicode("kubeflow-userid", help="The header that the gateway sets.").tag(config=True)
    user_prefix = Unicode("", help="What precedes the user in it, as accounts.google.com: does.").tag(config=True)
    owners = List(Unicode(), help="The users to let in, without the prefix.").tag(config=True)
    trusted_peers = List(
        Unicode(), help="Addresses or networks: connections from elsewhere are not the gateway's."
    ).tag(config=True)
    secret_file = Unicode(
        "", help=f"A file with the secret that the gateway sends in {GATEWAY_HEADER}; it is read at each request."
    ).tag(config=True)
    network_is_closed = Bool(
        False, help="The network lets nobody but the gateway connect: a NetworkPolicy, a mesh with mutual TLS."
    ).tag(config=True)

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Raises ``TraitError``, at which the server ends with its message, where anybody could forge the header."""
        super().validate_security(app, ssl_options)
        if not (self.trusted_peers or self.secret_file or self.network_is_closed):
            raise TraitError(_UNPROTECTED.format(header=self.user_header))
        if not [owner for owner in self.owners if owner.strip()]:
            raise TraitError(_NOBODY)
        try:
            self._networks()
        except ValueError as error:
            raise TraitError(f"The gateway's addresses cannot be read: {error}.") from error
        if self.secret_file:
            self._secret()

    def get_user(self, handler: Any) -> User | None:
        """The user that the gateway names, where the request is the gateway's and the user an owner; else None."""
        known: User | None = getattr(handler, "_jupyter_current_user", None)
        if known is not None:
            return known
        headers = handler.request.headers
        secrets = headers.get_list(GATEWAY_HEADER)
        headers.pop(GATEWAY_HEADER, None)  # whatever the request is passed on to could use it
        named = headers.get_list(self.user_header)
        if not named:
            return None  # a probe, for example
        why = self._stranger(handler, secrets)
        if why is None and len(named) > 1:
            why = f"{self.user_header} came {len(named)} times, and the gateway sets it once"
        name = named[0].removeprefix(self.user_prefix)
        if why is None and not named[0].startswith(self.user_prefix):
            why = f"{self.user_header} does not begin with {self.user_prefix}"
        if why is None and (not name or name not in self.owners):
            why = f"{name[:100]!r} is none of this server's owners"
        if why is not None:
            self.log.warning("Not let in at %s: %s.", handler.request.path, why)
            return None
        return User(name)

    def get_user_cookie(self, handler: Any) -> User | None:
        """Nobody: a cookie would outlive what the gateway says."""
        return None

    def is_token_authenticated(self, handler: Any) -> bool:
        """Never, so that XSRF tokens and origins are asked for."""
        return False

    @property
    def logout_available(self) -> bool:
        """Whether there is anything here to sign out of."""
        return False

    def _stranger(self, handler: Any, secrets: list[str]) -> str | None:
        """Why the request is not the gateway's, if so."""
        if self.trusted_peers:
            # The socket's own: remote_ip may come from a header.
            peer = handler.request.connection.context.address
            if not _is_among(peer, self._networks()):
                return f"the connection comes from {peer[0] if peer else 'a socket'}, which is not the gateway"
        if self.secret_file:
            try:
                secret = self._secret()
            except TraitError as error:
                return str(error).removesuffix(".")
            if len(secrets) != 1 or not hmac.compare_digest(secrets[0].encode(), secret.encode()):
                return "it came without the gateway's secret"
        return None

    def _networks(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        return [ipaddress.ip_network(each.strip(), strict=False) for each in self.trusted_peers]

    def _secret(self) -> str:
        """The gateway's secret. Raises ``TraitError``."""
        try:
            secret = Path(self.secret_file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise TraitError(f"The gateway's secret in {self.secret_file} cannot be read: {why}.") from error
        if len(secret) < SHORTEST_SECRET or not secret.isascii():  # a header carries nothing else for sure
            raise TraitError(
                f"The gateway's secret in {self.secret_file} is not ASCII or shorter than {SHORTEST_SECRET} characters."
            )
        return secret


def _is_among(peer: Any, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Whether a socket's peer is in one of the networks; those of a socket in the file system are in none."""
    try:
        address = ipaddress.ip_address(peer[0].partition("%")[0])
    except (ValueError, TypeError, AttributeError, IndexError):
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
