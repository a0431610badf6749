"""An array into which nobody could write, though it does not own its memory, is such an array in later steps, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from labline_runtime.values import digest, load, store


def sealed(array: Any) -> Any:
    array.flags.writeable = False
    return array


SEALED: dict[str, Callable[[], Any]] = {
    "a part of what is read-only": lambda: sealed(np.arange(6.0))[:3],
    "every other one of it": lambda: sealed(np.arange(6.0))[::2],
    "its rows": lambda: sealed(np.asfortranarray(np.arange(6).reshape(2, 3)))[:, 1:],
    "dates": lambda: sealed(np.array(["2020-01-01", "2021-01-01"], "M8[D]"))[:],
    "objects": lambda: sealed(np.array([1, "a"], object))[:],
    "nothing": lambda: sealed(np.arange(6.0))[:0],
    "bytes": lambda: np.frombuffer(b"1234", np.uint8),
}


def crossed(tmp_path: Any, array: Any) -> Any:
    stored = store({"array": array}, tmp_path)
    return load(stored.path, stored.digest)[0]["array"]


@pytest.mark.parametrize("case", SEALED)
def test_it_cannot_be_made_writeable(tmp_path, case):
    array = SEALED[case]()
    back = crossed(tmp_path, array)
    for each in (array, back):
        with pytest.raises(ValueError, match="WRITEABLE"):
            each.flags.writeable = True
    assert digest(back) == digest(array)


@pytest.mark.parametrize(
    "made",
    [lambda: sealed(np.arange(6.0)), lambda: sealed(np.arange(6.0)[:3]), lambda: np.broadcast_to([1, 2], (2, 2))],
)
def test_one_that_can_be_made_writeable_still_can(tmp_path, made):
    back = crossed(tmp_path, made())
    assert not back.flags.writeable
    back.flags.writeable = True
    back[...] = 7
    assert (back == 7).all()


@pytest.mark.parametrize(
    "made",
    [
        lambda: np.array([1, "a", None], object),
        lambda: np.asfortranarray(np.array([[1, "a"], [None, 2]], object)),
        lambda: np.array([[1, "a", 2], [None, 2, 3]], object).T[:, ::2].copy("K")[::2],
        lambda: np.array(None, object),
    ],
)
def test_an_array_of_objects_stays_read_only(tmp_path, made):
    array = made()
    array.flags.writeable = False
    back = crossed(tmp_path, array)
    assert not back.flags.writeable
    assert (back == array).all()


def test_a_read_only_array_of_objects_may_hold_itself(tmp_path):
    array = np.empty(1, object)
    array[0] = array
    array.flags.writeable = False
    back = crossed(tmp_path, array)
    assert back[0] is back
    assert not back.flags.writeable
