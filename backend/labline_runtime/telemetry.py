"""What tells libraries not to report to their makers, in the environment before they are imported."""

from __future__ import annotations

import os

OFF = {
    "DO_NOT_TRACK": "true",  # Hugging Face's, Gradio's and many others'
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime's, which would also keep an identity of the device in the user's cache
    "DVC_NO_ANALYTICS": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
}


def turn_off() -> None:
    """Have libraries that this process imports, and what it starts, report nothing, unless its owner says otherwise."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
