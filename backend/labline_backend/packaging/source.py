"""The packaged model as a Python file that a person can read, which MLflow runs to load it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from labline_runtime.capture import INPUT, MODEL, Slice, function_source

SUPPORT = Path(__file__).with_name("support.py")

_MODEL = '''
class PackagedModel(mlflow.pyfunc.PythonModel):
    """Answers requests as the notebook would have."""

    def load_context(self, context):
        """Read what the notebook's statements have learned."""
        with open(context.artifacts["kept"], "rb") as file:
            self.kept = loads(pickle.load(file))

    def predict(self, context, model_input, params=None):
        """One prediction for each row. Raises ``ValueError`` for rows that the notebook would not have taken."""
        rows = input_rows(model_input, self.kept[{input!r}])
        made = counted(features(rows, self.kept, Turns(self.kept)), len(rows))
        found = self.kept[{model!r}].{method}(made)
        return found.toarray() if hasattr(found, "toarray") else found


mlflow.models.set_model(PackagedModel())
'''


def support() -> str:
    """The code that goes with every packaged model."""
    return SUPPORT.read_text("utf-8")


def model_source(sliced: Slice, without: Collection[int], absent: Collection[str]) -> str:
    """The file. ``kept`` among the model's artifacts holds the values, each pickled by itself."""
    head = (
        f'"""{sliced.prediction} of {sliced.notebook}, {sliced.place}, with all that makes its rows of {sliced.input} '
        f'({sliced.input_place}).\n\nMade by Labline: the statements in `features` are the notebook\'s."""\n\n'
        "import mlflow\nimport mlflow.pyfunc\n"
    )
    body = support().split('"""\n', 1)[1]
    constants = f"\nABSENT = {tuple(absent)!r}  # columns of the input that no feature needs\n\n\n"
    fields = {"input": INPUT, "model": MODEL, "method": sliced.method}
    return head + body + constants + function_source(sliced, without) + _MODEL.format(**fields)
