"""What was hashed when it was stored is not hashed again, and nothing that was changed is taken for what it was."""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from labline_runtime import guard
from labline_runtime.specification import StepInput
from labline_runtime.transfer import Received
from labline_runtime.values import DamagedArtifactError, artifact, describe, digest, hashed, hashing, load, store
from labline_runtime.values.pages import is_unwritten

DRAW = np.random.default_rng(0)
ROWS = 700_000  # five leaves and a bit of eight bytes each
PAGES = sys.platform == "linux"


def floats(*shape):
    return DRAW.random(shape or ROWS)


def odd_nans():
    array = floats()
    array[::1000] = np.array([0x7FF8000000000001], np.uint64).view(np.float64)
    return array


VALUES = {
    "floats": floats,
    "missing": lambda: np.where((array := floats()) > 0.5, np.nan, array),
    "odd NaNs": odd_nans,
    "rows": lambda: floats(7, 100_000),
    "columns": lambda: np.asfortranarray(floats(7, 100_000)),
    "complex": lambda: floats() + 1j,
    "half": lambda: floats(4_000_000).astype("f2"),
    "times": lambda: np.arange(ROWS).astype("M8[s]"),
    "texts": lambda: np.arange(ROWS).astype("S7"),
    "a frame": lambda: pd.DataFrame({name: floats() for name in "ab"}),
    "a frame of an array": lambda: pd.DataFrame(floats(ROWS, 2)),
    "an array and its half": lambda: (lambda array: [array, array[ROWS // 2 :], array[: ROWS // 3]])(floats()),
    "an array seen twice": lambda: (lambda array: [array, array.view("i8")])(odd_nans()),
    "many": lambda: {n: floats(20_000 + n) for n in range(40)},
    "bytes": lambda: bytearray(floats()),
}


def kept(value, folder, scheme=hashing.BEST):
    """*value* stored, and its digest as it was told then."""
    told = {}

    def facts(written):
        assert written is not None
        told["x"] = describe("x", value, written=written).digest
        return told

    return store({"x": value}, folder, facts, scheme), told["x"]


@pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)
def test_a_value_has_one_digest_in_memory_in_a_file_and_in_a_map(make, tmp_path):
    value = make()
    stored, told = kept(value, tmp_path)
    assert told == digest(value)
    for stamp in ((), stored.stamp):
        loaded = load(stored.path, stored.digest, stamp)[0]["x"]
        assert digest(loaded) == told
        assert artifact.is_intact(stored.path, stored.digest)


@pytest.fixture
def hashed_bytes(monkeypatch):
    """How many bytes were hashed by the hash for big buffers."""
    seen: Counter[str] = Counter()
    plain = hashing.HASHES[hashing.BEST]

    def counting(data=b""):
        seen["bytes"] += memoryview(data).nbytes
        return plain(data)

    monkeypatch.setitem(hashing.HASHES, hashing.BEST, counting)
    return seen


@pytest.mark.parametrize("name", ["floats", "rows", "a frame", "times"])
def test_a_value_is_hashed_once_when_it_is_stored(name, tmp_path, hashed_bytes):
    stored, _ = kept(VALUES[name](), tmp_path)
    assert hashed_bytes["bytes"] == stored.size


def test_of_a_file_that_nobody_has_written_to_only_what_is_unpickled_is_hashed(tmp_path, hashed_bytes):
    stored, _ = kept(floats(), tmp_path)
    hashed_bytes.clear()
    load(stored.path, stored.digest, stored.stamp)
    assert 0 < hashed_bytes["bytes"] < 1 << 14


def _damaged(stored, place):
    """Change one byte of the file at *place* and leave its times as they were."""
    before = stored.path.stat()
    stored.path.chmod(0o600)
    content = bytearray(stored.path.read_bytes())
    content[place] ^= 1
    stored.path.write_bytes(content)
    stored.path.chmod(0o444)
    os.utime(stored.path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("place", [20, 1 << 20, -200, -12])
def test_a_file_that_somebody_has_written_to_is_checked_whole(place, tmp_path):
    stored, _ = kept(floats(), tmp_path)
    _damaged(stored, place)
    with pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest, stored.stamp)


@pytest.mark.parametrize("place", [20, -200, -12])
def test_what_is_unpickled_is_checked_whatever_the_stamp_says(place, tmp_path):
    stored, _ = kept(floats(), tmp_path)
    _damaged(stored, place)
    with stored.path.open("rb") as file, pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest, artifact._stamp(file))


def test_another_file_in_its_place_is_checked_whole(tmp_path):
    stored, other = kept(floats(), tmp_path)[0], kept(floats(), tmp_path)[0]
    other.path.replace(stored.path)
    with pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest, stored.stamp)


