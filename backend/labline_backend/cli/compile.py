"""``labline compile``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_compiler.findings import Finding
    from labline_compiler.pipeline import Pipeline


@click.command("compile")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option(
    "--target",
    type=click.Choice(["kubeflow", "python"]),
    default="kubeflow",
    show_default=True,
    help="Kubeflow's YAML, or a readable Python project that kfp alone compiles to it.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The file to write, - for standard output; a folder for python. "
    "By default NOTEBOOK with the ending .pipeline.yaml, or its name with _pipeline.",
)
@click.option("--packages", metavar="CLAIM", help="A volume claim to install into, once, what the step image lacks.")
@terminal.observed_option
def compile_(notebook: Path, target: str, output: Path | None, packages: str | None, observed: bool) -> None:
    """Compile NOTEBOOK to a pipeline for Kubeflow Pipelines."""
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.errors import InputError
    from labline_backend.observed import compile_with_what_is_known

    compiled = compile_with_what_is_known(notebook, observed=observed)
    terminal.findings(str(notebook), compiled.compilation.findings)
    terminal.reckoned(str(notebook), compiled.reckoned)
    pipeline = compiled.compilation.pipeline
    if pipeline is None:
        sys.exit(BAD_INPUT)
    report: list[Finding] = []
    if target == "python":
        if packages is not None:
            raise InputError(
                "A Python project installs nothing into a volume: leave --packages out, or build an image."
            )
        said = _python(notebook, pipeline, compiled.content, output, report)
    else:
        said = _kubeflow(notebook, pipeline, output, packages, report)
    terminal.findings(str(notebook), report)
    click.echo(said, nl=output != Path("-"))


def _kubeflow(notebook: Path, pipeline: Pipeline, output: Path | None, claim: str | None, report: list[Finding]) -> str:
    """Write the YAML; what to print, which is the YAML where standard output was asked for."""
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.kubeflow.folder import look, ship
    from labline_backend.kubeflow.packages import packages_for
    from labline_backend.kubeflow.targets import checked_claim
    from labline_backend.targets import target_errors
    from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, compile_to_yaml

    folder, packages = notebook.absolute().parent, None
    with target_errors():
        shipped, told = ship(look(folder, pipeline))
        report += told
        if claim is not None:
            home = Home.find()
            packages, lacks = packages_for(home, checked_claim(claim), DEFAULT_IMAGE, pipeline, folder)
            report += lacks
    text = compile_to_yaml(pipeline, report=report, shipped=shipped, packages=packages)
    if output == Path("-"):
        return text
    file = output or notebook.with_suffix(".pipeline.yaml")
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error
    return f"{file}: {terminal.plural(len(pipeline.steps), 'step')}"


def _python(
    notebook: Path, pipeline: Pipeline, content: dict[str, Any] | None, output: Path | None, report: list[Finding]
) -> str:
    """Write the project; what to print."""
    from labline_backend.errors import InputError
    from labline_backend.kubeflow.folder import look, none_travels
    from labline_backend.project import write_project
    from labline_compiler.notebook import parse
    from labline_compiler.targets.python import compile_to_project
    from labline_compiler.targets.python_cells import prose_of

    if output == Path("-"):
        raise InputError("A Python project is a folder: name one with -o.")
    folder = output or notebook.with_name(f"{notebook.stem}_pipeline")
    report += none_travels(look(notebook.absolute().parent, pipeline), folder)
    prose = prose_of(parse(content or {}, notebook.with_suffix(".ipynb").name))
    write_project(compile_to_project(pipeline, prose=prose, report=report), folder)
    steps = terminal.plural(len(pipeline.steps), "step")
    return f"{folder}: {steps}; python {folder / 'pipeline.py'} writes pipeline.yaml there"
