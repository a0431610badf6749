"""``labline target``: where runs can go besides this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from labline_backend.cli import terminal

if TYPE_CHECKING:
    from labline_backend.kubeflow.targets import Target
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
                secret=secret or (f"keyring:{name}" if auth == "cookie" else None),
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
    if auth == "cookie" and secret is None:
        click.echo(f"Sign in first: labline target login {added.name}")


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
        found = [wire.finding(each) for each in checked.findings]
        terminal.document({"kubernetes": checked.kubernetes, "findings": found})
    else:
        if checked.health is not None:
            users = "many users" if checked.health.multi_user else "one user"
            release = checked.health.release or "release unknown"
            under = f", on Kubernetes {terminal.plain(checked.kubernetes)}" if checked.kubernetes else ""
            click.echo(f"{name}: Kubeflow Pipelines, API v2beta1, {release}, for {users}{under}")
        terminal.findings(name, checked.findings)
    if any(each.severity == "error" for each in checked.findings):
        sys.exit(FAILED)
    if not as_json and not checked.findings:
        click.echo(f"{name}: nothing to complain of")


@target.command()
@click.argument("name")
@click.option("--paste", is_flag=True, help="Store a token or cookie that you have, in place of signing in.")
@click.option("--connector", metavar="ID", help="Dex's name for the way to sign in, where it offers several.")
@click.option("--site", metavar="URL", help="Where the sign-in page is, if not at the target; nobody is asked then.")
def login(name: str, paste: bool, connector: str | None, site: str | None) -> None:
    """Sign in to the target NAME, with a user name and a password, and keep the session's cookie where it looks for it.

    For targets with --auth cookie. Of others, and with --paste, a token or cookie is stored in the system's keyring.
    What is needed is asked for, or read from a pipe, a line each.
    """
    from labline_backend.errors import NotFoundError
    from labline_backend.kubeflow import secrets
    from labline_backend.kubeflow.signin import place_of
    from labline_backend.targets import target_errors

    with _service() as service:
        try:
            found = service.targets.get(name)
        except NotFoundError:
            found = None
    with target_errors():
        if found is not None and found.auth == "cookie" and not paste:
            place_of(found)
            _sign_in(found, connector, site)
            return
        kind, _, kept = ((found and found.secret) or "").partition(":")
        reference = secrets.store(kept if kind == "keyring" else name, _ask("Token or cookie", hidden=True).strip())
    click.echo(f"Stored. Refer to it with: --secret {reference}")


def _sign_in(found: Target, connector: str | None, site: str | None) -> None:
    import time

    from labline_backend.errors import InputError
    from labline_backend.kubeflow.browsing import site_of
    from labline_backend.kubeflow.signin import SignIn, keep

    with SignIn(found, connector) as signing:
        page = signing.find()
        if site is not None and _site(site) != page:
            raise InputError(f"The sign-in page is at {page}, not at {_site(site)}; nothing was sent there.")
        click.echo(f"{found.name}: the sign-in page is at {page}.")
        if signing.is_elsewhere and site is None:
            if not sys.stdin.isatty():
                told = f"The sign-in page is at {page}, not at {site_of(found.host)}. If that is right: --site {page}"
                raise InputError(told)
            click.confirm(f"That is not {site_of(found.host)}. Send user name and password there?", abort=True)
        session = signing.submit(_ask("User name"), _ask("Password", hidden=True))
    keep(found, session)
    until = "it does not say until when it is valid"
    if session.expires is not None:
        until = f"valid until {time.strftime('%Y-%m-%d %H:%M %Z', time.localtime(session.expires))}"
    click.echo(f"Signed in. The session's cookie is kept in {found.secret}: {until}.")


def _site(address: str) -> str:
    from labline_backend.errors import InputError
    from labline_backend.kubeflow.browsing import site_of

    try:
        return site_of(address)
    except ValueError as error:
        raise InputError(f"--site {address} is no address. Write it as https://dex.example.org.") from error


def _ask(what: str, *, hidden: bool = False) -> str:
    """What the user types in, or the next line of a pipe. Raises ``InputError`` where there is none."""
    from labline_backend.errors import InputError

    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=hidden))
    given = sys.stdin.readline().rstrip("\r\n")
    if not given.strip():
        raise InputError(f"{what}: nothing was given. Write it into the pipe, a line each, or use a terminal.")
    return given


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
