"""``labline check``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.compiling import Compiled
    from labline_compiler.findings import Finding

_FORMATS = ("text", "json", "sarif")


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else: --format json.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="How findings are printed.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes to the notebook's file; tell what is left.")
@terminal.observed_option
def check(notebook: Path, as_json: bool, form: str, fix: bool, observed: bool) -> None:
    """Say what is wrong with NOTEBOOK as a pipeline."""
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.notebook_file import fix_file
    from labline_backend.observed import compile_with_what_is_known

    applied: tuple[Finding, ...] = fix_file(notebook) if fix else ()
    compiled = compile_with_what_is_known(notebook, observed=observed)
    if as_json or form == "json":
        _print_json(compiled, applied, fix=fix)
    elif form == "sarif":
        _print_sarif(notebook, compiled)
    else:
        _print_text(notebook, compiled, applied)
    if compiled.compilation.pipeline is None:
        sys.exit(BAD_INPUT)


def _print_json(compiled: Compiled, applied: tuple[Finding, ...], *, fix: bool) -> None:
    from labline_backend import wire

    document = wire.compilation(compiled.compilation, compiled.reckoned)
    if fix:
        document["fixed"] = [wire.finding(found) for found in applied]
    terminal.document(document)


def _print_sarif(notebook: Path, compiled: Compiled) -> None:
    from labline_backend import sarif
    from labline_compiler.composition import own_cells

    text = notebook.read_bytes().decode("utf-8-sig") if compiled.content is not None else None
    content = compiled.content and {**compiled.content, "cells": own_cells(compiled.content)}
    terminal.document(sarif.render(notebook, compiled.compilation.findings, text, content))


def _print_text(notebook: Path, compiled: Compiled, applied: tuple[Finding, ...]) -> None:
    compilation = compiled.compilation
    for found in applied:
        where = f"cell {found.cell_index + 1}: " if found.cell_index is not None else ""
        title = found.edit.title if found.edit else ""
        click.echo(f"{notebook}: {where}{terminal.coloured('succeeded', 'fixed')} {found.code} {title}.")
    terminal.findings(str(notebook), compilation.findings, _sources(compiled.content))
    terminal.reckoned(str(notebook), compiled.reckoned)
    if compilation.pipeline is not None:
        steps = terminal.plural(len(compilation.pipeline.steps), "step")
        parameters = terminal.plural(len(compilation.pipeline.parameters), "parameter")
        count = len(compilation.findings)
        found_text = terminal.plural(count, "finding") if count else "nothing to complain of"
        click.echo(f"{notebook}: {steps}, {parameters}, {found_text}")
    if fixable := sum(found.edit is not None for found in compilation.findings):
        click.echo(f"{notebook}: --fix can fix {fixable} of {terminal.plural(len(compilation.findings), 'finding')}")


def _sources(content: dict[str, Any] | None) -> list[str]:
    from labline_compiler.composition import own_cells

    cells = own_cells(content) if content is not None else []
    sources = (cell.get("source", "") for cell in cells)
    return [source if isinstance(source, str) else "".join(source) for source in sources]
