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


def main() -> None:
    """Serve on a Unix socket or a loopback port until stopped, or until standard input ends."""
    arguments = _arguments()
    if arguments.lifeline:
        threading.Thread(target=_end_with_standard_input, args=[arguments.uds], daemon=True).start()

    from mlflow.server import constants

    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    os.environ[constants.BACKEND_STORE_URI_ENV_VAR] = arguments.store
    if arguments.registry:
        os.environ[constants.REGISTRY_STORE_URI_ENV_VAR] = arguments.registry
    if arguments.artifacts:
        from labline_backend.tracking.recorder import prepare_store

        prepare_store(arguments.store, Path(arguments.artifacts))
        os.environ[constants.ARTIFACT_ROOT_ENV_VAR] = Path(arguments.artifacts).as_uri()

    import uvicorn
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(arguments.store, arguments.registry)  # a store that cannot be opened must not look served

    uvicorn.run(
        "mlflow.server.fastapi_app:app",
        uds=arguments.uds,
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=2,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m labline_backend.tracking.ui_server")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--uds", help="a Unix domain socket to listen on")
    where.add_argument("--port", type=int, default=0, help="a port of the loopback interface to listen on")
    parser.add_argument("--store", required=True, help="MLflow's tracking URI")
    parser.add_argument("--registry", help="the model registry's URI, where it is another")
    parser.add_argument("--artifacts", help="the artifact folder of a store that is ours to create")
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
