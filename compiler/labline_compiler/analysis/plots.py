"""pyplot's figures: who draws on which, and whether they outlive their cell.

IPython's inline backend shows the open figures at the end of every cell and closes them, so that no cell draws on
another's. Where a notebook has another backend, or keeps the figures open, they are a value that every call of pyplot
reads and alters, under the name ``@matplotlib.figures``.
"""

from __future__ import annotations

import ast
import re

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.hidden_state import FIGURES
from labline_compiler.analysis.logs import Logs
from labline_compiler.sought import Sought


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


INLINE = ("inline", "module://matplotlib_inline.backend_inline")
# What shows which backend there is, and whether it draws at once. Both are also among all of ``rcParams``. ipywidgets'
# ``interact`` shows figures in its widget where the backend is the inline one.
LOOKS_AT_BACKEND = Sought(
    "backend nteractive ipywidgets rcParams",
    r"""\b(get_backend|is_?interactive|_backend_mod|ipywidgets)\b|\brcParams\s*\[\s*['"](backend|interactive|toolbar)['"]
    |(?<!import\ )(?<!,\ )\brcParams\b(?!\s*(\[|=|\.update\b|,|\w))""",
    re.VERBOSE,
)
_PYPLOT = "matplotlib.pyplot."
# What pyplot has besides figures. Names of classes and of parameters count, too.
_NO_FIGURES = _words(
    "rc rcdefaults rcParams style cm colormaps get_cmap set_cmap ion ioff isinteractive switch_backend imread "
    "imsave get_backend rc_context xkcd color_sequences new_figure_manager"
)
_NO_SEABORN_FIGURES = _words(
    "set set_theme set_style set_context set_palette set_color_codes reset_defaults reset_orig color_palette "
    "load_dataset get_dataset_names axes_style plotting_context husl_palette hls_palette cubehelix_palette "
    "light_palette dark_palette diverging_palette blend_palette xkcd_palette mpl_palette crayon_palette"
)


# Makers of colours, colour maps, numbers that stand for dates and other data, which stay as they are when drawn with.
_AS_IT_WAS = re.compile(
    r"(?i:colormap|cmap|palette|rcparams|imread)|\.cm\.(?!ScalarMappable)|\.colors\.(?!\w*Norm|from_levels)"
    r"|\.(?:dates|cbook|mlab)\.[a-z]"
)


class Plots(Logs):
    """What calls do to pyplot's figures."""

    figures_open = False  # whether they outlive their cell
    backend_loaded = False  # whether IPython has set itself up to show figures
    backend_replaced = False  # whether another backend was chosen after that
    loading_counts = False  # whether it makes a difference to later steps
    parameters_waiting = False  # whether the inline backend has some that it sets when it is chosen (``%config``)
    cells = 0  # how many were followed
    opened_in = 0  # the cell, counted so, in which there was a figure after there had been none
    patched: dict[str, dict[str, None]]  # attributes put into libraries: name -> paths

    def draws_figures(self, origin: str) -> bool:
        """Whether calling *origin* uses pyplot's figures."""
        name = origin.rpartition(".")[2]
        if origin.startswith(_PYPLOT):
            first = origin.removeprefix(_PYPLOT).partition(".")[0]
            return first not in _NO_FIGURES and not first[:1].isupper()
        if origin.startswith("seaborn."):
            return name not in _NO_SEABORN_FIGURES
        return origin.startswith(
            ("pandas.plotting.", "missingno.", "yellowbrick.", "shap.", "scikitplot.", "networkx.draw")
        ) or (
            origin.startswith(("sklearn.", "statsmodels.", "xgboost.", "lightgbm."))
            and ("plot" in name or name.startswith("from_"))
        )

    def figures(self, handed: Value = NOTHING) -> Value:
        """Use the figures that are open: all of them, as one object, with *handed* on them."""
        self.state.sink.hidden(FIGURES, "read")
        self.load_backend()
        if not self.figures_open:
            value = self.heap.make(("figures", self.cells), "matplotlib")
        else:
            known = FIGURES in self.state.module.names  # no notebook binds them by name
            value = (self.state.global_value(FIGURES) if known else None) or self.heap.make(("figures",), "matplotlib")
            if not known:
                self.state.bind_global(FIGURES, value, inside=True)
                self.opened_in = self.cells
        if handed:
            self.heap.put(value, handed)
        self.state.alter(value | self.heap.reach(handed))
        self.run_kept(value)
        return value

    def plot_method(self, receiver: Value, name: str) -> None:
        """A method of an object of statsmodels may draw, and has pandas convert dates from then on."""
        if name.startswith("plot"):
            makers = {self.heap.things[number].maker for number in receiver}
            if any(maker is not None and maker.startswith("statsmodels.") for maker in makers):
                self.state.sink.hidden("@matplotlib.rcParams", "change")
                self.figures()

    def load_backend(self) -> None:
        """The backend is used for the first time: IPython is told how to show figures, and keeps that with another."""
        if self.loading_counts and not self.backend_loaded:
            self.state.sink.hidden("@matplotlib.backend", "change")
        if self.parameters_waiting:
            self.state.sink.hidden("@matplotlib.rcParams", "change")
        self.backend_loaded = True

    def run_kept(self, shown: Value) -> None:
        """Figures are drawn, or a styled frame is written: functions that were handed to them say how things look."""
        if functions := self.heap.callable_in(self.heap.reach(shown)):
            self.invoke(functions, NOTHING)

    def unknown_plots(self) -> None:
        """Code that is not known may draw on figures that outlive their cell."""
        if self.figures_open:
            self.figures()

    def close_figures(self) -> None:
        """All are closed: where all were opened in this cell, it is as if there had never been any."""
        if self.opened_in != self.cells:
            self.close_figure()
        elif self.figures_open and self.state.depth == 0 and len(self.state.frames) == 1:
            self.state.delete_global(FIGURES)

    def close_figure(self) -> None:
        """One is closed, which may leave others."""
        if self.figures_open and self.state.depth == 0 and len(self.state.frames) == 1:
            self.state.bind_global(FIGURES, self.heap.make(("figures", self.cells, self.state.time), "matplotlib"))

    def note_backend(self, origin: str, arguments: Arguments) -> None:
        """Whether the figures outlive their cells from here on."""
        if origin in ("matplotlib.use", "matplotlib.pyplot.switch_backend"):
            self.backend_replaced |= self.backend_loaded
            self.backend_loaded = True
            self.figures_open |= arguments.constant(0, "backend") not in INLINE
        elif origin in ("matplotlib.pyplot.ioff", "matplotlib.interactive") or origin.endswith("set_matplotlib_close"):
            self.figures_open = True

    def note_backend_setting(self, origin: str, target: ast.expr) -> None:
        """A parameter or a variable is set, which may choose the backend."""
        key = target.slice if isinstance(target, ast.Subscript) else None
        name = key.value if isinstance(key, ast.Constant) else None
        if (origin.endswith("rcParams") and name in ("backend", "interactive")) or (
            origin == "os.environ" and name == "MPLBACKEND"
        ):
            self.state.sink.hidden("@matplotlib.backend", "change")
            self.figures_open = True

    def drawn_with(self, arguments: Arguments) -> Value:
        """What is matplotlib's in reach of the arguments, and is not the same once something was drawn with it.

        Figures and axes are drawn on. A norm takes the range of what it first scales, a formatter belongs to the axis
        it was given to last. Colours and other data stay as they are.
        """
        reached = self.heap.only(self.heap.reach(arguments.all), "matplotlib")
        return frozenset(n for n in reached if not _AS_IT_WAS.search(self.heap.things[n].maker or ""))
