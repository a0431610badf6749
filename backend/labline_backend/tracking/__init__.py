"""MLflow: what a run leaves there, and its own user interface behind the Jupyter server.

Nothing in this package imports mlflow into the process that uses it. Recording happens in a helper process
(:mod:`labline_backend.tracking.recorder`), the user interface is another (:mod:`labline_backend.tracking.ui_server`).
"""
