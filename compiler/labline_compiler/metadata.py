"""The options that live in the notebook's metadata, under ``labline``; Kale's are read by :mod:`.kale`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from labline_compiler.cluster_options import (
    OBJECTS,
    is_name,
    is_volume,
    toleration,
    wrong_references,
)
from labline_compiler.findings import Finding, finding
from labline_compiler.kale import read_kale
from labline_compiler.notebook import Notebook
from labline_compiler.pipeline import MODEL_NAME, Foreach
from labline_compiler.tags import Options, PipelineOptions
from labline_runtime.specification import Backoff, Registration

_REFERENCES = {
    "secrets": ("secret", "key", "environment variable"),
    "secret_files": ("secret", "/path"),
    "config_maps": ("config map", "key", "environment variable"),
    "config_map_files": ("config map", "/path"),
}


def read_pipeline_options(notebook: Notebook) -> tuple[PipelineOptions, list[Finding]]:
    """What ``labline`` and Kale's ``kubeflow_notebook`` in the notebook's metadata say; Labline's own entries win."""
    result = PipelineOptions()
    findings: list[Finding] = []

    def bad(message: str) -> None:
        findings.append(finding("LL108", f"In the notebook's metadata, {message}."))

    kale = notebook.metadata.get("kubeflow_notebook")
    if isinstance(kale, Mapping):
        findings += read_kale(kale, result)
    own = notebook.metadata.get("labline", {})
    if not isinstance(own, Mapping):
        bad("`labline` is not an object")
        return result, findings
    for key, field in (
        ("pipeline", "name"),
        ("name", "name"),
        ("experiment", "experiment"),
        ("description", "description"),
    ):
        if (value := own.get(key)) is not None:
            if not isinstance(value, str) or not value.strip():
                bad(f"`labline.{key}` is not a text")
            else:
                setattr(result, field, value)
    if (cache := own.get("cache", result.cache)) not in (True, False) or not isinstance(cache, bool):
        bad("`labline.cache` is neither true nor false")
    else:
        result.cache = cache
    if not isinstance(parallel_random := own.get("parallel_random", False), bool):
        bad("`labline.parallel_random` is neither true nor false")
    else:
        result.parallel_random = parallel_random
    if (timeout := own.get("timeout")) is not None:
        if problem := _seconds(timeout):
            bad(f"`labline.timeout` {problem}")
        else:
            result.timeout = float(timeout)
    if (image := own.get("image")) is not None:
        if isinstance(image, str) and image.strip():
            result.defaults.image = image
        else:
            bad("`labline.image` is not a text")
    if (account := own.get("service_account")) is not None:
        if is_name(account):
            result.service_account = account
        else:
            bad("`labline.service_account` is not the name of a service account")
    steps = own.get("steps", {})
    if not isinstance(steps, Mapping):
        bad("`labline.steps` is not an object")
        return result, findings
    for name, entry in steps.items():
        if not isinstance(entry, Mapping):
            bad(f"`labline.steps.{name}` is not an object")
            continue
        options = result.steps[str(name)] = Options()
        for key, value in entry.items():
            if problem := _read_option(options, str(key), value):
                bad(f"`labline.steps.{name}.{key}` {problem}")
    return result, findings


def _read_option(options: Options, key: str, value: Any) -> str | None:
    """Set one option of a step from the metadata. Returns what is wrong with it, as the end of a sentence."""
    if key in OBJECTS:
        if not isinstance(value, Mapping) or not all(isinstance(v, (str, int, float)) for v in value.values()):
            return "is not an object of texts"
        texts = {str(k): str(v) for k, v in value.items()}
        if problem := OBJECTS[key](texts):
            return problem
        setattr(options, key, texts)
    elif key in _REFERENCES:
        if problem := wrong_references(value, *_REFERENCES[key]):
            return problem
        setattr(options, key, [tuple(entry) for entry in value])
    elif key == "tolerations":
        if not isinstance(value, (list, tuple)):
            return "is not a list of objects"
        for entry in value:
            read, problem = toleration(entry)
            if read is None:
                return problem
            options.tolerations.append(read)
    elif key == "pull_secrets":
        if not isinstance(value, (list, tuple)) or not all(map(is_name, value)):
            return "is not a list of secrets' names"
        options.pull_secrets = list(value)
    elif key == "service_account":
        if not is_name(value):
            return "is not the name of a service account"
        options.service_account = value
    elif key == "volumes":
        if not isinstance(value, (list, tuple)) or not all(map(is_volume, value)):
            return "is not a list of [claim, /path] or [claim, /path, environment variable]"
        options.volumes = [tuple(volume) for volume in value]
    elif key == "image":
        if not isinstance(value, str) or not value.strip():
            return "is not a text"
        options.image = value
    elif key in ("cache", "report", "post_mortem"):
        if not isinstance(value, bool):
            return "is neither true nor false"
        setattr(options, key, value)
    elif key == "retries":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1000:
            return "is not a whole number from 0 to 1000"
        options.retries = value
    elif key == "timeout":
        if problem := _seconds(value):
            return problem
        options.timeout = float(value)
    elif key == "backoff":
        options.backoff, problem = _backoff(value)
        return problem
    elif key == "foreach":
        options.foreach, problem = _foreach(value)
        return problem
    elif key == "register":
        options.register, problem = _registration(value)
        return problem
    elif key == "exit":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or len(names) not in (1, 2) or not all(map(_is_name, names)):
            return "is not the name of a parameter for the outcome, or a list of it and of one for the error"
        options.exit = tuple(names)
    elif key == "retry_on":
        if not isinstance(value, (list, tuple)) or not value or not all(map(_is_exception, value)):
            return 'is not a list of exceptions\' names, such as ["ConnectionError"]'
        options.retry_on = tuple(value)
    else:
        return "is not an option that Labline knows"
    return None


