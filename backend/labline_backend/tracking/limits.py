"""MLflow's limits on names and lengths, kept before it can complain about them."""

from __future__ import annotations

import posixpath
import re

MAX_KEY = 250
MAX_PARAMETER = 6000
MAX_TAG = 8000


def key(name: str) -> str:
    """*name* as MLflow takes it: letters, digits, ``_-. :/`` only, of bounded length, and no path tricks."""
    name = re.sub(r"[^/\w.\- :]", "_", name) or "_"
    if len(name) > MAX_KEY:
        name = name[: MAX_KEY - 1] + "_"
    normal = posixpath.normpath(name)
    if normal != name or normal in (".", "..") or normal.startswith(("..", "/")):
        name = "_" + name.replace("/", "_").strip(".")
    return name[:MAX_KEY]


def cut(text: str, limit: int) -> str:
    """*text*, or its beginning with a note on how much is missing."""
    if len(text) <= limit:
        return text
    note = f" ... (cut, {len(text)} characters in all)"
    return text[: limit - len(note)] + note
