"""Makes Tests/Fixtures/figures (without taiwan.json: see make_taiwan.py) and the linear models they use.

    python make_figures.py [intervals|fairness|performance|hopskipjump ...]

The figures come from scipy, statsmodels, scikit-learn and fairlearn. Where two of them have the same figure, both
are computed and must agree to 1e-9. Where none has it, the JSON says how it was computed.
"""

import sys
import warnings

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from scipy import optimize, stats
from scipy.stats.contingency import relative_risk
from sklearn import metrics as sk
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest
from statsmodels.stats.weightstats import DescrStatsW

from common import FIXTURES, sha256, versions, write

warnings.filterwarnings("ignore")
FIGURES = FIXTURES / "figures"


def same(a, b, tolerance=1e-9):
    assert np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), (a, b)
    return a


# --- Intervals and tests -----------------------------------------------------------------------------------------

def wilson(k, n, confidence=0.95):
    if n == 0:
        return None
    found = stats.binomtest(k, n).proportion_ci(confidence, "wilson")
    same(found, np.clip(proportion_confint(k, n, 1 - confidence, "wilson"), 0, 1))
    return [float(found.low), float(found.high)]


def clopper_pearson(k, n, confidence=0.95):
    found = stats.binomtest(k, n).proportion_ci(confidence, "exact")
    low, high = proportion_confint(k, n, 1 - confidence, "beta")
    same(found, (0.0 if k == 0 else low, 1.0 if k == n else high))
    return [float(found.low), float(found.high)]


def katz(k1, n1, k0, n0, confidence=0.95):
    """Interval of the ratio (k1/n1) / (k0/n0); None where a count of successes is 0."""
    if min(k1, k0) == 0 or min(n1, n0) == 0:
        return None
    found = relative_risk(k1, n1, k0, n0).confidence_interval(confidence)
    if k1 < n1 or k0 < n0:
        same(found, confint_proportions_2indep(k1, n1, k0, n0, method="log", compare="ratio", alpha=1 - confidence))
    return [float(found.low), float(found.high)]


def difference(k1, n1, k0, n0):
    """Newcombe's hybrid score interval and Wald's, 95 %, of k1/n1 - k0/n0."""
    if min(n1, n0) == 0:
        return None
    newcombe = confint_proportions_2indep(k1, n1, k0, n0, method="newcomb", compare="diff")
    wald = confint_proportions_2indep(k1, n1, k0, n0, method="wald", compare="diff")
    # why: square and add, Newcombe 1998 method 10, from the two Wilson intervals that scipy gives.
    (l1, u1), (l0, u0), p1, p0 = wilson(k1, n1), wilson(k0, n0), k1 / n1, k0 / n0
    by_hand = (p1 - p0 - np.hypot(p1 - l1, u0 - p0), p1 - p0 + np.hypot(u1 - p1, p0 - l0))
    same(newcombe, by_hand)
    return {"newcombe": list(newcombe), "wald": list(wald)}


def z_test(k1, n1, k0, n0):
    """Pooled two-proportion z test; None where the pooled variance is 0."""
    if min(n1, n0) == 0 or k1 + k0 in (0, n1 + n0):
        return None
    z, p = proportions_ztest([k1, k0], [n1, n0])
    return {"z": float(z), "p": float(p)}


def fisher(k1, n1, k0, n0):
    return float(stats.fisher_exact([[k1, n1 - k1], [k0, n0 - k0]], "two-sided").pvalue)


def holm(ps):
    """Holm-adjusted p values; None stays None and is not counted."""
    known = [p for p in ps if p is not None]
    adjusted = iter(multipletests(known, method="holm")[1] if known else [])
    return [None if p is None else float(next(adjusted)) for p in ps]


def delong(y, s, confidence=0.95):
    """AUC and DeLong's variance straight from the definition: the placement of every positive and negative."""
    y, s = np.asarray(y), np.asarray(s, float)
    wins = (np.sign(s[y == 1][:, None] - s[y == 0][None, :]) + 1) / 2
    auc, m, n = wins.mean(), *wins.shape
    same(auc, sk.roc_auc_score(y, s))
    same(auc, stats.mannwhitneyu(s[y == 1], s[y == 0]).statistic / (m * n))
    if min(m, n) < 2:
        return {"auc": float(auc), "positives": m, "negatives": n, "variance": None, "low": None, "high": None}
    variance = wins.mean(1).var(ddof=1) / m + wins.mean(0).var(ddof=1) / n
    try:
        from confidenceinterval.delong import delong_roc_variance
        other_auc, other = delong_roc_variance(y, s, None)
        same([auc, variance], [float(other_auc), float(other)], 1e-6)
    except ImportError:
        pass
    half = stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(variance)
    return {"auc": float(auc), "positives": m, "negatives": n, "variance": float(variance),
            "low": float(max(0, auc - half)), "high": float(min(1, auc + half))}


def hanley_mcneil(auc, m, n):
    q1, q2 = auc / (2 - auc), 2 * auc ** 2 / (1 + auc)
    return (auc * (1 - auc) + (m - 1) * (q1 - auc ** 2) + (n - 1) * (q2 - auc ** 2)) / (m * n)


