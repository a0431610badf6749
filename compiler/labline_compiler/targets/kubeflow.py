"""A pipeline as Kubeflow Pipelines v2 IR YAML, written by the kfp SDK: one Lightweight Python Component a step.

What the component of a step is, :mod:`.kubeflow_component` says, and what its options come to :mod:`.kubeflow_options`;
here is the graph.
"""

from __future__ import annotations

import dataclasses
import inspect
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets import source
from labline_compiler.targets.kubeflow_component import (
    EMBEDDED,
    Component,
    FromParameter,
    FromTask,
    specification,
)
from labline_compiler.targets.kubeflow_embedding import function_of_source, specification_function, yaml_of_pipeline
from labline_compiler.targets.kubeflow_folder import Shipped, folder_task
from labline_compiler.targets.kubeflow_graph import Fan, Graph, ends_run, graph, waits
from labline_compiler.targets.kubeflow_names import (
    FOLDER,
    INSTALLER,
    RETURNED,
    Names,
    passed,
    passing,
    runs_apart,
    task_name,
)
from labline_compiler.targets.kubeflow_options import UNSUPPORTED_OPTION, apply_options, set_beside
from labline_compiler.targets.kubeflow_packages import MOUNT, Packages, packages_task

STEP_IMAGE = "labline-step"

LEFT_BEHIND = "LL613"

# kfp keeps the pipeline it is building in a global.
_ONE_AT_A_TIME = threading.Lock()


def default_image() -> str:
    """The step image that belongs to the installed Labline."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{STEP_IMAGE}:{version('labline')}"
    except PackageNotFoundError:
        return f"{STEP_IMAGE}:latest"


DEFAULT_IMAGE = default_image()


class UnsupportedOptionWarning(UserWarning):
    """A step asks for something that this target does not carry."""


def compile_to_yaml(
    pipeline: Pipeline,
    *,
    image: str = DEFAULT_IMAGE,
    report: list[Finding] | None = None,
    shipped: Shipped | None = None,
    packages: Packages | None = None,
) -> str:
    """Write *pipeline* as KFP v2 IR YAML; the same pipeline gives the same bytes.

    *image* runs the steps that name none of their own; they find the files *shipped* where they run, and the *packages*
    for that image before its own. What the target cannot carry is appended to *report*, or warned about when there is
    none. Raises ``ValueError`` for a pipeline without steps.
    """
    findings: list[Finding] = []
    built = build(pipeline, Names(pipeline), image, findings, shipped=shipped, packages=packages)
    text = yaml_of_pipeline(built.pipeline_spec, built.platform_spec)
    if report is None:
        for finding in [found for found in findings if found.severity != "info"]:
            warnings.warn(finding.message, UnsupportedOptionWarning, stacklevel=2)
    else:
        report.extend(findings)
    return text


def task_names(pipeline: Pipeline) -> dict[str, str]:
    """Step -> what its task is called in the compiled pipeline."""
    return {step: task_name(name) for step, name in Names(pipeline).steps.items()}


def arguments(pipeline: Pipeline, parameters: Mapping[str, str]) -> dict[str, Any]:
    """What to pass to the compiled pipeline for *parameters*, given as Python literals.

    Raises ``ValueError`` for a number that KFP would pass inexactly.
    """
    names = Names(pipeline).parameters
    return {names[p.name]: passed(p, parameters[p.name]) for p in pipeline.parameters if p.name in parameters}


def service_account(pipeline: Pipeline) -> str | None:
    """As which a run's pods are to run: as the pipeline says, or else as all of its steps say."""
    if pipeline.service_account is not None:
        return pipeline.service_account
    asked = {step.options.service_account for step in pipeline.steps}
    return asked.pop() if len(asked) == 1 else None


# ---------------------------------------------------------------- the graph


def build(
    pipeline: Pipeline,
    names: Names,
    image: str,
    findings: list[Finding],
    options: Callable[[Pipeline, Component, Any, Any, list[Finding]], None] | None = None,
    shipped: Shipped | None = None,
    packages: Packages | None = None,
) -> Any:
    """The pipeline as the kfp SDK holds it. *options* is called in place of :func:`apply_options`.

    Raises ``ValueError`` for a pipeline without steps.
    """
    if not pipeline.steps:
        raise ValueError(f"{pipeline.name} has no steps, so there is nothing to run")
    for told in (_own_images, _whole_run, _accounts, _ending, _loops):
        findings += told(pipeline)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # kfp announces its own deprecations on import; they say nothing about the user's pipeline.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        made = graph(pipeline, names, shipped, packages)
        return _built(pipeline, made, names, image, findings, options or apply_options, shipped, packages)


