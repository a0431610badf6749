"""``labline check`` as a linter: text with the line, SARIF, and fixes written to the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.backend.cli.conftest import Labline

REGION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {"type": "integer", "minimum": least}
        for name, least in {
            "startLine": 1,
            "startColumn": 1,
            "endLine": 1,
            "endColumn": 1,
            "charOffset": 0,
            "charLength": 0,
        }.items()
    },
}


def strict(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


def many(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


TEXT = {"type": "string", "minLength": 1}
MESSAGE = strict("text", text=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = strict("uri", uri={"type": "string", "format": "uri-reference", "pattern": r"^\S+$"})
# The parts of SARIF 2.1.0 that Labline writes, as strict as the standard's own schema is on them.
SARIF = strict(
    "version runs $schema",
    version={"const": "2.1.0"},
    runs=many(
        strict(
            "tool results columnKind",
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            tool=strict(
                "driver",
                driver=strict(
                    "name version rules",
                    name=TEXT,
                    version=TEXT,
                    rules={
                        **many(
                            strict(
                                "id name shortDescription fullDescription help defaultConfiguration",
                                id=TEXT,
                                name={"type": "string", "pattern": r"^\w+$"},
                                shortDescription=MESSAGE,
                                fullDescription=MESSAGE,
                                help=MESSAGE,
                                defaultConfiguration=strict("level", level=LEVEL),
                            )
                        ),
                        "uniqueItems": True,
                    },
                ),
            ),
            results=many(
                strict(
                    "ruleId ruleIndex level message locations",
                    ruleId=TEXT,
                    ruleIndex={"type": "integer", "minimum": 0},
                    level=LEVEL,
                    message=MESSAGE,
                    locations=many(
                        strict(
                            "physicalLocation",
                            physicalLocation=strict("artifactLocation", artifactLocation=ARTIFACT, region=REGION),
                            logicalLocations=many(
                                strict("name fullyQualifiedName", name=TEXT, fullyQualifiedName=TEXT)
                            ),
                        )
                    ),
                    fixes=many(
                        strict(
                            "artifactChanges description",
                            description=MESSAGE,
                            artifactChanges=many(
                                strict(
                                    "artifactLocation replacements",
                                    artifactLocation=ARTIFACT,
                                    replacements=many(
                                        strict(
                                            "deletedRegion insertedContent",
                                            deletedRegion=REGION,
                                            insertedContent=strict("text", text={"type": "string"}),
                                        )
                                    ),
                                )
                            ),
                        )
                    ),
                )
            ),
        )
    ),
)
SARIF["properties"]["$schema"] = TEXT


def cell(source: Any, *tags: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source, "outputs": [1e3], "x": "\u00e9"}


def write(path: Path, *cells: dict[str, Any], indent: int = 3) -> str:
    document = {"nbformat": 4, "nbformat_minor": 2, "metadata": {"b": 1, "a": [1.50]}, "cells": list(cells)}
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return text


NEAR = (cell(["x = 1\n", "y = 2"], "step:load"), cell('print(x, "ü", yy)', "mine", "step:report", "prev:laod"))


def test_the_line_is_shown_with_a_mark_under_the_place(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", cell("x = 1", "step:a"), cell('if x:\n\tprint("größer", yy)', "step:b"))
    _, line, mark, *_ = labline("check", "a.ipynb").err.splitlines()
    assert line == '    2 |     print("größer", yy)'
    assert mark.index("^") == line.index("yy")
    assert mark.count("^") == 2


def test_control_characters_of_a_cell_do_not_reach_the_terminal(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", cell('print("\x1b[31m", nobody)', "step:a"))
    assert "\x1b" not in labline("check", "a.ipynb").err


def test_fix_changes_the_tag_and_no_other_byte(labline: Labline, tmp_path: Path) -> None:
    before = write(tmp_path / "a.ipynb", *NEAR)
    (tmp_path / "a.ipynb").chmod(0o640)
    done = labline("check", "--fix", "a.ipynb")
    assert "fixed LL104 Write prev:load." in done.out
    assert (tmp_path / "a.ipynb").read_text("utf-8") == before.replace("prev:laod", "prev:load")
    assert (tmp_path / "a.ipynb").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.glob(".a.ipynb*")] == []


def test_fix_leaves_a_notebook_without_anything_to_fix_alone(labline: Labline, tmp_path: Path) -> None:
    before = write(tmp_path / "a.ipynb", cell("x = 1", "step:a"))
    stamp = (tmp_path / "a.ipynb").stat().st_mtime_ns
    assert labline("check", "--fix", "a.ipynb").code == 0
    assert (tmp_path / "a.ipynb").read_text("utf-8") == before
    assert (tmp_path / "a.ipynb").stat().st_mtime_ns == stamp


def test_fix_as_json_names_what_was_fixed(labline: Labline, tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", *NEAR)
    document = labline("check", "--fix", "--json", "a.ipynb").document
    assert [found["code"] for found in document["fixed"]] == ["LL104"]
    assert document["pipeline"] is not None


@pytest.mark.parametrize("indent", [1, None])
def test_sarif_is_valid_and_names_the_line_of_the_file(labline: Labline, tmp_path: Path, indent: Any) -> None:
    text = write(tmp_path / "a b.ipynb", *NEAR, cell('s = "\\"\\u00e9😀"; s2 = nobody', "step:c"), indent=indent)
    log = labline("check", "--format", "sarif", "a b.ipynb").document
    Draft202012Validator(SARIF).validate(log)
    (run,) = log["runs"]
    by_rule = {result["ruleId"]: result for result in run["results"]}
    place = by_rule["LL104"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b.ipynb"
    (change,) = by_rule["LL104"]["fixes"][0]["artifactChanges"][0]["replacements"]
    start, length = change["deletedRegion"]["charOffset"], change["deletedRegion"]["charLength"]
    fixed = text[:start] + change["insertedContent"]["text"] + text[start + length :]
    assert fixed == text.replace("prev:laod", "prev:load")
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_points_at_the_characters_in_the_file(labline: Labline, tmp_path: Path) -> None:
    text = write(tmp_path / "a.ipynb", cell(["y = 1\n", 's = "\\"\\té😀"; s2 = nobody'], "step:a"), indent=1)
    (result,) = labline("check", "--format", "sarif", "a.ipynb").document["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    line = text.split("\n")[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 : region["endColumn"] - 1] == "nobody"


def test_sarif_of_a_file_that_cannot_be_read(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"cells": [')
    done = labline("check", "--format", "sarif", "a.ipynb")
    Draft202012Validator(SARIF).validate(done.document)
    assert done.code == 2


ALTERING = """# %% tags=["step:load"]
import matplotlib.pyplot as plt
x = 1
# %% tags=["step:a"]
plt.rcParams["figure.dpi"] = 50
# %% tags=["step:b"]
plt.rcParams["figure.dpi"] = 60
# %% tags=["step:c"]
plt.rcParams["figure.dpi"] = 70
# %% tags=["step:d"]
print(x)
"""


def test_findings_of_one_rule_that_ask_for_nothing_are_folded(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "nb.py").write_text(ALTERING)
    said = labline("check", "nb.py").err
    assert said.count("info LL302") == 1
    assert "2 more LL302 in cells 3, 4 (labline check --json tells each)." in said


def test_warnings_that_say_different_things_are_all_shown(labline: Labline, tmp_path: Path) -> None:
    (tmp_path / "nb.py").write_text('# %% tags=["step:load"]\nprint(a)\nprint(b)\nprint(c)\n')
    assert labline("check", "nb.py").err.count("warning LL201") == 3
