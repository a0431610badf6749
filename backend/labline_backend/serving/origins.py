"""Whether an installed package is from where a requirement says: the address that it was installed from, as installers
write it down beside it (``direct_url.json``, PEP 610), against the address in the requirement.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

RECORD = "direct_url.json"
SYSTEMS = ("git", "hg", "svn", "bzr")
BY_DIGEST = ("git", "hg")
"""Systems whose commits are digests, for which their beginnings may stand; others count them."""

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


def is_from(installed: importlib.metadata.Distribution, url: str) -> bool:
    """Whether *installed* is what the requirement's *url* names.

    A commit has to be the one that is installed. A branch or a tag has to be the one that was asked for when it was
    installed: where it points to now, nobody is asked.
    """
    try:
        record: Any = json.loads(installed.read_text(RECORD) or "{}")
        system, address, revision, fragment = _parts(url)
        if _place(str(record["url"])) != address or record.get("subdirectory") != fragment.get("subdirectory"):
            return False
        if system:
            known = record["vcs_info"]
            return known["vcs"] == system and _is_revision(revision, known)
        return "vcs_info" not in record and _has_hash(record.get("archive_info") or {}, fragment)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def _parts(url: str) -> tuple[str, str, str | None, dict[str, str]]:
    """The version control system, if any, the address, the revision that is asked for, and what the fragment says."""
    whole = urlsplit(url)
    fragment = {name: values[0] for name, values in parse_qs(whole.fragment).items()}
    system, plus, scheme = whole.scheme.partition("+")
    if not plus or system not in SYSTEMS:
        return "", _place(url), None, fragment
    path, at, revision = whole.path.rpartition("@")
    place = urlunsplit((scheme, whole.netloc, path if at else whole.path, whole.query, ""))
    return system, _place(place), revision if at else None, fragment


def _place(url: str) -> str:
    """*url* without what installers leave out of their record, or write differently: the user, and the fragment."""
    whole = urlsplit(url)
    host = whole.netloc.rpartition("@")[2]
    return urlunsplit((whole.scheme, host.lower(), whole.path.rstrip("/"), whole.query, ""))


def _is_revision(asked: str | None, known: dict[str, Any]) -> bool:
    commit = str(known["commit_id"])
    if asked in (commit, known.get("requested_revision")):
        return True
    is_digest = known["vcs"] in BY_DIGEST and _COMMIT.fullmatch(asked or "")
    return bool(is_digest) and commit.lower().startswith(str(asked).lower())


def _has_hash(known: dict[str, Any], fragment: dict[str, str]) -> bool:
    """Whether the hashes that are asked for are those that are known, of which an installer need not have kept any."""
    hashes = dict(known.get("hashes") or {})
    if "hash" in known:
        name, _, value = str(known["hash"]).partition("=")
        hashes.setdefault(name, value)
    asked = {name: value for name, value in fragment.items() if name in hashlib.algorithms_guaranteed}
    return not hashes or all(hashes.get(name) == value for name, value in asked.items())
