"""Makes Tests/Fixtures/models/spambase_logistic.onnx and Tests/Fixtures/figures/extraction.json.

    CASEMATE_SHARED=<folder> python make_extraction_figures.py

Needs <folder>/data/tabular/spambase.csv.gz (UCI "Spambase", CC BY 4.0). Versions: requirements.txt.
A logistic regression behind a scaler with its coefficients in raw units; Cohen's kappa from scikit-learn and
statsmodels, which must agree; and equation solving with random rows, for comparison.
"""

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.inter_rater import cohens_kappa

from common import FIXTURES, sha256, versions, write
from make_figures import same, wilson


def kappas():
    """Tables of counts (rows: model, columns: copy) with kappa, chance agreement, and Wilson's interval rescaled."""
    tables = {
        "two classes": [[45, 5], [10, 40]],
        "rare class": [[940, 10], [30, 20]],
        "no better than chance": [[90, 0], [10, 0]],
        "perfect": [[70, 0], [0, 30]],
        "three classes": [[30, 4, 1], [2, 25, 6], [0, 3, 29]],
        "worse than chance": [[2, 48], [47, 3]],
    }
    found = {}
    for name, table in tables.items():
        t = np.array(table)
        pairs = [(i, j) for i in range(len(t)) for j in range(len(t)) for _ in range(t[i, j])]
        model, copy = np.array(pairs).T
        kappa = float(cohen_kappa_score(model, copy))
        same(kappa, cohens_kappa(t).kappa)
        n, agreeing = int(t.sum()), int(np.trace(t))
        chance = float((t.sum(0) * t.sum(1)).sum() / n**2)
        interval = [(w - chance) / (1 - chance) for w in wilson(agreeing, n)]
        found[name] = {"table": table, "kappa": kappa, "chance": chance, "majority": float(t.sum(1).max() / n),
                       "interval": interval}
    return found


def random_rows(x, w, b, count, test, decimals):
    """Agreement on test rows of weights solved from random rows at the scale of the data, answers rounded."""
    generator = np.random.default_rng(0)
    steps = 0.5 * generator.standard_normal((count, x.shape[1]))
    mean, deviation = x.mean(0), x.std(0)
    p = 1 / (1 + np.exp(-((mean + steps * deviation) @ w + b)))
    if decimals is not None:
        p = np.clip(np.round(p, decimals), 0.5 * 10.0**-decimals, 1 - 0.5 * 10.0**-decimals)
    a = np.c_[steps, np.ones(count)]
    solution = np.linalg.lstsq(a, np.log(p / (1 - p)), rcond=None)[0]
    weights = solution[:-1] / deviation
    own = x[test] @ weights + solution[-1] - weights @ mean >= 0
    return {"decimals": decimals, "queries": count, "agreement": float(np.mean(own == (x[test] @ w + b >= 0))),
            "coefficientError": float(np.abs(weights - w).max())}


def main():
    root = os.environ.get("CASEMATE_SHARED")
    if not root:
        sys.exit("set CASEMATE_SHARED to the folder that holds data/tabular")
    source = Path(root) / "data" / "tabular" / "spambase.csv.gz"
    # why: 391 rows are exact duplicates of others.
    data = pd.read_csv(source).drop_duplicates().reset_index(drop=True)
    y = data.pop("spam").to_numpy()
    x = data.to_numpy(np.float64)
    test = np.arange(len(x)) % 4 == 3
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=10_000, tol=1e-10))
    model.fit(x[~test], y[~test])
    scaler, logistic = model[0], model[1]
    w = logistic.coef_[0] / scaler.scale_
    b = float(logistic.intercept_[0] - (w * scaler.mean_).sum())
    same(model.decision_function(x), x @ w + b, 1e-8)

    converted = to_onnx(model, initial_types=[("input", FloatTensorType([None, x.shape[1]]))], target_opset=15,
                        options={id(logistic): {"zipmap": False}})
    converted.graph.name = "spambase_logistic"
    converted.doc_string = ""
    path = FIXTURES / "models" / "spambase_logistic.onnx"
    path.write_bytes(converted.SerializeToString(deterministic=True))
    onnx.checker.check_model(onnx.load(path))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    q = session.run(None, {"input": x[test].astype(np.float32)})[1][:, 1]
    p = model.predict_proba(x[test])[:, 1]
    worst = float(np.abs(q - p).max())
    assert worst < 1e-5, worst

    held_out = np.flatnonzero(test)
    peers = [random_rows(x, w, b, count, held_out, decimals)
             for decimals in (None, 5, 4, 3, 2) for count in (58, 1160)]
    write(FIXTURES / "figures" / "extraction.json", {
        "script": "Tests/Reference/make_extraction_figures.py",
        "versions": versions("numpy", "scikit-learn", "skl2onnx", "statsmodels", "onnxruntime"),
        "source": {"file": "data/tabular/spambase.csv.gz", "sha256": sha256(source)},
        "kappa": kappas(),
        "spambase": {"model": "models/spambase_logistic.onnx", "testRows": "row % 4 == 3 after removing duplicates",
                     "accuracy": float(np.mean((p >= 0.5) == y[test])),
                     "majority": float(max(np.mean(p >= 0.5), np.mean(p < 0.5))), "intercept": b, "coefficients": w,
                     "randomRows": peers},
    })


if __name__ == "__main__":
    main()