def intervals():
    counts = [(0, 1), (1, 1), (0, 2), (1, 2), (2, 2), (0, 5), (1, 5), (5, 5), (3, 7), (0, 10), (1, 10), (5, 10),
              (9, 10), (10, 10), (2, 29), (29, 30), (0, 50), (7, 50), (25, 50), (50, 50), (81, 263), (15, 148),
              (0, 1000), (1, 1000), (500, 1000), (999, 1000), (1000, 1000), (1745, 1989), (23364, 30000),
              (3, 100000), (99999, 100000), (123456, 1000000), (0, 1000000), (5, 1000000000)]
    binomial = [(k, n, 0.95) for k, n in counts]
    binomial += [(k, n, c) for k, n in ((0, 10), (3, 10), (10, 10), (81, 263)) for c in (0.5, 0.9, 0.99, 0.999)]
    rng = np.random.default_rng(1)
    tables = [(0, 5, 0, 5), (0, 5, 5, 5), (5, 5, 0, 5), (5, 5, 5, 5), (0, 1, 1, 1), (1, 1, 0, 1), (3, 4, 1, 4),
              (8, 10, 1, 6), (1, 10, 11, 14), (0, 10, 3, 200), (10, 10, 190, 200), (1, 2, 100, 200),
              (2, 3, 5000, 10000), (50, 100, 50, 100), (48, 80, 12, 40), (12, 40, 48, 80), (100, 100, 100, 100),
              (99, 100, 100, 100), (0, 100, 1, 100), (0, 100, 6, 100), (700, 1000, 650, 1000),
              (1500, 1989, 100, 197), (8000, 10000, 7900, 10000), (14418, 18112, 9154, 11888), (30, 60, 0, 7)]
    for _ in range(18):
        n1, n0 = (int(v) for v in rng.integers(3, 90, 2))
        tables.append((int(rng.integers(0, n1 + 1)), n1, int(rng.integers(0, n0 + 1)), n0))
    lists = [[0.01, 0.02, 0.03], [0.04, 0.001, 0.03, 0.02], [0.05], [0.5, 0.9, 0.7], [0.01, 0.01, 0.01], [0, 1, 0.5],
             [0.02, 0.015, 0.8, 1e-12, 0.0499, 0.02], [1, 1], [3e-300, 0.2, 0.04], [0.0125, 0.013, 0.02, 0.04, 0.9]]
    areas = []
    for m, n, shift, step in ((5, 7, 1.0, 0.5), (30, 60, 0.8, 0.25), (200, 50, 0.3, 0.001), (2, 2, 0.1, 0.01),
                              (10, 10, 9.0, 0.01), (40, 40, 0.0, 10.0), (1, 12, 0.5, 0.1)):
        s = np.round(np.concatenate([rng.normal(shift, 1, m), rng.normal(0, 1, n)]) / step) * step
        s, y = np.round(s, 6), np.array([1] * m + [0] * n)
        order = rng.permutation(m + n)
        s, y = s[order], y[order]
        case = {"y": y, "scores": s, **delong(y, s)}
        case["hanleyMcNeilVariance"] = float(hanley_mcneil(case["auc"], m, n))
        test = stats.mannwhitneyu(s[y == 1], s[y == 0], method="asymptotic", use_continuity=False)
        case["mannWhitney"] = {"u": float(test.statistic), "p": float(test.pvalue)}
        draw = np.random.default_rng(5)
        several = []
        for _ in range(2000):
            pos, neg = draw.choice(s[y == 1], m), draw.choice(s[y == 0], n)
            several.append(stats.mannwhitneyu(pos, neg).statistic / (m * n))
        case["bootstrap"] = list(np.percentile(several, [2.5, 97.5]))
        areas.append(case)
    write(FIGURES / "intervals.json", {
        "script": "Tests/Reference/make_figures.py", "versions": versions("scipy", "statsmodels", "scikit-learn", "numpy"),
        "definitions": {
            "binomial": "wilson without continuity correction (scipy = statsmodels); clopperPearson exact, from beta "
                        "quantiles; two-sided at the given confidence",
            "normalQuantiles": "scipy.stats.norm.ppf",
            "tables": "k1 of n1 against k0 of n0. zTest: pooled variance, two-sided, null where nobody or everybody "
                      "succeeds. fisher: two-sided, sum of the probabilities of tables no likelier than the one seen "
                      "(scipy). katz: 95 % log interval of the risk ratio (k1/n1)/(k0/n0), null where k1 or k0 is 0. "
                      "difference: k1/n1 - k0/n0 with Newcombe's hybrid score interval and Wald's",
            "holm": "adjusted p values in the order given (statsmodels), at most 1",
            "auc": "DeLong 1988 from its definition by pairwise comparison (no library in requirements.txt has it; checked "
                   "against the package confidenceinterval 1.0.5 to 1e-6); interval auc ± z·sd cut to [0, 1]; "
                   "bootstrap: 2,000 draws stratified by class, percentiles, only good to about ±0.01; mannWhitney: "
                   "normal approximation with tie correction, no continuity correction"},
        "normalQuantiles": [{"p": p, "z": float(stats.norm.ppf(p))} for p in
                            (1e-300, 1e-12, 1e-6, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75,
                             0.9, 0.95, 0.975, 0.99, 0.995, 0.9995, 0.999999, 1 - 1e-12)],
        "binomial": [{"k": k, "n": n, "confidence": c, "wilson": wilson(k, n, c),
                      "clopperPearson": clopper_pearson(k, n, c)} for k, n, c in binomial],
        "tables": [{"k1": a, "n1": b, "k0": c, "n0": d, "zTest": z_test(a, b, c, d), "fisher": fisher(a, b, c, d),
                    "ratio": (a / b) / (c / d) if c else None, "katz": katz(a, b, c, d),
                    "difference": a / b - c / d, "differenceIntervals": difference(a, b, c, d)}
                   for a, b, c, d in tables],
        "holm": [{"p": p, "adjusted": holm(p)} for p in lists],
        "auc": areas})


