"""The same work with pandas and SciPy: profile, rules, exact duplicates and shift against a reference.

usage: peer.py train.parquet reference.parquet; prints one JSON line with seconds a step and peak memory.
"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
import scipy.special
import scipy.stats

steps, clock = {}, [time.perf_counter()]


def lap(name):
    now = time.perf_counter()
    steps[name] = round(now - clock[0], 2)
    clock[0] = now


train, reference = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
lap("read")
target = "default_payment_next_month"
profile = {}
for table in (train, reference):
    profile = table.describe(percentiles=[0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99])
    missing, distinct = table.isna().sum(), table.nunique()
    histograms = {c: np.histogram(table[c].to_numpy(), bins=512) for c in table.columns}
    frequent = {c: table[c].value_counts().head(1000) for c in table.columns if distinct[c] <= 1024}
    labels = table[target].value_counts()
lap("profile")
correlations = [table.iloc[:: max(1, len(table) // 20000)].corr(method="spearman") for table in (train, reference)]
lap("correlations")
rules = {"age": train["AGE"] >= 18, "limit": train["LIMIT_BAL"] > 0, "paid": train["PAY_AMT1"] <= 2000000}
broken = {name: np.flatnonzero(~holds.to_numpy()) for name, holds in rules.items()}
lap("rules")
duplicates = int(train.duplicated().sum())
lap("exact duplicates")
results, p_values = {}, []
for name in train.columns.drop(target):
    one, other = train[name].to_numpy(), reference[name].to_numpy()
    if reference[name].nunique() <= 20:
        values = reference[name].unique()
        counts = [[(column == value).sum() for value in values] for column in (one, other)]
        test = scipy.stats.chi2_contingency([[c + 0.0 for c in row] for row in counts], correction=False)
        p, q = (np.array(row) + 0.5 for row in counts)
        distance = None
    else:
        test = scipy.stats.ks_2samp(one, other, method="asymp")
        edges = np.unique(np.quantile(other, np.linspace(0, 1, 11)[1:-1]))
        p, q = (np.bincount(np.searchsorted(edges, column, "right"), minlength=len(edges) + 1) + 0.5
                for column in (one, other))
        distance = scipy.stats.wasserstein_distance(one, other) / other.std()
    p, q = p / p.sum(), q / q.sum()
    p_values.append(test.pvalue)
    results[name] = {
        "statistic": float(test.statistic), "psi": float(((p - q) * np.log(p / q)).sum()),
        "jensenShannon": float(scipy.spatial.distance.jensenshannon(p, q, base=2)), "wasserstein": distance,
    }
adjusted = scipy.stats.false_discovery_control(p_values)
lap("shift")
print(json.dumps({
    "steps": steps, "seconds": round(sum(steps.values()), 2), "rows": len(train), "duplicates": duplicates,
    "broken": {name: len(rows) for name, rows in broken.items()}, "columns": results,
    "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
