"""What Kale's panel wrote into a notebook's metadata, under ``kubeflow_notebook``, in Labline's terms.

It is not ours, so a value of another type than Kale gives it is no error: it is left out, and told. What Kale's own
releases do with each entry is in the docs (``users/kale.md``); an entry that asks for what Labline does not do is told,
too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from labline_compiler.cluster_options import OBJECTS, is_volume, wrong_references
from labline_compiler.findings import Finding, finding
from labline_compiler.notebook import Cell
from labline_compiler.tags import Options, PipelineOptions, read_cell_tags

# Entries of `steps_defaults` as an object, where they are not called as Labline calls them.
_NUMBERS = {"retry_count": "retries", "timeout": "timeout"}
_MOUNTING = (
    "Create the claim on the cluster and name it here, with the type `pvc` and a mount point that starts with a slash."
)
# What Kale writes under its names; an object of the panel's may also be a list, or only a name.
_TYPES: dict[str, tuple[type, ...]] = {
    "volumes": (list, tuple),
    "steps_defaults": (list, tuple, Mapping),
    "experiment": (str, Mapping),
    "security_context": (Mapping,),
    "enable_caching": (bool,),
    **dict.fromkeys(
        ("experiment_name", "pipeline_name", "pipeline_description", "docker_image", "base_image"),
        (str,),
    ),
}
_SWITCHES = {"enable_caching": "cache", "generate_html_report": "report"}


def read_kale(kale: Mapping[str, Any], result: PipelineOptions) -> list[Finding]:
    """Take over what fits into *result*; what is left out is told."""
    result.cache = kale.get("enable_caching") is not False
    experiment = kale.get("experiment")
    for name in (
        kale.get("experiment_name"),
        experiment.get("name") if isinstance(experiment, Mapping) else experiment,
    ):
        if isinstance(name, str) and name.strip():
            result.experiment = name
            break
    for key, field in (("pipeline_name", "name"), ("pipeline_description", "description")):
        if _is_text(value := kale.get(key)):
            setattr(result, field, value)
    for key in ("docker_image", "base_image"):
        if _is_text(value := kale.get(key)):
            result.defaults.image = value
    lost = _volumes(kale.get("volumes"), result)
    others = (*_misfits(kale), *_steps_defaults(kale.get("steps_defaults"), result), *_left_out(kale))
    return [
        *(finding("LL114", f"In Kale's metadata, {message}.", fix=_MOUNTING) for message in lost),
        *(finding("LL114", f"In Kale's metadata, {message}.") for message in others),
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _misfits(kale: Mapping[str, Any]) -> Iterator[str]:
    """Entries of another type than Kale's own. An empty one says nothing."""
    for key, types in _TYPES.items():
        if (value := kale.get(key)) not in (None, "", [], {}) and not isinstance(value, types):
            yield f"`{key}` is {str(value)[:80]!r}, which is not what Kale writes there, and is left out"


def _steps_defaults(given: Any, result: PipelineOptions) -> Iterator[str]:
    """Options for every step: a list of tags, or an object as Kale holds them."""
    if isinstance(given, (list, tuple)):
        for tag in given:
            read, wrong = read_cell_tags(Cell(0, "", "code", "", {"tags": [tag] if isinstance(tag, str) else []}))
            if wrong or not read.options:
                yield f"the entry {str(tag)[:80]!r} of `steps_defaults` is no option of a step and is left out"
            else:  # the last one counts, also before what the notebook says of its image
                read.options.fill(result.defaults)
                result.defaults = read.options
    elif isinstance(given, Mapping):
        for key, value in given.items():
            if not _default(str(key), value, result.defaults):
                yield f"the entry `steps_defaults.{str(key)[:80]}` is left out"


def _default(key: str, value: Any, defaults: Options) -> bool:
    """Whether one entry of the object could be taken over. An empty one says nothing."""
    if value in (None, "", {}):
        return True
    if key in OBJECTS and isinstance(value, Mapping):
        texts = {str(name): str(text) for name, text in value.items()}
        if OBJECTS[key](texts):
            return False
        getattr(defaults, key).update(texts)
    elif key == "secrets" and isinstance(value, Mapping):
        for variable, where in value.items():
            named = where if isinstance(where, Mapping) else {}
            secret = (named.get("secret_name"), named.get("secret_key"), str(variable))
            if wrong_references([secret], "secret", "key", "environment variable"):
                return False
            defaults.secrets.append(secret)  # type: ignore[arg-type]  # which are all texts
    elif key == "base_image" and _is_text(value):
        defaults.image = value
    elif key in _SWITCHES and isinstance(value, bool):
        setattr(defaults, _SWITCHES[key], value)
    elif key in _NUMBERS and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1e9:
        setattr(defaults, _NUMBERS[key], value or None)
    else:
        return False
    return True


def _volumes(volumes: Any, result: PipelineOptions) -> Iterator[str]:
    """Volumes are mounted into every step."""
    for volume in volumes if isinstance(volumes, (list, tuple)) else ():
        if not isinstance(volume, Mapping):
            yield f"the volume {str(volume)[:80]!r} is no object and is not mounted"
            continue
        name, path, kind = (volume.get(key) for key in ("name", "mount_point", "type"))
        if kind == "pvc" and isinstance(name, str) and isinstance(path, str) and is_volume((name, path)):
            # The name of the variable is Kale's, so that code written for it finds its data.
            exposed = "KALE_VOLUME_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            named = (exposed,) if volume.get("expose_as_env_var") is True else ()
            result.defaults.volumes.append((name, path, *named))
            if volume.get("snapshot") is True:
                yield f"the volume {name[:80]!r} is to be a snapshot, but the claim itself is mounted"
        else:
            yield f"the volume {str(name)[:80]!r}, of type {str(kind)[:20]}, is not mounted"


def _left_out(kale: Mapping[str, Any]) -> Iterator[str]:
    if kale.get("katib_run") is True:
        yield "`katib_run` asks for a search of hyperparameters, but the pipeline runs once, with its parameters"
    for key in ("snapshot_volumes", "autosnapshot"):
        if kale.get(key) is True:
            yield f"`{key}` asks for snapshots of volumes, and none are made"
    timeout = kale.get("timeout")
    if isinstance(timeout, int) and not isinstance(timeout, bool) and timeout > 0:
        yield f"`timeout` bounds the whole pipeline to {timeout} seconds, and nothing does here"
    context = kale.get("security_context")
    if isinstance(context, Mapping) and context and context.get("enabled") is not False:
        yield "`security_context` says as whom steps run, and here they run as their image says"
