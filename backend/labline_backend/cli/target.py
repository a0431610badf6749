"""``labline target``: where runs can go besides this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.service import Service

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def target() -> None:
    """Clusters that pipelines can run on: add, list, show, check, login, remove."""


@target.command()
@click.argument("name")
@click.option(
    "--host",
    default="",
    metavar="URL",
    help="Kubeflow Pipelines' address; in Kubeflow https://HOST/pipeline. With --port-forward a Service.",
)
@click.option("--namespace", metavar="NS", help="The namespace to run in, where many users share the cluster.")
@click.option(
    "--auth", type=click.Choice(["none", "token", "cookie"]), default="none", show_default=True, help="How to sign in."
)
@click.option("--secret", metavar="REF", help="Where the token or cookie is: env:VARIABLE, file:PATH or keyring:NAME.")
@click.option("--ca-file", type=file, help="The certificate authority to trust, as PEM.")
@click.option("--root", metavar="S3", help="The pipeline root, s3://bucket/prefix; results are mirrored from there.")
@click.option("--image", metavar="REF", help="The image for steps that name none; by default labline-step:VERSION.")
@click.option("--kubeconfig", type=file, help="The cluster itself: for your rights before a run, and pods' logs.")
@click.option("--context", help="The kubeconfig's context.")
@click.option(
    "--port-forward", is_flag=True, help="Go there by the kubeconfig; --host is ml-pipeline.kubeflow:8888 then, or so."
)
@click.option("--folder-limit", metavar="SIZE", help="How much of a notebook's folder travels, as 1GB; usually 256MiB.")
@click.option("--packages", metavar="CLAIM", help="A volume claim to install into, once, what images lack.")
@click.option("--plain-http", is_flag=True, help="Send the secret over http, too: who reads the network reads it.")
def add(
    name: str,
    host: str,
    namespace: str | None,
    auth: Literal["none", "token", "cookie"],
    secret: str | None,
    ca_file: Path | None,
    root: str | None,
    image: str | None,
    kubeconfig: Path | None,
    context: str | None,
    port_forward: bool,
    folder_limit: str | None,
    packages: str | None,
    plain_http: bool,
) -> None:
    """Add the Kubeflow Pipelines at URL as NAME, or change it. A secret is only ever referred to."""
    from labline_backend.kubeflow.folder import LIMIT
    from labline_backend.kubeflow.targets import Target
    from labline_backend.store.pruning import bytes_of

    try:
        limit = LIMIT if folder_limit is None else bytes_of(folder_limit)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--folder-limit") from error
    with _service() as service:
        added = service.targets.add(
            Target(
                name=name,
                host=host,
                namespace=namespace,
                auth=auth,
                secret=secret,
                ca_file=str(ca_file.absolute()) if ca_file else None,
                root=root,
                image=image,
                kubeconfig=str(kubeconfig.absolute()) if kubeconfig else None,
                context=context,
                packages=packages,
                plain_http=plain_http,
                port_forward=port_forward,
                folder_limit=limit,
            )
        )
    click.echo(f"{added.name}: {added.host}. Try it out: labline target check {added.name}")


@target.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """The targets, this machine first."""
    with _service() as service:
        found = service.targets.documents()
    if as_json:
        terminal.document({"targets": found})
    else:
        rows = [[each["name"], each["kind"], each["host"] or "-", each["namespace"] or "-"] for each in found]
        terminal.table(["target", "kind", "address", "namespace"], rows)


@target.command()
@click.argument("name")
@as_json_option
def show(name: str, as_json: bool) -> None:
    """A target and how it is used; a secret is only referred to."""
    from labline_backend import wire

    with _service() as service:
        document = wire.target(service.targets.get(name))
    if as_json:
        terminal.document(document)
        return
    settings = {"host": document["host"], "namespace": document["namespace"], **document["settings"]}
    settings["folder_limit"] = terminal.size(settings["folder_limit"])
    for key, value in settings.items():
        said = "-" if value is None else ("no", "yes")[value] if isinstance(value, bool) else value
        settings[key] = said
    terminal.table([name, ""], [[f"--{key.replace('_', '-')}", said] for key, said in settings.items()])


@target.command()
@click.argument("name")
@as_json_option
def check(name: str, as_json: bool) -> None:
    """Try out whether runs can be submitted to a target."""
    from labline_backend import wire
    from labline_backend.cli.failures import FAILED

    with _service() as service:
        checked = service.targets.check(name)
    if as_json:
        terminal.document({"findings": [wire.finding(each) for each in checked.findings]})
    else:
        if checked.health is not None:
            users = "many users" if checked.health.multi_user else "one user"
            release = checked.health.release or "release unknown"
            click.echo(f"{name}: Kubeflow Pipelines, API v2beta1, {release}, for {users}")
        terminal.findings(name, checked.findings)
    if any(each.severity == "error" for each in checked.findings):
        sys.exit(FAILED)
    if not as_json and not checked.findings:
        click.echo(f"{name}: nothing to complain of")


@target.command()
@click.argument("name")
def login(name: str) -> None:
    """Store a target's token or cookie in the system's keyring as NAME; it is asked for, or read from a pipe."""
    from labline_backend.errors import InputError
    from labline_backend.kubeflow import secrets
    from labline_backend.kubeflow.errors import TargetError

    given = click.prompt("Token or cookie", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    try:
        reference = secrets.store(name, given.strip())
    except TargetError as error:
        raise InputError(str(error), (error.finding,)) from error
    click.echo(f"Stored. Refer to it with: --secret {reference}")


@target.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget a target. Its runs stay, and go on there."""
    with _service() as service:
        service.targets.remove(name)
    click.echo(f"{name} is removed.")


def _service() -> Service:
    from labline_backend.home import Home
    from labline_backend.service import Service

    return Service(Home.find())
