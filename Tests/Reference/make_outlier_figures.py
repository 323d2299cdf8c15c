"""Makes Tests/Fixtures/figures/outliers.json: isolation forest, minimum covariance determinant, neighbour distances.

    python make_outlier_figures.py

scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.4.6; other versions may differ in the last digits.
"""

import numpy as np
from scipy import stats
from sklearn.covariance import MinCovDet
from sklearn.ensemble import IsolationForest
from sklearn.ensemble._iforest import _average_path_length
from sklearn.neighbors import NearestNeighbors

from common import FIXTURES, versions, write


def rows():
    """Correlated normal rows, the last 30 of 120 far away, so that only one subset of 90 has the least determinant."""
    rng = np.random.default_rng(11)
    mixing = rng.normal(size=(4, 4))
    x = rng.normal(size=(120, 4)) @ mixing
    x[90:] += 15 + rng.normal(size=4) * 3 + rng.normal(size=(30, 4))
    return np.round(x, 3).astype(np.float32).astype(float)


def forest(x):
    # Many trees, so that what is left of their randomness is below the tolerance of the test.
    model = IsolationForest(n_estimators=2000, max_samples=64, random_state=0).fit(x)
    sizes = [1, 2, 3, 10, 64, 256, 5000]
    return {"averagePath": [{"n": n, "c": c} for n, c in zip(sizes, _average_path_length(np.array(sizes)))],
            "samples": 64, "scores": -model.score_samples(x)}


def covariance(x):
    model = MinCovDet(support_fraction=0.75, random_state=0).fit(x)
    cases = [{"support": 0.75, "location": model.location_, "precision": np.linalg.inv(model.covariance_),
              "distances": model.mahalanobis(x)}]
    return cases


def neighbours(x):
    distances, _ = NearestNeighbors(n_neighbors=5).fit(x[:100]).kneighbors(x[100:])
    return {"known": 100, "neighbours": 5, "means": distances.mean(1)}


if __name__ == "__main__":
    x = rows()
    write(FIXTURES / "figures" / "outliers.json", {
        "script": "Tests/Reference/make_outlier_figures.py", "versions": versions("numpy", "scikit-learn", "scipy"),
        "rows": x, "forest": forest(x), "covariance": covariance(x), "neighbours": neighbours(x),
        "chiSquared": [{"p": p, "degrees": d, "x": stats.chi2.ppf(p, d)}
                       for p in (0.5, 0.75, 0.975) for d in (1, 4, 23, 256)]})
