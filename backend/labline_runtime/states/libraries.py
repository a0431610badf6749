"""States of libraries: options, modes."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any

from labline_runtime.states.baseline import Baseline


def module(name: str) -> Any:
    """The module *name*, which is in use."""
    return sys.modules[name]


# ------------------------------------------------------------------------------------------------------------- PyTorch


def capture_torch_settings(_: Baseline) -> Any:
    """What new tensors are, and how they are computed."""
    torch = module("torch")
    return {
        "dtype": torch.get_default_dtype(),
        "device": str(torch.get_default_device()) if hasattr(torch, "get_default_device") else None,
        "grad": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic),
    }


def restore_torch_settings(value: Any, _: Baseline) -> None:
    """Put them back."""
    torch = module("torch")
    torch.set_default_dtype(value["dtype"])
    if value["device"] is not None and value["device"] != str(torch.get_default_device()):
        torch.set_default_device(value["device"])
    torch.set_grad_enabled(value["grad"])
    torch.set_num_threads(value["threads"])
    torch.use_deterministic_algorithms(value["deterministic"], warn_only=value["warn only"])
    torch.set_float32_matmul_precision(value["precision"])
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = value["cudnn"]


# -------------------------------------------------------------------------------------------------------------- pandas


def _pandas_options() -> dict[str, tuple[Any, Any]]:
    """Every option's present and default value."""
    config = importlib.import_module("pandas._config.config")
    options = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, option in config._registered_options.items():
            options[key] = (config.get_option(key), option.defval)
    return options


def capture_pandas(_: Baseline) -> Any:
    """The options that differ from their defaults."""
    return {key: value for key, (value, default) in _pandas_options().items() if not _same(value, default)}


def restore_pandas(value: Any, _: Baseline) -> None:
    """Set them, and all others to their defaults."""
    pandas = module("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, (present, default) in _pandas_options().items():
            wanted = value.get(key, default)
            if not _same(present, wanted):
                pandas.set_option(key, wanted)


def _same(first: Any, second: Any) -> bool:
    try:
        return type(first) is type(second) and bool(first == second)
    except Exception:
        return False


# --------------------------------------------------------------------------------------------------------------- NumPy


def capture_numpy_options(_: Baseline) -> Any:
    """How arrays are printed, and what happens at a division by zero."""
    numpy = module("numpy")
    return {"print": numpy.get_printoptions(), "errors": numpy.geterr(), "call": numpy.geterrcall()}


def restore_numpy_options(value: Any, _: Baseline) -> None:
    """Put them back."""
    numpy = module("numpy")
    numpy.set_printoptions(**value["print"])
    numpy.seterr(**value["errors"])
    numpy.seterrcall(value["call"])


# ------------------------------------------------------------------------------------------- scikit-learn and the like


def capture_sklearn(_: Baseline) -> Any:
    """scikit-learn's global configuration."""
    return module("sklearn").get_config()


def restore_sklearn(value: Any, _: Baseline) -> None:
    """Set it, save what this release does not know."""
    sklearn = module("sklearn")
    known = sklearn.get_config()
    sklearn.set_config(**{key: setting for key, setting in value.items() if key in known})


def capture_xgboost(_: Baseline) -> Any:
    """XGBoost's global configuration."""
    return module("xgboost").get_config()


def restore_xgboost(value: Any, _: Baseline) -> None:
    """Set it."""
    module("xgboost").set_config(**value)


def capture_plotly(_: Baseline) -> Any:
    """plotly's default template and renderer."""
    io = module("plotly.io")
    return {"template": io.templates.default, "renderer": io.renderers.default}


def restore_plotly(value: Any, _: Baseline) -> None:
    """Put them back."""
    io = module("plotly.io")
    io.templates.default, io.renderers.default = value["template"], value["renderer"]


def capture_polars(_: Baseline) -> Any:
    """How polars prints."""
    return module("polars").Config.save()


def restore_polars(value: Any, _: Baseline) -> None:
    """Print like that."""
    module("polars").Config.load(value)