# --- Fairness ----------------------------------------------------------------------------------------------------

RATES = {"tpr": ("tp", "fn"), "fpr": ("fp", "tn"), "fnr": ("fn", "tp"), "ppv": ("tp", "fp")}


def group(name, tp, fp, tn, fn):
    return {"group": name, "n": tp + fp + tn + fn, "favourable": tp + fp, "tp": tp, "fp": fp, "tn": tn, "fn": fn}


HAND = [
    ("two groups, four fifths just met", [("a", 60, 20, 15, 5), ("b", 45, 19, 26, 10)]),
    ("two groups, clear violation", [("a", 70, 10, 15, 5), ("b", 30, 10, 40, 20)]),
    ("equal rates, unequal errors", [("a", 40, 10, 40, 10), ("b", 30, 20, 30, 20)]),
    ("identical groups: the tie goes to the first", [("a", 25, 5, 15, 5), ("b", 25, 5, 15, 5)]),
    ("equal rates, the larger group is the reference", [("a", 5, 1, 3, 1), ("b", 50, 10, 30, 10)]),
    ("one group only", [("all", 30, 10, 50, 10)]),
    ("no favourable decision in one group", [("a", 20, 5, 60, 15), ("b", 0, 0, 30, 10)]),
    ("no favourable decision anywhere", [("a", 0, 0, 70, 30), ("b", 0, 0, 30, 10)]),
    ("everybody favourable", [("a", 70, 30, 0, 0), ("b", 25, 15, 0, 0)]),
    ("everybody favourable in one group", [("a", 80, 20, 0, 0), ("b", 30, 20, 20, 10)]),
    ("an empty group", [("a", 30, 10, 50, 10), ("b", 20, 10, 30, 10), ("c", 0, 0, 0, 0)]),
    ("a group of one", [("a", 300, 100, 500, 100), ("b", 1, 0, 0, 0)]),
    ("a tiny group against a large one", [("a", 3000, 500, 1000, 500), ("b", 1, 0, 2, 1)]),
    ("a group without true positives or false negatives", [("a", 30, 10, 50, 10), ("b", 0, 12, 28, 0)]),
    ("a group without true negatives or false positives", [("a", 30, 10, 50, 10), ("b", 25, 0, 0, 15)]),
    ("three groups", [("white", 820, 110, 60, 40), ("black", 90, 25, 50, 32), ("hispanic", 70, 12, 18, 8)]),
    ("three groups, one tiny", [("x", 200, 50, 100, 50), ("y", 100, 30, 90, 40), ("z", 2, 1, 3, 1)]),
    ("four groups, mixed", [("n", 50, 25, 20, 5), ("e", 48, 22, 24, 6), ("s", 30, 10, 45, 15), ("w", 41, 19, 28, 12)]),
    ("five groups, many tests", [("a", 100, 20, 60, 20), ("b", 80, 22, 75, 23), ("c", 70, 18, 85, 27),
                                 ("d", 96, 24, 60, 20), ("e", 9, 1, 14, 6)]),
    ("large counts, small difference", [("male", 8200, 954, 1634, 1100), ("female", 12900, 1518, 2094, 1600)]),
    ("rates near zero", [("a", 3, 2, 985, 10), ("b", 1, 1, 490, 8)]),
    ("opposite errors", [("a", 50, 0, 50, 0), ("b", 0, 50, 0, 50)]),
]


def rate(k, n):
    return k / n if n else None


def ratio(a, b):
    return None if a is None or b is None or b == 0 else a / b


def minus(a, b):
    return None if a is None or b is None else a - b


