"""Makes Tests/Fixtures/figures/membership.json: likelihood-ratio attacks on a small matrix of confidences; and
Tests/Fixtures/models/memoriser.onnx with memoriser.csv: a model that learnt its noise, and labelled rows.

    python make_membership_figures.py

Run with numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, lightgbm 4.7.0, onnxmltools 1.16.0 (Python 3.11). Scores come from scipy's normal distribution, row
by row; ROC and area from scikit-learn, intervals from scipy's exact binomial test, the p-value from its negative
hypergeometric distribution. Where the definition of LiRA (arXiv 2112.03570) leaves a choice, this script makes the one
of docs/probes/membership.md, in its own words.
"""

import lightgbm
import numpy as np
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from scipy import special, stats
from sklearn import metrics as sk

from common import FIXTURES, versions, write

SHADOWS, ROWS = 12, 9


def residual_deviation(values, mask):
    """Unbiased standard deviation of what is left when each row's own mean is taken away."""
    columns = [values[mask[:, r], r] for r in range(values.shape[1])]
    left = np.concatenate([c - c.mean() for c in columns])
    return float(np.sqrt((left**2).sum() / (len(left) - len(columns))))


def attacks(values, inside, target):
    wide, narrow = residual_deviation(values, inside), residual_deviation(values, ~inside)
    found = {"deviationIn": wide, "deviationOut": narrow, "onlineGlobal": [], "onlinePerRow": [],
             "offlineGlobal": [], "offlinePerRow": []}
    for r in range(values.shape[1]):
        a, b = values[inside[:, r], r], values[~inside[:, r], r]
        def ratio(s, t):
            return stats.norm.logpdf(target[r], a.mean(), s) - stats.norm.logpdf(target[r], b.mean(), t)
        found["onlineGlobal"].append(ratio(wide, narrow))
        found["onlinePerRow"].append(ratio(a.std(ddof=1), b.std(ddof=1)))
        # One-sided: how unlikely is it that a model without the row is at most this sure?
        found["offlineGlobal"].append(1 - stats.norm.sf(target[r], b.mean(), narrow))
        found["offlinePerRow"].append(1 - stats.norm.sf(target[r], b.mean(), b.std(ddof=1)))
    return found


def confidences(p, labels, floor=1e-3):
    rows = np.arange(len(labels))
    own = p[rows, labels]
    rest = p.copy()
    rest[rows, labels] = 0
    limit = float(np.log((1 - floor) / floor))
    with np.errstate(divide="ignore"):
        logit, margin = np.log(own) - np.log(rest.sum(1)), np.log(own) - np.log(rest.max(1))
        loss = -np.log(own)
    return {"floor": floor, "logit": logit.clip(-limit, limit), "margin": margin.clip(-limit, limit), "loss": loss}


def evaluation(members, others, rates):
    scores, truth = np.r_[members, others], np.r_[np.ones(len(members)), np.zeros(len(others))]
    points = []
    for rate in rates:
        allowed = int(np.floor(rate * len(others) + 1e-9))
        candidates = [t for t in np.unique(others) if (others >= t).sum() <= allowed]
        accused = 0
        if candidates:
            threshold = min(candidates)
            hits, accused = int((members >= threshold).sum()), int((others >= threshold).sum())
        else:
            hits = int((members > others.max()).sum())
        exact = stats.binomtest(hits, len(members)).proportion_ci(0.95, "exact")
        point = {"rate": rate, "truePositives": hits, "falsePositives": accused, "low": exact.low, "high": exact.high,
                 "pValue": None}
        if accused == allowed:
            point["pValue"] = stats.nhypergeom.sf(hits - 1, len(scores), len(members), accused)
        points.append(point)
    return {"members": members, "nonMembers": others, "area": sk.roc_auc_score(truth, scores), "points": points}


def memoriser(learnt=400, rows=1_500, width=5):
    """Boosted trees on noisy labels: the first `learnt` rows of the file are what it was trained on."""
    generator = np.random.default_rng(20240918)
    x = generator.normal(0, 1, (rows, width)).round(2)
    y = (x[:, 0] + x[:, 1] * x[:, 2] + generator.normal(0, 1, rows) > 0).astype(int)
    model = lightgbm.LGBMClassifier(
        n_estimators=25, num_leaves=24, learning_rate=0.3, min_child_samples=3, random_state=0, n_jobs=1,
        deterministic=True, force_col_wise=True, verbosity=-1)
    model.fit(x[:learnt].astype(np.float32).astype(np.float64), y[:learnt])
    print("memoriser:", model.score(x[:learnt], y[:learnt]), model.score(x[learnt:], y[learnt:]))
    converted = convert_lightgbm(model, initial_types=[("input", FloatTensorType([None, width]))],
                                 target_opset=15, zipmap=False, name="memoriser")
    folder = FIXTURES / "models"
    (folder / "memoriser.onnx").write_bytes(converted.SerializeToString(deterministic=True))
    lines = [",".join([f"x{c}" for c in range(width)] + ["y"])]
    lines += [",".join([f"{v:g}" for v in row] + [str(label)]) for row, label in zip(x, y)]
    (folder / "memoriser.csv").write_text("\n".join(lines) + "\n")


def main():
    memoriser()
    generator = np.random.default_rng(20240917)
    inside = np.zeros((SHADOWS, ROWS), dtype=bool)
    for r in range(ROWS):
        inside[generator.permutation(SHADOWS)[:SHADOWS // 2], r] = True
    hardness = generator.normal(0, 3, ROWS)
    values = (hardness + 1.2 * inside + generator.normal(0, 1, (SHADOWS, ROWS))).round(6)
    target = (hardness + generator.normal(0.5, 1.5, ROWS)).round(6)
    logits = generator.normal(0, 2, (8, 3))
    p = special.softmax(logits, axis=1).astype(np.float32)
    p[0], p[1] = [1, 0, 0], [0, 0.25, 0.75]
    labels = np.array([0, 0, 1, 2, 0, 1, 2, 1])
    members = generator.normal(0.8, 1, 300).round(6)
    others = generator.normal(0, 1, 500).round(6)
    tied = np.r_[others.round(0)]
    write(FIXTURES / "figures" / "membership.json", {
        "script": "Tests/Reference/make_membership_figures.py",
        "versions": versions("numpy", "scipy", "scikit-learn"),
        "lira": {"inside": inside.astype(int), "values": values, "target": target, **attacks(values, inside, target)},
        "confidence": {"probabilities": p.astype(float), "labels": labels,
                       **confidences(p.astype(float), labels)},
        "evaluation": evaluation(members, others, [0.002, 0.01, 0.1]),
        "ties": evaluation(members.round(0), tied, [0.01, 0.1, 0.5]),
    })


if __name__ == "__main__":
    main()
