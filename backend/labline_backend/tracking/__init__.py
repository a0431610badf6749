"""MLflow: what a run leaves there, and its own user interface behind the Jupyter server.

Nothing in this package imports mlflow into the process that uses it. Recording happens in a helper process
(:mod:`labline_backend.tracking.recorder`), the user interface is another (:mod:`labline_backend.tracking.ui_server`).
"""

from labline_backend.tracking.location import run_url
from labline_backend.tracking.tracker import Logged, ModelVersion, TrackedRun, Tracker

__all__ = ["Logged", "ModelVersion", "TrackedRun", "Tracker", "run_url"]