def against(g, ref):
    """Everything that compares one group with the reference."""
    k1, n1, k0, n0 = g["favourable"], g["n"], ref["favourable"], ref["n"]
    cells = [k1, n1 - k1, k0, n0 - k0]
    p1, p0 = rate(k1, n1), rate(k0, n0)
    found = {"group": g["group"], "air": ratio(p1, p0), "airInterval": katz(k1, n1, k0, n0),
             "marginalEffect": None if p1 is None or p0 is None else 100 * (p0 - p1)}
    d = difference(k0, n0, k1, n1)
    found["marginalEffectNewcombe"] = None if d is None else [100 * v for v in d["newcombe"]]
    found["marginalEffectWald"] = None if d is None else [100 * v for v in d["wald"]]
    found["emptyCell"], found["smallCell"] = min(cells) == 0, min(cells) < 5
    z = z_test(k1, n1, k0, n0)
    found["z"], found["zP"] = (None, None) if z is None else (z["z"], z["p"])
    found["fisherP"] = fisher(k1, n1, k0, n0) if min(n1, n0) else None
    for name, (yes, no) in RATES.items():
        a, m, b, n = g[yes], g[yes] + g[no], ref[yes], ref[yes] + ref[no]
        d = difference(a, m, b, n)
        found[name] = {"difference": minus(rate(a, m), rate(b, n)), "ratio": ratio(rate(a, m), rate(b, n)),
                       "differenceNewcombe": None if d is None else d["newcombe"], "ratioKatz": katz(a, m, b, n)}
    parts = [found["tpr"]["difference"], found["fpr"]["difference"]]
    found["averageOddsDifference"] = None if None in parts else sum(parts) / 2
    return found


def comparison(groups, reference):
    ref = next(g for g in groups if g["group"] == reference)
    others = [against(g, ref) for g in groups if g["group"] != reference]
    for key, source in (("fisherHolm", "fisherP"), ("zHolm", "zP")):
        for o, p in zip(others, holm([o[source] for o in others])):
            o[key] = p
    return {"reference": reference, "groups": others}


def expand(groups):
    """One row a person: truth, decision, group; 1 is favourable."""
    truth, decision, names = [], [], []
    for g in groups:
        for count, t, d in ((g["tp"], 1, 1), (g["fp"], 0, 1), (g["tn"], 0, 0), (g["fn"], 1, 0)):
            truth += [t] * count
            decision += [d] * count
            names += [g["group"]] * count
    return np.array(truth), np.array(decision), np.array(names)


def odds(groups):
    """fairlearn's equalised odds over all pairs, on the groups that have a rate at all."""
    from fairlearn.metrics import (MetricFrame, equalized_odds_difference, false_positive_rate, true_positive_rate)
    truth, decision, names = expand(groups)
    undefined, parts = [], {}
    for key, metric, needs in (("tpr", true_positive_rate, 1), ("fpr", false_positive_rate, 0)):
        has = [g["group"] for g in groups if np.any((names == g["group"]) & (truth == needs))]
        undefined += [{"group": g["group"], "rate": key} for g in groups if g["group"] not in has]
        keep = np.isin(names, has) & (truth == needs)
        if len(has) < 2:
            parts[key] = None
            continue
        frame = MetricFrame(metrics=metric, y_true=truth[keep], y_pred=decision[keep], sensitive_features=names[keep])
        parts[key] = float(frame.difference("between_groups"))
    known = [v for v in parts.values() if v is not None]
    found = {"tprDifference": parts["tpr"], "fprDifference": parts["fpr"],
             "equalizedOddsDifference": max(known) if len(known) == 2 else None,
             "equalizedOddsMean": sum(known) / 2 if len(known) == 2 else None, "undefined": undefined}
    plain = [float(equalized_odds_difference(truth, decision, sensitive_features=names, agg=agg))
             for agg in ("worst_case", "mean")] if len(truth) else [None, None]
    if not undefined and len(groups) > 1:
        same(plain, [found["equalizedOddsDifference"], found["equalizedOddsMean"]])
    found["fairlearnRaw"] = {"worst_case": plain[0], "mean": plain[1]}
    return found


