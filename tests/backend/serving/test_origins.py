"""Where packages say that they were installed from, and where requirements say that they are to be from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labline_backend.serving.environments import find_uv
from labline_backend.serving.needs import Needs, differences
from labline_backend.serving.origins import is_from

from ..endpoints.packages import Package

COMMIT = "0123456789abcdef0123456789abcdef01234567"
AT_COMMIT = {"url": "https://example.org/own.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}
AT_TAG = {**AT_COMMIT, "vcs_info": {**AT_COMMIT["vcs_info"], "requested_revision": "v1"}}  # type: ignore[dict-item]
BY_SSH = {**AT_COMMIT, "url": "ssh://git@example.org/own.git"}
IN_FOLDER = {**AT_COMMIT, "subdirectory": "python"}
BY_SVN = {"url": "https://example.org/own", "vcs_info": {"vcs": "svn", "commit_id": "12345678"}}
BARE = {"url": "https://example.org/own.whl", "archive_info": {}}
WHEEL = {"url": "https://example.org/own.whl", "archive_info": {"hashes": {"sha256": "aa"}, "hash": "sha256=aa"}}


class Installed:
    """A package that *record* was written down beside."""

    def __init__(self, record: Any) -> None:
        self._record = record

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self._record is None else json.dumps(self._record)


def says(record: Any, url: str) -> bool:
    return is_from(Installed(record), url)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("record", "url"),
    [
        (AT_COMMIT, f"git+https://example.org/own.git@{COMMIT}"),
        (AT_COMMIT, f"git+https://example.org/own.git@{COMMIT[:10].upper()}#egg=own"),
        (AT_COMMIT, "git+https://Example.org/own.git"),
        (AT_TAG, "git+https://example.org/own.git@v1"),
        (AT_TAG, f"git+https://example.org/own.git@{COMMIT}"),
        (BY_SSH, f"git+ssh://git@example.org/own.git@{COMMIT}"),
        (IN_FOLDER, f"git+https://example.org/own.git@{COMMIT}#subdirectory=python"),
        (WHEEL, "https://example.org/own.whl"),
        (WHEEL, "https://example.org/own.whl#sha256=aa"),
        (WHEEL, "https://example.org/own.whl#egg=own&sha256=aa"),
        (BARE, "https://example.org/own.whl#md5=bb"),
        (BY_SVN, "svn+https://example.org/own@12345678"),
        ({"url": "file:///own", "dir_info": {}}, "file:///own/"),
    ],
)
def test_what_a_requirement_names_counts_as_installed(record: Any, url: str) -> None:
    assert says(record, url)


@pytest.mark.parametrize(
    ("record", "url"),
    [
        (AT_COMMIT, f"git+https://example.org/own.git@{'f' * 40}"),
        (AT_COMMIT, f"git+https://example.org/other.git@{COMMIT}"),
        (AT_COMMIT, f"hg+https://example.org/own.git@{COMMIT}"),
        (AT_COMMIT, f"git+https://example.org/own.git@{COMMIT}#subdirectory=python"),
        (AT_COMMIT, "https://example.org/own.git"),
        (AT_TAG, "git+https://example.org/own.git@v2"),
        (AT_TAG, "git+https://example.org/own.git"),
        (IN_FOLDER, f"git+https://example.org/own.git@{COMMIT}"),
        (WHEEL, "https://example.org/own.whl#sha256=bb"),
        (WHEEL, "https://example.org/own.whl#md5=aa"),
        (BY_SVN, "svn+https://example.org/own@1234567"),
        (WHEEL, f"git+https://example.org/own.whl@{COMMIT}"),
        (None, f"git+https://example.org/own.git@{COMMIT}"),
        ({"url": "https://example.org/own.git", "vcs_info": None}, f"git+https://example.org/own.git@{COMMIT}"),
        ([], "https://example.org/own.whl"),
    ],
)
def test_anything_else_does_not(record: Any, url: str) -> None:
    assert not says(record, url)


def test_a_package_that_uv_has_installed_from_git_counts_as_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Package(tmp_path / "own", "gitted")

    def git(*command: str) -> str:
        settings = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
        told = subprocess.run(["git", *settings, *command], cwd=tmp_path / "own", capture_output=True, check=True)
        return told.stdout.decode().strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    commit = git("rev-parse", "HEAD")
    git("commit", "-q", "--allow-empty", "-m", "second")
    line = f"gitted @ git+{(tmp_path / 'own').as_uri()}"
    uv, site = find_uv(), tmp_path / "site"
    assert uv is not None
    into = ["--quiet", "--no-index", "--target", str(site), "--python", sys.executable]
    subprocess.run([uv, "pip", "install", *into, f"{line}@{commit}"], check=True, cwd=tmp_path)
    monkeypatch.syspath_prepend(site)
    assert differences(Needs("", (f"{line}@{commit}",))) == []
    assert differences(Needs("", (f"{line}@{git('rev-parse', 'HEAD')}",))) != []
