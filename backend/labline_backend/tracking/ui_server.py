"""The process that serves MLflow's own user interface: its ASGI application in one process.

``mlflow server`` would start three: itself, a web server, and a runner of jobs that only the evaluation of language
models needs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    """Serve on a Unix socket or a loopback port until stopped, or until standard input ends."""
    arguments = _arguments()
    if arguments.lifeline:
        threading.Thread(target=_end_with_standard_input, args=[arguments.uds], daemon=True).start()

    from mlflow.server import constants

    from labline_backend.tracking.location import Location

    location = Location.taken()

    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = location.uri
    if location.registry_uri:
        os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = location.registry_uri
    if location.artifacts:
        from labline_backend.tracking.recorder import prepare_store

        prepare_store(location.uri, location.artifacts)
        os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = location.artifacts.as_uri()

    import uvicorn
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(location.uri, location.registry_uri)  # a store that cannot be opened must not look served

    from mlflow.server.fastapi_app import app

    uvicorn.run(
        _without_assistant(app),
        uds=arguments.uds,
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


def _without_assistant(app: Any) -> Any:
    """MLflow's pages without its assistant, which starts programs for whoever asks, and asks for no login."""

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket") and "/mlflow/assistant" in scope["path"]:
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": b""})
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        await app(scope, receive, send)

    return guarded


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labline_backend.tracking.ui_server")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--uds", help="a Unix domain socket to listen on")
    where.add_argument("--port", type=int, default=0, help="a port of the loopback interface to listen on")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    return parser.parse_args()


def _end_with_standard_input(uds: str | None) -> None:
    while os.read(sys.stdin.fileno(), 4096):  # sys.stdin.read would hold a lock that the interpreter's end trips over
        pass
    if uds:
        shutil.rmtree(Path(uds).parent, ignore_errors=True)  # whoever made it for us may have been killed
    os._exit(0)


if __name__ == "__main__":
    main()
