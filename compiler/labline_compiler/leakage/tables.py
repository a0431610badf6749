"""What is known of libraries: which classes learn from rows, and what methods do to rows and columns."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Transformers whose output for a row depends on the other rows they were fitted on.
_TRANSFORMERS = _words("preprocessing impute feature_selection")
_REDUCERS = _words("decomposition manifold random_projection cross_decomposition kernel_approximation")
_MODELS = _words(
    "linear_model ensemble tree svm neighbors naive_bayes neural_network discriminant_analysis gaussian_process dummy "
    "multiclass multioutput calibration semi_supervised"
)
# They look at one row at a time, or are meant for the target.
STATELESS = _words(
    "Normalizer Binarizer FunctionTransformer PolynomialFeatures LabelEncoder LabelBinarizer MultiLabelBinarizer "
    "HashingVectorizer FeatureHasher MissingIndicator"
)
_VECTORIZERS = _words("TfidfVectorizer CountVectorizer TfidfTransformer DictVectorizer")
SEARCHES = _words("GridSearchCV RandomizedSearchCV HalvingGridSearchCV HalvingRandomSearchCV")
_OTHER_MODELS = {
    "xgboost": ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"),
    "lightgbm": ("LGBMClassifier", "LGBMRegressor"),
    "catboost": ("CatBoostClassifier", "CatBoostRegressor"),
}

# Transformers that give back the columns they were given.
KEEPS_COLUMNS = _words(
    "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler QuantileTransformer PowerTransformer SimpleImputer "
    "KNNImputer IterativeImputer OrdinalEncoder"
)
# Models whose fit to the data itself is of interest, whoever else they are for.
EXPLANATORY = _words("LinearRegression Ridge Lasso ElasticNet HuberRegressor TheilSenRegressor RANSACRegressor")


def kind_of(origin: str) -> str | None:
    """What calling *origin* makes, or None where that is unknown.

    model, transformer, reducer, sampler, stateless, pipeline, columns (a ColumnTransformer) or search.
    """
    package, _, rest = origin.partition(".")
    module, _, name = rest.rpartition(".")
    module = module.split(".")[0]
    if package == "imblearn":
        if name in ("Pipeline", "make_pipeline"):
            return "pipeline"
        return "sampler" if module in ("over_sampling", "under_sampling", "combine") and name[:1].isupper() else None
    if package == "category_encoders":
        return "transformer"
    if rest in _OTHER_MODELS.get(package, ()):
        return "model"
    if package != "sklearn":
        return None
    if module == "pipeline":
        return "pipeline" if name in ("Pipeline", "make_pipeline") else "columns"
    if module == "compose":
        return "columns" if name in ("ColumnTransformer", "make_column_transformer") else None
    if not name[:1].isupper():
        return None
    if name in STATELESS:
        return "stateless"
    if name in SEARCHES:
        return "search"
    if module in _TRANSFORMERS or name in _VECTORIZERS:
        return "transformer"
    return "reducer" if module in _REDUCERS else "model" if module in _MODELS else None


CROSS_VALIDATION = _words("cross_val_score cross_validate cross_val_predict")

# Methods of frames, series and arrays. The same rows, and the same columns:
SAME = _words(
    "copy astype fillna replace infer_objects convert_dtypes round clip interpolate ffill bfill sort_values sort_index "
    "reset_index assign abs where to_frame"
)
# The same rows, but nobody knows the columns:
SAME_ROWS = _words(
    "rename apply map applymap to_numpy reshape ravel squeeze flatten set_index add_prefix add_suffix "
    "select_dtypes filter get_dummies cumsum rank isna isnull notna between isin to_list tolist toarray todense"
)
# Some of the rows:
FEWER = _words("dropna drop_duplicates query head tail sample nlargest nsmallest truncate")
STATISTICS = _words("mean median std var min max quantile mode")
LAGS = _words("shift diff pct_change")
WINDOWS = _words("rolling ewm expanding")
# Attributes that are the same rows; others may be a column.
SAME_ATTRIBUTES = _words("values array str dt cat T")
LABELS = _words("columns index")
NO_COLUMNS = _words("shape size ndim dtype dtypes empty nbytes flags attrs axes feature_names target_names DESCR")

NUMPY_STATISTICS = _words(
    "mean nanmean median nanmedian std nanstd var min nanmin max nanmax percentile quantile amin amax"
)
# They make arrays anew.
NUMPY_MAKES = _words("zeros ones empty full arange linspace logspace eye identity unique meshgrid shape size")
SIDE_BY_SIDE = _words("hstack column_stack")
STACKED = _words("vstack concatenate")
# Functions of pandas and NumPy with the rows of their first argument, all others of NumPy included.
PANDAS_SAME = _words("DataFrame Series to_numeric to_datetime get_dummies cut qcut Categorical isna isnull notna")
PREDICTIONS = _words("predict predict_proba predict_log_proba decision_function")