def smd_cases():
    rng = np.random.default_rng(8)
    cases = [("small", {"ref": [0.2, 0.4, 0.6, 0.8], "prot": [0.1, 0.3, 0.5]}),
             ("one protected row", {"ref": [0.2, 0.4, 0.6, 0.8], "prot": [0.9]}),
             ("constant scores", {"ref": [0.5, 0.5, 0.5], "prot": [0.5, 0.5]}),
             ("no overlap", {"ref": [0.0, 0.0, 0.0], "prot": [1.0, 1.0, 1.0]}),
             ("one row each", {"ref": [0.3], "prot": [0.7]}),
             ("an empty group", {"ref": [0.3, 0.6], "prot": []}),
             ("large offset, small spread", {"ref": [1e6 + 0.25, 1e6 + 0.5, 1e6 + 0.75], "prot": [1e6 + 0.5, 1e6 + 1]}),
             ("three groups", {"ref": [0.1, 0.2, 0.4, 0.4], "prot": [0.3, 0.5, 0.6], "other": [0.9, 0.95]}),
             ("drawn", {"ref": np.round(rng.beta(2, 5, 40), 4), "prot": np.round(rng.beta(2.5, 4.5, 25), 4)})]
    found = []
    for name, groups in cases:
        everyone = np.concatenate([np.asarray(v, float) for v in groups.values()])
        prot, ref = np.asarray(groups["prot"], float), np.asarray(groups["ref"], float)
        sample = DescrStatsW(everyone, ddof=1).std if len(everyone) > 1 else None
        population = DescrStatsW(everyone, ddof=0).std
        d = prot.mean() - ref.mean() if len(prot) and len(ref) else None
        case = {"name": name, "groups": groups, "meanDifference": d, "sdSample": sample, "sdPopulation": population,
                "smdSample": d / sample if d is not None and sample else None,
                "smdPopulation": d / population if d is not None and population else None}
        both = len(prot) > 1 and len(ref) > 1
        pooled = np.sqrt(((len(prot) - 1) * prot.var(ddof=1) + (len(ref) - 1) * ref.var(ddof=1))
                         / (len(prot) + len(ref) - 2)) if both else 0
        case["cohensD"] = d / pooled if both and pooled else None
        if both and pooled:
            welch = stats.ttest_ind(prot, ref, equal_var=False)
            interval = welch.confidence_interval(0.95)
            case["welch"] = {"t": welch.statistic, "df": welch.df, "p": welch.pvalue,
                             "meanDifferenceInterval": [interval.low, interval.high],
                             "smdSampleInterval": [interval.low / sample, interval.high / sample],
                             "smdPopulationInterval": [interval.low / population, interval.high / population]}
        else:
            case["welch"] = None
        found.append(case)
    return found


def fairness():
    tables = []
    for name, rows in HAND:
        groups = [group(*r) for r in rows]
        filled = [g for g in groups if g["n"]]
        highest = max(filled, key=lambda g: (g["favourable"] / g["n"], g["n"]))["group"]
        named = groups[-1]["group"] if groups[-1]["n"] and len(groups) > 1 else groups[0]["group"]
        per_group = []
        for g in groups:
            rates = {"selection": (g["favourable"], g["n"]), **{k: (g[a], g[a] + g[b]) for k, (a, b) in RATES.items()}}
            per_group.append({**g, "rates": {k: {"k": a, "n": n, "value": rate(a, n), "wilson": wilson(a, n)}
                                             for k, (a, n) in rates.items()}})
        tables.append({"name": name, "groups": per_group, "highestRate": comparison(groups, highest),
                       "named": comparison(groups, named), "odds": odds(groups)})
    write(FIGURES / "fairness.json", {
        "script": "Tests/Reference/make_figures.py",
        "versions": versions("scipy", "statsmodels", "scikit-learn", "fairlearn", "numpy"),
        "definitions": {
            "positive": "1 is the favourable outcome: tp = favourable decision and favourable truth; favourable = tp + fp",
            "highestRate": "reference = highest favourable rate among groups with rows; ties: more rows, then first listed",
            "named": "reference = the last group that the table lists (the first where the last is empty)",
            "air": "rate(group) / rate(reference); null where the reference's rate is 0 or a group is empty. airInterval: "
                   "Katz, 95 % (scipy = statsmodels), null where a favourable count is 0; it exists where everybody is "
                   "favourable (both: [1, 1]). emptyCell, smallCell: smallest of the four counts is 0, below 5",
            "marginalEffect": "100 (rate of reference - rate of group), points; Newcombe and Wald 95 %",
            "rates": "differences group - reference (Newcombe 95 %), ratios group / reference (Katz 95 %); null without "
                     "denominators. tpr = tp/(tp+fn), fpr = fp/(fp+tn), fnr = fn/(tp+fn), ppv = tp/(tp+fp)",
            "averageOddsDifference": "((fpr - fpr of reference) + (tpr - tpr of reference)) / 2, signed",
            "odds": "fairlearn MetricFrame.difference('between_groups') of each rate over groups that have the rate; "
                    "equalizedOddsDifference their larger, equalizedOddsMean their mean; null where fewer than two groups "
                    "have one of them. fairlearnRaw: what fairlearn.metrics.equalized_odds_difference says without that "
                    "care (a rate without rows counts as 0): equal where undefined is empty and there are two groups",
            "p": "fisherP two-sided (scipy); z pooled (statsmodels), null without variance; …Holm over the groups of the "
                 "table with a p value",
            "smd": "(mean of prot - mean of ref) / sd of the scores of all groups together; Sample: ddof 1, Population: "
                   "ddof 0; null where the sd is 0 or undefined. welch: Welch's t test and 95 % interval of the mean "
                   "difference, and that interval over the sd"},
        "tables": tables, "smd": smd_cases()})


# --- Performance ---------------------------------------------------------------------------------------------------

