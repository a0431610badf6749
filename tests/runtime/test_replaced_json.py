"""The runtime writes its own documents whatever the notebook has put in the place of ``json.dumps``."""

import json
from dataclasses import dataclass

import pytest

from labline_runtime.documents import to_json


@dataclass(frozen=True)
class _Record:
    name: str


def test_a_replaced_dumps_is_not_called_for_the_runtimes_own_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(json, "dumps", seen.append)
    assert (to_json(_Record("x")), seen) == ('{"name": "x"}', [])
