"""What a program depends on without naming it: which operations read, set or change which hidden state.

Hidden state has names that start with ``@`` and then flows between steps like any variable.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from labline_compiler.sought import Sought

# "draw": changed, but only worth carrying when it was set before: an unseeded generator gives other numbers each time.
# "set": the whole state is new. "change": a part of it is. "unknown": drawn from, or maybe set. "import": maybe drawn
# from, by an import, which nobody does for what is drawn. "strange import": the same of a package that nobody knows,
# which counts only where no guard would tell.
Use = Literal["read", "draw", "set", "change", "unknown", "import", "strange import"]

RANDOM_STATES = ("@random", "@numpy.random", "@torch.random")
SEEDED_MODULES = ("random", "numpy.random", "torch")
FIGURES = "@matplotlib.figures"
PATCH, MODULE, INSIDE = "@patch:", "@module:", "[]"
# Of the interpreter itself: not to be taken to another process.
MACHINERY = ("sys.modules", "sys.meta_path", "sys.path_hooks", "sys.path_importer_cache")
# Once changed, everything that runs later may depend on it; so do attributes put into libraries.
AMBIENT = (
    "@pandas.options",
    "@polars.config",
    "@numpy.printoptions",
    "@sklearn.config",
    "@xgboost.config",
    "@torch.settings",
    "@plotly.defaults",
    "@matplotlib.backend",
    "@matplotlib.rcParams",
    "@ipython",
    "@logging",
    "@warnings",
    "@locale",
    "@decimal",
    "@interpreter",
    "@environ",
    "@cwd",
    "@sys.path",
)

# What these change they put back, be it changed by what runs in between.
RESTORING = {
    "warnings.catch_warnings": "@warnings",
    "matplotlib.rc_context": "@matplotlib.rcParams",
    "matplotlib.pyplot.rc_context": "@matplotlib.rcParams",
}
PLACES = ("@environ", "@cwd", "@sys.path")  # where things are looked for


def is_ambient(state: str) -> bool:
    """Whether all that runs later may depend on *state* without showing it."""
    return state in AMBIENT or state.startswith(PATCH)


class HiddenUse(NamedTuple):
    """One use of one hidden state."""

    state: str
    use: Use


def _table(state: str, use: Use, names: str, prefix: str = "") -> dict[str, tuple[HiddenUse, ...]]:
    return {f"{prefix}.{name}".lstrip("."): (HiddenUse(state, use),) for name in names.split()}


_EVERY_SEED = tuple(HiddenUse(state, "set") for state in RANDOM_STATES)

# Calls, by dotted origin; the longest prefix wins.
CALLS: dict[str, tuple[HiddenUse, ...]] = {
    # Generators of random numbers
    **_table("@random", "draw", "random"),
    **_table("@random", "set", "seed setstate", "random"),
    **_table("@random", "read", "getstate", "random"),
    **_table("@numpy.random", "draw", "random", "numpy"),
    **_table("@numpy.random", "set", "seed set_state", "numpy.random"),
    **_table("@numpy.random", "read", "get_state", "numpy.random"),
    **_table("@random", "set", "seed setstate", "random._inst"),
    **_table("@numpy.random", "set", "seed set_state _rand.seed _rand.set_state", "numpy.random.mtrand"),
    **_table("@numpy.random", "draw", "stripplot jitterplot", "seaborn"),
    **_table("@numpy.random", "change", "xgboost.cv"),
    **_table(
        "@torch.random",
        "set",
        "manual_seed seed set_rng_state random.manual_seed default_generator.manual_seed default_generator.seed "
        "default_generator.set_state",
        "torch",
    ),
    **_table("@torch.random", "change", "cuda.manual_seed cuda.manual_seed_all", "torch"),
    **_table(
        "@torch.random",
        "draw",
        "rand randn randint randperm normal bernoulli multinomial rand_like randn_like randint_like nn "
        "utils.data.random_split utils.data.DataLoader",
        "torch",
    ),
    **dict.fromkeys(
        (
            "transformers.set_seed",
            "keras.utils.set_random_seed",
            "tensorflow.keras.utils.set_random_seed",
            "pytorch_lightning.seed_everything",
            "lightning.seed_everything",
            "accelerate.utils.set_seed",
        ),
        _EVERY_SEED,
    ),
    # Options of libraries
    **_table("@pandas.options", "change", "set_option reset_option set_eng_float_format options", "pandas"),
    **_table("@polars.config", "change", "Config", "polars"),
    **_table(
        "@numpy.printoptions", "change", "set_printoptions set_string_function seterr seterrcall setbufsize", "numpy"
    ),
    **_table("@sklearn.config", "change", "set_config", "sklearn"),
    **_table("@xgboost.config", "change", "set_config", "xgboost"),
    **_table(
        "@torch.settings",
        "change",
        "set_default_dtype set_default_device set_default_tensor_type set_grad_enabled use_deterministic_algorithms "
        "set_num_threads set_float32_matmul_precision",
        "torch",
    ),
    **_table("@matplotlib.rcParams", "change", "rc rcdefaults rc_file rcParams style.use", "matplotlib"),
    **_table("@matplotlib.rcParams", "change", "plot", "mplfinance"),
    **_table(
        "@matplotlib.rcParams",
        "change",
        "rc rcdefaults rcParams style.use set_cmap gray hot jet viridis plasma inferno magma xkcd",
        "matplotlib.pyplot",
    ),
    **_table(
        "@matplotlib.rcParams",
        "change",
        "set set_theme set_style set_context set_palette set_color_codes reset_defaults reset_orig",
        "seaborn",
    ),
    **_table("@matplotlib.rcParams", "change", "set_palette set_aesthetic set_style style", "yellowbrick"),
    **_table("@matplotlib.rcParams", "change", "set_figure_params settings.set_figure_params", "scanpy"),
    **_table("@matplotlib.rcParams", "change", "style reset figsize", "jupyterthemes.jtplot"),
    **_table(
        "@matplotlib.rcParams",
        "change",
        "register_matplotlib_converters deregister_matplotlib_converters",
        "pandas.plotting",
    ),
    **_table("@matplotlib.backend", "change", "use interactive", "matplotlib"),
    **_table("@matplotlib.backend", "change", "switch_backend ion ioff", "matplotlib.pyplot"),
    **_table(
        "@matplotlib.backend",
        "change",
        "matplotlib_inline.backend_inline IPython.display.set_matplotlib_formats IPython.display.set_matplotlib_close",
    ),
    # The process and the standard library
    **_table("@warnings", "change", "filterwarnings simplefilter resetwarnings", "warnings"),
    **_table(
        "@logging",
        "change",
        "basicConfig disable addLevelName captureWarnings config setLoggerClass setLogRecordFactory",
        "logging",
    ),
    **_table("@locale", "change", "setlocale resetlocale", "locale"),
    **_table("@decimal", "change", "getcontext setcontext", "decimal"),
    **_table(
        "@interpreter",
        "change",
        "sys.setrecursionlimit sys.set_int_max_str_digits sys.setswitchinterval gc.disable gc.enable gc.set_threshold "
        "os.umask socket.setdefaulttimeout csv.field_size_limit signal.signal",
    ),
    **_table("@environ", "change", "environ putenv unsetenv", "os"),
    **_table("@environ", "change", "tzset", "time"),
    **_table("@environ", "change", "load_dotenv", "dotenv"),
    **_table("@environ", "read", "getenv environ.get environ.items environ.keys environ.values environ.copy", "os"),
    **_table("@cwd", "set", "chdir fchdir", "os"),
    **_table("@cwd", "read", "getcwd getcwdb", "os"),
    **_table("@sys.path", "change", "path.append path.insert path.extend path.remove path.clear path.pop", "sys"),
    **_table("@sys.path", "change", "addsitedir", "site"),
}

# Functions that give the root logger a handler if it has none.
ROOT_LOGGING = frozenset(
    f"logging.{name}"
    for name in ["debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "basicConfig"]
)
# What depends on whether it has one, or may take it away.
HANDLERS = Sought("Config andler reload", r"\b(basicConfig|dictConfig|fileConfig|\w*[hH]andlers?|reload)\b")
# Methods of loggers that set them up.
LOGGER_SETTINGS = frozenset(("setLevel", "addHandler", "removeHandler", "addFilter", "removeFilter"))

# Objects of the generators' own classes draw from themselves.
_OWN_GENERATORS = (
    "numpy.random.default_rng",
    "numpy.random.RandomState",
    "numpy.random.Generator",
    "numpy.random.SeedSequence",
    "numpy.random.PCG64",
    "numpy.random.MT19937",
    "numpy.random.Philox",
    "numpy.random.SFC64",
    "random.Random",
    "random.SystemRandom",
)

# Assignments to attributes and items of these change the state.
ASSIGNMENTS: dict[str, str] = {
    "pandas.options": "@pandas.options",
    "matplotlib.pyplot.rcParams": "@matplotlib.rcParams",
    "matplotlib.rcParams": "@matplotlib.rcParams",
    "matplotlib_inline.config.InlineBackend": "@matplotlib.backend",
    "IPython.core.interactiveshell.InteractiveShell": "@ipython",
    "os.environ": "@environ",
    "sys.path": "@sys.path",
    **dict.fromkeys(
        (f"logging.{name}" for name in ["raiseExceptions", "lastResort", "root", "logThreads", "logProcesses"]),
        "@logging",
    ),
    "warnings.filters": "@warnings",
    "torch.backends": "@torch.settings",
    "plotly.io.templates": "@plotly.defaults",
    "plotly.io.renderers": "@plotly.defaults",
    "pandas.plotting.plot_params": "@pandas.options",
}

# Functions that draw unless they are given a random_state (or None).
DRAW_WITHOUT_STATE = frozenset(
    f"sklearn.{name}"
    for name in [
        "model_selection.train_test_split",
        "utils.shuffle",
        "utils.resample",
        "datasets.make_classification",
        "datasets.make_regression",
        "datasets.make_blobs",
        "datasets.make_moons",
        "datasets.make_circles",
        "datasets.make_friedman1",
        "datasets.make_friedman2",
        "datasets.make_friedman3",
        "datasets.make_swiss_roll",
        "datasets.make_s_curve",
        "datasets.make_sparse_uncorrelated",
        "datasets.make_multilabel_classification",
        "datasets.make_gaussian_quantiles",
        "datasets.make_hastie_10_2",
        "datasets.make_low_rank_matrix",
        "datasets.make_biclusters",
        "datasets.make_checkerboard",
        "datasets.make_spd_matrix",
        "model_selection.permutation_test_score",
        "inspection.permutation_importance",
        "feature_selection.mutual_info_classif",
        "feature_selection.mutual_info_regression",
        "cluster.k_means",
        "cluster.kmeans_plusplus",
        "cluster.spectral_clustering",
        "decomposition.dict_learning",
        "decomposition.non_negative_factorization",
        "decomposition.fastica",
        "manifold.smacof",
        "utils.random.sample_without_replacement",
        "utils.extmath.randomized_svd",
        "covariance.fast_mcd",
        "covariance.graphical_lasso",
        "cluster.affinity_propagation",
        "datasets.make_sparse_coded_signal",
        "datasets.make_sparse_spd_matrix",
        "decomposition.dict_learning_online",
        "linear_model.enet_path",
        "linear_model.lasso_path",
        "manifold.locally_linear_embedding",
        "manifold.spectral_embedding",
        "utils.extmath.randomized_range_finder",
    ]
)
# And those that do so only where they are given this argument.
DRAW_WHERE_GIVEN = {
    "sklearn.cluster.estimate_bandwidth": "n_samples",
    "sklearn.feature_extraction.image.extract_patches_2d": "max_patches",
    "sklearn.metrics.silhouette_score": "sample_size",
    "sklearn.model_selection.learning_curve": "shuffle",
}
# Functions that fit the estimators they are given.
FITTING_FUNCTIONS = (
    "sklearn.model_selection.",
    "sklearn.inspection.",
    "sklearn.calibration.",
    "sklearn.feature_selection.",
)

# Results that differ from one call to the next.
UNREPEATABLE = (
    "time.time",
    "time.time_ns",
    "time.perf_counter",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "secrets",
    "os.urandom",
    "os.getpid",
    "tempfile",
    "builtins.input",
)
_UNREPEATABLE_BELOW = tuple(f"{name}." for name in UNREPEATABLE)


# Libraries that set matplotlib's parameters when they are imported.
STYLING_IMPORTS = frozenset(("datascience", "quantstats", "yellowbrick"))

# What is set so is looked up in modules below astropy's own.
ASTROPYS_DEFAULTS = frozenset(
    (
        *(f"astropy.units.{name}.enable" for name in ("imperial", "cds", "deprecated")),
        *(f"astropy.units.{verb}_enabled_{what}" for verb in ("add", "set") for what in ("units", "equivalencies")),
        "astropy.units.set_enabled_aliases",
        "astropy.units.add_enabled_aliases",
        "astropy.cosmology.default_cosmology.set",
        "astropy.coordinates.galactocentric_frame_defaults.set",
    )
)
# State of the process that no step hands on.
_PROCESS_STATE = frozenset(
    (
        *("sys.settrace", "sys.setprofile", "atexit.register", "copyreg.pickle", "codecs.register"),
        *(
            "csv.register_dialect",
            "csv.unregister_dialect",
            "sqlite3.register_adapter",
            "sqlite3.register_converter",
            "faulthandler.enable",
        ),
        *("multiprocessing.set_start_method", "resource.setrlimit", "threading.settrace", "tracemalloc.start"),
        *("threading.setprofile", "threading.stack_size", "sys.addaudithook", "sys.set_asyncgen_hooks"),
        *("mimetypes.add_type", "mimetypes.init", "urllib.request.install_opener", "codecs.register_error"),
        *("xml.etree.ElementTree.register_namespace", "webbrowser.register", "email.charset.add_charset"),
        *("gettext.install", "gettext.textdomain", "os.nice", "os.setpriority", "os.sched_setaffinity"),
        *("os.register_at_fork", "signal.alarm", "signal.setitimer", "nest_asyncio.apply", "cv2.setNumThreads"),
        *("numba.set_num_threads", "numexpr.set_num_threads", "pint.set_application_registry"),
        *("tensorflow.random.set_seed", "tensorflow.keras.backend.set_floatx", "keras.backend.set_floatx"),
        *("tensorflow.config.run_functions_eagerly", "jax.config.update", "polars.set_random_seed"),
        *("polars.enable_string_cache", "tqdm.pandas", "tqdm.tqdm.pandas", "tqdm.auto.tqdm.pandas"),
        *("tqdm.notebook.tqdm.pandas", "sympy.init_printing"),
        *("hvplot.extension", "holoviews.extension", "bokeh.io.output_notebook", "bokeh.plotting.output_notebook"),
        *("plotly.offline.init_notebook_mode", "shap.initjs", "cufflinks.go_offline"),
        *("pandarallel.pandarallel.initialize", "altair.data_transformers.disable_max_rows"),
        *("altair.data_transformers.enable", "altair.renderers.enable", "altair.themes.enable"),
        *("matplotlib.font_manager.fontManager.addfont", "matplotlib.colormaps.register"),
        *("xarray.set_options", "dask.config.set", "scipy.special.seterr", "rich.pretty.install"),
        *("astropy.visualization.quantity_support", "astropy.visualization.time_support"),
        *("quantstats.extend_pandas", "yfinance.pdr_override", "itables.init_notebook_mode", "mpld3.enable_notebook"),
        *("graphviz.set_jupyter_format", "altair.renderers.set_embed_options", *ASTROPYS_DEFAULTS),
    )
)


# They run SQL in a database that the process has of its own.
_RUNNING_SQL = frozenset(f"duckdb.{name}" for name in ("sql", "query", "execute"))
_CHANGING_SQL = re.compile(r"\s*(create|insert|update|delete|drop|alter|attach|set|load)\b", re.IGNORECASE)


def is_process_state(origin: str, first: object = None) -> bool:
    """Whether calling *origin* changes the process in a way that later steps do not see. *first*: with what."""
    if origin in _RUNNING_SQL:
        return isinstance(first, str) and _CHANGING_SQL.match(first) is not None
    return origin in _PROCESS_STATE


def makes_own_generator(origin: str) -> bool:
    """Whether *origin* is a class of generators, or makes one, or is something of theirs."""
    return origin.startswith(_OWN_GENERATORS)


@lru_cache(maxsize=4096)
def call_uses(origin: str) -> tuple[HiddenUse, ...]:
    """The hidden state that calling *origin* uses."""
    if makes_own_generator(origin):
        return ()
    if origin.startswith("scipy.stats.") and origin.endswith((".rvs", ".resample")):
        return (HiddenUse("@numpy.random", "draw"),)
    prefix = origin
    while prefix:
        if prefix in CALLS:
            return CALLS[prefix]
        prefix = prefix.rpartition(".")[0]
    return ()


def generators_used(origin: str) -> frozenset[str]:
    """The random generators among it that are drawn from, or set."""
    return frozenset(use.state for use in call_uses(origin) if use.state in RANDOM_STATES and use.use != "read")


def _random_states_below() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for origin, uses in CALLS.items():
        states = {use.state for use in uses if use.use in ("set", "change") and use.state in RANDOM_STATES}
        prefix = origin
        while prefix and states:
            found.setdefault(prefix, set()).update(states)
            prefix = prefix.rpartition(".")[0]
    return {origin: frozenset(states) for origin, states in found.items()}


_SEEDED_FROM = _random_states_below()


def seeded_from(origin: str) -> frozenset[str]:
    """The random generators that may be seeded by who has got hold of *origin*, a function or a module."""
    return _SEEDED_FROM.get(origin, frozenset())


def assignment_state(origin: str) -> str | None:
    """The hidden state that an assignment into the object *origin* changes, if any."""
    prefix = origin
    while prefix:
        if prefix in ASSIGNMENTS:
            return ASSIGNMENTS[prefix]
        prefix = prefix.rpartition(".")[0]
    return None


def module_state(origin: str) -> str:
    """The state of the module beside the notebook that *origin* is of."""
    return MODULE + origin.lstrip(".").partition(".")[0]


def changed_by(origin: str) -> frozenset[str]:
    """The hidden state, generators of random numbers aside, that code which names *origin* may change."""
    states = {use.state for use in call_uses(origin) if use.use != "read"}
    if (assigned := assignment_state(origin)) is not None:
        states.add(assigned)
    return frozenset(states.difference(RANDOM_STATES))


def is_process_wide(origin: str) -> bool:
    """Whether calling *origin*, or assigning into it, has to do with hidden state at all."""
    return bool(call_uses(origin)) or assignment_state(origin) is not None or is_process_state(origin)


def is_unrepeatable(origin: str) -> bool:
    """Whether calling *origin* gives something else each time."""
    return f"{origin}.".startswith(_UNREPEATABLE_BELOW)
