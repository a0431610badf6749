"""A certificate on paper: step by value, cell by cell, and the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend import wire

_FEW = 5  # paths that a line names


def report(document: wire.Document) -> None:
    """Print what a certificate says, step by value, and the verdict."""
    subject = document["subject"]
    click.echo()
    rows = [
        [value["step"], _role(value), value["name"], terminal.coloured(value["status"]), _remark(value)]
        for value in document["values"]
    ]
    terminal.table(["step", "", "value", "notebook and pipeline", ""], rows)
    cells = [
        [_cell(cell), cell["step"] or "every step", terminal.coloured(cell["status"]), _remark(cell)]
        for cell in document["cells"]
        if cell["status"] != "equal"
    ]
    alike = len(document["cells"]) - len(cells)
    click.echo(f"\nWhat the cells show: {alike} of {len(document['cells'])} alike")
    if cells:
        terminal.table(["cell", "step", "what it shows", ""], cells)
    click.echo()
    if subject["failure"] is not None:
        click.echo(f"The pipeline fails where the notebook does not: {subject['failure']}")
    _say_of_the_folder(subject["folder"])
    click.echo(f"{terminal.coloured(subject['verdict'])}: {conclusion(document)}")
    where = f"labline runs show {subject['run']}" if subject["run"] else f"target {subject['target']}"
    click.echo(f"certificate {document['digest'][:16]}, {where}")


def _say_of_the_folder(folder: wire.Document) -> None:
    """What did not start anew with each execution."""
    if folder["linked"]:
        click.echo(f"Of the folder not copied but linked: {_few(folder['linked'])}")
    if folder["shared"]:
        click.echo(f"Written where all executions share it, and left so: {_few(folder['shared'])}")


def _few(paths: list[str]) -> str:
    more = len(paths) - _FEW
    shown = ", ".join(terminal.plain(path) for path in paths[:_FEW])
    return f"{shown} and {more} more" if more > 0 else shown


def conclusion(document: wire.Document) -> str:
    """The verdict in one sentence, with what it leaves out."""
    records = [*document["values"], *document["cells"]]
    counts = {status: _named(records, status) for status in ("different", "nondeterministic", "not comparable")}
    equal = sum(value["status"] == "equal" for value in document["values"])
    said = f"{equal} of {terminal.plural(len(document['values']), 'value')} equal"
    return "; ".join([said, *(f"{status}: {names}" for status, names in counts.items() if names)]) + "."


def _named(records: list[wire.Document], status: str) -> str:
    names = [r["name"] if "name" in r else f"what {_cell(r)} shows" for r in records if r["status"] == status]
    return ", ".join(dict.fromkeys(names))


def _cell(record: wire.Document) -> str:
    return f"cell {record.get('label') or record['index'] + 1}"


def _role(value: wire.Document) -> str:
    if value["role"] == "input":
        return f"takes from {value['source']}"
    return "hands on" if value["role"] == "output" else "parameter"


def _remark(record: wire.Document) -> str:
    found = record["difference"]
    texts = [record["note"] or ""]
    if found is not None:
        texts.append(
            f"{found['path']}: {_short(found['notebook'])} in the notebook, {_short(found['pipeline'])} in the pipeline"
        )
    return "; ".join(filter(None, texts))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"
