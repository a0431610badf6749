"""matplotlib's state: parameters, the backend with how IPython shows figures, and pyplot's open figures."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import sys
import warnings
from typing import Any

from labline_runtime.states.baseline import Baseline

OF_THE_BACKEND = frozenset(("backend", "backend_fallback", "interactive", "toolbar"))
_INLINE = "matplotlib_inline.backend_inline"
_SETTINGS = ("close_figures", "figure_formats", "print_figure_kwargs", "rc")


def _matplotlib() -> Any:
    return sys.modules["matplotlib"]


def capture_parameters(_: Baseline) -> Any:
    """``rcParams``, save those that belong to the backend, and what else decides how all plots look.

    seaborn gives letters other colours (``set_color_codes``); pandas has dates drawn its way
    (``register_matplotlib_converters``).
    """
    parameters = _matplotlib().rcParams
    maps, name = _matplotlib().colormaps, dict.__getitem__(parameters, "image.cmap")
    foreign = isinstance(name, str) and name in maps and name not in getattr(maps, "_builtin_cmaps", maps)
    colors = importlib.import_module("matplotlib.colors")
    return {
        "parameters": {
            key: dict.__getitem__(parameters, key) for key in dict.keys(parameters) if key not in OF_THE_BACKEND
        },
        "colour map": (name, maps[name](range(maps[name].N)).tolist()) if foreign else None,
        "letters": {name: color for name, color in colors.colorConverter.colors.items() if len(name) == 1},
        "pandas converts": converted_by_pandas(),
    }


def restore_parameters(value: Any, _: Baseline) -> None:
    """Set those that this release knows; register the colour map of a library that is not imported here."""
    if value["colour map"] is not None and value["colour map"][0] not in _matplotlib().colormaps:
        name, rows = value["colour map"]
        listed = importlib.import_module("matplotlib.colors").ListedColormap(rows, name=name)
        _matplotlib().colormaps.register(listed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = {key: item for key, item in value["parameters"].items() if key in _matplotlib().rcParams}
        _matplotlib().rcParams.update(known)
    colors = importlib.import_module("matplotlib.colors")
    if any(colors.colorConverter.colors.get(name) != color for name, color in value["letters"].items()):
        colors.colorConverter.colors.update(value["letters"])
        colors.colorConverter.cache.clear()
    if value["pandas converts"] != converted_by_pandas():
        plotting = importlib.import_module("pandas.plotting")
        change = "register" if value["pandas converts"] else "deregister"
        getattr(plotting, f"{change}_matplotlib_converters")()


def converted_by_pandas() -> bool:
    """Whether pandas makes numbers of dates for matplotlib, beyond its own plots."""
    units = sys.modules.get("matplotlib.units")
    converter = units.registry.get(datetime.date) if units is not None else None
    return type(converter).__module__.startswith("pandas.")


def capture_backend(_: Baseline) -> Any:
    """The backend, whether pyplot draws at once, and how IPython shows a figure.

    A backend that was chosen before pyplot was imported is the same one afterwards: that is no change of it.
    """
    matplotlib, pyplot = _matplotlib(), "matplotlib.pyplot" in sys.modules
    backend = matplotlib.get_backend() if pyplot else dict.__getitem__(matplotlib.rcParams, "backend")
    inline = inline_settings()
    return {
        "backend": backend if isinstance(backend, str) else None,
        "pyplot": pyplot and "inline" in str(backend),
        "interactive": matplotlib.is_interactive(),
        "inline": {name: getattr(inline, name) for name in _SETTINGS} if inline is not None else None,
        "printers": _printers() if "matplotlib.figure" in sys.modules else {},
    }


def restore_backend(value: Any, _: Baseline) -> None:
    """Switch to it; what the inline backend sets up on being loaded comes first, so that it does not set it anew."""
    matplotlib = _matplotlib()
    if value["pyplot"]:
        importlib.import_module("matplotlib.pyplot")
        matplotlib.get_backend()
    if value["inline"] is not None and (settings := inline_settings(make=True)) is not None:
        for name, setting in value["inline"].items():
            setattr(settings, name, setting)
    if value["backend"] is not None:
        matplotlib.use(value["backend"])
        if value["pyplot"]:
            _show_after_cells(value["backend"])
    matplotlib.interactive(value["interactive"])
    if value["printers"] or "matplotlib.figure" in sys.modules:
        _set_printers(value["printers"])


def _show_after_cells(backend: str) -> None:
    """Have figures shown at the end of each cell: the inline backend sees to that only where it is the first one."""
    with contextlib.suppress(ImportError):
        inline = importlib.import_module("matplotlib_inline.backend_inline")
        inline.configure_inline_support(_shell(), backend)


def load_backend() -> None:
    """Have the inline backend set up, as earlier cells of the notebook left it, so that ``%config`` finds it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("matplotlib.pyplot")._get_backend_mod()


