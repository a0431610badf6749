"""The call that predicts, in the cell that the user names."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from labline_compiler.slicing.statements import Statement
from labline_compiler.slicing.words import SlicingError, place
from labline_compiler.syntax import unparse
from labline_runtime.dataclass import dataclass

TRANSFORM = "transform"  # what a model is prepared with, where the cell also predicts
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", TRANSFORM, "score_samples")
_ASKED = re.compile(r"(?P<cell>.+?)(?::(?P<line>[1-9][0-9]*))?")


@dataclass(frozen=True)
class Prediction:
    """``model.method(rows)``, inside a statement."""

    statement: Statement
    call: ast.Call
    model: ast.expr
    method: str
    rows: ast.expr

    @property
    def text(self) -> str:
        """As people know it."""
        return f"{unparse(self.model)}.{self.method}({unparse(self.rows)})"


def find_prediction(statements: Sequence[Statement], asked: str) -> Prediction:
    """The call in the cell *asked* for: its number, its id, or the name of its step; ``:LINE`` tells between several.

    Raises ``SlicingError``.
    """
    match = _ASKED.fullmatch(asked.strip())
    cell, line = (match["cell"], match["line"]) if match is not None else (asked, None)
    here = _statements_of(statements, cell)
    found = [each for statement in here for each in _predictions(statement)]
    if line is not None:
        found = [each for each in found if each.call.lineno <= int(line) <= (each.call.end_lineno or 0)]
    models = [each for each in found if each.method != TRANSFORM]
    found = models if models and line is None else found
    different = {(each.statement.cell.index, each.text): each for each in found}
    if not different:
        methods = ", ".join(METHODS[:2])
        raise SlicingError(f"Nothing in {asked!r} calls {methods} or transform of a model with one argument.")
    if len(different) > 1:
        places = "; ".join(f"{each.text} in {place(each.statement.cell, each.call)}" for each in different.values())
        raise SlicingError(f"More than one call in {asked!r} predicts: name one by CELL:LINE. {places}.")
    prediction = next(iter(different.values()))
    _check_scope(prediction)
    return prediction


def _statements_of(statements: Sequence[Statement], cell: str) -> list[Statement]:
    by_number = [each for each in statements if str(each.cell.number) == cell]
    by_id = [each for each in statements if each.cell.id == cell]
    by_step = [each for each in statements if each.step == cell]
    here = by_number or by_id or by_step
    if not here:
        steps = ", ".join(dict.fromkeys(each.step for each in statements if each.step))
        raise SlicingError(f"The notebook has no cell or step {cell!r} that runs. Its steps are {steps}.")
    return here


def _predictions(statement: Statement) -> list[Prediction]:
    return [
        Prediction(statement, node, node.func.value, node.func.attr, node.args[0])
        for node in ast.walk(statement.node)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in METHODS
        and len(node.args) == 1
        and not node.keywords
        and not isinstance(node.args[0], ast.Starred)
    ]


def _check_scope(prediction: Prediction) -> None:
    """Both the model and its rows must be what they are before the statement."""
    used = {
        node.id
        for part in (prediction.model, prediction.rows)
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    statement = prediction.statement
    inner = {
        node.id
        for node in ast.walk(statement.node)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    inner |= {node.arg for node in ast.walk(statement.node) if isinstance(node, ast.arg)}
    if not isinstance(statement.node, ast.Assign | ast.AnnAssign) or any(
        isinstance(node, ast.comprehension | ast.Lambda | ast.NamedExpr) for node in ast.walk(statement.node)
    ):
        clash = used & inner
    else:
        clash = set()
    if clash:
        raise SlicingError(
            f"{place(statement.cell, prediction.call).capitalize()}: {prediction.text} uses "
            f"{', '.join(sorted(clash))}, which has a value only inside that statement. "
            "Write the call as a statement of its own, with the model under a name."
        )
