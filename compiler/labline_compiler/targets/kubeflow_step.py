"""What a Kubeflow component does: runs one step by its specification, between KFP's artifacts and the runtime's.

The source of :func:`run_labline_step` is embedded in every compiled component. It may therefore lean on nothing but its
arguments, the standard library, ``python -m labline_runtime`` in the step's image, and the report that is embedded with
it.
"""

from typing import Any

from labline_compiler.targets.kubeflow_report import notebook_as_html


def run_labline_step(
    specification: str,
    parameters: dict[str, tuple[str, Any]],
    inputs: list[tuple[str, list[str], list[str], Any]],
    outputs: list[tuple[Any, list[str], list[str]]],
    executed_notebook: Any = None,
    step_result: Any = None,
    metrics: Any = None,
    classification: Any = None,
    report: Any = None,
    kept: list[Any] | None = None,
    part: str | None = None,
    listing: Any = None,
    item: str = "",
    left: tuple[list[Any], ...] = (),
    ending: tuple[str, ...] = (),
    status: Any = None,
    archives: list[tuple[Any, str | None]] | None = None,
    written_files: Any = None,
    packages: str | None = None,
) -> list[str] | None:
    """Run the step in a process of its own, as every target does, and hand its values to KFP.

    *specification* is a StepSpecification as JSON; its paths, parameters, inputs and outputs are filled in here.
    *parameters* maps a name to its type and what KFP passed. *inputs* lists the step a value comes from, its names,
    those of them that this step leaves unaltered, and KFP's artifact; *outputs* lists KFP's artifacts, each with the
    names in it and those of them that may be unbound when the step ends. *step_result* gets the step's own account of
    itself, for whoever follows the run from outside; *classification* a confusion matrix and an ROC
    curve that a metrics cell has made. *kept* are those of steps before, which tell what these hold of this step's
    inputs.

    Of a step that is a loop one *part* runs: "list", which returns what its items are to be called; "item", the one
    called *item*; or "whole", after all items, whose results, executed notebooks and values, if any, are *left*. The
    later parts get what the first one has left as *listing*. Of a step that ends the run *ending* names the parameters
    that KFP's *status* of all others is told in.

    *archives* have files that are to be there before the step begins, in this order, each with its digest where that
    is not in the artifact's metadata. *written_files* gets those that the step then writes. *packages* names the folder
    of a volume with packages, which come before the image's own.
    """
    import json
    import os
    import shutil
    import signal
    import subprocess
    import sys
    import tempfile
    from pathlib import Path

    step = json.loads(specification)

    def fail(message: str, error: Any = None) -> Any:
        # What a container leaves here its pod's status tells, which outlives all else of a failed task.
        note = Path(os.environ.get("LABLINE_TERMINATION_LOG") or "/dev/termination-log")
        if os.environ.get("KFP_POD_NAME") and note.exists():
            told = {**(error or {}), "message": (error or {}).get("message", message)}
            lines = list(told.pop("traceback", None) or ())
            while True:  # Kubernetes keeps 4096 bytes; of a traceback the end says most
                text = f"{message}\nlabline-error: {json.dumps({**told, 'traceback': lines})}"
                if len(text.encode()) < 4000 or not lines:
                    break
                lines.pop(0)
            note.write_bytes(text.encode()[:4000])
        sys.exit(message)

    def literal(name: str, kind: str, value: Any) -> str:
        if kind == "literal":
            return str(value)  # the text as it stands; the runtime says what is wrong with it
        if kind == "int" and int(value) != value:
            fail(f"Parameter {name} must be a whole number, not {value!r}.")
        # Protobuf keeps every number as a double, so an int may arrive as 3.0 and a float as 3.
        return repr({"int": int, "float": float, "bool": bool, "str": str}[kind](value))

    def digest_of(source: str, names: list[str], artifact: Any) -> str:
        digest = artifact.metadata.get("digest")
        if not isinstance(digest, str):
            fail(f"The artifact with {', '.join(names)} from step {source} carries no digest: it is not Labline's.")
        return str(digest)

    def kept_of_inputs() -> list[Any]:
        told = [json.loads(Path(result.path).read_text(encoding="utf-8"))["kept"] for result in kept or ()]
        return [
            note
            for source, names, _, _ in inputs
            for by_source in told
            for note in by_source.get(source, ())
            if note["name"] in names
        ]

    def outcome() -> dict[str, str]:
        # Of a task whose container was killed KFP may go on to say that it runs.
        well = not ending or status.state in ("SUCCEEDED", "COMPLETE", "CACHED")
        error = f"A step failed: {status.error_message or 'Kubeflow Pipelines says no more.'}" if not well else None
        return dict(zip(ending, (repr("succeeded" if well else "failed"), repr(error)), strict=False))

    def in_order(artifacts: list[Any]) -> list[Any]:
        return sorted(artifacts, key=lambda artifact: int(artifact.metadata["item"]))

    def gathered(artifact: Any) -> dict[str, Any] | None:
        if artifact is None or artifact.metadata.get("unbound"):
            return None
        names = list(artifact.metadata["values"])
        digest = digest_of(step["step"], names, artifact)
        return {"names": names, "source": step["step"], "path": artifact.path, "digest": digest}

    def bring_files() -> Any:
        """Have files there that the step may use. What there is then, where it is to be told what it has written."""
        if not archives and written_files is None:
            return None
        try:
            from labline_runtime import shipping
        except ImportError as error:
            return fail(
                f"Step {step['step']} cannot begin: its image is older than this pipeline, and cannot unpack the files "
                f"that come with the notebook ({error}). Build the step image of the Labline that compiled it."
            )

        place = shipping.place()
        step["working_directory"] = str(place)
        try:
            for archive, digest in archives or ():
                known = digest or digest_of("above", ["files"], archive)
                shipping.unpack(Path(archive.path), known, place)
            return shipping.look(place) if written_files is not None else None
        except (OSError, ValueError) as error:
            return fail(f"Step {step['step']} cannot begin: {error}.")

    def leave_files(before: Any) -> None:
        from labline_runtime import shipping

        place = Path(step["working_directory"])
        written_files.metadata["digest"] = shipping.pack_changes(place, before, Path(written_files.path))

    def of_items() -> list[dict[str, Any]]:
        results, notebooks, *values = map(in_order, left)
        return [
            {"result": result.path, "notebook": notebook.path, "artifact": gathered(value)}
            for result, notebook, value in zip(results, notebooks, *(values or [[None] * len(results)]), strict=True)
        ]

    folder = Path(tempfile.mkdtemp(prefix="labline-"))
    try:
        step.update(
            run=os.environ.get("KFP_RUN_ID") or os.environ.get("KFP_POD_NAME") or "local",
            working_directory=str(Path.cwd()),
            artifacts_directory=str(folder / "artifacts"),
            output_directory=str(folder / "output"),
            parameters={name: literal(name, kind, value) for name, (kind, value) in parameters.items()} | outcome(),
            inputs=[
                {
                    "names": names,
                    "source": source,
                    "path": artifact.path,
                    "digest": digest_of(source, names, artifact),
                    "unaltered": unaltered,
                }
                for source, names, unaltered, artifact in inputs
                if not artifact.metadata.get("unbound")
            ],
            outputs=[{"names": names, "optional": optional} for _, names, optional in outputs],
            kept=kept_of_inputs(),
        )
        (folder / "output").mkdir()
        seen = bring_files()
        document = step
        if part is not None:
            document = {
                "task": "loop",
                "step": step,
                "part": part,
                "listing": listing and listing.path,
                "item": int(item) if item.isdigit() else 0,
                "left": of_items() if left else [],
            }
        (folder / "step.json").write_text(json.dumps(document), encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name != "_KFP_RUNTIME"}
        environment.setdefault("PYTHONHASHSEED", "0")  # the order of a set is the same in every step
        if packages is not None:
            volume = Path(os.environ.get("LABLINE_PACKAGES") or "/labline-packages")
            site = volume / packages / "site"
            if not site.is_dir() and not ending:  # which is to run whatever has failed
                fail(f"Step {step['step']} cannot begin: its packages are not in the volume ({site}). Run again.")
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(site), environment.get("PYTHONPATH")]))
        # Not -m, which looks for every module in the notebook's folder first; a kernel has it after Python's own.
        start = "import sys; sys.path[:] = filter(None, sys.path); import runpy; " + (
            "runpy.run_module('labline_runtime', run_name='__main__', alter_sys=True)"
        )
        command = [sys.executable, "-c", start, str(folder / "step.json")]
        code = subprocess.run(command, env=environment, cwd=step["working_directory"], check=False).returncode

        notebook = folder / "output" / "executed.ipynb"
        if notebook.exists():
            if report is not None:
                page = notebook_as_html(json.loads(notebook.read_text(encoding="utf-8")), step["step"])
                Path(report.path).write_text(page, encoding="utf-8")
            if executed_notebook is not None:
                shutil.move(notebook, executed_notebook.path)
        if not (folder / "output" / "result.json").exists():
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            advice = " Out of memory is the usual cause: raise limit:memory." if code == -signal.SIGKILL else ""
            fail(f"Step {step['step']} {how} and left no result.{advice}")
        result = json.loads((folder / "output" / "result.json").read_text(encoding="utf-8"))
        if result["state"] != "succeeded":
            error = result["error"] or {"message": "it did not say why"}
            print(*error.get("traceback") or (), sep="\n")  # noqa: T201 - the pod's log is what the user reads
            hint = f" {error['hint']}" if error.get("hint") else ""
            fail(f"Step {step['step']} failed: {error['message']}{hint}", error)
        if step_result is not None:
            shutil.copyfile(folder / "output" / "result.json", step_result.path)
        if part == "list":
            # Where the items cannot run apart, one task says so, since a loop of none has no end that KFP could tell.
            return list(map(str, range(len(result["listed"])))) if result["in_one"] is None else ["whole"]
        if written_files is not None:
            leave_files(seen)
        if part == "item":
            Path(executed_notebook.path).touch()  # there is none of an item that never began
            for artifact in (step_result, executed_notebook, *(artifact for artifact, _, _ in outputs)):
                artifact.metadata["item"] = int(item) if item.isdigit() else 0

        for artifact, names, _ in outputs:
            stored = next((s for s in result["artifacts"] if set(s["names"]) <= set(names)), None)
            if stored is None:
                # Bound in a branch that did not run: KFP wants a file all the same, and the reader is told.
                Path(artifact.path).touch()
                artifact.metadata["unbound"] = True
                continue
            shutil.move(stored["path"], artifact.path)
            artifact.metadata["digest"] = stored["digest"]
            artifact.metadata["values"] = {
                value["name"]: {"type": value["type"], "digest": value["digest"], "size": value["size"]}
                for value in stored["values"]
            }
        for name, value in result["metrics"].items():
            metrics.log_metric(name, value)
        found = result.get("classified")
        if classification is not None and found is not None:
            if (confusion := found["confusion"]) is not None:
                classification.log_confusion_matrix(confusion["classes"], confusion["matrix"])
            if (curve := found["curve"]) is not None:
                classification.log_roc_curve(curve["false_positives"], curve["true_positives"], curve["thresholds"])
        return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
