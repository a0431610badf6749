"""What part of the work a cell is about, told by what it calls, and where that makes a good cut."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from labline_compiler.suggest.words import words

# The first that fits names the step.
_DEEDS = (
    (
        "train",
        words("fit fit_transform fit_predict train cross_val_score cross_validate GridSearchCV fit_generator lstsq"),
    ),
    ("split", words("train_test_split random_split")),
    (
        "evaluate",
        words(
            "score accuracy_score classification_report confusion_matrix mean_squared_error r2_score "
            "roc_auc_score f1_score predict predict_proba evaluate mean_absolute_error log_loss"
        ),
    ),
    (
        "load",
        words(
            "read_csv read_excel read_json read_parquet read_sql read_table read_html load_iris load_digits "
            "load_wine load_diabetes load_dataset load_breast_cancer fetch_openml fetch_california_housing "
            "loadtxt genfromtxt urlopen urlretrieve make_classification make_regression make_blobs DataFrame"
        ),
    ),
    (
        "save",
        words("to_csv to_parquet to_pickle to_json to_excel dump savefig save_model log_model"),
    ),
    (
        "prepare",
        words(
            "merge dropna fillna drop join get_dummies groupby pivot_table melt transform drop_duplicates astype "
            "concat replace to_datetime cut qcut clip"
        ),
    ),
    (
        "plot",
        words(
            "plot show hist scatter subplots figure bar barplot boxplot heatmap pairplot imshow countplot "
            "histplot scatterplot lineplot"
        ),
    ),
)
_BEGINS = 3.0  # what it is worth to cut where another part of the work begins
_LOOKS = 1.0  # the same where it is only looked at
_EXPENSIVE = 2.5  # below a cell that took long, whose results are then kept
_SECONDS, _SHARE = 1.0, 0.1  # long is at least so much, and that part of all


def deed_of(trees: Iterable[ast.AST]) -> str:
    """A step's name from what its code calls."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return _deed(nodes) or ("prepare" if _sets_column(nodes) else "compute")


def _deed(nodes: Sequence[ast.AST]) -> str | None:
    calls = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name))
    }
    return next((name for name, known in _DEEDS if calls & known), None)


def worth_cutting(trees: Sequence[ast.AST], seconds: Sequence[float | None]) -> tuple[dict[int, float], dict[int, str]]:
    """By cell, by its place among those to cut: what a cut right above it is worth, and why.

    A cut is worth something where loading ends and preparing begins, and so on, and below a cell that took long.
    """
    worth: dict[int, float] = {}
    why: dict[int, str] = {}
    doing: str | None = None
    before: str | None = None  # what went on before something was looked at
    for place, tree in enumerate(trees):
        nodes = list(ast.walk(tree))
        deed = _deed(nodes) or ("prepare" if doing not in (None, "plot") and _sets_column(nodes) else None)
        if deed is None or (deed == "prepare" and doing in ("split", "train", "evaluate")):
            continue
        if doing not in (None, deed):
            worth[place] = _LOOKS if deed == "plot" or (doing == "plot" and deed == before) else _BEGINS
            why[place] = f"another part of the work begins: {deed}"
        before = doing if deed == "plot" and doing != "plot" else before
        doing = deed
    whole = sum(taken for taken in seconds if taken is not None)
    for place, taken in enumerate(seconds[:-1]):
        if taken is not None and taken >= max(_SECONDS, _SHARE * whole):
            worth[place + 1] = max(worth.get(place + 1, 0.0), _EXPENSIVE)
            why.setdefault(place + 1, "the cell above took long, and its results are kept")
    return worth, why


def _sets_column(nodes: Iterable[ast.AST]) -> bool:
    """Whether something gets an item that a text names, as a frame its columns."""
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        for node in nodes
    )
