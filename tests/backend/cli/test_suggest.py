"""``labline suggest``: steps proposed, and written into the file."""

from __future__ import annotations

import json
from pathlib import Path

from tests.backend.cli.conftest import Labline

DOCUMENT = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {}, "source": ["import json"], "outputs": []},
        {"cell_type": "markdown", "id": "b", "metadata": {}, "source": ["## Load"]},
        {"cell_type": "code", "id": "c", "metadata": {"x": 1}, "source": ["rows = [1, 2]"], "outputs": []},
        {"cell_type": "markdown", "id": "d", "metadata": {}, "source": ["## Report"]},
        {"cell_type": "code", "id": "e", "metadata": {}, "source": ["print(json.dumps(rows))"], "outputs": []},
    ],
}
TAGS = [["imports"], None, ["step:load"], None, ["step:report"]]


def test_a_proposal_is_printed_and_nothing_is_written(labline: Labline, tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(DOCUMENT, indent=1) + "\n")
    done = labline("suggest", "a.ipynb")
    assert done.code == 0
    assert done.out.splitlines()[0] == "a.ipynb: 2 steps proposed"
    assert "1 value is handed from step to step: rows." in done.out
    assert path.read_text() == json.dumps(DOCUMENT, indent=1) + "\n"


def test_the_tags_are_written_and_the_notebook_runs(labline: Labline, tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(DOCUMENT, indent=1) + "\n")
    document = labline("suggest", "--write", "--json", "a.ipynb").document
    assert [step["name"] for step in document["steps"]] == ["load", "report"]
    written = json.loads(path.read_text())
    assert [cell["metadata"].pop("tags", None) for cell in written["cells"]] == TAGS
    assert written == DOCUMENT
    assert labline("run", "--no-track", "a.ipynb").code == 0


def test_a_script_is_given_tags_as_well(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("# %%\nimport json\n\n# %% [markdown]\n# ## Load\n\n# %%\nx = json.loads('[1]')\n")
    assert labline("suggest", "--write", "a.py").code == 0
    assert (tmp_path / "a.py").read_text() == (
        '# %% tags=["imports"]\nimport json\n\n# %% [markdown]\n# ## Load\n\n'
        "# %% tags=[\"step:load\"]\nx = json.loads('[1]')\n"
    )


def test_a_notebook_with_steps_is_refused_in_a_sentence(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('# %% tags=["step:a"]\nx = 1\n')
    done = labline("suggest", "a.py", "--write")
    assert done.code == 2
    assert "has steps already" in done.err
