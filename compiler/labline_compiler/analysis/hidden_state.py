"""What a program depends on without naming it: which operations read, set or change which hidden state.

Hidden state has names that start with ``@`` and then flows between steps like any variable.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

# "draw": changed, but only worth carrying when it was set before: an unseeded generator gives other numbers each time.
# "set": the whole state is new. "change": a part of it is.
Use = Literal["read", "draw", "set", "change"]

RANDOM_STATES = ("@random", "@numpy.random", "@torch.random")
# Once changed, everything that runs later may depend on it.
AMBIENT = (
    "@pandas.options",
    "@numpy.printoptions",
    "@matplotlib.rcParams",
    "@warnings",
    "@environ",
    "@cwd",
    "@sys.path",
)


class HiddenUse(NamedTuple):
    """One use of one hidden state."""

    state: str
    use: Use


def _table(state: str, use: Use, names: str, prefix: str) -> dict[str, HiddenUse]:
    return {f"{prefix}.{name}": HiddenUse(state, use) for name in names.split()}


# Calls, by dotted origin; the longest prefix wins.
CALLS: dict[str, HiddenUse] = {
    "random": HiddenUse("@random", "draw"),
    **_table("@random", "set", "seed setstate", "random"),
    "random.getstate": HiddenUse("@random", "read"),
    "numpy.random": HiddenUse("@numpy.random", "draw"),
    **_table("@numpy.random", "set", "seed set_state", "numpy.random"),
    "numpy.random.get_state": HiddenUse("@numpy.random", "read"),
    **_table("@torch.random", "set", "manual_seed seed set_rng_state", "torch"),
    "torch.random.manual_seed": HiddenUse("@torch.random", "set"),
    **_table(
        "@torch.random",
        "draw",
        "rand randn randint randperm normal bernoulli multinomial rand_like randn_like randint_like nn "
        "utils.data.random_split "
        "utils.data.DataLoader",
        "torch",
    ),
    **_table("@pandas.options", "change", "set_option reset_option set_eng_float_format options", "pandas"),
    **_table("@numpy.printoptions", "change", "set_printoptions set_string_function seterr seterrcall", "numpy"),
    **_table("@matplotlib.rcParams", "change", "rc rcdefaults rc_file rcParams style.use use", "matplotlib"),
    **_table(
        "@matplotlib.rcParams",
        "change",
        "rc rcdefaults rcParams style.use set_cmap gray hot jet viridis plasma inferno magma switch_backend xkcd",
        "matplotlib.pyplot",
    ),
    **_table(
        "@matplotlib.rcParams",
        "change",
        "set set_theme set_style set_context set_palette reset_defaults reset_orig",
        "seaborn",
    ),
    **_table("@warnings", "change", "filterwarnings simplefilter resetwarnings", "warnings"),
    "os.environ": HiddenUse("@environ", "change"),
    **_table("@environ", "change", "putenv unsetenv", "os"),
    **_table("@environ", "read", "getenv environ.get environ.items environ.keys environ.values environ.copy", "os"),
    **_table("@cwd", "set", "chdir fchdir", "os"),
    **_table("@cwd", "read", "getcwd getcwdb", "os"),
    **_table("@sys.path", "change", "path.append path.insert path.extend path.remove path.clear path.pop", "sys"),
}

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
    "os.environ": "@environ",
    "sys.path": "@sys.path",
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
    ]
)
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


# State of the process that no step hands on.
_PROCESS_STATE = frozenset(
    (
        *("sys.setrecursionlimit", "sys.set_int_max_str_digits", "sys.settrace", "sys.setprofile"),
        *("decimal.getcontext", "decimal.setcontext", "locale.setlocale", "time.tzset", "os.umask"),
        *("logging.basicConfig", "logging.disable", "logging.addLevelName", "logging.setLoggerClass"),
        *("socket.setdefaulttimeout", "signal.signal", "atexit.register", "gc.disable", "gc.set_threshold"),
        *("csv.field_size_limit", "csv.register_dialect", "copyreg.pickle", "codecs.register"),
        *("sqlite3.register_adapter", "sqlite3.register_converter", "multiprocessing.set_start_method"),
        *("sklearn.set_config", "xgboost.set_config", "torch.set_default_dtype", "torch.set_default_device"),
        *("torch.use_deterministic_algorithms", "torch.set_grad_enabled", "torch.cuda.manual_seed"),
        *("torch.cuda.manual_seed_all", "tensorflow.random.set_seed", "tensorflow.keras.utils.set_random_seed"),
        *(
            "tensorflow.keras.backend.set_floatx",
            "tensorflow.config.run_functions_eagerly",
            "keras.utils.set_random_seed",
        ),
        *("jax.config.update", "polars.set_random_seed", "polars.enable_string_cache", "transformers.set_seed"),
    )
)


def is_process_state(origin: str) -> bool:
    """Whether calling *origin* changes the process in a way that later steps do not see."""
    return origin in _PROCESS_STATE


def call_use(origin: str) -> HiddenUse | None:
    """The hidden state that calling *origin* uses, if any."""
    if origin.startswith(_OWN_GENERATORS):
        return None
    prefix = origin
    while prefix:
        if prefix in CALLS:
            return CALLS[prefix]
        prefix = prefix.rpartition(".")[0]
    return None


def assignment_state(origin: str) -> str | None:
    """The hidden state that an assignment into the object *origin* changes, if any."""
    prefix = origin
    while prefix:
        if prefix in ASSIGNMENTS:
            return ASSIGNMENTS[prefix]
        prefix = prefix.rpartition(".")[0]
    return None


def is_unrepeatable(origin: str) -> bool:
    """Whether calling *origin* gives something else each time."""
    return any(origin == name or origin.startswith(f"{name}.") for name in UNREPEATABLE)


# --------------------------------------------------------------------------------------------------------------- files

# Calls that read or write a file: last part of the name -> position of the path. Methods and functions alike.
_READS = dict.fromkeys(
    [
        "read_csv",
        "read_table",
        "read_parquet",
        "read_json",
        "read_excel",
        "read_pickle",
        "read_feather",
        "read_hdf",
        "read_sql",
        "read_html",
        "read_xml",
        "read_orc",
        "read_stata",
        "read_sas",
        "read_spss",
        "read_fwf",
        "loadtxt",
        "genfromtxt",
        "fromfile",
        "imread",
        "memmap",
        "open_dataset",
        "read_text",
        "read_bytes",
        "load_model",
        "load_weights",
        "load_npz",
        "loadmat",
        "listdir",
        "walk",
        "scandir",
        "iterdir",
        "glob",
        "rglob",
        "iglob",
        "exists",
        "is_file",
        "is_dir",
        "isfile",
        "isdir",
        "getsize",
        "stat",
    ],
    0,
)
_WRITES = dict.fromkeys(
    [
        "to_csv",
        "to_parquet",
        "to_json",
        "to_excel",
        "to_pickle",
        "to_feather",
        "to_hdf",
        "to_sql",
        "to_stata",
        "to_orc",
        "to_xml",
        "savefig",
        "save",
        "savez",
        "savez_compressed",
        "savetxt",
        "tofile",
        "imsave",
        "save_model",
        "save_weights",
        "write_text",
        "write_bytes",
        "write_image",
        "write_html",
        "export_graphviz",
        "makedirs",
        "mkdir",
        "rename",
        "replace",
        "unlink",
        "rmtree",
        "copyfile",
        "copy2",
        "copytree",
        "move",
        "symlink",
        "touch",
        "save_npz",
        "savemat",
        "urlretrieve",
        "download",
    ],
    0,
)
_AMBIGUOUS = {"save", "replace", "rename", "copy", "move", "touch", "download", "stat", "exists", "glob", "walk"}
_ORIGINS = {
    "joblib.dump": ("write", 1),
    "joblib.load": ("read", 0),
    "numpy.load": ("read", 0),
    "numpy.save": ("write", 0),
    "torch.save": ("write", 1),
    "torch.load": ("read", 0),
    "os.remove": ("write", 0),
    "os.unlink": ("write", 0),
    "os.rename": ("write", 1),
    "os.replace": ("write", 1),
    "os.system": ("write", None),
    "shutil.copy": ("write", 1),
    "subprocess.run": ("write", None),
    "subprocess.call": ("write", None),
    "subprocess.check_call": ("write", None),
    "subprocess.check_output": ("write", None),
    "subprocess.Popen": ("write", None),
    "sqlite3.connect": ("write", 0),
    "sqlalchemy.create_engine": ("write", None),
    "pandas.ExcelWriter": ("write", 0),
    "zipfile.ZipFile": ("write", None),
    "tarfile.open": ("write", None),
}


class FileUse(NamedTuple):
    """A call that uses a file; ``position`` of the path among the arguments, None where it is not an argument."""

    mode: Literal["read", "write"]
    position: int | None


def file_use(origin: str | None, name: str, *, known_value: bool) -> FileUse | None:
    """How a call uses files. *name* is the last part; *known_value*: the object is known to be no path or file."""
    if origin is not None:
        if origin.startswith("builtins."):
            return None
        if origin in _ORIGINS:
            mode, position = _ORIGINS[origin]
            return FileUse("read" if mode == "read" else "write", position)
    if name in _AMBIGUOUS and known_value:
        return None
    if name in _AMBIGUOUS and origin is None:
        return FileUse("write", None) if name in ("unlink", "touch") else None
    if name in _READS:
        return FileUse("read", _READS[name] if origin is not None else None)
    if name in _WRITES:
        return FileUse("write", _WRITES[name])
    return None
