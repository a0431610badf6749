"""What methods of library objects do to their object and their arguments: data, no code that acts.

By the kind of object that a method is called on; what stands nowhere is taken to alter all it can reach.
"""

from __future__ import annotations

import re

from labline_compiler.analysis.operations import words

# Methods that put their arguments into a container or take something out of it; only the container itself changes.
CONTAINER_ALTERS = words(
    "append add insert extend remove pop clear sort reverse update setdefault popitem discard appendleft "
    "extendleft popleft "
    "rotate move_to_end subtract intersection_update difference_update symmetric_difference_update __setitem__ "
    "__delitem__"
)
# These call nothing that they are handed: they go through it, if anything, or compare it with what is there already.
CONTAINER_STORES = words("append appendleft insert extend extendleft")
CONTAINER_COMPARES = words("add remove discard index count get setdefault pop")
CONTAINER_ASKS = words("remove index count sort")  # of these and others: what is there already is asked how it compares
CONTAINER_TAKES = words("pop setdefault popitem popleft get")
CONTAINER_READS = words(
    "get keys values items copy index count union intersection difference symmetric_difference issubset issuperset "
    "isdisjoint most_common elements total __getitem__ __len__ __contains__ __iter__"
)
CONTAINER_ITERABLES = words("keys values items most_common elements")

NUMPY_ALTERS = CONTAINER_ALTERS | words(
    "sort fill put resize partition itemset setflags setfield byteswap __setitem__ __iadd__ "
    "harden_mask soften_mask shrink_mask unshare_mask"
)
NUMPY_VIEWS = words(
    "reshape ravel view transpose squeeze swapaxes diagonal T real imag flat base data byteswap "
    "newbyteorder getfield conj conjugate to_device filled compressed"
)

# How many positional arguments methods of arrays have before the one that takes the result.
NUMPY_PLAIN = {
    name: count
    for count, names in {
        0: "conj conjugate",
        1: "all any argmax argmin choose dot max min round ptp",
        2: "clip compress cumprod cumsum mean prod std sum take var",
        4: "astype trace",
    }.items()
    for name in names.split()
}

# Methods of arrays and frames that give lists or dicts, of which every part may be altered by itself.
PLAIN_COPIES = {"tolist": "list", "to_list": "list", "to_dict": "dict"}

# Some give arrays, whose methods are then told by their names.
PANDAS_ALTERS = words("sort fill put resize itemset setflags") | words(
    "insert pop update set_flags isetitem __setitem__ __delitem__ backfill_ "
    "append extend remove clear reverse setdefault discard appendleft popleft extendleft popitem"  # of objects in it
)
PANDAS_VIEWS = (
    words(
        "head tail get xs squeeze view pipe items iterrows itertuples groupby rolling resample expanding ewm style T "
        "transpose "
        "swapaxes values array to_numpy index columns loc iloc at iat str dt cat sparse axes "
        "apply get_level_values infer_objects to_flat_index eval ravel "
        "transform get_group obj grouper __getitem__ to_frame"
    )
    | NUMPY_VIEWS
)
# Methods that give a new frame, which may look at the old one's memory until one of the two is written to.
COPYING_LATE = words(
    "add_prefix add_suffix align asfreq assign astype bfill clip convert_dtypes drop drop_duplicates droplevel "
    "dropna eval ffill fillna filter infer_objects interpolate join mask merge pop query reindex "
    "reindex_like rename rename_axis reorder_levels replace reset_index round sample select_dtypes set_axis set_flags "
    "set_index shift sort_index sort_values swaplevel take truncate tz_convert tz_localize where"
)
# Methods that write to a frame's memory where they work in place, and what gives an array on that memory.
WRITING_MEMORY = words("bfill byteswap clip ffill fill fillna interpolate mask partition put replace sort update where")
TAKING_ARRAYS = words("values array to_numpy ravel")
# What ``series.dt`` computes anew each time.
FIELDS_OF_TIMES = words(
    "year month day hour minute second microsecond nanosecond weekday dayofweek day_of_week dayofyear day_of_year "
    "quarter days_in_month daysinmonth date time timetz is_month_start is_month_end is_quarter_start is_quarter_end "
    "is_year_start is_year_end is_leap_year days seconds microseconds nanoseconds components"
)
# Methods that make groups or windows of a frame: these look at it, and all that is computed from them is new.
GROUPING = words("groupby rolling resample expanding ewm")
GROUPS_ARE = "pandas.DataFrame.groupby"  # what they count as made by
GROUPED_VIEWS = words("obj grouper pipe __getitem__") | GROUPING
PANDAS_SCALARS = words("shape size empty ndim dtype nbytes is_unique name hasnans")
PANDAS_PLOTS = words("plot hist boxplot area bar barh box density hexbin kde line pie scatter")  # also of df.plot

