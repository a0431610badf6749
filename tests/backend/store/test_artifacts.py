"""Where values lie."""

from __future__ import annotations

from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore
from labline_runtime.specification import ArtifactRecord

RECORD = ArtifactRecord(("x",), "", "abcdef", 3, ())


def test_an_artifact_lies_in_a_folder_named_by_the_beginning_of_its_digest(home: Home) -> None:
    assert ArtifactStore(home).path("abcdef") == home.artifacts / "ab" / "abcdef"


def test_an_artifact_is_there_at_its_full_size_only(home: Home) -> None:
    store = ArtifactStore(home)
    path = store.path("abcdef")
    assert not store.has(RECORD)
    path.parent.mkdir()
    path.write_bytes(b"12")
    assert not store.has(RECORD)
    path.write_bytes(b"123")
    assert store.has(RECORD)
