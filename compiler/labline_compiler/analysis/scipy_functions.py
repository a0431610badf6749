"""Functions of SciPy whose results are new and share nothing with what they are given: data, no code that acts."""

from __future__ import annotations

# How many positional arguments functions of SciPy have before the one that takes the result, or spares them a copy.
ARRAYS: dict[int | None, str] = {
    1: "linalg.inv linalg.det ndimage.binary_fill_holes special.expit special.logit special.erf special.erfc "
    "special.gamma special.gammaln",
    2: "linalg.eigvals linalg.lu ndimage.binary_dilation ndimage.binary_erosion ndimage.grey_dilation "
    "ndimage.grey_erosion ndimage.label ndimage.laplace ndimage.rotate ndimage.shift ndimage.zoom",
    3: "linalg.solve linalg.svd linalg.eig ndimage.convolve ndimage.convolve1d ndimage.correlate "
    "ndimage.gaussian_filter ndimage.gaussian_laplace ndimage.maximum_filter ndimage.median_filter "
    "ndimage.minimum_filter ndimage.percentile_filter ndimage.prewitt ndimage.sobel ndimage.uniform_filter",
    4: "signal.detrend",
    None: "linalg.expm linalg.norm linalg.null_space linalg.pinv ndimage.center_of_mass ndimage.find_objects "
    "ndimage.generate_binary_structure ndimage.maximum ndimage.mean ndimage.minimum ndimage.standard_deviation "
    "ndimage.sum ndimage.sum_labels ndimage.variance signal.argrelextrema signal.argrelmax signal.argrelmin "
    "signal.bessel signal.butter signal.cheby1 signal.cheby2 signal.coherence signal.convolve signal.convolve2d "
    "signal.correlate signal.correlate2d signal.csd signal.decimate signal.ellip signal.fftconvolve "
    "signal.filtfilt signal.find_peaks signal.firwin signal.hilbert signal.lfilter signal.medfilt "
    "signal.medfilt2d signal.oaconvolve signal.peak_prominences signal.peak_widths signal.periodogram "
    "signal.resample signal.resample_poly signal.savgol_filter signal.sosfilt signal.sosfiltfilt "
    "signal.spectrogram signal.stft signal.welch signal.wiener signal.windows spatial.distance.cdist "
    "spatial.distance.pdist integrate.cumulative_trapezoid integrate.quad integrate.simpson integrate.trapezoid "
    "optimize.brentq optimize.curve_fit special.comb special.factorial special.logsumexp special.perm "
    "special.softmax",
}
# Of these the results are no arrays, or have some among other things.
RESULTS = (
    "stats.alexandergovern stats.anderson stats.anderson_ksamp stats.ansari stats.barnard_exact stats.bartlett "
    "stats.binomtest stats.boschloo_exact stats.boxcox stats.boxcox_llf stats.boxcox_normmax stats.brunnermunzel "
    "stats.bws_test stats.chi2_contingency stats.chisquare stats.circmean stats.circstd stats.circvar "
    "stats.combine_pvalues stats.cramervonmises stats.cramervonmises_2samp stats.cumfreq stats.describe "
    "stats.differential_entropy stats.energy_distance stats.entropy stats.epps_singleton_2samp stats.expectile "
    "stats.f_oneway stats.fisher_exact stats.fligner stats.friedmanchisquare stats.gmean stats.gstd stats.gzscore "
    "stats.hmean stats.iqr stats.jarque_bera stats.kendalltau stats.kruskal stats.ks_1samp stats.ks_2samp "
    "stats.kstat stats.kstatvar stats.kstest stats.kurtosis stats.kurtosistest stats.levene stats.linregress "
    "stats.mannwhitneyu stats.median_abs_deviation stats.median_test stats.mode stats.moment stats.mood "
    "stats.multiscale_graphcorr stats.normaltest stats.percentileofscore stats.pmean stats.pointbiserialr "
    "stats.power_divergence stats.ppcc_max stats.ppcc_plot stats.probplot stats.quantile_test stats.ranksums "
    "stats.rankdata stats.relfreq stats.scoreatpercentile stats.sem stats.shapiro stats.siegelslopes stats.skew "
    "stats.skewtest stats.somersd stats.spearmanr stats.theilslopes stats.tiecorrect stats.tmax stats.tmean "
    "stats.tmin stats.trim_mean stats.tsem stats.tstd stats.ttest_1samp stats.ttest_ind "
    "stats.ttest_ind_from_stats stats.ttest_rel stats.tukey_hsd stats.tvar stats.variation "
    "stats.wasserstein_distance stats.weightedtau stats.wilcoxon stats.yeojohnson stats.zmap stats.zscore"
)
