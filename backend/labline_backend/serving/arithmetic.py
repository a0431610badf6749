"""What scikit-learn computes for forests and linear models, without what it does around it.

Of the time that ``predict`` takes for one row nearly all is checks, threads and a call a tree. Here is what is left:
the same operations in the same order, so that the bits are the same. That is not taken on trust: ``agreement`` holds it
against the model before it is used. Rows with anything unusual are for the model itself, and so are its refusals.

What a linear model computes is numbers and their order, so it can be kept without the model, and read without
scikit-learn.
"""

from __future__ import annotations

import functools
import itertools
import pickle  # what it reads has the digest of what was written here
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labline_backend.serving.later import put_off
from labline_backend.serving.rows import Array
from labline_runtime.dataclass import dataclass

LARGEST_SQUARE = 1e30**2
"""Float32, which trees compute in, ends at 3.4e38."""

MOST_BYTES = 64 << 20
"""Of a forest that is copied into one tree, while that is done."""

MOST_ROWS = 64
MOST_VALUES = 1 << 18
"""More rows, or more values of all rows for all trees, and of what they say, go through a forest tree by tree."""

Compute = Callable[[Array], Array]


def arithmetic(model: Any, function: str) -> Arithmetic | None:
    """What answers as *function* of *model* does; None where nothing is known that might."""
    try:
        compute = _of(model, function)
    except (AttributeError, KeyError, TypeError, ValueError):  # another release of scikit-learn
        return None
    return None if compute is None else Arithmetic(compute, model.n_features_in_, getattr(model, function))


def read(content: bytes, ask: Compute) -> Arithmetic:
    """What :meth:`Arithmetic.kept` has written; *ask* is the model's function."""
    compute, width = pickle.loads(content)  # noqa: S301
    return Arithmetic(compute, width, ask)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Answers by *compute* for arrays that have nothing unusual, and by *ask*, the model's own function, for others."""

    compute: Compute
    width: int
    ask: Compute

    def __call__(self, values: Array) -> Array:
        """The answer."""
        if values.shape[-1] == self.width and not _unusual(values):
            try:
                return self.compute(values)
            except _UnusualError:
                return self.ask(values)
        return self.ask(values)

    def kept(self) -> bytes | None:
        """What is computed, for :func:`read`; None where it takes scikit-learn to do that."""
        last = self.compute.last if isinstance(self.compute, _Chain) else self.compute
        return pickle.dumps((self.compute, self.width)) if isinstance(last, _Linear) else None


class _UnusualError(Exception):
    """The rows have become unusual on the way."""


def _unusual(values: Array) -> bool:
    return not np.vdot(values, values).item() <= LARGEST_SQUARE  # NaN is not


def _of(model: Any, function: str) -> Compute | None:
    if type(model).__qualname__ == "Pipeline":
        return _pipeline(model, function)
    name = getattr(getattr(type(model), function), "__qualname__", "")
    maker = _MAKERS.get(name)
    return None if maker is None else maker(model)


# ---------------------------------------------------------------- linear models, which may be given a pile of arrays


@dataclass(frozen=True)
class _Linear:
    """A column for each row of coefficients."""

    coefficients: Array
    intercept: Array

    def __call__(self, values: Array) -> Array:
        return values @ self.coefficients + self.intercept


class _TwoProbabilities(_Linear):
    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        _expit()  # not with the first request

    def __call__(self, values: Array) -> Array:
        scores = values @ self.coefficients
        if scores.shape == (1, 1) and scores.dtype == np.float64:  # Python's numbers are as exact, and sooner done
            found = float(_expit()(scores.item() + self.intercept.item()))
            return np.array([[1.0 - found, found]])
        found = _expit()(scores + self.intercept)
        return np.concatenate((1 - found, found), -1)


@functools.cache
def _expit() -> Any:
    put_off()
    from scipy.special import expit

    return expit


class _Probabilities(_Linear):
    def __call__(self, values: Array) -> Array:
        scores = values @ self.coefficients + self.intercept
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        return scores


@dataclass(frozen=True)
class _Labels(_Linear):
    classes: Array

    def __call__(self, values: Array) -> Array:
        scores = values @ self.coefficients + self.intercept
        if len(self.classes) > 2:
            return self.classes.take(scores.argmax(axis=-1), axis=0)
        return self.classes.take((scores[..., 0] > 0).astype(np.intp), axis=0)


def _scores(model: Any) -> tuple[Array, Array]:
    """Of the decision function, which has a column for each class, or a single one where there are two classes."""
    if model.coef_.ndim != 2:
        raise ValueError("a decision function has a row of coefficients for each class")
    return model.coef_.T, model.intercept_


def _logistic(model: Any) -> Compute:
    return (_Probabilities if len(model.classes_) > 2 else _TwoProbabilities)(*_scores(model))


def _linear_labels(model: Any) -> Compute:
    return _Labels(*_scores(model), model.classes_)


def _regression(model: Any) -> Compute:
    return _Linear(model.coef_.T, model.intercept_)


# ---------------------------------------------------------------- forests


