"""Isolation forest, local outlier factor and MinCovDet of scikit-learn on Taiwan credit: area, share found, seconds.

    python peer.py taiwan_credit_default.csv.gz
"""

import sys
import time

import numpy as np
from sklearn.covariance import MinCovDet
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor


def read(path):
    import csv
    import gzip
    with gzip.open(path, "rt") as file:
        rows = list(csv.reader(file))
    names = rows[0][:-1]
    return names, np.array([[float(v) for v in row[:-1]] for row in rows[1:]])


def main(path):
    names, x = read(path)
    rng = np.random.default_rng(1)
    x = x[rng.permutation(len(x))]
    train, limit, held = x[:20_000], x[20_000:22_000], x[-4_000:]
    shuffled = np.column_stack([rng.permutation(c) for c in held.T])
    planted = held.copy()
    planted[:, names.index("AGE")] = 79
    planted[:, names.index("LIMIT_BAL")] = 10_000
    mean, deviation = train.mean(0), train.std(0)
    train, limit, held, shuffled, planted = ((a - mean) / deviation for a in (train, limit, held, shuffled, planted))
    models = {
        "IsolationForest": (lambda: IsolationForest(random_state=0).fit(train), lambda m, a: -m.score_samples(a)),
        "LocalOutlierFactor": (lambda: LocalOutlierFactor(novelty=True).fit(train), lambda m, a: -m.score_samples(a)),
        "MinCovDet": (lambda: MinCovDet(support_fraction=0.75, random_state=0).fit(train),
                      lambda m, a: m.mahalanobis(a)),
    }
    for name, (fit, score) in models.items():
        start = time.perf_counter()
        model = fit()
        fitted = time.perf_counter() - start
        start = time.perf_counter()
        usual = score(model, held)
        scored = time.perf_counter() - start
        threshold = np.quantile(score(model, limit), 0.99)
        for kind, odd in (("shuffled", shuffled), ("planted", planted)):
            s = score(model, odd)
            area = roc_auc_score(np.r_[np.zeros(len(usual)), np.ones(len(s))], np.r_[usual, s])
            print(f"{name:20} {kind:9} area {area:.3f} found {np.mean(s > threshold):.3f} "
                  f"false alarms {np.mean(usual > threshold):.4f} fit {fitted:.2f} s score {scored:.2f} s")


if __name__ == "__main__":
    main(sys.argv[1])
