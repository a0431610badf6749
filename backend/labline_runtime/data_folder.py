"""Where runs and values are kept: the one rule, for the server as for any notebook that asks for a past value."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT_VARIABLE = "LABLINE_HOME"


def data_folder() -> Path:
    """The folder that ``LABLINE_HOME`` names, else the one in the user's data directory; it need not be there."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named).expanduser()
    import platformdirs  # comes with jupyter_core, and so with every kernel

    return Path(platformdirs.user_data_dir("labline", appauthor=False))
