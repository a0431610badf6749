"""What becomes of transfers that break off, and of objects that are there already."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.store.artifacts import BrokenTransferError
from labline_backend.store.s3 import S3Store
from tests.backend.s3 import S3, line

FIVE_MEGABYTES = 5 << 20


@pytest.fixture
def store(s3: S3) -> Iterator[S3Store]:
    """The bucket, with parts as small as S3 has them."""
    store = S3Store(s3.url, part_size=FIVE_MEGABYTES)
    yield store
    store.close()


def put(store: S3Store, folder: Path, content: bytes, **more: bool) -> None:
    (folder / "file").write_bytes(content)
    store.put("name", folder / "file", **more)


def got(store: S3Store) -> bytes:
    into = io.BytesIO()
    store.get("name", into)
    return into.getvalue()


def test_a_download_goes_on_where_it_broke_off(s3: S3) -> None:
    content = bytes(range(256)) * (4 << 12)
    s3.put("name", content)
    with line(s3, (1 << 20, 3 << 20), (1 << 20, 1 << 19)) as broken:
        store = S3Store(s3.url)
        assert got(store) == content
        store.close()
    assert broken.opened == 3
    assert broken.carried < len(content) + (1 << 20)


def test_a_download_that_brings_nothing_is_given_up(s3: S3) -> None:
    s3.put("name", b"v" * (1 << 20))
    with line(s3, (1 << 20, 1 << 19), *[(1 << 20, 1 << 10)] * 9):
        store = S3Store(s3.url)
        with pytest.raises(BrokenTransferError, match="breaks off after"):
            got(store)
        store.close()


def test_no_download_goes_on_with_another_object(s3: S3) -> None:
    s3.put("name", b"a" * (2 << 20))

    class Changing(io.BytesIO):
        """Has the object change once something of it has come."""

        def write(self, data: bytes) -> int:  # type: ignore[override]
            if self.tell() == 0:
                s3.put("name", b"b" * (2 << 20))
            return super().write(data)

    with line(s3, (1 << 20, 1 << 20)):
        store = S3Store(s3.url)
        with pytest.raises(BrokenTransferError, match="another object came in its place"):
            store.get("name", Changing())
        store.close()


def test_a_part_that_breaks_off_is_sent_again(s3: S3, tmp_path: Path) -> None:
    with line(s3, (6 << 20, 1 << 20), (6 << 20, 1 << 20)):
        store = S3Store(s3.url, part_size=FIVE_MEGABYTES)
        put(store, tmp_path, b"v" * (11 << 20))
        store.close()
    assert s3.objects() == {"name": 11 << 20}


@pytest.mark.parametrize("size", [7, 11 << 20], ids=["whole", "in parts"])
def test_what_is_there_is_never_overwritten(store: S3Store, tmp_path: Path, size: int) -> None:
    put(store, tmp_path, b"a" * size)
    put(store, tmp_path, b"b" * size)
    assert set(got(store)) == {ord("a")}


def test_what_is_known_to_be_damaged_is_replaced(s3: S3, store: S3Store, tmp_path: Path) -> None:
    s3.put("name", b"A value")
    put(store, tmp_path, b"a value", replace=True)
    assert got(store) == b"a value"


def test_what_is_of_another_size_is_replaced(s3: S3, store: S3Store, tmp_path: Path) -> None:
    s3.put("name", b"half")
    put(store, tmp_path, b"a value")
    assert got(store) == b"a value"
