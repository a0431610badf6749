"""Signs in by real programs: Apache's mod_auth_openidc before an emulated Kubeflow, and node's oidc-provider.

``make oidc-check``, seconds. They stand for oauth2-proxy and Dex, which no package registry that is used here has: the
redirects, states, codes, tokens and cookies are those of programs that nobody here has written. It takes apache2 and
libapache2-mod-auth-openidc (Debian packages of these names) and Node.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from labline_backend.kubeflow.preflight import check
from labline_backend.kubeflow.signin import SignIn, keep
from labline_backend.kubeflow.targets import Target
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.running import Runner

SECONDS = 60
MODULES = Path("/usr/lib/apache2/modules")
GATEWAY = """\
ServerRoot "{folder}"
PidFile "{folder}/httpd.pid"
DefaultRuntimeDir "{folder}"
ErrorLog "{folder}/error.log"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{loads}
OIDCProviderMetadataURL http://127.0.0.1:{provider}/.well-known/openid-configuration
OIDCClientID kubeflow
OIDCClientSecret {secret}
OIDCCryptoPassphrase {secret}
OIDCRedirectURI http://127.0.0.1:{port}/pipeline/callback
OIDCCookiePath /
OIDCSessionType client-cookie
<Location /pipeline>
  AuthType openid-connect
  Require valid-user
</Location>
ProxyPass /pipeline/callback !
ProxyPass /pipeline {kubeflow}
"""
LOADED = (
    *(("mpm_event", "mpm_event"), ("authn_core", "authn_core"), ("authz_core", "authz_core")),
    *(("authz_user", "authz_user"), ("proxy", "proxy"), ("proxy_http", "proxy_http"), ("auth_openidc", "auth_openidc")),
)


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int) -> Iterator[None]:
    """A server that listens at *port* as long as the block goes on."""
    process = subprocess.Popen(list(map(str, command)), stdout=sys.stderr)
    try:
        late = time.monotonic() + SECONDS
        while not listens(port):
            if process.poll() is not None or time.monotonic() > late:
                sys.exit(f"{command[0]} does not come up.")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(SECONDS)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return not client.connect_ex(("127.0.0.1", port))


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def checked(emulator: Emulator, folder: Path, module: Path) -> dict[str, object]:
    """Sign in; what was seen. Raises ``AssertionError`` for what is not as it must be."""
    port, provider, secret = free(), free(), secrets.token_hex(16)
    loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{file}.so" for name, file in LOADED)
    configuration = folder / "httpd.conf"
    configuration.write_text(
        GATEWAY.format(folder=folder, port=port, provider=provider, secret=secret, kubeflow=emulator.url, loads=loads)
    )
    callback = f"http://127.0.0.1:{port}/pipeline/callback"
    page = ["node", Path(__file__).with_name("oidc_provider.mjs"), module, str(provider), callback, secret]
    gateway = ["apache2", "-f", configuration, "-DFOREGROUND"]
    host = f"http://127.0.0.1:{port}/pipeline"
    target = Target("prod", host, auth="cookie", secret=f"file:{folder / 'session'}").checked()
    with running(page, provider), running(gateway, port):
        before = [found.code for found in check(target).findings]
        assert before == ["LL617"], before
        with SignIn(target) as signing:
            site = signing.find()
            assert (site, signing.is_elsewhere) == (f"http://127.0.0.1:{provider}", True), site
            session = signing.submit("ann@example.org", "birds")
        keep(target, session)
        after = check(target)
        assert after.findings == () and after.health is not None, after
        return {"before": before, "signed in at": site, "release": after.health.release, "until": session.expires}


def main() -> None:
    """Try it, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--provider", type=Path, required=True, help="the folder of npm's oidc-provider")
    given = parser.parse_args()
    lacking = [name for name in ("apache2", "node") if shutil.which(name) is None]
    if lacking or not (MODULES / "mod_auth_openidc.so").exists():
        sys.exit(f"This takes apache2, libapache2-mod-auth-openidc and node; lacking: {lacking or 'the module'}.")
    with tempfile.TemporaryDirectory(prefix="labline-oidc-") as place:
        folder, runner = Path(place), Runner()
        emulator = Emulator(folder, runner)
        try:
            print(json.dumps(checked(emulator, folder, given.provider.absolute() / "lib" / "index.js"), indent=1))
        finally:
            emulator.close()
            runner.close()


if __name__ == "__main__":
    main()
