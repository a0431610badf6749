"""Where what libraries offer under several names is at home: ``pylab.plot`` is pyplot's, ``inspect.sys`` is ``sys``."""

from __future__ import annotations

import sys

from labline_compiler.analysis.operations import words

# What modules have imported for themselves, by the names that they give it.
_IMPORTED = {
    **{name: name for name in ("sys", "os", "warnings", "builtins", "gc")},
    **{"_sys": "sys", "_os": "os", "_warnings": "warnings"},
    **{"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "mpl": "matplotlib"},
}
# Other libraries have modules of their own with these names.
_IMPORTED_BY_STANDARD_LIBRARY = ("random", "logging", "locale", "decimal", "signal", "threading")

# pylab has all names of pyplot, NumPy and some of NumPy's modules; the last to be imported wins. Here are those that
# are pyplot's and those of NumPy's generator; what is left is NumPy's, or makes something new as NumPy's do.
_PYLAB = ("pylab", "matplotlib.pylab")
_PYPLOT = words(
    "Axes Figure acorr angle_spectrum annotate annotations arrow autoscale autumn axes axhline axhspan axis axline "
    "axvline axvspan backend_registry bar bar_label barbs barh bone box boxplot broken_barh cla clabel clf clim "
    "close cohere color_sequences colorbar colormaps connect contour contourf cool copper csd cycler delaxes "
    "disconnect draw draw_all draw_if_interactive ecdf errorbar eventplot figaspect figimage figlegend "
    "fignum_exists figtext figure fill fill_between fill_betweenx findobj flag gca gcf gci get get_backend get_cmap "
    "get_current_fig_manager get_figlabels get_fignums get_plot_commands get_scale_names getp ginput gray grid "
    "grouped_bar hexbin hist hist2d hlines hot hsv imread imsave imshow inferno install_repl_displayhook "
    "interactive ioff ion isinteractive jet legend locator_params loglog magma magnitude_spectrum margins matshow "
    "minorticks_off minorticks_on new_figure_manager nipy_spectral pause pcolor pcolormesh phase_spectrum pie "
    "pie_label pink plasma plot polar prism psd quiver quiverkey rc rcParams rcParamsDefault rcParamsOrig "
    "rc_context rcdefaults rgrids savefig sca scatter sci semilogx semilogy set_cmap set_loglevel setp show "
    "specgram spring spy stackplot stairs stem step streamplot subplot subplot2grid subplot_mosaic subplot_tool "
    "subplots subplots_adjust summer suptitle switch_backend table text thetagrids tick_params ticklabel_format "
    "tight_layout title tricontour tricontourf tripcolor triplot twinx twiny uninstall_repl_displayhook violinplot "
    "viridis vlines waitforbuttonpress winter xcorr xkcd xlabel xlim xscale xticks ylabel ylim yscale yticks"
)
_RANDOM = words(
    "BitGenerator Generator MT19937 PCG64 PCG64DXSM Philox RandomState SFC64 SeedSequence beta binomial chisquare "
    "choice default_rng dirichlet exponential f gamma geometric get_state gumbel hypergeometric laplace logistic "
    "lognormal logseries multinomial multivariate_normal negative_binomial noncentral_chisquare noncentral_f normal "
    "pareto permutation poisson power rand randint randn random random_integers random_sample ranf rayleigh sample "
    "seed set_state shuffle standard_cauchy standard_exponential standard_gamma standard_normal standard_t "
    "triangular uniform vonmises wald weibull zipf"
)
_BUILTINS = words("abs bool bytes max min pow round")
_LINEAR_ALGEBRA = words("cholesky cond det eig eigh eigvals eigvalsh inv lstsq norm pinv qr slogdet solve svd")

_HOMES = (
    ("matplotlib.pyplot", _PYPLOT),
    ("numpy.random", _RANDOM),
    ("numpy.linalg", _LINEAR_ALGEBRA),
    ("builtins", _BUILTINS),
)


def imported_by(origin: str, name: str) -> str | None:
    """The module that the attribute *name* of the library object *origin* is, where it is another's; else None."""
    root = origin.partition(".")[0]
    if name in _IMPORTED_BY_STANDARD_LIBRARY and root in sys.stdlib_module_names and root != name:
        return name
    return _IMPORTED.get(name)


def path_of(origin: str, name: str) -> str:
    """The dotted name, where it is at home, of the attribute *name* of the library object *origin*."""
    if origin not in _PYLAB:
        return f"{origin}.{name}"
    for home, names in _HOMES:
        if name in names:
            return f"{home}.{name}"
    return f"numpy.{name}"
