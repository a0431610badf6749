"""Big buffers: hashed where they lie, by the best hash that the environment has, and named after it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labline_backend.engine.bundle import _PRELUDE, runtime_bundle
from labline_backend.home import Home
from labline_backend.verification.comparison import HandedOn, compare_value
from labline_backend.verification.plan import Place
from labline_runtime import guard, reference
from labline_runtime.failure import StepFailure
from labline_runtime.specification import StepInput
from labline_runtime.transfer import Received, identified, load_artifact
from labline_runtime.values import DamagedArtifactError, digest, hashing, load, store
from labline_runtime.verification import Sighting

BIG = np.random.default_rng(0).standard_normal((701, 1009))  # five leaves and a bit, of rows that do not fill them
BIG[::50, ::50] = np.nan
SHAPES = [(701, 1009), (1009, 701), (7, 1009, 101), (101, 7, 1009), (2, 3, 1009, 23), (701 * 1009,)]


def reshaped(shape):
    return np.resize(BIG, shape)


@pytest.mark.parametrize("scheme", hashing.HASHES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_big_array_has_one_digest_however_it_lies_in_memory(shape, scheme):
    array = reshaped(shape)
    wide = np.empty((*shape[:-1], shape[-1] * 2))
    wide[..., ::2] = array
    lying = [np.asfortranarray(array), array[::-1].copy()[::-1], wide[..., ::2], array.astype(">f8")]
    assert {digest(one, scheme=scheme) for one in lying} == {digest(array, scheme=scheme)}


@pytest.mark.parametrize("dtype", ["c16", "f4", "f2", "i2", "?", "M8[s]", "U3", "S5", "g"])
def test_a_big_array_of_any_type_has_one_digest_in_either_order(dtype):
    array = (np.nan_to_num(reshaped((1009, 701))) * 1e3).astype("i8").astype(dtype)
    assert digest(np.asfortranarray(array)) == digest(array)


@pytest.mark.parametrize("workers", [2, 5])
def test_the_digest_of_a_big_array_does_not_depend_on_how_many_threads_hash(workers, monkeypatch):
    found, array = [], np.resize(BIG, (1 << 20) + 12345)
    for number in (1, workers):
        monkeypatch.setattr(hashing, "cores", lambda number=number: number)
        found.append(digest(array))
    assert found[0] == found[1]


def test_what_a_leaf_raises_in_whichever_thread_is_raised(monkeypatch):
    monkeypatch.setattr(hashing, "cores", lambda: 2)

    def leaves(first, _):
        raise IndexError(first)

    with pytest.raises(IndexError):
        hashing.leaf_hashes(hashlib.sha256, 9, hashing.PARALLEL, leaves)


def test_threads_that_hash_are_gone_and_no_thread_of_the_notebooks_is_numbered_after_them(monkeypatch):
    monkeypatch.setattr(hashing, "cores", lambda: 3)

    def number():
        with ThreadPoolExecutor(1) as pool:
            return int(pool.submit(lambda: threading.current_thread().name).result().split("-")[1].split("_")[0])

    before, running = number(), threading.enumerate()
    digest(np.zeros(hashing.PARALLEL, np.uint8))
    assert threading.enumerate() == running
    assert number() == before + 1


@pytest.mark.parametrize("place", [0, 1 << 17, BIG.size - 1])
def test_each_element_of_a_big_array_counts(place):
    changed = BIG.copy()
    changed.flat[place] = 0.5
    assert len({digest(one) for one in (BIG, changed, np.asfortranarray(changed))}) == 2


def test_every_nan_of_a_big_array_is_the_same_nan_and_the_array_stays_as_it_is():
    other = BIG.copy()
    other[np.isnan(other)] = np.array([0x7FF8000000000001], np.uint64).view(np.float64)
    before = other.tobytes()
    assert digest(other) == digest(BIG)
    assert other.tobytes() == before


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray])
def test_what_a_mask_covers_does_not_count(make):
    mask = BIG > 0.5
    other = np.where(mask, 7.0, BIG)
    assert digest(np.ma.masked_array(make(other), mask)) == digest(np.ma.masked_array(BIG, mask))


def test_a_matrix_has_one_digest_in_either_order():
    matrix = BIG.view(np.matrix)
    assert digest(np.asfortranarray(matrix).view(np.matrix)) == digest(matrix)


def test_numbers_of_arrow_count_by_value_whatever_their_chunks_and_what_lies_under_a_null():
    pa = pytest.importorskip("pyarrow")
    numbers = [*range(5), None, 3]
    whole = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(numbers)])))
    parts = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array([9, *numbers[:6]])[1:], pa.array([3])])))
    zero = pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array([*range(5), 0, 3])])))
    assert digest(parts) == digest(whole) != digest(zero)


@pytest.mark.parametrize(
    "value", [BIG, BIG.tobytes(), bytearray(BIG.tobytes()), pd.DataFrame({"a": BIG.ravel()})], ids=type
)
def test_the_digest_of_a_big_value_names_the_hash_it_rests_on(value):
    plain, best = digest(value, scheme=hashing.PLAIN), digest(value)
    assert (hashing.scheme_of(plain), hashing.scheme_of(best)) == (hashing.PLAIN, hashing.BEST)


def test_the_digest_of_a_small_value_is_the_same_in_every_environment():
    value = {"a": BIG[:5], "b": [1, "x", b"y"]}
    assert digest(value) == digest(value, scheme=hashing.PLAIN)
    assert hashing.scheme_of(digest(value)) is None


def test_digests_by_different_hashes_say_nothing_of_each_other():
    assert not hashing.comparable("0a-sha256", "0a-blake3")
    assert hashing.comparable("0a-sha256", "0a-sha256")
    assert hashing.comparable("0a", "0b-blake3")  # one is of a small value, so they differ


def test_integers_too_long_for_a_word_are_not_taken_for_others():
    long = [1 << 64, 1 << 16]
    packed = b"".join(
        b"%d:" % len(text) + text for text in (n.to_bytes(n.bit_length() // 8 + 1, "little") for n in long)
    )
    assert len(packed) == 16
    assert digest(long) != digest(np.frombuffer(packed, "<i8").tolist())


PLACE = Place("a", "x", "output", "a", 1)


def seen(value, scheme):
    record = identified("x", value)
    return Sighting(1, "x", type(record)(**{**vars(record), "digest": digest(value, scheme=scheme)}))


def test_verify_says_when_two_environments_hash_differently():
    theirs = digest(BIG, scheme=hashing.PLAIN).replace("sha256", "another")
    compared = compare_value(PLACE, seen(BIG, hashing.PLAIN), None, HandedOn("numpy.ndarray", theirs), ran=True)
    assert compared.status == "not comparable"
    assert "hashes big values with sha256, the pipeline's with another" in compared.note


def test_the_notebooks_run_hashes_as_the_pipeline_did():
    theirs = digest(BIG, scheme=hashing.PLAIN)
    assert reference._as_expected(identified("x", BIG), BIG, (theirs,)).digest == theirs


@pytest.mark.parametrize("hashed", [hashing.PLAIN, "of another environment"])
def test_the_guard_sees_changes_of_what_was_hashed_otherwise(tmp_path, hashed):
    known = digest(BIG, scheme=hashing.PLAIN).replace(hashing.PLAIN, hashed)
    stored = store({"x": BIG}, tmp_path)
    source = StepInput(("x",), "a", str(stored.path), stored.digest, ("x",))
    value = load(stored.path)[0]["x"]
    assert not guard._altered(Received("x", value, source, known, 0))
    value[0, 1] += 1
    assert guard._altered(Received("x", value, source, known, 0))


def test_a_big_artifact_is_checked_and_so_is_one_of_an_earlier_version(tmp_path):
    stored = store({"x": BIG}, tmp_path)
    plain = hashlib.sha256(stored.path.read_bytes()).hexdigest()
    assert stored.digest.endswith("-tree")
    for known in (stored.digest, plain):
        assert load(stored.path, known)[0]["x"].shape == BIG.shape


@pytest.mark.skipif(hashing.FAST not in hashing.HASHES, reason="needs blake3")
def test_a_big_artifact_is_hashed_by_what_all_readers_have(tmp_path):
    stored = store({"x": BIG}, tmp_path, scheme=hashing.FAST)
    assert stored.digest.endswith("-blake3")
    assert load(stored.path, stored.digest)[0]["x"].shape == BIG.shape


@pytest.mark.parametrize("scheme", hashing.HASHES)
def test_one_wrong_byte_of_a_big_artifact_is_found(tmp_path, scheme):
    stored = store({"x": BIG}, tmp_path, scheme=scheme)
    stored.path.chmod(0o600)
    content = bytearray(stored.path.read_bytes())
    content[stored.size // 2] ^= 1
    stored.path.write_bytes(content)
    with pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest)


@pytest.mark.skipif(hashing.FAST not in hashing.HASHES, reason="needs blake3")
def test_what_cannot_be_checked_is_not_loaded(tmp_path, monkeypatch):
    stored = store({"x": BIG}, tmp_path, scheme=hashing.FAST)
    monkeypatch.delitem(hashing.HASHES, hashing.FAST)
    source = StepInput(("x",), "make", str(stored.path), stored.digest)
    with pytest.raises(StepFailure, match="needs the package blake3") as failure:
        load_artifact(source)
    assert "Install" in (failure.value.error.hint or "")


def test_without_blake3_files_are_hashed_by_what_there_is(tmp_path, monkeypatch):
    monkeypatch.delitem(hashing.HASHES, hashing.FAST, raising=False)
    assert store({"x": BIG}, tmp_path, scheme=hashing.FAST).digest.endswith("-tree")


def test_an_interpreter_without_blake3_has_ours_and_its_cells_do_not_see_it(tmp_path):
    pytest.importorskip("blake3")
    code = _PRELUDE + "from labline_runtime.values.hashing import BEST\nprint(BEST, importlib.util.find_spec('blake3'))"
    bundle = runtime_bundle(Home.open(tmp_path))
    command = [sys.executable, "-I", "-S", "-c", code, str(bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path("/"))
    assert done.stdout.split() == ["blake3", "None"]