@pytest.mark.parametrize("runs", [[(100, 50, 0, 8)], [(100, 50, 8, 8)], [(5, 50, hashing.LEAF, 8)]])
def test_cuts_that_no_array_makes_are_refused(runs):
    with pytest.raises(hashed.Malformed):
        list(hashed.pieces(10, 1 << 21, [hashed.Run(*run) for run in runs]))


def test_a_file_of_an_earlier_version_is_checked_as_it_was_hashed(tmp_path, monkeypatch):
    monkeypatch.setattr(artifact, "SMALL", sys.maxsize)
    stored = store({"x": floats()}, tmp_path)
    content = stored.path.read_bytes()
    leaves = (content[at : at + hashing.LEAF] for at in range(0, len(content), hashing.LEAF))
    known = hashlib.sha256(b"".join(hashlib.sha256(leaf).digest() for leaf in leaves)).hexdigest() + "-tree"
    assert len(load(stored.path, known)[0]["x"]) == ROWS


@pytest.mark.skipif(not PAGES, reason="the kernel does not tell")
@pytest.mark.parametrize("name", ["floats", "missing", "rows", "times", "a frame"])
def test_what_nobody_has_written_to_is_not_looked_at(name, tmp_path, hashed_bytes):
    stored, told = kept(VALUES[name](), tmp_path)
    loaded = load(stored.path, stored.digest, stored.stamp)[0]["x"]
    hashed_bytes.clear()
    assert digest(loaded) == told
    assert not hashed_bytes


@pytest.mark.skipif(not PAGES, reason="the kernel does not tell")
def test_what_comes_in_and_is_handed_on_is_not_hashed_again(tmp_path, hashed_bytes):
    stored, _ = kept(pd.DataFrame({name: floats() for name in "ab"}), tmp_path)
    frame = load(stored.path, stored.digest, stored.stamp)[0]["x"]
    frame["new"] = floats()
    hashed_bytes.clear()
    again, told = kept(frame, tmp_path)
    assert hashed_bytes["bytes"] < again.size / 2
    assert told == digest(frame.copy())
    assert artifact.is_intact(again.path, again.digest)


@pytest.mark.parametrize("place", [0, ROWS // 2, ROWS - 1])
def test_every_write_to_what_came_in_is_seen(place, tmp_path):
    stored, told = kept(floats(), tmp_path)
    source = StepInput(("x",), "before", str(stored.path), stored.digest)
    loaded = load(stored.path, stored.digest, stored.stamp)[0]["x"]
    assert not guard._altered(Received("x", loaded, source, told, 0))
    loaded[place] += 1
    assert guard._altered(Received("x", loaded, source, told, 0))


def test_numbers_that_were_stored_as_other_numbers_are_looked_at(tmp_path):
    stored, _ = kept(odd_nans().view("i8"), tmp_path)
    loaded = load(stored.path, stored.digest, stored.stamp)[0]["x"]
    assert digest(loaded.view("f8")) == digest(loaded.view("f8").copy())


def test_memory_that_is_no_file_counts_as_written():
    memory = np.ones(1 << 16, np.uint8)
    assert not is_unwritten(memory.ctypes.data, memory.nbytes)
