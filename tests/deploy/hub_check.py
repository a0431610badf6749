"""Runs a real JupyterHub with the overlay's configuration, and looks at the pods it would make: ``make hub-check``.

Users' servers are processes on loopback here, and the proxy is Node's, as in the overlay. What the overlay says of pods
is given to the spawner for Kubernetes, and what that makes of it is validated as strictly as the manifests are.
"""

from __future__ import annotations

import argparse
import contextlib
import http.cookiejar
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
OVERLAY = REPOSITORY / "deploy" / "kubernetes" / "overlays" / "jupyterhub"
VERSIONS = ("1.31", "1.34", "1.37")
PASSWORD = "of-everybody-in-this-check"
SECONDS = 120

# Where the cluster's is: what an operator writes into authenticator.py, and this machine in place of pods.
OWN = """\
c = get_config()
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = {password!r}
c.Authenticator.allowed_users = {{"ann", "bob"}}
c.JupyterHub.bind_url = "http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = "http://127.0.0.1:{hub}"
c.ConfigurableHTTPProxy.should_start = True
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.cleanup_servers = True
c.JupyterHub.db_url = "sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{folder}/{{username}}"
c.Spawner.cmd = [{single!r}]
c.Spawner.args = ["--allow-root"]
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.environment = {environment!r}
"""


# The spawner reads one before anything else; nobody is asked.
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "none",
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
}


def pods(folder: Path) -> None:
    """What the spawner for Kubernetes makes of the configuration. Raises where it is not as it must be."""
    os.environ["LABLINE_IMAGE"] = "labline-hub:check"
    os.environ["KUBECONFIG"] = str(folder / "kubeconfig")
    (folder / "kubeconfig").write_text(json.dumps(KUBECONFIG))  # before the imports, which look for it
    import asyncio

    import kubernetes_validate
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader(str(OVERLAY / "jupyterhub_config.py")).load_config()
    unknown = set(config.KubeSpawner) - set(KubeSpawner.class_trait_names())
    assert not unknown, f"the spawner knows no {unknown}"

    async def made() -> tuple[dict[str, Any], dict[str, Any]]:
        spawner = KubeSpawner(_mock=True, config=config)
        spawner.api_token = "of-a-user"
        client = ApiClient()
        try:
            pod = client.sanitize_for_serialization(await spawner.get_pod_manifest())
            return pod, client.sanitize_for_serialization(spawner.get_pvc_manifest())
        finally:
            await client.close()

    pod, claim = asyncio.run(made())
    for version in VERSIONS:
        for manifest in (pod, claim):
            kubernetes_validate.validate(manifest, version, strict=True)
    spec = pod["spec"]
    (container,) = spec["containers"]
    assert (container["image"], container["args"][0]) == ("labline-hub:check", "jupyterhub-singleuser"), container
    assert "command" not in container  # that of the image
    assert spec["automountServiceAccountToken"] is False and spec["serviceAccountName"] == "labline-user"
    assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["seccompProfile"]
    context = container["securityContext"]
    assert (context["allowPrivilegeEscalation"], context["privileged"]) == (False, False), context
    assert context["capabilities"] == {"drop": ["ALL"]} and context["readOnlyRootFilesystem"], context
    assert context["runAsUser"] == 1000, context
    assert {port["containerPort"] for port in container["ports"]} == {8888}  # that of the network policies
    assert pod["metadata"]["labels"]["labline.dev/server"] == "user"  # likewise
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted <= {volume["name"] for volume in spec["volumes"]}, spec["volumes"]
    assert claim["metadata"]["name"] in json.dumps(spec["volumes"])
    assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}


class Browser:
    """Somebody with cookies."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        """The status, where redirects have led to, and the body."""
        request = urllib.request.Request(self.address + path, data=body, headers=headers)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return answer.status, answer.url, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.url, error.read()

    def xsrf(self, path: str) -> str:
        (found,) = (str(each.value) for each in self.cookies if (each.name, each.path) == ("_xsrf", path))
        return found

    def login(self, name: str, password: str = PASSWORD) -> int:
        self.ask("/hub/login")
        form = {"username": name, "password": password, "_xsrf": self.xsrf("/hub/")}
        return self.ask("/hub/login?next=%2Fhub%2Fspawn", urllib.parse.urlencode(form).encode())[0]


@contextlib.contextmanager
def hub(folder: Path, proxy: Path) -> Iterator[str]:
    """A running Hub's address."""
    with contextlib.ExitStack() as sockets:
        free = [sockets.enter_context(socket.socket()) for _ in range(3)]
        for each in free:
            each.bind(("127.0.0.1", 0))
        public, inner, api = (each.getsockname()[1] for each in free)
    jupyter = Path(sys.executable).parents[2] / ".venv"
    places = {
        "JUPYTER_CONFIG_PATH": str(jupyter / "etc" / "jupyter"),
        "JUPYTER_PATH": str(jupyter / "share" / "jupyter"),
        "LABLINE_HOME": str(folder / "data"),
    }
    (folder / "data").mkdir()
    config = folder / "jupyterhub_config.py"
    config.write_text((OVERLAY / config.name).read_text())
    single = str(Path(sys.executable).with_name("jupyterhub-singleuser"))
    ports = {"public": public, "hub": inner, "api": api}
    settings = {"password": PASSWORD, "proxy": str(proxy), "folder": folder, "single": single, "environment": places}
    (folder / "authenticator.py").write_text(OWN.format(**ports, **settings))
    with (folder / "hub.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", f"--config={config}"], cwd=folder, stdout=log, stderr=log
        )
    try:
        for _ in range(SECONDS * 5):
            assert process.poll() is None, (folder / "hub.log").read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{public}/hub/health"):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{public}"
    except BaseException:
        sys.stderr.write((folder / "hub.log").read_text())
        raise
    finally:
        process.terminate()
        process.wait(SECONDS)


def signed_in(address: str) -> None:
    """Ask Labline below a user's server as its owner, as another user and as a stranger; raises where one gets in."""
    status = "/user/ann/labline/api/v1/status"
    stranger, mallory, ann, bob = (Browser(address) for _ in range(4))
    assert mallory.login("mallory") == 403
    assert ann.login("ann", "guessed") == 403
    assert ann.login("ann") == 200
    for _ in range(SECONDS * 2):
        if "/user/ann/" in (found := ann.ask("/user/ann/lab"))[1] and found[0] == 200:
            break
        time.sleep(0.5)
    code, _, body = ann.ask(status)
    assert code == 200, (code, body)
    assert Path(json.loads(body)["home"]).name == "data"
    for other in (stranger, mallory):
        assert other.ask(status)[0] == 403
    assert bob.login("bob") == 200
    bob.ask("/user/ann/lab")
    assert bob.ask(status)[0] == 403
    assert ann.ask("/user/ann/labline/api/v1/pipelines", b"{}")[0] == 403  # no XSRF token
    token = {"X-XSRFToken": ann.xsrf("/user/ann/"), "Content-Type": "application/json"}
    assert ann.ask("/user/ann/labline/api/v1/pipelines", b"{}", **token)[0] == 400  # it got as far as what is asked for
    assert b"@labline/labextension" in ann.ask("/user/ann/lab")[2]


def main() -> None:
    """Look at everything, and say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", type=Path, required=True, help="the program configurable-http-proxy")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labline-hub-") as place:
        pods(Path(place))
        print("The pods that it would make are valid, restricted, and such as the network policies expect.")
        with hub(Path(place), given.proxy.absolute()) as address:
            signed_in(address)
    print("Labline under JupyterHub is open to its owner and closed to others.")


if __name__ == "__main__":
    main()
