"""Runs compiled pipelines with KFP's own local runner: one process that has imported it, forked for each run.

Tasks of a loop run one after the other, so that each has the one file for its last message to itself.

Reads a JSON line per run on its standard input: ``{"run", "folder", "specification", "arguments"}``. Tells what happens
as JSON lines on its standard output: ``{"run", "pid"}``, ``{"run", "task", "place", "state"}``, ``{"run", "over"}``.
What tasks print goes to ``log.txt`` in the run's folder, what they leave lies below ``root`` there.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import shutil
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

BEGUN = re.compile(r"Executing task .*?'([\w-]+)'")
ENDED = re.compile(r"Task .*?'([\w-]+)'.* finished with status .*?(SUCCESS|FAILURE)")


def main() -> None:
    warnings.simplefilter("ignore")
    from kfp import components, local

    places = _follow_places()

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    events = os.dup(1)
    for line in sys.stdin:
        order = json.loads(line)
        if os.fork() == 0:
            try:
                execute(order, events, components, local, places)
            finally:
                os._exit(0)


def _follow_places() -> list[str]:
    """Have KFP's runner keep where in the pipeline it is, and let it do one thing at a time."""
    from kfp.local.orchestrator import enhanced_dag_orchestrator as orchestrator
    from kfp.local.status import Status

    places = [""]
    run_dag = orchestrator.run_enhanced_dag

    def run(*, pipeline_resource_name: str, **more: Any) -> Any:
        places.append(pipeline_resource_name.partition("/")[2])
        try:
            return run_dag(pipeline_resource_name=pipeline_resource_name, **more)
        finally:
            places.pop()

    execute = orchestrator.task_executor.execute_single_task

    def execute_once(*, task_name: str, **more: Any) -> Any:
        """Not again in a run that is tried again, where the task has succeeded before."""
        done = Path("done", f"{places[-1]}-{task_name}.pickle".replace("/", "-"))
        if done.exists():
            return pickle.loads(done.read_bytes())
        pod = Path("pod")  # each task begins with an empty disk, as a pod does, and in the same place
        shutil.rmtree(pod, ignore_errors=True)
        pod.mkdir()
        os.chdir(pod)
        try:
            outputs, status = execute(task_name=task_name, **more)
        finally:
            os.chdir("..")
        if status == Status.SUCCESS:
            done.parent.mkdir(exist_ok=True)
            done.write_bytes(pickle.dumps((outputs, status)))
        return outputs, status

    orchestrator.task_executor.execute_single_task = execute_once

    class OneByOne(orchestrator.ParallelExecutor):
        def __init__(self, max_workers: int | None = None) -> None:
            super().__init__(max_workers)
            self.conservative_max = self.max_workers = 1

    orchestrator.run_enhanced_dag = run
    orchestrator.ParallelExecutor = OneByOne
    return places


def execute(order: dict[str, Any], events: int, components: Any, local: Any, places: list[str]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    folder = Path(order["folder"])
    message = folder / "message"
    message.touch()
    os.environ["KFP_POD_NAME"] = "emulated"
    os.environ["LABLINE_TERMINATION_LOG"] = str(message)
    log = os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for number in (1, 2):
        os.dup2(log, number)
    os.chdir(folder)

    def tell(**event: Any) -> None:
        os.write(events, json.dumps({"run": order["run"], **event}).encode() + b"\n")

    def listen(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if found := BEGUN.search(text):
            message.write_text("")
            tell(task=found[1], place=places[-1], state="RUNNING")
        elif found := ENDED.search(text):
            state = {"SUCCESS": "SUCCEEDED", "FAILURE": "FAILED"}[found[2]]
            tell(task=found[1], place=places[-1], state=state, message=message.read_text())
        return True

    tell(pid=os.getpid())
    logging.getLogger().addFilter(listen)
    try:
        local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "root"), raise_on_error=False)
        specification = Path(order["specification"]).read_text("utf-8")
        components.load_component_from_text(specification)(**order["arguments"])
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    tell(over=True)


if __name__ == "__main__":
    main()
