"""Secrets by reference: Labline keeps where a secret is, never the secret."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from labline_backend.kubeflow.errors import NO_SECRET, TargetError

SERVICE = "labline"  # what our entries are called in a keyring
KINDS = ("env", "file", "keyring")


class AbsentError(TargetError):
    """Nothing is kept in the place that a reference names, which could hold it."""


def checked(reference: str) -> str:
    """*reference* where it is one: ``env:NAME``, ``file:PATH`` or ``keyring:NAME``. Raises ``TargetError``."""
    kind, _, name = reference.partition(":")
    if kind not in KINDS or not name or (kind == "env" and not re.fullmatch(r"[A-Za-z_]\w*", name)):
        # Not quoted: it may be the secret itself.
        raise TargetError(
            NO_SECRET,
            "This is no reference to a secret.",
            "Write env:VARIABLE, file:/path or keyring:NAME; the secret itself is never given on a command line.",
        )
    return reference


def read(reference: str) -> str:
    """The secret itself, read anew each time: tokens are renewed. Raises ``TargetError``."""
    kind, _, name = reference.partition(":")
    secret = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring}[kind](name).strip()
    if not secret or any(ord(character) < 32 or ord(character) > 126 for character in secret):
        error, what = (TargetError, "no line of plain characters") if secret else (AbsentError, "empty")
        raise error(NO_SECRET, f"The secret in {reference} is {what}.", "Store it anew.")
    return secret


def store(name: str, secret: str) -> str:
    """Put a secret into the system's keyring; the reference to it. Raises ``TargetError``."""
    keyring, errors = _keyring()
    try:
        keyring.set_password(SERVICE, name, secret)
    except errors.KeyringError as error:
        raise _no_keyring() from error
    return f"keyring:{name}"


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise TargetError(
            NO_SECRET, f"The environment variable {name} is not set.", f"Set {name} where Labline is started."
        )
    return os.environ[name]


def _from_file(name: str) -> str:
    try:
        return Path(name).expanduser().read_text("utf-8")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        kind = AbsentError if isinstance(error, FileNotFoundError) else TargetError
        raise kind(NO_SECRET, f"The secret's file {name} cannot be read: {why}.", "Correct the path.") from error


def _from_keyring(name: str) -> str:
    keyring, errors = _keyring()
    try:
        secret = keyring.get_password(SERVICE, name)
    except errors.KeyringError as error:
        raise _no_keyring() from error
    if secret is None:
        raise AbsentError(
            NO_SECRET, f"The keyring has no secret called {name}.", f"Store it: labline target login {name}."
        )
    return str(secret)


def _keyring() -> tuple[Any, Any]:
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise TargetError(
            NO_SECRET,
            "The package keyring is not installed, so that the system's keyring cannot be used.",
            "Install labline[secrets], or keep the secret in an environment variable or a file.",
        ) from error
    return keyring, keyring.errors


def _no_keyring() -> TargetError:
    return TargetError(
        NO_SECRET,
        "There is no keyring here that can be used, or it is locked.",
        "Unlock it, or keep the secret in an environment variable or a file.",
    )
