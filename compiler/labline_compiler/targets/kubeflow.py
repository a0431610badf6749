"""A pipeline as Kubeflow Pipelines v2 IR YAML, written by the kfp SDK: one Lightweight Python Component a step.

What the component of a step is, :mod:`.kubeflow_component` says; here are the graph and the options.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, StepOptions
from labline_compiler.quantities import amount
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
from labline_compiler.targets.kubeflow_packages import MOUNT, Packages, packages_task

STEP_IMAGE = "labline-step"

UNSUPPORTED_OPTION = "LL601"
LEFT_BEHIND = "LL613"

LONGEST = 365 * 86400  # seconds; longer than any step

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
    findings += [*_own_images(pipeline), *_whole_run(pipeline), *_ending(pipeline), *_loops(pipeline)]
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
            if shipped is not None:
                tasks[FOLDER] = folder_task(shipped, image)
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


# ---------------------------------------------------------------- options


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


def apply_options(
    pipeline: Pipeline, component: Component, task: Any, kubernetes: Any, findings: list[Finding]
) -> None:
    """Set on KFP's *task* what the component's step asks for; *kubernetes* is ``kfp.kubernetes``."""
    step, options = component.step, component.step.options
    may_fail = runs_apart(step) and options.foreach is not None and options.foreach.allow_failures
    tries_itself = may_fail and component.role == "item"  # what has failed is a result there, which KFP would cache

    def refuse(what: str, fix: str) -> None:
        message = f"Step {step.name}: {what}"
        found = Finding(UNSUPPORTED_OPTION, "warning", message, step=step.name, fix=fix)
        findings.extend([found] if found not in findings else [])  # a loop's tasks ask for the same

    may_cache = not options.exit and not may_fail
    task.set_caching_options(may_cache and (pipeline.cache if options.cache is None else options.cache))
    if options.retries and not tries_itself:
        _set_retries(task, options, refuse)
    if options.timeout is not None and not tries_itself:
        kubernetes.set_timeout(task, math.ceil(options.timeout))
    for key, value in options.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in options.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    for secret, key, variable in options.secrets:
        kubernetes.use_secret_as_env(task, secret, {key: variable})
    for claim, path, *variables in options.volumes:
        kubernetes.mount_pvc(task, claim, path)
        for variable in variables:
            task.set_env_variable(variable, path)

    accelerators: list[str] = []
    for resource, quantity in options.limits.items():
        try:
            if resource == "cpu":
                task.set_cpu_limit(quantity)
            elif resource == "memory":
                task.set_memory_limit(_memory(quantity))
            elif "/" in resource and not accelerators:
                task.set_accelerator_type(resource).set_accelerator_limit(quantity)
                accelerators.append(resource)
            elif "/" in resource:
                refuse(
                    f"Kubeflow Pipelines gives a step one kind of accelerator, so {resource} is left out beside "
                    f"{accelerators[0]}",
                    "Split the step, or keep one of the two.",
                )
            else:
                refuse(f"Kubeflow Pipelines has no limit for {resource}", "Remove the tag, or set it on the cluster.")
        except ValueError as problem:
            refuse(f"limit:{resource}:{quantity} is left out: {problem}", "Write the quantity as Kubeflow takes it.")


def _set_retries(task: Any, options: StepOptions, refuse: Callable[[str, str], None]) -> None:
    backoff = options.backoff
    if backoff is None:
        task.set_retry(options.retries)
    else:
        # The last is how long after its start a task may be tried again, which else is an hour.
        task.set_retry(options.retries, f"{math.ceil(backoff.seconds)}s", backoff.factor, f"{LONGEST}s")
        if backoff.pause(options.retries) < backoff.seconds * backoff.factor ** (options.retries - 1):
            refuse(
                f"Kubeflow Pipelines knows no longest wait between two tries, so {backoff.most:g} s is left out",
                "Have fewer retries, or a smaller factor.",
            )
    if options.retry_on:
        refuse(
            f"Kubeflow Pipelines tries a step again whatever it failed of, not only of {', '.join(options.retry_on)}",
            "Nothing, unless another try does harm; then catch those exceptions in the notebook and try again there.",
        )
    if options.post_mortem:
        refuse(
            "a pod ends with its step, so no process stays after a failure", "Debug the step in a run on this machine."
        )


def _memory(quantity: str) -> str:
    """A quantity as the SDK takes it: it knows no fractions such as 1.5Gi, which are whole bytes all the same."""
    if re.fullmatch(r"\d+([EPTGMK]i?)?", quantity):
        return quantity
    return str(math.ceil(amount(quantity)))
