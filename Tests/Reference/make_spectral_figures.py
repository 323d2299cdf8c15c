"""Reference figures for spectral signatures and activation clusters, computed by numpy and scikit-learn.

Versions: numpy 2.3.5, scikit-learn 1.7.2 (any recent ones give the same figures to 1e-9).
Writes Tests/Fixtures/figures/spectral.json.
"""

import json
import pathlib

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

rng = np.random.default_rng(7)
count, width = 120, 6
rows = rng.normal(size=(count, width)) * np.array([1.0, 0.8, 0.6, 0.5, 0.4, 0.3]) + 2
rows[:14] += np.array([0, 0, 3.5, -2.5, 0, 1.0])
rows = rows.astype(np.float32)
centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
direction = np.linalg.svd(centred, full_matrices=False)[2][0]
scores = (centred @ direction) ** 2
removed = {}
for share in (0.05, 0.1):
    number = round(1.5 * share * count)
    removed[str(share)] = sorted(np.argsort(-scores, kind="stable")[:number].tolist())
variances = (np.linalg.svd(centred, compute_uv=False) ** 2 / count).tolist()
points = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
labels = KMeans(2, n_init=20, random_state=0).fit_predict(points)
figures = {
    "count": count, "width": width, "rows": rows.ravel().tolist(), "scores": scores.tolist(), "removed": removed,
    "variances": variances, "clusters": sorted(np.bincount(labels).tolist()),
    "silhouette": float(silhouette_score(points, labels)),
}
path = pathlib.Path(__file__).parent.parent / "Fixtures" / "figures" / "spectral.json"
path.write_text(json.dumps(figures) + "\n")
