#!/usr/bin/env python3
"""Figures for profiles of data: Tests/Fixtures/figures/profile.json.

Python 3.11, numpy 2.4.6, scipy 1.17.1. Run: python Tests/Reference/make_profile_figures.py
"""

import json
import pathlib

import numpy as np
import scipy.special
import scipy.stats

generator = np.random.default_rng(6)
figures = {}


def rounded(values):
    return [float(v) for v in np.asarray(values, dtype=float)]


def pairs():
    yield "shifted", generator.normal(0, 1, 400), generator.normal(0.4, 1.2, 300)
    yield "same", generator.exponential(1, 350), generator.exponential(1, 500)
    yield "whole", generator.integers(0, 6, 250), generator.integers(1, 7, 200)
    yield "disjoint", generator.uniform(0, 1, 40), generator.uniform(2, 3, 60)


figures["samples"] = []
for name, one, other in pairs():
    one, other = np.round(one, 6), np.round(other, 6)
    test = scipy.stats.ks_2samp(one, other, method="asymp")
    n, m = len(one), len(other)
    figures["samples"].append({
        "name": name, "one": rounded(one), "other": rounded(other), "gap": float(test.statistic),
        "probability": float(scipy.special.kolmogorov(test.statistic * np.sqrt(n * m / (n + m)))),
        "wasserstein": float(scipy.stats.wasserstein_distance(one, other)),
        "quantiles": rounded(np.quantile(one, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99], method="inverted_cdf")),
        "mean": float(one.mean()), "deviation": float(one.std(ddof=1)),
        "spearman": float(scipy.stats.spearmanr(one[:200], other[:200]).statistic) if min(n, m) >= 200 else None,
    })

figures["cells"] = []
for one, other in [([120, 60, 20], [90, 85, 40]), ([10, 0, 5, 100], [12, 3, 0, 80]), ([500, 500], [480, 520])]:
    a, b = np.array(one, float), np.array(other, float)
    test = scipy.stats.chi2_contingency([one, other], correction=False)
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    figures["cells"].append({
        "one": one, "other": other, "statistic": float(test.statistic), "degrees": int(test.dof),
        "probability": float(test.pvalue), "psi": float(((p - q) * np.log(p / q)).sum()),
        "jensenShannon": float(scipy.spatial.distance.jensenshannon(a, b, base=2)),
        "variation": float(np.abs(a / a.sum() - b / b.sum()).sum() / 2),
    })

p = generator.uniform(0, 1, 30) ** 3
figures["discovery"] = {
    "pValues": rounded(p), "adjusted": rounded(scipy.stats.false_discovery_control(p, method="bh")),
}
figures["kolmogorov"] = [[x, float(scipy.special.kolmogorov(x))] for x in (0.1, 0.3, 0.6, 1.0, 1.18, 1.2, 1.6, 2.5, 4.0)]
figures["chiSquared"] = [
    [x, d, float(scipy.stats.chi2.sf(x, d))] for x, d in ((0.5, 1), (3.84, 1), (30.0, 10), (250.0, 100), (900.0, 3))
]

path = pathlib.Path(__file__).parent.parent / "Fixtures" / "figures" / "profile.json"
path.write_text(json.dumps(figures, indent=1) + "\n")
