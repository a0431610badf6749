"""Objects of libraries that nothing but a few methods of their own alters: data, no code that acts.

Such an object holds what it was made of, and so does what its methods, its operators and a call of it give; so whoever
alters the one alters the other. Measured: none of these objects has another content after it was merely used.
"""

from __future__ import annotations


def _words(prefix: str, text: str) -> frozenset[str]:
    return frozenset(prefix + word for word in text.split())


# Methods that alter the object, whichever library it is of.
ALTERS = _words(
    "",
    # graphs
    "add_node add_nodes_from add_edge add_edges_from add_weighted_edges_from remove_node remove_nodes_from "
    "remove_edge remove_edges_from clear_edges "
    # matrices
    "row_op col_op row_swap col_swap row_del col_del zip_row_op copyin_matrix copyin_list setdiag eliminate_zeros "
    "sum_duplicates sort_indices prune resize set_shape "
    # splines and densities
    "set_smoothing_factor set_bandwidth set_yi add_xi "
    # containers, plots and results, which are dictionaries
    "append extend insert pop popitem remove clear update setdefault sort reverse fill discard add __setitem__ "
    "__delitem__ __setattr__ __delattr__ send close save show",
)

_HOLDING_SPLINES = (
    "UnivariateSpline InterpolatedUnivariateSpline LSQUnivariateSpline SmoothBivariateSpline LSQBivariateSpline "
    "RectBivariateSpline KroghInterpolator BarycentricInterpolator RegularGridInterpolator LinearNDInterpolator "
    "NearestNDInterpolator CloughTocher2DInterpolator RBFInterpolator Rbf BSpline PPoly BPoly"
)
_COPYING_SPLINES = "interp1d CubicSpline PchipInterpolator Akima1DInterpolator make_interp_spline make_smoothing_spline"
_DISTRIBUTIONS = (
    "alpha anglit arcsine argus bernoulli beta betabinom betaprime binom boltzmann bradford burr burr12 cauchy chi "
    "chi2 cosine crystalball dgamma dirichlet dlaplace dweibull erlang expon exponnorm exponpow exponweib f "
    "fatiguelife fisk foldcauchy foldnorm gamma gausshyper genexpon genextreme gengamma genhalflogistic genhyperbolic "
    "geninvgauss genlogistic gennorm genpareto geom gibrat gompertz gumbel_l gumbel_r halfcauchy halfgennorm "
    "halflogistic halfnorm hypergeom hypsecant invgamma invgauss invweibull johnsonsb johnsonsu kappa3 kappa4 "
    "ksone kstwo kstwobign laplace laplace_asymmetric levy levy_l levy_stable loggamma logistic loglaplace lognorm "
    "logser loguniform lomax maxwell mielke moyal multinomial multivariate_normal multivariate_t nakagami nbinom "
    "ncf nchypergeom_fisher nchypergeom_wallenius nct ncx2 nhypergeom norm norminvgauss pareto pearson3 planck "
    "poisson powerlaw powerlognorm powernorm randint rayleigh rdist recipinvgauss reciprocal rel_breitwigner rice "
    "semicircular skellam skewcauchy skewnorm studentized_range t trapezoid triang truncexpon truncnorm truncpareto "
    "truncweibull_min tukeylambda uniform vonmises vonmises_line wald weibull_max weibull_min wrapcauchy yulesimon "
    "zipf zipfian"
)
_OPTIMIZERS = (
    "minimize minimize_scalar least_squares lsq_linear linprog differential_evolution basinhopping dual_annealing "
    "shgo root_scalar root"
)
_OPTIMA = (
    "fsolve leastsq fmin fmin_bfgs fmin_cg fmin_powell fmin_l_bfgs_b fmin_slsqp fmin_tnc newton bisect brenth ridder "
    "approx_fprime nnls linear_sum_assignment broyden1 broyden2 anderson newton_krylov fixed_point"
)

# What gives such objects, or is one: some hold what they are given, the others have copied it.
HOLDING = (
    _words("", "sympy networkx scipy.sparse scipy.stats.gaussian_kde")
    | _words("scipy.stats.", _DISTRIBUTIONS)
    | _words("scipy.interpolate.", _HOLDING_SPLINES)
)
COPYING = (
    _words("scipy.interpolate.", _COPYING_SPLINES)
    | _words("scipy.optimize.", _OPTIMIZERS)
    | {"scipy.integrate.solve_ivp"}
)
# What gives new arrays and numbers.
ARRAYS = (
    _words("scipy.interpolate.", "griddata interpn splev splrep pchip_interpolate")
    | _words("scipy.optimize.", _OPTIMA)
    | _words("scipy.integrate.", "odeint dblquad tplquad nquad fixed_quad romb")
)
# What gives numbers, texts and dictionaries of such.
NUMBERS = _words(
    "networkx.",
    "pagerank hits degree_centrality in_degree_centrality out_degree_centrality betweenness_centrality "
    "edge_betweenness_centrality closeness_centrality eigenvector_centrality katz_centrality harmonic_centrality "
    "load_centrality clustering average_clustering transitivity triangles square_clustering density diameter radius "
    "eccentricity average_shortest_path_length degree_histogram number_of_nodes number_of_edges "
    "is_connected is_directed is_strongly_connected is_weakly_connected is_tree is_directed_acyclic_graph "
    "is_bipartite has_path number_connected_components degree_assortativity_coefficient core_number "
    "greedy_color to_numpy_array to_pandas_adjacency to_pandas_edgelist adjacency_matrix spring_layout "
    "circular_layout kamada_kawai_layout spectral_layout shell_layout random_layout",
)
# Functions that alter the object that they are given first.
ALTERING = _words(
    "networkx.",
    "set_node_attributes set_edge_attributes remove_node_attributes remove_edge_attributes add_path add_star add_cycle "
    "freeze double_edge_swap connected_double_edge_swap directed_edge_swap",
)
# Functions that draw on what they are given as ``plot``: axes, or pyplot itself.
PLOTTING = _words("scipy.stats.", "probplot ppcc_plot boxcox_normplot yeojohnson_normplot")


def gives_new_arrays(maker: str | None) -> bool:
    """Whether calling an object that *maker* has made gives arrays that share nothing."""
    return maker is not None and maker.startswith(("scipy.interpolate.", "scipy.stats."))


def is_quiet_part(origin: str | None) -> bool:
    """Whether *origin*, a dotted name, is such an object itself: ``sympy.pi``, ``sympy.abc.x``."""
    return origin is not None and origin.startswith("sympy.")
