"""Targets and their secrets: what is kept, and what never is."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest

from labline_backend.home import Home
from labline_backend.kubeflow import secrets
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.targets import Target, Targets

GOOD: dict[str, Any] = {"name": "prod", "host": "https://kubeflow.example.org/pipeline"}


@pytest.fixture
def targets(tmp_path: Path) -> Targets:
    return Targets(Home.open(tmp_path / "home"))


def test_targets_are_kept_by_name(targets: Targets) -> None:
    targets.add(Target(**GOOD))
    targets.add(Target(name="dev", host="http://localhost:8080/"))
    targets.add(Target(**{**GOOD, "namespace": "team"}))
    assert [(t.name, t.host, t.namespace) for t in targets.all()] == [
        ("dev", "http://localhost:8080", None),
        ("prod", "https://kubeflow.example.org/pipeline", "team"),
    ]
    targets.remove("dev")
    assert [t.name for t in targets.all()] == ["prod"]


def test_targets_that_are_added_at_once_are_all_kept(targets: Targets) -> None:
    names = [f"t{n}" for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: targets.add(Target(**{**GOOD, "name": name})), names))
    assert sorted(target.name for target in targets.all()) == sorted(names)


def test_the_file_is_its_owners_alone(targets: Targets) -> None:
    targets.add(Target(**GOOD))
    assert stat.S_IMODE(targets._file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_read_is_said(targets: Targets) -> None:
    targets._file.write_text('{"targets": [{"nam')
    with pytest.raises(TargetError, match="cannot be read as targets"):
        targets.all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "local"}, "cannot be called 'local'"),
        ({"name": "Prod!"}, "cannot be called 'Prod!'"),
        ({"host": "kubeflow.example.org"}, "no address"),
        ({"host": "https://user:word@example.org"}, "no address"),
        ({"host": "https://:word@example.org"}, "no address"),
        ({"host": "https://[example.org"}, "no address"),
        ({"host": "https://example.org:99999"}, "no address"),
        ({"root": "s3://[bucket"}, "no place in an S3"),
        ({"namespace": "Team_A"}, "no name for a namespace"),
        ({"root": "bucket/prefix"}, "no place in an S3"),
        ({"auth": "token"}, "takes a secret"),
        ({"secret": "env:TOKEN"}, "takes no secret"),
        ({"auth": "token", "secret": "eyJhbGciOi"}, "no reference to a secret"),
        ({"ca_file": "/nowhere.pem"}, "There is no file /nowhere.pem"),
        ({"folder_limit": 1.0}, "This is no target: Target.folder_limit"),
    ],
)
def test_what_cannot_be_a_target_is_said_and_no_secret_quoted(
    targets: Targets, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(TargetError, match=said) as caught:
        targets.add(Target(**{**GOOD, **change}))
    assert "word" not in str(caught.value) and "eyJ" not in str(caught.value)
    assert targets.all() == []


class Memory(keyring.backend.KeyringBackend):
    """A keyring that forgets."""

    priority = 1

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if password == "locked":
            raise keyring.errors.KeyringLocked
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[Memory]:
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_a_secret_is_found_where_its_reference_says(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKEN", "from-env")
    (tmp_path / "token").write_text("from-file\n")
    assert secrets.store("prod", "from-keyring") == "keyring:prod"
    assert [secrets.read(each) for each in ("env:TOKEN", f"file:{tmp_path / 'token'}", "keyring:prod")] == [
        "from-env",
        "from-file",
        "from-keyring",
    ]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "The environment variable NOT_SET is not set"),
        ("file:/nowhere", "cannot be read: No such file or directory"),
        ("keyring:none", "The keyring has no secret called none"),
    ],
)
def test_a_secret_that_is_not_there_is_said(memory: Memory, reference: str, said: str) -> None:
    with pytest.raises(TargetError, match=said) as caught:
        secrets.read(reference)
    assert caught.value.code == "LL607"


def test_a_locked_keyring_is_said(memory: Memory) -> None:
    with pytest.raises(TargetError, match="or it is locked"):
        secrets.store("prod", "locked")


def test_a_secret_of_several_lines_is_refused_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc\r\nX-Other: 1")
    with pytest.raises(TargetError, match="no line of plain characters") as caught:
        secrets.read("env:TOKEN")
    assert "abc" not in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(TargetError, match="keyring is not installed") as caught:
        secrets.read("keyring:prod")
    assert "labline[secrets]" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("host", "more", "is_refused"),
    [
        ("http://kubeflow.example.org/pipeline", {}, True),
        ("http://10.0.0.7:8888", {}, True),
        ("http://localhost.example.org", {}, True),
        ("http://kubeflow.example.org/pipeline", {"plain_http": True}, False),
        ("https://kubeflow.example.org/pipeline", {}, False),
        ("http://localhost:8888", {}, False),
        ("http://127.0.0.2:8888", {}, False),
        ("http://[::1]:8888", {}, False),
    ],
)
def test_a_secret_is_not_sent_where_others_can_read_it(host: str, more: dict[str, Any], is_refused: bool) -> None:
    target = Target("prod", host, auth="token", secret="env:TOKEN", **more)
    try:
        target.checked()
        refused = None
    except TargetError as error:
        refused = error
    assert (refused is not None and refused.code == "LL607") is is_refused


def test_a_target_edited_by_hand_sends_no_secret_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    client = KubeflowClient(Target("prod", "http://192.0.2.1", auth="token", secret="env:TOKEN"))
    with pytest.raises(TargetError, match="it is not sent"):
        client.health()
