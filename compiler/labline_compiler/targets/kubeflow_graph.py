"""A pipeline as the tasks of Kubeflow Pipelines: which there are, loops of them, and the one that ends the run.

Needs no KFP: :mod:`.kubeflow` hands this to its SDK, :mod:`.python` writes it down.
"""

from __future__ import annotations

from collections.abc import Iterator

from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets.kubeflow_component import Component, components
from labline_compiler.targets.kubeflow_folder import Shipped
from labline_compiler.targets.kubeflow_names import Names
from labline_compiler.targets.kubeflow_packages import Packages
from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Fan:
    """Tasks made of one component, one for each item that the task called ``items`` lists; ``parallel`` at once, 0 for
    no limit.
    """

    items: str
    one: Component
    parallel: int


@dataclass(frozen=True)
class Graph:
    """The tasks in an order in which each comes after those it takes from. ``ending`` is for when all have ended."""

    tasks: tuple[Component | Fan, ...]
    ending: Component | None = None

    def components(self) -> Iterator[Component]:
        """All components, the last task's first."""
        if self.ending is not None:
            yield self.ending
        for task in self.tasks:
            yield task.one if isinstance(task, Fan) else task


def ends_run(pipeline: Pipeline, step: Step) -> bool:
    """Whether *step* can be the task that KFP runs when all others have ended: such a task takes nothing of others."""
    return bool(step.options.exit) and not step.inputs and not step.keepers and len(pipeline.steps) > 1


def graph(pipeline: Pipeline, names: Names, shipped: Shipped | None = None, packages: Packages | None = None) -> Graph:
    """The tasks that *pipeline* comes to, beside those that have the files *shipped* with it, and the *packages*."""
    tasks: list[Component | Fan] = []
    ending = None
    for step in pipeline.steps:
        is_last = ends_run(pipeline, step)
        made = components(pipeline, step, names, ends=is_last, shipped=shipped, packages=packages)
        if is_last:
            (ending,) = made
        elif len(made) == 1:
            tasks += made
        else:
            listing, one, whole = made
            limit = step.options.foreach.parallel if step.options.foreach is not None else None
            tasks += [listing, Fan(listing.name, one, limit or 0), whole]
    return Graph(tuple(tasks), ending)


def waits(component: Component, names: Names) -> list[str]:
    """The tasks that *component*'s waits for besides those it takes from."""
    return [names.steps[step] for step in component.step.after] if component.role in ("step", "list") else []