# Attributes that are immutable whatever the object.
SCALAR_ATTRIBUTES = words(
    "shape ndim size dtype nbytes itemsize empty __name__ __doc__ __class__ __version__ __module__ __file__"
)

SKLEARN_FITS = words(
    "fit fit_transform fit_predict partial_fit fit_resample fit_generator set_params set_output warm_start train"
)
# By method and by the mixin that classes inherit it from: which of their own methods it runs.
MIXED_IN: dict[str, dict[str, tuple[str, ...]]] = {
    "fit_transform": {"sklearn.base.TransformerMixin": ("fit", "transform")},
    "score": {"sklearn.base.ClassifierMixin": ("predict",), "sklearn.base.RegressorMixin": ("predict",)},
}
SKLEARN_FRESH = words(
    "fit_transform fit_predict predict predict_proba predict_log_proba decision_function score score_samples transform "
    "inverse_transform get_feature_names_out get_support get_params kneighbors radius_neighbors apply decision_path "
    "staged_predict staged_predict_proba split get_n_splits get_depth get_n_leaves cost_complexity_pruning_path "
    "summary "
    "feature_importance get_booster sample aic bic mahalanobis path"
)

# Methods that mean the same in every library that has them: the object and the arguments stay as they are.
CONVENTION_FRESH = words(
    "predict predict_proba predict_log_proba decision_function score score_samples copy mean sum std var min max "
    "median "
    "quantile describe corr cov nunique value_counts isna isnull notna notnull dropna fillna merge to_dict "
    "to_list tolist "
    "duplicated drop_duplicates sort_values sort_index reset_index round abs clip cumsum cumprod idxmax idxmin "
    "argmax argmin "
    "argsort all any count astype unique info memory_usage to_csv to_parquet to_json to_pickle to_excel to_string "
    "to_html to_markdown savefig summary lower upper strip lstrip rstrip startswith endswith format encode decode "
    "splitlines title capitalize zfill isdigit isalpha isnumeric isoformat strftime total_seconds item dot conj "
    "exists is_file is_dir read_text read_bytes write_text write_bytes mkdir resolve absolute as_posix with_suffix "
    "with_name joinpath relative_to glob rglob unlink touch get_feature_names_out inverse_transform"
)
# Of these, what means that in what was fitted: a Kalman filter, which has no ``fit``, goes on when it predicts.
CONVENTION_FITTED = words("predict score")
GIVING_FITTED = re.compile(r"(?:^|[._])(?:load|train|fit)[^.]*$")
"""Functions that give something fitted, by their names: ``keras.models.load_model``, ``lightgbm.train``."""
# Of these, what gives a tensor from which ``backward()`` finds its way back to what it was made of.
DIFFERENTIABLE = words("mean sum std var min max median quantile abs clip cumsum cumprod round dot copy")
CONVENTION_VIEWS = words("head tail groupby keys values items get transform to_numpy reshape ravel T loc iloc split")

RNG_CHOOSES = words("choice choices sample permutation permuted")  # they give parts of what they are given
RNG_SPAWNS = words("spawn jumped")  # they give generators
RANDOM_METHODS = words("fit fit_transform fit_predict partial_fit split sample fit_resample transform")

_BUILTIN_TYPES = frozenset(("list", "dict", "set", "frozenset", "tuple", "bytearray", "object"))
_ALTERING = PANDAS_ALTERS | NUMPY_ALTERS | CONTAINER_ALTERS | SKLEARN_FITS
_MADE_BY = frozenset(("fromkeys", "fromhex"))  # methods of these types, and not of their instances


def is_unbound(holder: str, name: str) -> bool:
    """Whether *name* of *holder* is a method that is called on its first argument."""
    package, _, kind = holder.rpartition(".")
    if package == "builtins":
        return kind in _BUILTIN_TYPES and name not in _MADE_BY
    if not (kind[:1].isupper() or holder in ("numpy.ndarray", "collections.deque", "collections.defaultdict")):
        return False
    return name in PANDAS_ALTERS | NUMPY_ALTERS | CONTAINER_ALTERS or name in SKLEARN_FITS
