"""The cache's table."""

from __future__ import annotations

import time

import pytest

from labline_backend.store.cache import CacheEntry
from labline_backend.store.runs import RunStore
from tests.backend.store.samples import RESULT

ENTRY = CacheEntry("run", "step", {"code/0": "abc"}, RESULT)


def test_nothing_is_known_at_first(store: RunStore) -> None:
    assert store.cache.lookup("key") is None
    assert store.cache.newest("trial", "step") is None


def test_a_result_is_found_by_its_key(store: RunStore) -> None:
    store.cache.remember("trial", {"key": ENTRY})
    assert repr(store.cache.lookup("key")) == repr(ENTRY)


def test_a_newer_result_takes_the_place_of_an_older_one(store: RunStore) -> None:
    store.cache.remember("trial", {"key": ENTRY})
    store.cache.remember("trial", {"key": CacheEntry("later", "step", {}, RESULT)})
    assert store.cache.lookup("key").run == "later"


def test_the_newest_result_of_a_step_is_found_by_name(store: RunStore) -> None:
    store.cache.remember("trial", {"one": ENTRY})
    store.cache.remember("trial", {"two": CacheEntry("later", "step", {}, RESULT)})
    store.cache.remember("other", {"three": CacheEntry("latest", "step", {}, RESULT)})
    assert store.cache.newest("trial", "step").run == "later"


def test_the_newest_result_is_the_last_one_though_the_clock_was_set_back(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.cache.remember("trial", {"one": ENTRY})
    monkeypatch.setattr(time, "time", lambda: 0.0)
    store.cache.remember("trial", {"two": CacheEntry("later", "step", {}, RESULT)})
    assert store.cache.newest("trial", "step").run == "later"
