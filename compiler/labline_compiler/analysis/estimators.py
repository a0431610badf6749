"""Estimators of scikit-learn that draw from NumPy's generator only where they are told to, by an option of theirs.

``tests/compiler/test_tables.py`` fits them.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

from labline_compiler.analysis.arguments import Arguments


class Deciding(NamedTuple):
    """The option that decides, and those of its values with which nothing is drawn. One of them is the default."""

    option: str
    quiet: frozenset[object]


_LOGISTIC = Deciding("solver", frozenset(("lbfgs", "newton-cg", "newton-cholesky")))
_RIDGE = Deciding("solver", frozenset(("auto", "svd", "cholesky", "lsqr", "sparse_cg", "lbfgs")))
_RESTARTS = Deciding("n_restarts_optimizer", frozenset((0,)))
_JITTER = Deciding("jitter", frozenset((None,)))
_STATE: Deciding = Deciding("random_state", frozenset())  # a number by default, so that nothing is drawn
DECIDING: dict[str, Deciding] = {
    "LogisticRegression": _LOGISTIC,
    "LogisticRegressionCV": _LOGISTIC,
    "Ridge": _RIDGE,
    "RidgeClassifier": _RIDGE,
    "DummyClassifier": Deciding("strategy", frozenset(("prior", "most_frequent", "constant"))),
    "GaussianProcessClassifier": _RESTARTS,
    "GaussianProcessRegressor": _RESTARTS,
    "Lars": _JITTER,
    "LassoLars": _JITTER,
    "Perceptron": _STATE,
    "FactorAnalysis": _STATE,
    "PatchExtractor": Deciding("max_patches", frozenset((None,))),
}


def draws_as_made(name: str, arguments: Arguments) -> bool:
    """Whether an estimator of that *name* draws when it is fitted, by what it is made with."""
    deciding = DECIDING.get(name)
    if deciding is None or arguments.starred or len(arguments.positional) > 1:
        return True
    given = deciding.option in arguments.keywords
    return given and arguments.constant(None, deciding.option) not in deciding.quiet


def may_be_told(name: str, call: ast.Call) -> bool:
    """Whether a *call* that sets options (``set_params``, a search) may have an estimator of that *name* draw."""
    deciding = DECIDING.get(name)
    if deciding is None:
        return False
    if any(word.arg is None for word in call.keywords):
        return True
    if any((word.arg or "").endswith(deciding.option) for word in call.keywords):
        return True
    for grid in [*call.args[1:2], *(word.value for word in call.keywords if (word.arg or "").startswith("param_"))]:
        if not isinstance(grid, ast.Dict):
            return True
        names = [key.value if isinstance(key, ast.Constant) else None for key in grid.keys]
        if any(not isinstance(each, str) or each.endswith(deciding.option) for each in names):
            return True
    return False
