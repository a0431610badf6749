"""What Kale's metadata asks for and does not get is told."""

from __future__ import annotations

from typing import Any

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse

LEFT_OUT = [
    ({"katib_run": True}, "katib_run"),
    ({"snapshot_volumes": True}, "snapshot_volumes"),
    ({"autosnapshot": True}, "autosnapshot"),
    ({"timeout": 60}, "60 seconds"),
    ({"security_context": {"run_as_user": 0}}, "security_context"),
    ({"volumes": [{"name": "v", "type": "new_pvc", "mount_point": "/v", "size": 1}]}, "'v', of type new_pvc"),
    ({"volumes": [{"name": "v", "type": "pvc", "mount_point": "/v", "snapshot": True}]}, "snapshot"),
    ({"volumes": 5}, "`volumes` is '5'"),
    ({"volumes": ["v"]}, "the volume 'v'"),
    ({"steps_defaults": ["limit:memory:two Gi"]}, "'limit:memory:two Gi'"),
    ({"steps_defaults": ["step:a"]}, "'step:a'"),
    ({"steps_defaults": {"retry_interval": "10s"}}, "steps_defaults.retry_interval"),
    ({"steps_defaults": {"secrets": {"KEY": "store"}}}, "steps_defaults.secrets"),
]


@pytest.mark.parametrize(("kale", "named"), LEFT_OUT, ids=[named for _, named in LEFT_OUT])
def test_what_is_left_out_is_told(kale: dict[str, Any], named: str) -> None:
    document = {
        "nbformat": 4,
        "metadata": {"kubeflow_notebook": kale},
        "cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}],
    }
    (found,) = compile_notebook(parse(document, "n.ipynb")).findings
    assert (found.code, found.severity) == ("LL114", "warning")
    assert named in found.message


def test_what_to_do_about_a_volume_is_to_create_a_claim() -> None:
    volume = {"name": "v", "type": "new_pvc", "mount_point": "/v", "size": 1}
    document = {
        "nbformat": 4,
        "metadata": {"kubeflow_notebook": {"volumes": [volume], "autosnapshot": True}},
        "cells": [],
    }
    document["cells"] = [{"cell_type": "code", "source": "x = 1", "metadata": {}}]
    found = compile_notebook(parse(document, "n.ipynb")).findings
    assert ["claim" in str(each.fix) for each in found] == [True, False]