class _Forest:
    """The sum of what the trees of a forest say, tree by tree, divided by their number.

    Few rows go through all trees in one call: the trees become one. At its top it decides by a column that is added to
    the rows, the number of the tree that is meant, and each row is there once for each tree.
    """

    def __init__(self, model: Any) -> None:
        self._trees = [estimator.tree_ for estimator in model.estimators_]
        first = self._trees[0]
        if first.n_outputs != 1:
            raise ValueError("there are several outputs")
        self._width = int(first.n_features)
        self._values = [tree.value[:, 0, :] for tree in self._trees]
        self._numbers: Array = np.arange(len(self._trees), dtype=np.float32).reshape(-1, 1)
        self._said = self._values[0].shape[1]
        self._all: Any = None
        a_node = first.__getstate__()["nodes"].itemsize + 2 * self._values[0].itemsize * self._said
        if sum(tree.node_count for tree in self._trees) * a_node <= MOST_BYTES:
            self._all = _one_tree(self._trees)
            self._all_values = self._all.value[:, 0, :]

    def __call__(self, values: Array) -> Array:
        count, trees, width = len(values), len(self._trees), self._width
        if self._all is None or count > MOST_ROWS or count * trees * max(width + 1, 2 * self._said) > MOST_VALUES:
            return self._tree_by_tree(np.ascontiguousarray(values, np.float32))
        rows: Array = np.empty((trees, count, width + 1), np.float32)
        rows[:, :, :width] = values
        rows[:, :, width] = self._numbers
        said = self._all_values.take(self._all.apply(rows.reshape(-1, width + 1)), axis=0).reshape(trees, count, -1)
        total = np.add.accumulate(said, axis=0)[-1]  # which never adds in another order, as a sum may
        total += 0.0  # a sum that begins with 0.0 has no negative zero
        total /= trees
        return total

    def _tree_by_tree(self, values: Array) -> Array:
        total = np.zeros((len(values), self._said))
        for tree, said in zip(self._trees, self._values, strict=True):
            total += said.take(tree.apply(values), axis=0)
        total /= len(self._trees)
        return total


def _one_tree(trees: Sequence[Any]) -> Any:
    """*trees* below one top."""
    states = [tree.__getstate__() for tree in trees]
    roots: list[int] = list(
        itertools.accumulate((int(state["node_count"]) for state in states), initial=len(trees) - 1)
    )
    width = trees[0].n_features
    nodes = np.zeros(roots[-1], states[0]["nodes"].dtype)
    values = np.zeros((roots[-1], *states[0]["values"].shape[1:]))
    for state, root in zip(states, roots, strict=False):
        own = state["nodes"].copy()
        inner = own["left_child"] != _LEAF
        for side in ("left_child", "right_child"):
            own[side][inner] += root
        nodes[root : root + len(own)] = own
        values[root : root + len(own)] = state["values"]
    numbers = itertools.count()

    def top(low: int, high: int) -> int:
        """The node above the trees from *low* to before *high*."""
        if high - low == 1:
            return roots[low]
        index, middle = next(numbers), (low + high) // 2
        nodes[index]["feature"], nodes[index]["threshold"] = width, middle - 0.5
        nodes[index]["left_child"], nodes[index]["right_child"] = top(low, middle), top(middle, high)
        return index

    top(0, len(trees))
    depth = max(state["max_depth"] for state in states) + len(trees).bit_length()
    tree = type(trees[0])(width + 1, np.asarray(trees[0].n_classes, dtype=np.intp), 1)
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree


_LEAF = -1
"""The child of a node that has none."""


def _forest_labels(model: Any) -> Compute:
    forest, classes = _Forest(model), model.classes_
    return lambda values: classes.take(np.argmax(forest(values), axis=1), axis=0)


def _forest_regression(model: Any) -> Compute:
    forest = _Forest(model)
    return lambda values: forest(values)[:, 0].copy()


# ---------------------------------------------------------------- pipelines


@dataclass(frozen=True)
class _Standardised:
    """What a ``StandardScaler`` gives."""

    mean: Array | None
    scale: Array | None

    def __call__(self, values: Array) -> Array:
        moved = np.array(values, dtype=values.dtype if values.dtype.kind == "f" else np.float64)
        if self.mean is not None:
            moved -= self.mean.astype(moved.dtype, copy=False)
        if self.scale is not None:
            moved /= self.scale.astype(moved.dtype, copy=False)
        return moved


@dataclass(frozen=True)
class _Chain:
    before: tuple[_Standardised, ...]
    last: Compute

    def __call__(self, values: Array) -> Array:
        for part in self.before:
            values = part(values)
        if _unusual(values):
            raise _UnusualError
        return self.last(values)


def _pipeline(model: Any, function: str) -> Compute | None:
    (*before, last) = [step for _, step in model.steps]
    end = _of(last, function)
    if end is None or not all(type(step).__qualname__ == "StandardScaler" for step in before):
        return None
    means = [each.mean_ if each.with_mean else None for each in before]
    scales = [each.scale_ if each.with_std else None for each in before]
    return _Chain(tuple(map(_Standardised, means, scales)), end)


_MAKERS: dict[str, Callable[[Any], Compute]] = {
    "ForestClassifier.predict_proba": _Forest,
    "ForestClassifier.predict": _forest_labels,
    "ForestRegressor.predict": _forest_regression,
    "LogisticRegression.predict_proba": _logistic,
    "LinearClassifierMixin.predict": _linear_labels,
    **dict.fromkeys(("LinearModel.predict", "MultiOutputLinearModel.predict", "Ridge.predict"), _regression),
}
