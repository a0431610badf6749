"""What ``image_check`` has a container of the server's image run, as its user; it prints what it found as JSON.

Arguments: the image's entry point and command, as JSON, and a notebook to check and to run. Only the standard library.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

TOKEN = "of-the-check"
SECONDS = 180


def said(*command: str) -> str:
    """What a command prints that must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SECONDS)
    assert done.returncode == 0, (command, done.returncode, done.stdout)
    return done.stdout.strip()


def asked(address: str, token: str = "") -> int:
    """The status that an address answers with; 0 where nobody answers."""
    request = urllib.request.Request(address, headers={"Authorization": f"token {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError:
        return 0


def served(command: list[str]) -> dict[str, int]:
    """Start the server on loopback, ask it, end it; the statuses of its answers, and its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = ["--ip=127.0.0.1" if argument.startswith("--ip=") else argument for argument in command]
    server = subprocess.Popen(
        [*here, f"--port={port}"], env={**os.environ, "JUPYTER_TOKEN": TOKEN}, stdout=sys.stderr, start_new_session=True
    )
    try:
        root = f"http://127.0.0.1:{port}"
        end = time.monotonic() + SECONDS
        while not (probe := asked(f"{root}/api")) and server.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        status = f"{root}/labline/api/v1/status"
        found = {"probe": probe, "stranger": asked(status), "owner": asked(status, TOKEN)}
        server.terminate()
        return {**found, "ended": server.wait(timeout=SECONDS)}
    finally:
        server.kill()
        server.wait()


def read_only(folder: str) -> bool:
    """Whether the file system that holds the folder is mounted read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def main() -> None:
    """Try it all, and print what was found."""
    command, notebook = json.loads(sys.argv[1]), sys.argv[2]
    said("labline", "check", notebook)
    said("labline", "run", notebook)
    found = {"version": said("labline", "--version"), "read_only": read_only("/"), "server": served(command)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
