"""What objects keep in their state that is not content: counters, identities, results that can be computed again.

Found by fitting every estimator of scikit-learn 1.9, using it, and storing it: nothing but what stands here changed.
"""

from __future__ import annotations

import enum
import functools
from typing import Any

from labline_runtime.values.packages import package_of
from labline_runtime.values.reduce_torch import ranked_hooks

# Class -> attributes. Each is an ``id()``, is dropped by the class itself when it is loaded, or follows from the rest.
_ATTRIBUTES = {
    ("sklearn.utils._bunch", "Bunch"): ("_deprecated_key_to_warnings",),
    ("sklearn.feature_extraction.text", "_VectorizerMixin"): ("_stop_words_id",),
    ("matplotlib.cbook", "CallbackRegistry"): ("_cid_gen",),
    ("matplotlib.animation", "Animation"): ("_close_id", "_first_draw_id", "_resize_id"),
    ("labline_runtime.states.filters", "Filters"): ("everything",),
    ("scipy.sparse._compressed", "_cs_matrix"): ("_has_canonical_format", "_has_sorted_indices"),
    ("networkx.classes.graph", "Graph"): ("__networkx_cache__",),
    ("pydantic._internal._decorators", "Decorator"): ("cls_ref",),
    ("pulp.pulp", "LpElement"): ("hash",),
    ("pulp.pulp", "LpProblem"): ("_variable_ids",),
    ("pandas.io.formats.style_render", "StylerRenderer"): ("uuid",),
    ("astropy.coordinates.baseframe", "BaseCoordinateFrame"): ("cache",),
    ("sympy.core.facts", "FactKB"): ("rules",),
    ("ipywidgets.widgets.widget", "Widget"): ("_model_id",),
    ("statsmodels.base.model", "Results"): ("_summary_cache", "_summary_statistics_cache", "_nobs_int", "diagn"),
}

# Class -> attributes that tell when it was made, or how long that took: others each time.
_CLOCKED = {
    ("arch.univariate.base", "ARCHModelFixedResult"): ("_datetime",),
    ("gensim.models.word2vec", "Word2Vec"): ("total_train_time",),
    ("gensim.utils", "SaveLoad"): ("lifecycle_events",),
    ("lifelines.fitters", "BaseFitter"): ("_time_fit_was_called",),
    ("pymoo.core.algorithm", "Algorithm"): ("start_time",),
    ("pymoo.core.result", "Result"): ("start_time", "end_time", "exec_time"),
    ("pulp.pulp", "LpProblem"): ("solutionTime", "solutionCpuTime"),
    ("shap._explanation", "Explanation"): ("compute_time",),
}

# Class -> attributes of which None and an empty dict mean the same: pickle's look at the object makes one of the other.
_FILLED_LATER = {
    ("xarray.core.dataset", "Dataset"): ("_attrs", "_encoding"),
    ("xarray.core.variable", "Variable"): ("_attrs", "_encoding"),
}

# What scikit-learn's searches measure by the clock, beside the scores that they compute.
_SEARCH = ("sklearn.model_selection._search", "BaseSearchCV")
_MEASURED = ("_fit_time", "_score_time")

# What folium's maps are made of.
_ELEMENT = ("branca.element", "Element")

# scikit-learn's search trees count their queries; the places of the counters in the state they pickle.
_COUNTERS = slice(7, 11)
_TREES = ("sklearn.neighbors._kd_tree", "sklearn.neighbors._ball_tree")


def without(kind: type, state: Any, *, caches: bool) -> Any:
    """*state*, that an object of *kind* hands to pickle, without bookkeeping.

    Unless *caches* are wanted, also without what ``cached_property`` remembers.
    """
    if type(state) is tuple and kind.__module__ in _TREES:
        return state[: _COUNTERS.start] + state[_COUNTERS.stop :]
    if type(state) is dict:
        if "cv_results_" in state and any((base.__module__, base.__qualname__) == _SEARCH for base in kind.__mro__):
            state = _without_times(state)
        if any(base.__module__ == "torch.nn.modules.module" for base in kind.__mro__):
            state = state | ranked_hooks(state)
        if "_id" in state and any((base.__module__, base.__qualname__) == _ELEMENT for base in kind.__mro__):
            state = _without_ids(state)
        names, later = _names(kind, caches)
        if names or later:
            kept = {
                name: item for name, item in state.items() if name not in names and not (name in later and not item)
            }
            return kept or None
    if type(state) is tuple and len(state) == 2 and all(part is None or type(part) is dict for part in state):
        return tuple(without(kind, part, caches=caches) for part in state)
    return state


def _without_ids(state: dict[str, Any]) -> dict[str, Any]:
    """The *state* of a part of a page without the random number that names it, there and where its parent lists it."""
    kept = {name: item for name, item in state.items() if name != "_id"}
    return kept | {"_children": list(state["_children"].values())}


def _without_times(state: dict[str, Any]) -> dict[str, Any]:
    """The *state* of a fitted search without the seconds that its fits took: they are others in each process."""
    kept = {name: item for name, item in state.items() if name != "refit_time_"}
    if type(results := state["cv_results_"]) is dict:
        kept["cv_results_"] = {name: item for name, item in results.items() if not str(name).endswith(_MEASURED)}
    return kept


def in_order(value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The *arguments* that pickle makes *value* of, with its attributes among them in the order of their names.

    As a WCS of astropy hands them over: in the order in which they were set, which is another one when it is loaded.
    """
    own = getattr(value, "__dict__", None)
    if type(own) is not dict or not own:
        return arguments
    return tuple(
        dict(sorted(each.items())) if type(each) is dict and own.keys() <= each.keys() and _named(each) else each
        for each in arguments
    )


def _named(attributes: dict[Any, Any]) -> bool:
    return all(type(name) is str for name in attributes)


def without_names(make: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The *arguments* that *make* makes an object of, without names that are drawn anew for each.

    Numba has one for each function that it compiles, and hands it to pickle in a text of bytes with all the rest.
    """
    if getattr(make, "__module__", None) == "numba.core.serialize" and make.__name__ == "custom_rebuild":
        (compiled,) = arguments
        return compiled.ctor, {name: part for name, part in compiled.states.items() if name != "uuid"}
    return arguments


def without_combinations(kind: type, body: dict[str, Any]) -> dict[str, Any]:
    """The *body* of a class without the combinations of flags that have been asked for: an ``enum.Flag`` keeps them."""
    if not issubclass(kind, enum.Flag) or "_value2member_map_" not in body:
        return body
    known = body["_value2member_map_"]
    named = set(map(id, body["_member_map_"].values()))
    return body | {"_value2member_map_": {value: member for value, member in known.items() if id(member) in named}}


@functools.lru_cache(maxsize=4096)
def _names(kind: type, caches: bool) -> tuple[frozenset[str], frozenset[str]]:
    names: set[str] = set()
    later: set[str] = set()
    for base in kind.__mro__:
        if package_of(base) in ("pandas", "statsmodels"):
            names.add("_cache")  # of groupby objects, windows, results of a fit and the like
        names.update(_ATTRIBUTES.get((base.__module__, base.__qualname__), ()))
        names.update(_CLOCKED.get((base.__module__, base.__qualname__), ()))
        later.update(_FILLED_LATER.get((base.__module__, base.__qualname__), ()))
        if not caches or package_of(base) == "networkx":  # what graphs remember are looks at themselves
            names.update(name for name, item in vars(base).items() if isinstance(item, functools.cached_property))
    return frozenset(names), frozenset(later)
