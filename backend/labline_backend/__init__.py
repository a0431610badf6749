"""Everything that serves the user: the CLI, the Jupyter server extension, the local engine, the store, tracking."""

from __future__ import annotations

from typing import Any

from labline_backend._version import __version__

__all__ = ["__version__"]


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell the Jupyter server where the extension is. Imported lazily: the CLI must not pay for the server."""
    from labline_backend.app import LablineApp

    return [{"module": "labline_backend.app", "app": LablineApp}]