def _built(
    pipeline: Pipeline,
    made: Graph,
    names: Names,
    image: str,
    findings: list[Finding],
    options: Callable[..., None],
    shipped: Shipped | None,
    packages: Packages | None,
) -> Any:
    from kfp import dsl, kubernetes

    def build(**channels: Any) -> None:
        tasks: dict[str, Any] = {}

        def task_of(component: Component, item: Any = None) -> Any:
            given: dict[str, Any] = {}
            for argument, feed in component.feeds.items():
                if isinstance(feed, FromParameter):
                    given[argument] = channels[names.parameters[feed.name]]
                elif isinstance(feed, FromTask):
                    output = tasks[feed.task].outputs[feed.output]
                    given[argument] = dsl.Collected(output) if feed.collected else output
                else:
                    given[argument] = item
            task = tasks[component.name] = _kfp_component(pipeline, component, image)(**given)
            task.set_display_name(component.shown)
            task.after(*(tasks[name] for name in waits(component, names)))
            options(pipeline, component, task, kubernetes, findings)
            if packages is not None and component.step.options.image is None:
                kubernetes.mount_pvc(task, packages.claim, MOUNT)
                if component.role in ("step", "list"):  # the rest of a loop comes after its list
                    task.after(tasks[INSTALLER])
            return task

        def all_tasks() -> None:
            if packages is not None:
                tasks[INSTALLER] = packages_task(packages, kubernetes)
                set_beside(pipeline, tasks[INSTALLER], None, kubernetes)
            if shipped is not None:
                named = _one_of_the_images(pipeline)
                tasks[FOLDER] = folder_task(shipped, named or image)
                if shipped.content is not None:  # else KFP itself imports it, in no pod of its own
                    set_beside(pipeline, tasks[FOLDER], named, kubernetes)
            for each in made.tasks:
                if isinstance(each, Fan):
                    items = tasks[each.items].outputs[RETURNED]
                    with dsl.ParallelFor(items=items, parallelism=each.parallel) as item:
                        task_of(each.one, item)
                else:
                    task_of(each)

        if made.ending is None:
            all_tasks()
        else:
            with dsl.ExitHandler(task_of(made.ending)):
                all_tasks()

    def entry(*values: Any) -> None:
        # KFP passes the pipeline's parameters in the order of the signature below.
        build(**dict(zip(names.parameters.values(), values, strict=True)))

    entry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                names.parameters[p.name],
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=passed.default,
                annotation=passed.type,
            )
            for p in pipeline.parameters
            for passed in [passing(p)]
        ]
    )
    return dsl.pipeline(entry, name=names.pipeline, description=pipeline.summary)


def _one_of_the_images(pipeline: Pipeline) -> str | None:
    """The image for a task that any will do for, None for that of steps which name none: it has to be there anyway."""
    images = [step.options.image for step in pipeline.steps]
    return None if None in images else images[0]


def _kfp_component(pipeline: Pipeline, made: Component, image: str) -> Callable[..., Any]:
    from kfp import dsl

    step = made.step
    function = function_of_source(made.name, source.write([made.function]), dsl=dsl)
    result: Callable[..., Any] = dsl.component(
        function,
        base_image=step.options.image or image,
        install_kfp_package=False,
        additional_funcs=[*EMBEDDED, specification_function(dataclasses.asdict(specification(pipeline, step)))],
    )
    return result


# ---------------------------------------------------------------- what is told


def _own_images(pipeline: Pipeline) -> list[Finding]:
    """A step's own image, such as one that was made for Kale, has to hold what runs a step."""
    steps: dict[str, list[str]] = {}
    for step in pipeline.steps:
        if step.options.image is not None:
            steps.setdefault(step.options.image, []).append(step.name)
    return [
        Finding(
            UNSUPPORTED_OPTION,
            "info",
            f"{'Step' if len(names) == 1 else 'Steps'} {', '.join(names)}: nothing is installed into the image {image} "
            "when a step starts, so Labline must be in it.",
            step=names[0],
            fix=f"Build it on {STEP_IMAGE}, or leave the image away to use {DEFAULT_IMAGE}.",
        )
        for image, names in steps.items()
    ]


