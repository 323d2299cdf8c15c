"""Makes Tests/Fixtures/figures/releases.json: two releases of a model on the same rows.

    python make_release_figures.py

Kappa comes from statsmodels, the exact McNemar test and the Kolmogorov-Smirnov distance from SciPy, DeLong's paired
test from its definition over all pairs of rows.
"""

import numpy as np
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from common import FIXTURES, versions, write

CLASSES = 3


def kappa(one, two):
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, (one, two), 1)
    result = cohens_kappa(table)
    return {"kappa": result.kappa, "low": result.kappa_low, "high": result.kappa_upp}


def delong(labels, old, new):
    """Both areas, and the standard error of their difference by its structural components."""
    areas, rows, columns = [], [], []
    for scores in (old, new):
        good, bad = scores[labels], scores[~labels]
        wins = (good[:, None] > bad[None, :]) + 0.5 * (good[:, None] == bad[None, :])
        areas.append(wins.mean())
        rows.append(wins.mean(axis=1))
        columns.append(wins.mean(axis=0))
    weights = np.array([-1, 1])
    variance = weights @ (np.cov(rows) / len(rows[0]) + np.cov(columns) / len(columns[0])) @ weights
    error = float(np.sqrt(variance))
    return {"old": areas[0], "new": areas[1], "error": error,
            "p": 2 * stats.norm.sf(abs(areas[1] - areas[0]) / error)}


def case(seed, count, noise):
    random = np.random.default_rng(seed)
    labels = random.random(count) < 0.4
    # Rounded, so that scores are tied within and between releases.
    old = np.round(np.clip(0.35 + 0.25 * labels + random.normal(0, 0.2, count), 0, 1), 2)
    new = np.round(np.clip(old + random.normal(0.03, noise, count), 0, 1), 2)
    one = np.digitize(old, [0.3, 0.6])
    two = np.digitize(new, [0.3, 0.6])
    return {"labels": labels.astype(int), "old": old, "new": new, "oldClass": one, "newClass": two,
            "kappa": kappa(one, two), "delong": delong(labels, old, new),
            "ks": stats.ks_2samp(old, new).statistic}


def main():
    pairs = [(0, 0), (0, 1), (5, 0), (7, 3), (12, 30), (40, 41), (300, 200), (2_000, 2_300)]
    mcnemar = [{"one": a, "other": b, "p": stats.binomtest(a, a + b, 0.5).pvalue if a + b else 1.0} for a, b in pairs]
    write(FIXTURES / "figures" / "releases.json", {
        "versions": versions("numpy", "scipy", "statsmodels"), "mcnemar": mcnemar,
        "cases": [case(seed, count, noise) for seed, count, noise in [(1, 40, 0.1), (2, 120, 0.02), (3, 80, 0.4)]]})


if __name__ == "__main__":
    main()
