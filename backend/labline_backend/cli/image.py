"""``labline image``: images for steps on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.images.needs import Needed


@click.group()
def image() -> None:
    """Images that steps run in on a cluster."""


@image.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("-t", "--tag", metavar="REF", help="What to call the image; by default a name of its content.")
@click.option("--base", metavar="REF", help="The image to build on; by default labline-step:VERSION.")
@click.option(
    "--with",
    "also",
    multiple=True,
    metavar="PACKAGE",
    help="A package that is used and not imported, as openpyxl is by pandas. Repeatable.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Where to put the build context."
)
@click.option("--print", "only_print", is_flag=True, help="Print what would be built, and build and write nothing.")
def build(
    notebook: Path, tag: str | None, base: str | None, also: tuple[str, ...], output: Path | None, only_print: bool
) -> None:
    """Build an image with what NOTEBOOK imports, at the versions of its kernel, on Labline's step image.

    Without a container engine the build context is written, and the command that builds it is printed.
    """
    from labline_backend.errors import InputError
    from labline_backend.home import Home
    from labline_backend.images import context, engines, held, needs
    from labline_compiler.targets.kubeflow import DEFAULT_IMAGE

    for reference in filter(None, (tag, base)):
        if not context.REFERENCE.fullmatch(reference):
            raise InputError(f"{reference!r} is no name for an image; write it like registry.example.org/team/name:1.")
    name, needed = _needed(notebook)
    home = Home.find()
    on = base or DEFAULT_IMAGE
    has = held.holds(home, on)
    lacking = needs.difference(needed, has, also)
    made = context.context(on, lacking)
    terminal.findings(str(notebook), lacking.findings)
    if only_print:
        click.echo(made.printed(), nl=False)
        return
    if not lacking.pins and tag is None:
        click.echo(f"{on} has all that {notebook} imports, at the kernel's versions: no other image is needed.")
        return
    reference = tag or made.reference(name)
    try:
        folder = context.record(home, made, reference, has, lacking)
        if output is not None:
            made.write(output)
            folder = output
    except OSError as error:
        raise InputError(f"The build context cannot be written: {error.strerror or error}.") from error
    what = f"{terminal.plural(len(lacking.pins), 'package')} on {on}"
    engine = engines.usable()
    if engine is None:
        click.echo(f"{folder}: {what}. There is no container engine here; where there is one, build it with:")
        click.echo(f"  {engines.shown('podman', reference, folder)}")
        return
    _build(engine, reference, folder)
    click.echo(f"{reference}: {what}. Push it to where the cluster pulls from: {engine} push {reference}")
    click.echo(f"Steps run in it with: labline target add ... --image {reference}")


def _needed(notebook: Path) -> tuple[str, Needed]:
    """The pipeline's name, and what it imports. Raises ``InputError``."""
    from labline_backend.cli.failures import BAD_INPUT
    from labline_backend.compiling import compile_file
    from labline_backend.errors import InputError
    from labline_backend.images import needs
    from labline_backend.kernels import KernelError, find_kernel

    compiled = compile_file(notebook)
    pipeline = compiled.compilation.pipeline
    if pipeline is None:
        terminal.findings(str(notebook), compiled.compilation.findings)
        sys.exit(BAD_INPUT)
    try:
        kernel = find_kernel(pipeline.kernel)
    except KernelError as error:
        raise InputError(str(error), (error.finding,)) from error
    found = needs.needed(needs.cells_of(pipeline), notebook.absolute().parent, kernel)
    if found is None:
        raise InputError(f"The kernel {kernel.name!r} does not tell what is installed in it: {kernel.python} fails.")
    return pipeline.name, found


def _build(engine: str, reference: str, folder: Path) -> None:
    """Build, or exit with what failed."""
    from labline_backend.cli.failures import FAILED
    from labline_backend.images import engines

    try:
        code = engines.run(engines.command(engine, reference, folder))
    except OSError:
        code = 127
    if code:
        click.echo(
            f"{engine} could not build {reference} (exit code {code}). The build context stays in {folder}; try again "
            f"with: {engines.shown(engine, reference, folder)}",
            err=True,
        )
        sys.exit(FAILED)
