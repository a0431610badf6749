"""``labline check``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labline_backend.cli import terminal


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def check(notebook: Path, as_json: bool) -> None:
    """Say what is wrong with NOTEBOOK as a pipeline."""
    from labline_backend import wire
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.service import compile_file

    compiled = compile_file(notebook).compilation
    if as_json:
        terminal.document(wire.compilation(compiled))
    else:
        terminal.findings(str(notebook), compiled.findings)
        if compiled.pipeline is not None:
            steps = terminal.plural(len(compiled.pipeline.steps), "step")
            parameters = terminal.plural(len(compiled.pipeline.parameters), "parameter")
            found = (
                terminal.plural(len(compiled.findings), "finding") if compiled.findings else "nothing to complain of"
            )
            click.echo(f"{notebook}: {steps}, {parameters}, {found}")
    if compiled.pipeline is None:
        sys.exit(BAD_INPUT)