def calibration(confidence, hit, bins, weights=None):
    """Expected calibration error by pandas.cut: right-closed bins, the first one closed on both sides."""
    weights = np.ones(len(confidence)) if weights is None else np.asarray(weights, float)
    frame = pd.DataFrame({"c": confidence, "h": hit, "w": weights})
    edges = [k / bins for k in range(bins + 1)]
    frame["bin"] = pd.cut(frame.c, edges, right=True, include_lowest=True, labels=False)
    total, rows = 0.0, []
    for b, part in frame.groupby("bin"):
        w = part.w.sum()
        if w == 0:
            continue
        mean_c, mean_h = np.average(part.c, weights=part.w), np.average(part.h, weights=part.w)
        total += w / weights.sum() * abs(mean_h - mean_c)
        rows.append({"bin": int(b), "count": len(part), "weight": float(w), "meanScore": mean_c, "meanOutcome": mean_h})
    return float(total), rows


def clipped(p):
    return np.clip(np.asarray(p, float), 1e-15, 1 - 1e-15)


def binary_case(name, y, scores, weights=None, thresholds=(0.1, 0.28, 0.5, 0.9)):
    y, s = np.asarray(y), np.asarray(scores, float)
    w = None if weights is None else np.asarray(weights, float)
    both = len(set(y)) == 2
    case = {"name": name, "y": y, "scores": s, "weights": w}
    case["rocAuc"] = float(sk.roc_auc_score(y, s, sample_weight=w)) if both else None
    case["delong"] = {k: v for k, v in delong(y, s).items() if k in ("variance", "low", "high")} \
        if both and w is None else None
    if both:
        fpr, tpr, at = sk.roc_curve(y, s, sample_weight=w, drop_intermediate=False)
        case["roc"] = {"fpr": fpr, "tpr": tpr, "threshold": at}
    else:
        case["roc"] = None
    case["averagePrecision"] = float(sk.average_precision_score(y, s, sample_weight=w)) if both else None
    p = clipped(s)
    case["logLoss"] = float(sk.log_loss(y, np.stack([1 - p, p], 1), sample_weight=w, labels=[0, 1]))
    case["brier"] = float(sk.brier_score_loss(y, s, sample_weight=w)) if both else float(np.average((s - y) ** 2, weights=w))
    for bins in (10, 15):
        case[f"ece{bins}"], rows = calibration(s, y, bins, w)
        if bins == 10:
            case["bins10"] = rows
    case["thresholds"] = []
    for t in thresholds:
        d = (s >= t).astype(int)
        tn, fp, fn, tp = (v.item() for v in sk.confusion_matrix(y, d, labels=[0, 1], sample_weight=w).ravel())
        row = {"threshold": t, "tp": tp, "fp": fp, "tn": tn, "fn": fn,
               "accuracy": float(sk.accuracy_score(y, d, sample_weight=w)),
               "precision": tp / (tp + fp) if tp + fp else None, "recall": tp / (tp + fn) if tp + fn else None,
               "falsePositiveRate": fp / (fp + tn) if fp + tn else None,
               "f1": float(sk.f1_score(y, d, sample_weight=w)) if 2 * tp + fp + fn else None,
               "balancedAccuracy": float(sk.balanced_accuracy_score(y, d, sample_weight=w)) if both else None}
        if w is None:
            row["accuracyWilson"] = wilson(tp + tn, len(y))
        case["thresholds"].append(row)
    return case


def multiclass_case(name, y, p):
    y, p = np.asarray(y), np.asarray(p, float)
    k = p.shape[1]
    top = p.argmax(1)
    all_there = len(set(y)) == k
    case = {"name": name, "y": y, "probabilities": p, "accuracy": float(sk.accuracy_score(y, top)),
            "accuracyWilson": wilson(int((y == top).sum()), len(y)),
            "logLoss": float(np.mean([sk.log_loss([1], [[1 - q, q]], labels=[0, 1]) for q in
                                      clipped(p[np.arange(len(y)), y])])),
            "macroOvrAuc": float(sk.roc_auc_score(y, p, multi_class="ovr", average="macro")) if all_there else None,
            "ovrAuc": [float(sk.roc_auc_score(y == c, p[:, c])) if 0 < (y == c).sum() < len(y) else None
                       for c in range(k)],
            "confusion": sk.confusion_matrix(y, top, labels=range(k))}
    if p.min() > 0:
        same(case["logLoss"], sk.log_loss(y, p, labels=range(k)))
    for bins in (10, 15):
        case[f"ece{bins}"] = calibration(p.max(1), (y == top).astype(int), bins)[0]
    return case


def regression_case(name, y, predicted, weights=None):
    y, f = np.asarray(y, float), np.asarray(predicted, float)
    w = None if weights is None else np.asarray(weights, float)
    constant = np.ptp(y) == 0
    return {"name": name, "y": y, "predicted": f, "weights": w,
            "rmse": float(sk.root_mean_squared_error(y, f, sample_weight=w)),
            "mae": float(sk.mean_absolute_error(y, f, sample_weight=w)),
            "r2": None if constant or len(y) < 2 else float(sk.r2_score(y, f, sample_weight=w))}


