"""The Containerfiles name what exists. No container engine is needed to see that."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import tomllib

from .conftest import REPOSITORY

IMAGES = REPOSITORY / "deploy" / "images"
CONTAINERFILES = sorted(IMAGES.glob("*/Containerfile"))
BUILT = "labextension/dist"  # by `make setup`, as the Containerfile says
each = pytest.mark.parametrize("file", CONTAINERFILES, ids=lambda file: file.parent.name)


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions, continued lines joined, comments left out."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [(word, rest) for line in joined.splitlines() if line for word, _, rest in [line.partition(" ")]]


def copied(file: Path) -> list[str]:
    """What is copied from the repository."""
    found = []
    for word, rest in instructions(file):
        if word == "COPY" and not rest.startswith("--from"):
            *sources, _ = shlex.split(rest)
            found += sources
    return found


@each
def test_what_is_copied_exists(file: Path) -> None:
    assert copied(file)
    assert [source for source in copied(file) if source != BUILT and not (REPOSITORY / source).exists()] == []


@each
def test_what_is_copied_is_not_ignored(file: Path) -> None:
    first, *rules = file.with_suffix(".dockerignore").read_text().split()
    kept = [Path(rule.removeprefix("!")) for rule in rules if rule.startswith("!")]
    assert first == "*"
    for source in map(Path, copied(file)):
        assert any(source == rule or rule in source.parents for rule in kept), source


@each
def test_stages_that_are_copied_from_exist(file: Path) -> None:
    stages = {rest.split(" AS ")[1] for word, rest in instructions(file) if word == "FROM" and " AS " in rest}
    used = {
        match[1] for word, rest in instructions(file) if word == "COPY" and (match := re.match(r"--from=(\S+)", rest))
    }
    assert used <= stages


@each
def test_the_image_runs_as_an_ordinary_user(file: Path) -> None:
    assert [rest for word, rest in instructions(file) if word == "USER"][-1] == "1000"


@each
def test_every_package_is_pinned_with_its_hash(file: Path) -> None:
    locks = [REPOSITORY / source for source in copied(file) if source.endswith(".txt")]
    assert locks
    for lock in locks:
        requirements = re.split(r"\n(?=\S)", lock.read_text().strip())
        assert all("==" in one and "--hash=sha256:" in one for one in requirements), lock


def test_the_servers_entry_point_is_a_command_of_this_distribution() -> None:
    ((_, entry),) = (i for i in instructions(IMAGES / "server" / "Containerfile") if i[0] == "ENTRYPOINT")
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["scripts"]
    assert json.loads(entry)[-1] in scripts


def test_the_hubs_image_has_what_the_servers_has_at_the_same_versions() -> None:
    def pinned(name: str) -> dict[str, str]:
        lock = (IMAGES / name / "requirements.txt").read_text()
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock, flags=re.MULTILINE))

    server, hub = pinned("server"), pinned("hub")
    assert {name for name in hub if name in server and hub[name] != server[name]} == set()
    assert {"jupyterhub", "jupyterhub-kubespawner"} <= set(hub)


def test_the_hubs_entry_point_leaves_the_command_to_whoever_starts_it() -> None:
    found = dict(instructions(IMAGES / "hub" / "Containerfile"))
    assert json.loads(found["ENTRYPOINT"]) == ["tini", "--"]