def _whole_run(pipeline: Pipeline) -> list[Finding]:
    if pipeline.timeout is None:
        return []
    message = f"Kubeflow Pipelines has no timeout for a whole run, so {pipeline.timeout:g} s is left out."
    return [Finding(UNSUPPORTED_OPTION, "warning", message, fix="Give the steps timeouts of their own.")]


def _accounts(pipeline: Pipeline) -> list[Finding]:
    """A run has one service account, which is no part of what is compiled: whoever starts the run names it."""
    account = service_account(pipeline)
    others = [
        Finding(
            UNSUPPORTED_OPTION,
            "warning",
            f"Step {step.name}: Kubeflow Pipelines runs all pods of a run as one service account"
            f"{'' if account is None else f', {account}'}, so {step.options.service_account} is left out.",
            step=step.name,
            fix="Name one for the whole run, as `labline.service_account` in the notebook's metadata.",
        )
        for step in pipeline.steps
        if step.options.service_account not in (None, account)
    ]
    if account is None:
        return others
    message = f"The service account {account} is named when a run is started: a compiled pipeline has no place for it."
    fix = "Nothing for runs that Labline starts. Name it in the form, where the pipeline is uploaded by hand."
    return [Finding(UNSUPPORTED_OPTION, "info", message, fix=fix), *others]


def _ending(pipeline: Pipeline) -> list[Finding]:
    without_files = [
        Finding(
            LEFT_BEHIND,
            "warning" if step.files_of else "info",  # a file that it names it may as well only write
            f"Step {step.name}: Kubeflow Pipelines gives the step that ends a run nothing of other tasks, so it gets "
            f"no files{_of_which(step)}.",
            step=step.name,
            fix="Keep what it reads in a volume or an object store, or leave the reading to a step above.",
        )
        for step in pipeline.steps
        if ends_run(pipeline, step) and (step.files or step.files_of)
    ]
    return without_files + [
        Finding(
            UNSUPPORTED_OPTION,
            "info",
            f"Step {step.name}: Kubeflow Pipelines tells it that the run has failed, and not of what, so "
            f"{step.options.exit[1]} only says so.",
            step=step.name,
            fix="Nothing, unless it needs to know; the run itself tells which step has failed.",
        )
        if ends_run(pipeline, step)
        else Finding(
            UNSUPPORTED_OPTION,
            "warning",
            f"Step {step.name}: on Kubeflow Pipelines it runs last where all other steps have succeeded, and else not"
            + _why_not_last(step),
            step=step.name,
            fix="Have it read what it needs of files or a database, or have the cluster tell of failed runs by its own "
            "means.",
        )
        for step in pipeline.steps
        if step.options.exit and not (ends_run(pipeline, step) and len(step.options.exit) < 2)
    ]


def _of_which(step: Step) -> str:
    missing = [*step.files, *(f"what {writer} writes" for writer in step.files_of)]
    return f", {', '.join(missing)} among them"


def _why_not_last(step: Step) -> str:
    taken = "; ".join(f"{', '.join(each.names)} of {each.source}" for each in step.inputs)
    return f": the task that ends a run there gets no values of others, and it takes {taken}." if taken else "."


def _loops(pipeline: Pipeline) -> list[Finding]:
    """What may come to something else than on this machine."""
    pooled = [
        step for step in pipeline.steps if step.loop is not None and step.options.foreach and not runs_apart(step)
    ]
    return [
        Finding(
            UNSUPPORTED_OPTION,
            "info",
            f"Step {step.name}: on Kubeflow Pipelines the items of its loop, which share processes here, run one after "
            "the other in one pod.",
            step=step.name,
            fix="Nothing for the result, which is the same. Without `pool` each item has a pod of its own.",
        )
        for step in pooled
    ] + [
        Finding(
            UNSUPPORTED_OPTION,
            "info",
            f"Step {step.name}: on Kubeflow Pipelines an item of its loop that fails is allowed for, but not one whose "
            "whole pod is killed (with its node, or for memory): that fails the step.",
            step=step.name,
            fix="Give the items memory enough.",
        )
        for step in pipeline.steps
        if runs_apart(step) and step.options.foreach is not None and step.options.foreach.allow_failures
    ]