def _seconds(value: Any) -> str | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return None if is_number and 0 < value < 1e9 else "is not a positive number of seconds"


def _backoff(value: Any) -> tuple[Backoff | None, str | None]:
    """How long to wait before another try: seconds, or an object with a factor, too; what is wrong with it."""
    entries = value if isinstance(value, Mapping) else {"seconds": value}
    if unknown := sorted(set(map(str, entries)) - {"seconds", "factor", "most"}):
        return None, f"has no entry `{unknown[0]}`; it has seconds, factor and most"
    if "seconds" not in entries:
        return None, "says no seconds"
    for name, entry in entries.items():
        if problem := _seconds(entry):
            return None, problem if name != "factor" else "has a factor that is no positive number"
    return Backoff(**{str(name): float(entry) for name, entry in entries.items()}), None


def _foreach(value: Any) -> tuple[Foreach | None, str | None]:
    """How the items of a loop are to run: true, or an object; what is wrong with it."""
    if isinstance(value, bool):
        return Foreach() if value else None, None
    if not isinstance(value, Mapping):
        return None, "is neither true nor false nor an object"
    if unknown := sorted(set(map(str, value)) - {"parallel", "allow_failures", "pool"}):
        return None, f"has no entry `{unknown[0]}`; it has parallel, allow_failures and pool"
    parallel, allow_failures, pool = value.get("parallel"), value.get("allow_failures", False), value.get("pool", False)
    if parallel is not None and (not isinstance(parallel, int) or isinstance(parallel, bool) or parallel < 1):
        return None, "says a `parallel` that is no whole number above 0"
    for name, wish in {"allow_failures": allow_failures, "pool": pool}.items():
        if not isinstance(wish, bool):
            return None, f"says an `{name}` that is neither true nor false"
    return Foreach(parallel, allow_failures, pool), None


def _registration(value: Any) -> tuple[Registration | None, str | None]:
    """Which model to register: its registered name, or an object that has it; what is wrong with it."""
    entries = value if isinstance(value, Mapping) else {"name": value}
    if unknown := sorted(set(map(str, entries)) - {"name", "variable", "input", "sample"}):
        return None, f"has no entry `{unknown[0]}`; it has name, variable, input and sample"
    name = entries.get("name")
    if not isinstance(name, str) or MODEL_NAME.fullmatch(name) is None:
        return None, "says no name of a registered model, a text without / : @ . % and quotes"
    for key in ("variable", "input"):
        if entries.get(key) is not None and not _is_name(entries[key]):
            return None, f"says `{key}`, which is no name of a variable"
    sample = entries.get("sample", True)
    if not isinstance(sample, bool):
        return None, "says a `sample` that is neither true nor false"
    return Registration(name, entries.get("variable"), entries.get("input"), sample=sample), None


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _is_exception(name: Any) -> bool:
    return isinstance(name, str) and all(part.isidentifier() for part in name.split("."))


def as_metadata(options: Options) -> dict[str, Any]:
    """*options* as an entry of ``labline.steps``, which reads them back."""
    entries = {key: value for key, value in dataclasses.asdict(options).items() if value not in (None, {}, [])}
    if options.register is not None:  # what a target adds to it is no entry
        entries["register"] = {name: each for name, each in entries["register"].items() if each is not None}
    return entries
