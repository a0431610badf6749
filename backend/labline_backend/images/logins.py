"""Who this user is to image registries: as the files of Docker and Podman have it. Nothing of it is kept or shown.

A registry that no file names is asked as nobody. A file that cannot be read is none, and so is a helper that fails:
whoever asks is told by the registry itself that it does not know them.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

import tomllib

from labline_runtime.dataclass import dataclass

HELPER_SECONDS = 5.0
NOBODY = "<token>"  # what helpers call the user of an identity token


@dataclass(frozen=True)
class Login:
    """A user's name and password, or else an identity token."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)


def login_at(host: str) -> Login | None:
    """Who this user is at the registry *host*; None for nobody."""
    for configuration in _configurations():
        helper = _member(configuration, "credHelpers").get(host) or configuration.get("credsStore")
        found = _entry(_member(configuration, "auths"), host) or (_helped(helper, host) if helper else None)
        if found is not None:
            return found
    return None


def search_registry() -> str | None:
    """The one registry in which Podman looks for images whose reference names none; None where that is not said."""
    named = os.environ.get("CONTAINERS_REGISTRIES_CONF")
    places = (
        [Path(named)]
        if named
        else [_configuration_folder() / "registries.conf", Path("/etc/containers/registries.conf")]
    )
    for place in places:
        try:
            found = tomllib.loads(place.read_text("utf-8")).get("unqualified-search-registries")
        except (OSError, ValueError):
            continue
        if isinstance(found, list) and found:
            return found[0] if len(found) == 1 and isinstance(found[0], str) else None
    return None


def _configurations() -> Iterator[dict[str, Any]]:
    """What the files say: Podman's own, or the one that is named in their place as Podman has it, then Docker's."""
    variables = os.environ
    named = variables.get("REGISTRY_AUTH_FILE")
    runtime = variables.get("XDG_RUNTIME_DIR")
    docker = Path(variables.get("DOCKER_CONFIG") or Path.home() / ".docker")
    own = [Path(runtime) / "containers" / "auth.json"] if runtime else []
    own = [Path(named)] if named else [*own, _configuration_folder() / "auth.json"]
    for place in (*own, docker / "config.json"):
        try:
            document = json.loads(place.read_bytes())
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            yield document


def _configuration_folder() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers"


def _member(document: dict[str, Any], name: str) -> dict[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _entry(auths: dict[str, Any], host: str) -> Login | None:
    """The entry of *host* itself, however its address is written, or None."""
    for address, entry in auths.items():
        if re.sub(r"^https?://|/(v[12]/?)?$", "", address) != host or not isinstance(entry, dict):
            continue
        user, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        if isinstance(entry.get("auth"), str):
            try:
                decoded = base64.b64decode(entry["auth"], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                continue
            user, _, password = decoded.partition(":")
        identity = str(entry.get("identitytoken") or "")
        if identity or user:
            return Login(user, password.rstrip("\0"), identity)
    return None


def _helped(helper: Any, host: str) -> Login | None:
    """What the program ``docker-credential-HELPER`` knows of *host*."""
    program = shutil.which(f"docker-credential-{helper}") if re.fullmatch(r"[\w.-]+", str(helper)) else None
    if program is None:
        return None
    try:
        told = subprocess.run(
            [program, "get"], input=host.encode(), capture_output=True, timeout=HELPER_SECONDS, check=True
        )
        document = json.loads(told.stdout)
        user, secret = str(document["Username"]), str(document["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, TypeError, KeyError):
        return None
    return Login(identity=secret) if user == NOBODY else Login(user, secret)
