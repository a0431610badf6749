"""scikit-learn's models without MLflow, and scikit-learn without pandas.

scikit-learn imports pandas for one function that fills gaps in DataFrames, and pandas imports PyArrow: together 100 MB
in every worker that asks by arrays. So pandas is not to be had while scikit-learn is imported; whoever asks by
DataFrames after all calls :func:`with_pandas` first.
"""

from __future__ import annotations

import contextlib
import io
import pickle  # what it reads has the digest that the model was checked with
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from labline_backend.serving.later import put_off
from labline_backend.serving.mlmodel import Pickled

FILLS_GAPS = "sklearn.utils.fixes"
"""The module that imports pandas as ``pd``, or has None there."""


PICKLED = Pickled("", "pickle")
"""Of a file that the check has written."""


def load_native(pickled: Pickled, content: bytes) -> Any:
    """The model in *content*, which runs the code that it was pickled with: check what it is before."""
    _import_scikit_learn()
    model = _read(pickled, content)
    _forget_names(model)
    use_one_thread(model)
    if "pandas" in sys.modules:  # the model holds something of it
        with_pandas()
    return model


def with_pandas() -> None:
    """Import pandas, for scikit-learn as well."""
    import pandas

    if (module := sys.modules.get(FILLS_GAPS)) is not None and hasattr(module, "pd"):
        vars(module)["pd"] = pandas


def use_one_thread(model: Any) -> None:
    """Have no part of *model* start threads or processes for a request: the server is parallel over requests, and what
    threads add up in the order in which they end differs from call to call."""
    for part in _parts(model):
        if getattr(part, "n_jobs", None) is not None:
            part.n_jobs = 1


def _forget_names(model: Any) -> None:
    """Arrays have no names to compare with those that the model was fitted with: scikit-learn warns of that each time.
    The check asks a model without them, too."""
    for part in _parts(model):
        if "feature_names_in_" in getattr(part, "__dict__", {}):
            del part.feature_names_in_


def _parts(model: Any) -> Iterator[Any]:
    """A model and what it is made of."""
    for part in (model, *(model.get_params(deep=True).values() if hasattr(model, "get_params") else ())):
        if not isinstance(part, type):
            yield part


def _read(pickled: Pickled, content: bytes) -> Any:
    if pickled.form == "skops":
        import skops.io

        return skops.io.loads(content, trusted=list(pickled.trusted))
    return pickle.load(io.BytesIO(content))  # noqa: S301 - see above; what cloudpickle writes is read by pickle


def _import_scikit_learn() -> None:
    if FILLS_GAPS in sys.modules or "pandas" in sys.modules:
        return
    put_off()
    absent = _Absent("pandas", "rich")
    sys.meta_path.insert(0, absent)
    try:
        import sklearn.utils.fixes

        with contextlib.suppress(ImportError):  # older releases have none; it draws the progress of a fit with Rich
            import sklearn.callback  # noqa: F401
    finally:
        sys.meta_path.remove(absent)


class _Absent:
    """A finder by which modules are not there for the thread that made it. Other threads may import them meanwhile."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> None:
        """Raise for these names, and find nothing else."""
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
