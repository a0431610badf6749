"""Sets are gone through in the notebook's order on the other side, too."""

from __future__ import annotations

import io
import pickle
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from labline_runtime.values import sets, store, writing


def crossed(**values: Any) -> Any:
    file = io.BytesIO()
    if (seen := writing.dump(values, file)).asks_again:
        file = io.BytesIO()
        writing.dump(values, file, seen=seen)
    return pickle.loads(file.getvalue())


def crowded(seed: int, count: int) -> list[Any]:
    """Values of which many want the same place in a set's table."""
    draw = random.Random(seed)
    return [draw.choice([draw.randrange(60) * 64, f"{draw.random()}", (draw.randrange(9), -1)]) for _ in range(count)]


def hashes(held: Any) -> Any:
    table = sets.table_of(held)
    return table and (table.hashes(), table.finger)


_WAYS = (frozenset, lambda v: frozenset(set(v)), lambda v: frozenset(dict.fromkeys(v)), lambda v: frozenset(v) - {v[0]})
_CHANGES = st.lists(st.tuples(st.sampled_from(["add", "discard", "pop", "update", "copy"]), st.integers(0, 99)))


@given(seed=st.integers(0, 999), count=st.integers(1, 80), changes=_CHANGES)
def test_a_set_comes_back_with_the_very_same_table(seed, count, changes):
    values = crowded(seed, 100)
    held = set(values[:count])
    for change, number in changes:
        if change == "pop" and held:
            held.pop()
        elif change == "update":
            held |= set(values[number:])
        elif change == "copy":
            held = set(held)
        elif change in ("add", "discard"):
            getattr(held, change)(values[number])
    back = crossed(held=held)["held"]
    assert (list(back), hashes(back)) == (list(held), hashes(held))


@given(seed=st.integers(0, 999), count=st.integers(1, 80), way=st.sampled_from(_WAYS))
def test_a_frozenset_comes_back_in_the_same_order(seed, count, way):
    held = way(crowded(seed, count))
    assert list(crossed(held=held)["held"]) == list(held)


def reordered(kind: type = set, count: int = 8) -> Any:
    """A set that pickle brings back in another order."""
    for seed in range(1000):
        held = kind(crowded(seed, count))
        if list(kind(list(held))) != list(held):
            return held
    raise AssertionError("no set is brought back in another order")


def test_a_set_in_another_order_is_still_one_object():
    held = reordered()
    back = crossed(a=held, b=[held], c={"deep": (held,)})
    assert back["a"] is back["b"][0] is back["c"]["deep"][0]


def test_frozensets_within_frozensets_keep_their_order():
    inner = reordered(frozenset)
    back = crossed(a=frozenset([inner, frozenset()]), b={inner: 1}, c=inner)
    assert [list(each) for each in back["b"]] == [list(inner)]
    assert any(each is back["c"] for each in back["a"])


class Node:
    def __init__(self, number: int) -> None:
        self.number = number
        self.peers: set[Node] = set()

    def __hash__(self) -> int:
        return self.number


def test_a_set_whose_elements_refer_to_it_keeps_its_order():
    peers = {Node(number) for number in (8, 0, 16, 24)}
    for node in peers:
        node.peers = peers
    back = crossed(peers=peers)["peers"]
    assert [node.number for node in back] == [node.number for node in peers]
    assert all(node.peers is back for node in back)


def test_a_set_that_pickle_keeps_in_order_is_stored_as_ever(tmp_path):
    assert b"labline_runtime" not in store({"a": {1, 2, 3}}, tmp_path).path.read_bytes()
