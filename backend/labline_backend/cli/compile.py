"""``labline compile``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from labline_backend.cli import terminal


@click.command("compile")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The file to write, - for standard output. By default NOTEBOOK with the ending .pipeline.yaml.",
)
def compile_(notebook: Path, output: Path | None) -> None:
    """Compile NOTEBOOK to a Kubeflow pipeline (KFP v2 YAML)."""
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.service import InputError, compile_file

    compiled = compile_file(notebook).compilation
    terminal.findings(str(notebook), compiled.findings)
    if compiled.pipeline is None:
        sys.exit(BAD_INPUT)
    from labline_compiler.targets.kubeflow import compile_to_yaml

    text = compile_to_yaml(compiled.pipeline)
    if output == Path("-"):
        click.echo(text, nl=False)
        return
    file = output or notebook.with_suffix(".pipeline.yaml")
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error
    click.echo(f"{file}: {terminal.plural(len(compiled.pipeline.steps), 'step')}")