def performance():
    rng = np.random.default_rng(4)

    def drawn(n, share, step, shift=1.2):
        y = (rng.random(n) < share).astype(int)
        s = 1 / (1 + np.exp(-(rng.normal(size=n) + shift * (y - 0.5) + np.log(share / (1 - share)))))
        return y, np.round(np.round(s / step) * step, 6)

    ties, imbalanced, plain, heavy = drawn(60, 0.5, 0.1), drawn(200, 0.05, 0.001), drawn(80, 0.4, 0.0001), drawn(50, 0.4, 0.05)
    binary = [
        binary_case("drawn, balanced", *plain), binary_case("many ties, on bin edges and thresholds", *ties),
        binary_case("imbalanced, 5 %", *imbalanced),
        binary_case("perfect", [0, 0, 0, 1, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.8, 0.9]),
        binary_case("perfect and certain", [0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0]),
        binary_case("certain and wrong once", [0, 1, 1, 0], [0.0, 1.0, 0.0, 0.0]),
        binary_case("all wrong", [1, 1, 0, 0], [0.1, 0.2, 0.8, 0.9]),
        binary_case("constant 0.5", [0, 1, 0, 1, 1], [0.5] * 5), binary_case("constant 0", [0, 1, 0, 0], [0.0] * 4),
        binary_case("one class only, negatives", [0, 0, 0], [0.2, 0.5, 0.7]),
        binary_case("one class only, positives", [1, 1, 1], [0.2, 0.5, 0.7]),
        binary_case("one row", [1], [0.8]), binary_case("one of each", [0, 1], [0.4, 0.6]),
        binary_case("weights", *heavy, np.round(rng.gamma(2, 1, 50), 3)),
        binary_case("weights, some zero", [0, 1, 0, 1, 1, 0], [0.2, 0.3, 0.3, 0.7, 0.28, 0.9], [1, 2, 0, 3, 1, 0.5]),
        binary_case("unit weights", *plain, np.ones(80)),
        binary_case("float32 scores", plain[0][:30], np.float32(plain[1][:30] * 0.999)),
    ]
    z = rng.normal(size=(90, 4))
    y4 = rng.integers(0, 4, 90)
    z[np.arange(90), y4] += 1.0
    p4 = np.round(np.exp(z) / np.exp(z).sum(1, keepdims=True), 4)
    p4[:, 3] = np.round(1 - p4[:, :3].sum(1), 4)
    p4 = np.abs(p4)
    multi = [multiclass_case("four classes", y4, p4),
             multiclass_case("three classes, ties in the top", [0, 1, 2, 2, 1, 0],
                             [[0.4, 0.4, 0.2], [0.1, 0.45, 0.45], [0.2, 0.4, 0.4], [0.3, 0.3, 0.4], [0.25, 0.5, 0.25],
                              [0.8, 0.1, 0.1]]),
             multiclass_case("certain, wrong once", [0, 1, 2, 1], [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]),
             multiclass_case("a class without rows", [0, 1, 0, 1], [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4],
                                                                    [0.1, 0.8, 0.1]])]
    t = np.round(rng.normal(50, 12, 40), 2)
    f = np.round(t + rng.normal(0, 5, 40), 2)
    values = [regression_case("drawn", t, f), regression_case("perfect", [1, 2, 3], [1, 2, 3]),
              regression_case("worse than the mean", [1, 2, 3], [3, 2, 1]), regression_case("constant target", [2, 2], [1, 3]),
              regression_case("one row", [2], [3]), regression_case("weights", t, f, np.round(rng.gamma(2, 1, 40), 3)),
              regression_case("large offset", t + 1e8, f + 1e8)]
    write(FIGURES / "performance.json", {
        "script": "Tests/Reference/make_figures.py", "versions": versions("scikit-learn", "pandas", "scipy", "numpy"),
        "definitions": {
            "decision": "score >= threshold; a score equal to the threshold is positive",
            "logLoss": "natural logarithm, probabilities clipped to [1e-15, 1 - 1e-15] before scikit-learn sees them; "
                       "in the multiclass case the clipped probability of the true class, not renormalised",
            "brier": "mean of (score - y)^2 (one column, not the sum over both classes)",
            "ece": "bins equal-width on [0, 1], edges k / bins, right-closed (lo, hi], 0 in the first; sum over bins of "
                   "weight share x |mean outcome - mean score|, by pandas.cut and groupby. Binary: score of class 1 "
                   "against y. Multiclass: top-label probability against being right",
            "roc": "scikit-learn roc_curve(drop_intermediate=False): every distinct score, first threshold inf",
            "rocAuc": "null with one class only; macroOvrAuc null where a class has no rows (ovrAuc has each class)",
            "top": "ties in the top class go to the lowest index",
            "regression": "r2 null for a constant target or one row; weights are sample weights",
            "precision": "null without predicted positives, recall without positives, f1 where all three counts are 0"},
        "binary": binary, "multiclass": multi, "regression": values})


# --- Distance to a linear boundary ---------------------------------------------------------------------------------