def inline_settings(*, make: bool = False) -> Any:
    """The inline backend's settings, where there are any."""
    config = sys.modules.get("matplotlib_inline.config")
    if config is None and make:
        config = importlib.import_module("matplotlib_inline.config")
    if config is None or not (make or config.InlineBackend.initialized()):
        return None
    return config.InlineBackend.instance(parent=_shell())


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython()


def _printers() -> dict[str, Any]:
    """Format -> what makes it of a figure, as ``select_figure_formats`` has set it."""
    figure = sys.modules["matplotlib.figure"].Figure
    formatters = _shell().display_formatter.formatters
    return {name: formatter.type_printers[figure] for name, formatter in formatters.items() if _has(formatter, figure)}


def _set_printers(printers: dict[str, Any]) -> None:
    figure = importlib.import_module("matplotlib.figure").Figure
    for name, formatter in _shell().display_formatter.formatters.items():
        if name in printers:
            formatter.for_type(figure, printers[name])
        elif _has(formatter, figure):
            formatter.pop(figure)


def _has(formatter: Any, figure: type) -> bool:
    return figure in formatter.type_printers


def capture_figures(_: Baseline) -> Any:
    """pyplot's open figures, the current one last. Each knows its current axes."""
    managers = sys.modules["matplotlib._pylab_helpers"].Gcf.get_all_fig_managers()
    active = sys.modules["matplotlib._pylab_helpers"].Gcf.get_active()
    numbers = [manager.num for manager in managers]
    return {
        "figures": [(manager.num, manager.canvas.figure) for manager in managers],
        "active": active.num if active is not None else None,
        "order": numbers,
    }


def restore_figures(value: Any, _: Baseline) -> None:
    """Open them again, by their numbers and in their order, without showing them."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    gcf = sys.modules["matplotlib._pylab_helpers"].Gcf
    gcf.figs.clear()
    inline = sys.modules.get(_INLINE)
    waiting = (list(inline.show._to_draw), inline.show._draw_called) if inline is not None else None
    for number, figure in value["figures"]:
        manager = pyplot._get_backend_mod().new_figure_manager_given_figure(number, figure)
        gcf._set_new_active_manager(manager)
    if value["active"] is not None:
        gcf.set_active(gcf.figs[value["active"]])
    inline = sys.modules.get(_INLINE)
    if inline is not None:
        inline.show._to_draw, inline.show._draw_called = waiting or ([], False)


# --------------------------------------------------------------------------------------------------- figures as values


def reduce_figure(figure: Any, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """A figure for pickle: it neither opens itself where it is loaded, nor forgets that pyplot made it.

    Older releases of pyplot refuse to go back to a figure that they have not made (``plt.sca``, ``plt.figure(fig)``).
    Where pyplot has drawn, IPython knows how to show a figure; so it must where the figure is loaded.
    """
    make, arguments, state, *_ = reduced
    state = {name: part for name, part in state.items() if name != "_restore_to_pylab"}
    manager = getattr(figure.canvas, "manager", None)
    pyplot = sys.modules.get("matplotlib.pyplot")
    drawn = getattr(pyplot, "_backend_mod", None) is not None
    return make, arguments, (getattr(manager, "num", None), drawn, state), None, None, _set_figure_state


def _set_figure_state(figure: Any, state: tuple[Any, bool, dict[str, Any]]) -> None:
    number, drawn, content = state
    figure.__setstate__(content)
    if drawn:
        pyplot = importlib.import_module("matplotlib.pyplot")
        pyplot._get_backend_mod()
    if number is not None:
        agg = importlib.import_module("matplotlib.backends.backend_agg")
        agg.new_figure_manager_given_figure(number, figure)
        pyplot = importlib.import_module("matplotlib.pyplot")
        figure.stale_callback = pyplot._auto_draw_if_interactive


def is_figure(value: Any) -> bool:
    """Whether *value* is a whole figure of matplotlib's."""
    figures = sys.modules.get("matplotlib.figure")
    return figures is not None and isinstance(value, getattr(figures, "Figure", ()))
