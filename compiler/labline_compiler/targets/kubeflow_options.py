"""What a step's options come to on Kubeflow Pipelines, and which of them it has no field for."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, StepOptions
from labline_compiler.quantities import amount
from labline_compiler.targets.kubeflow_component import Component, reaches_mlflow
from labline_compiler.targets.kubeflow_names import runs_apart

UNSUPPORTED_OPTION = "LL601"

LONGEST = 365 * 86400  # seconds; longer than any step

Refuse = Callable[[str, str], None]


def apply_options(
    pipeline: Pipeline, component: Component, task: Any, kubernetes: Any, findings: list[Finding]
) -> None:
    """Set on KFP's *task* what the component's step asks for; *kubernetes* is ``kfp.kubernetes``."""
    step, options = component.step, component.step.options
    may_fail = runs_apart(step) and options.foreach is not None and options.foreach.allow_failures
    tries_itself = may_fail and component.role == "item"  # what has failed is a result there, which KFP would cache

    def refuse(what: str, fix: str) -> None:
        message = f"Step {step.name}: {what.rstrip('.')}."
        found = Finding(UNSUPPORTED_OPTION, "warning", message, step=step.name, fix=fix)
        findings.extend([found] if found not in findings else [])  # a loop's tasks ask for the same

    may_cache = not options.exit and not may_fail
    task.set_caching_options(may_cache and (pipeline.cache if options.cache is None else options.cache))
    if options.retries and not tries_itself:
        _set_retries(task, options, refuse)
    if options.post_mortem:
        refuse(
            "a pod ends with its step, so no process stays after a failure", "Debug the step in a run on this machine."
        )
    if options.timeout is not None and not tries_itself:
        kubernetes.set_timeout(task, math.ceil(options.timeout))
    if options.register is not None and not reaches_mlflow(step):
        refuse(
            f"its pod is not told where MLflow is, so its model is not registered as {options.register.name}",
            "Give the step a secret with the address of an MLflow server: secret:NAME:KEY:MLFLOW_TRACKING_URI.",
        )
    _set_pod(task, options, kubernetes)
    _set_sources(task, options, kubernetes)
    _set_limits(task, options, refuse)
    _set_requests(task, options, refuse)


def set_beside(pipeline: Pipeline, task: Any, image: str | None, kubernetes: Any) -> None:
    """Set on a *task* that is no step's, and runs in the steps' *image* (None: that of steps that name none), what its
    pod needs as theirs do: who fetches the image, and what all steps say alike of their pods.

    A policy, or the nodes that a namespace may use, hold for every pod there; a step's own wish is no reason.
    """
    steps = [step.options for step in pipeline.steps]
    secrets = dict.fromkeys(name for each in steps if each.image == image for name in each.pull_secrets)
    shared = {
        name: getattr(steps[0], name)
        for name in ("labels", "annotations", "node_selector", "tolerations")
        if all(getattr(each, name) == getattr(steps[0], name) for each in steps)
    }
    _set_pod(task, StepOptions(pull_secrets=tuple(secrets), **shared), kubernetes)


def _set_pod(task: Any, options: StepOptions, kubernetes: Any) -> None:
    """What is written on the pod, where it may run, and who fetches its image."""
    for key, value in options.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in options.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    for key, value in options.node_selector.items():
        kubernetes.add_node_selector(task, key, value)
    for toleration in options.tolerations:
        said = dataclasses.asdict(toleration)
        said["toleration_seconds"] = said.pop("seconds")
        kubernetes.add_toleration(task, **{name: value for name, value in said.items() if value is not None})
    if options.pull_secrets:
        kubernetes.set_image_pull_secrets(task, list(options.pull_secrets))


def _set_sources(task: Any, options: StepOptions, kubernetes: Any) -> None:
    """What the step finds in its environment and among its files."""
    for secret, key, variable in options.secrets:
        kubernetes.use_secret_as_env(task, secret, {key: variable})
    for secret, path in options.secret_files:
        kubernetes.use_secret_as_volume(task, secret, path)
    for config_map, key, variable in options.config_maps:
        kubernetes.use_config_map_as_env(task, config_map, {key: variable})
    for config_map, path in options.config_map_files:
        kubernetes.use_config_map_as_volume(task, config_map, path)
    for claim, path, *variables in options.volumes:
        kubernetes.mount_pvc(task, claim, path)
        for variable in variables:
            task.set_env_variable(variable, path)


def _set_limits(task: Any, options: StepOptions, refuse: Refuse) -> None:
    accelerators: list[str] = []
    for resource, quantity in options.limits.items():
        try:
            if resource == "cpu":
                task.set_cpu_limit(quantity)
            elif resource == "memory":
                task.set_memory_limit(_memory(quantity))
            elif "/" in resource and not accelerators:
                # The limit first: a quantity that it refuses must not leave a step that asks for one, KFP's default.
                task.set_accelerator_limit(quantity).set_accelerator_type(resource)
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


def _set_requests(task: Any, options: StepOptions, refuse: Refuse) -> None:
    for resource, quantity in options.requests.items():
        try:
            if resource == "cpu":
                task.set_cpu_request(quantity)
            elif resource == "memory":
                task.set_memory_request(_memory(quantity))
            elif "/" not in resource or options.limits.get(resource) != quantity:  # of an accelerator both are the same
                refuse(
                    f"Kubeflow Pipelines has requests for cpu and memory alone, so that for {resource} is left out",
                    f"Ask for it with limit:{resource}:{quantity}." if "/" in resource else "Remove the tag.",
                )
        except ValueError as problem:
            refuse(f"request:{resource}:{quantity} is left out: {problem}", "Write the quantity as Kubeflow takes it.")


def _set_retries(task: Any, options: StepOptions, refuse: Refuse) -> None:
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


def _memory(quantity: str) -> str:
    """A quantity as the SDK takes it: it knows no fractions such as 1.5Gi, which are whole bytes all the same."""
    if re.fullmatch(r"\d+([EPTGMK]i?)?", quantity):
        return quantity
    return str(math.ceil(amount(quantity)))
