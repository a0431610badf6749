"""Where values lie."""

from __future__ import annotations

import pytest

from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore
from labline_runtime.outcome import ArtifactRecord
from labline_runtime.values import DamagedArtifactError, load, store

RECORD = ArtifactRecord(("x",), "", "abcdef", 3, ())


def test_an_artifact_lies_in_a_folder_named_by_the_beginning_of_its_digest(home: Home) -> None:
    assert ArtifactStore(home).path("abcdef") == home.artifacts / "ab" / "abcdef"


def test_an_artifact_is_there_at_its_full_size_only(home: Home) -> None:
    artifacts = ArtifactStore(home)
    path = artifacts.path("abcdef")
    assert not artifacts.has(RECORD)
    path.parent.mkdir()
    path.write_bytes(b"12")
    assert not artifacts.has(RECORD)
    path.write_bytes(b"123")
    assert artifacts.has(RECORD)


def test_a_folder_in_an_artifacts_place_is_damage_and_not_removed(home: Home) -> None:
    made = store({"x": 1}, home.artifacts)
    record = ArtifactRecord(("x",), "", made.digest, made.size, ())
    made.path.unlink()
    (made.path / "mine").mkdir(parents=True)
    with pytest.raises(DamagedArtifactError, match="is a folder"):
        load(made.path, made.digest)
    artifacts = ArtifactStore(home)
    assert (artifacts.has(record), artifacts.files()) == (False, [])
    artifacts.discard_damaged(record)
    assert not made.path.exists()
    assert len(list(made.path.parent.glob(".*.folder/mine"))) == 1


def test_a_value_is_stored_though_a_folder_is_in_its_place(home: Home) -> None:
    made = store({"x": 1}, home.artifacts)
    made.path.unlink()
    made.path.mkdir()
    assert load(store({"x": 1}, home.artifacts).path, made.digest)[0] == {"x": 1}
