"""``labline suggest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_compiler.suggest import Suggestion


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--write", is_flag=True, help="Write the tags into the notebook's file.")
def suggest(notebook: Path, as_json: bool, write: bool) -> None:
    """Propose steps for NOTEBOOK, which has none yet, and say what they buy."""
    from labline_backend import wire
    from labline_backend.compiling import suggest_steps
    from labline_backend.notebook_file import write_document
    from labline_compiler.edits import apply

    before = notebook.read_bytes() if write and notebook.is_file() else b""
    suggested = suggest_steps(notebook, sizes=_sizes(str(notebook)))
    if write:
        write_document(notebook, before, apply(suggested.content, suggested.suggestion.edit))
    if as_json:
        terminal.document(wire.suggestion(suggested.suggestion))
        return
    _print(notebook, suggested.suggestion)
    click.echo()
    if write:
        click.echo(f"{notebook}: the tags are written. Run it with: labline run {notebook}")
    else:
        click.echo(f"Nothing is written yet; this writes the tags: labline suggest --write {notebook}")


def _sizes(notebook: str) -> dict[str, int]:
    """How large values were in earlier runs, where there is a data folder to ask."""
    from labline_backend.home import Home, HomeError

    if not Home(Home.place()).database.exists():
        return {}
    from labline_backend.service import Service

    try:
        with Service(Home.find(), track=False) as service:
            return service.value_sizes(notebook)
    except HomeError:
        return {}


def _print(notebook: Path, suggestion: Suggestion) -> None:
    steps = terminal.plural(len(suggestion.steps), "step")
    click.echo(f"{notebook}: {steps} proposed")
    rows = [[cell.role, f"cell {cell.index + 1}", cell.reason] for cell in suggestion.cells if cell.role != "step"]
    reasons = {cell.step: cell.reason for cell in reversed(suggestion.cells) if cell.role == "step"}
    for step in suggestion.steps:
        numbers = [str(index + 1) for index in step.cells]
        where = f"cell {numbers[0]}" if len(numbers) == 1 else f"cells {', '.join(numbers)}"
        time = f"{step.seconds:.1f} s, " if step.seconds is not None else ""
        rows.append([f"step {step.name}", where, time + reasons.get(step.name, "")])
    terminal.table(["what", "where", "why"], rows)
    if suggestion.gains:
        click.echo()
        for gain in suggestion.gains:
            click.echo(f"- {gain}")