def boxed_l2(x, w, b):
    """Least L2 move inside [0, 1]: the projection is clip(x - t w), t found by bisection; checked by SLSQP."""
    def gap(t):
        return float(w @ np.clip(x - t * w, 0, 1) + b)
    reach = (np.abs(x) + 1).max() / np.abs(w)[np.abs(w) > 0].min() + 1
    side = np.sign(gap(0))
    if side * gap(side * reach) > 1e-12:
        return None
    t = optimize.brentq(gap, 0, side * reach, xtol=1e-15, rtol=1e-15)
    d = float(np.linalg.norm(np.clip(x - t * w, 0, 1) - x))
    check = optimize.minimize(lambda v: ((v - x) ** 2).sum(), np.clip(x - t * w, 0, 1) * 0.9 + 0.05,
                              jac=lambda v: 2 * (v - x), bounds=[(0, 1)] * len(x), method="SLSQP",
                              constraints={"type": "eq", "fun": lambda v: w @ v + b, "jac": lambda v: w},
                              options={"ftol": 1e-15, "maxiter": 500})
    same(d, np.sqrt(check.fun), 1e-5)
    return d


def boxed_linf(x, w, b):
    """Least Linf move inside [0, 1], as a linear programme (HiGHS)."""
    n = len(x)
    side = np.sign(w @ x + b)
    rows = np.vstack([np.hstack([np.eye(n), -np.ones((n, 1))]), np.hstack([-np.eye(n), -np.ones((n, 1))]),
                      np.append(side * w, 0)[None, :]])
    found = optimize.linprog(np.append(np.zeros(n), 1), A_ub=rows, b_ub=np.concatenate([x, -x, [-side * b]]),
                             bounds=[(0, 1)] * n + [(0, None)], method="highs")
    return float(found.x[-1]) if found.status == 0 else None


def linear(name, width, seed, spread):
    rng = np.random.default_rng(seed)
    w = np.round(rng.normal(size=width) * spread * 64) / 64
    w[w == 0] = 1 / 64
    b = float(np.round(-(w.sum() / 2) * 64) / 64)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["z"]), helper.make_node("Sigmoid", ["z"], ["p"])], name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(w.astype(np.float32).reshape(-1, 1), "w"),
         numpy_helper.from_array(np.array([b], np.float32), "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    path = FIXTURES / "models" / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(onnx.load(path))
    points = [np.round(rng.random(width) * 64) / 64 for _ in range(8)]
    points += [np.zeros(width), np.ones(width), (w > 0).astype(float), (w < 0).astype(float)]
    scale = np.round(rng.uniform(0.5, 4, width) * 8) / 8
    rows = []
    for x in points:
        z = float(w @ x + b)
        assert abs(z) > 1e-9
        norm2, norm1 = np.linalg.norm(w), np.abs(w).sum()
        rows.append({"x": x, "logit": z, "probability": float(1 / (1 + np.exp(-z))), "label": int(z >= 0),
                     "l2": abs(z) / norm2, "linf": abs(z) / norm1, "l2Box": boxed_l2(x, w, b),
                     "linfBox": boxed_linf(x, w, b), "l2Scaled": abs(z) / np.linalg.norm(w * scale),
                     "linfScaled": abs(z) / np.abs(w * scale).sum()})
    return {"file": f"models/{name}.onnx", "sha256": sha256(path), "weights": w, "bias": b, "scale": scale, "points": rows}


def hopskipjump():
    models = [linear("linear_2", 2, 2, 2.0), linear("linear_30", 30, 3, 1.0)]
    # A boundary that the box cuts off: from some corners the other side cannot be reached inside [0, 1].
    w, b = np.array([1.0, 1.0]), -2.5
    cut = [{"x": list(x), "logit": float(w @ x + b), "l2": abs(float(w @ x + b)) / np.sqrt(2),
            "linf": abs(float(w @ x + b)) / 2, "l2Box": boxed_l2(np.array(x), w, b),
            "linfBox": boxed_linf(np.array(x), w, b)} for x in ([0.25, 0.5], [1.0, 1.0])]
    write(FIGURES / "hopskipjump.json", {
        "script": "Tests/Reference/make_figures.py", "versions": versions("scipy", "numpy", "onnx"),
        "definitions": {
            "model": "p = sigmoid(weights · x + bias), label 1 where p >= 0.5; weights and points are multiples of 1/64",
            "l2, linf": "|w·x + b| / ‖w‖2 and / ‖w‖1: the least distance to the boundary anywhere",
            "l2Box, linfBox": "the least distance with every coordinate kept in [0, 1]; null where the box does not reach "
                              "the boundary. L2: root of the dual, checked with SLSQP; Linf: linear programme (HiGHS), good "
                              "to about 1e-9",
            "l2Scaled, linfScaled": "distances over x / scale, without box: |w·x + b| / ‖w∘scale‖2 and / ‖w∘scale‖1",
            "use": "an attack that only sees labels must end at or above these, and close to them"},
        "models": models, "unreachable": {"weights": w, "bias": b, "points": cut}})


if __name__ == "__main__":
    every = {"intervals": intervals, "fairness": fairness, "performance": performance, "hopskipjump": hopskipjump}
    for what in sys.argv[1:] or every:
        every[what]()
