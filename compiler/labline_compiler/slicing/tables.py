"""What is known of libraries: which calls look at all rows at once."""

from __future__ import annotations

import ast


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LOADERS = _words("open_dataset load_dataset get_rdataset DataFrame from_records from_dict open")
"""Calls that bring data in, beside those whose names begin so:"""
LOADING = ("read_", "load_", "fetch_", "scan_")

FITS = _words("fit partial_fit")
FIT_AND_TRANSFORM = {"fit_transform": "transform"}

AGGREGATES = _words(
    "mean median std var sem min max sum prod quantile mode nunique unique value_counts count idxmax idxmin corr cov "
    "skew kurt kurtosis mad agg aggregate describe argmin argmax ptp any all item nlargest nsmallest "
    "first_valid_index last_valid_index to_dict info memory_usage get_feature_names_out"
)
"""Methods of frames, series, groups and arrays whose value is of all rows; of one row each with ``axis=1``."""

FACTS = _words("columns dtypes shape size empty dtype ndim categories is_unique is_monotonic_increasing hasnans")
"""Attributes likewise."""

NUMPY_AGGREGATES = _words(
    "mean nanmean median nanmedian average std nanstd var nanvar min nanmin max nanmax amin amax percentile "
    "nanpercentile quantile nanquantile sum nansum prod unique histogram histogram_bin_edges corrcoef cov bincount"
)
BUILTIN_AGGREGATES = _words("len sum min max set sorted any all Counter")

ACCESSORS = _words("str dt")
"""What follows these is of one row each, whatever it is called."""

ACROSS = {
    "rank": "gives ranks among all rows",
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "cumcount", "ngroup"), "runs over the rows above"),
    **dict.fromkeys(("shift", "diff", "pct_change"), "looks at other rows"),
    **dict.fromkeys(("rolling", "expanding", "ewm", "resample"), "looks at a window of rows"),
    **dict.fromkeys(("interpolate", "ffill", "bfill", "pad", "backfill"), "fills from other rows"),
    **dict.fromkeys(("factorize", "get_dummies"), "makes its categories of the rows that are there"),
    "qcut": "makes its bins of the rows that are there",
    **dict.fromkeys(("duplicated",), "compares rows"),
    **dict.fromkeys(("pivot", "pivot_table", "melt", "explode", "stack", "unstack", "crosstab"), "makes other rows"),
    "fit_predict": "learns from the rows that it is asked about",
}
"""Methods and functions whose value for a row depends on other rows in a way that cannot be kept, and why."""

REWRITE = {
    "factorize": "Use an OrdinalEncoder that is fitted on the training rows.",
    "get_dummies": "Use a OneHotEncoder that is fitted on the training rows.",
    "qcut": "Compute the bins with quantile(...) in a statement of its own, and use pd.cut(..., bins).",
    "astype": "Name the categories: astype(pd.CategoricalDtype([...])).",
    "cut": "Give pd.cut a list of bins.",
    "transform": "Compute the groups' values with groupby(...).agg(...), and bring them in with map or merge.",
    "fit_predict": "Call fit on the training rows, and predict in a statement of its own.",
}
ELSE_REWRITE = "Compute it before the rows are loaded, or name the frame that has it with --input."

SELECTIONS = _words(
    "query sample head tail drop_duplicates sort_values sort_index nlargest nsmallest truncate between_time"
)
"""Methods that give some of the rows, or other orders of them, each as it was."""

SPLITS = _words("train_test_split")


def names_axis_of_columns(call: ast.Call, position: int = 0) -> bool:
    """Whether the call is told to go along each row (``axis=1``)."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "axis"]
    given += call.args[position : position + 1]
    return any(isinstance(each, ast.Constant) and each.value in (1, -1, "columns") for each in given)


def called(call: ast.Call) -> str:
    """The last part of what is called."""
    match call.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def chain(node: ast.expr) -> list[str]:
    """The names of attributes and methods that lead to *node*, the last one first."""
    found = []
    while True:
        match node:
            case ast.Call(func=inner) | ast.Subscript(value=inner):
                node = inner
            case ast.Attribute(value=inner, attr=name):
                found.append(name)
                node = inner
            case _:
                return found
