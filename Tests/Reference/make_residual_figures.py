"""Makes Tests/Fixtures/figures/residuals.json: logistic regression, deviance residuals, exact tests, paired areas.

    python make_residual_figures.py

scikit-learn 1.9.1 (logistic regression), SciPy 1.17.1 (binomial test), NumPy 2.4.6; other versions may differ in the
last digits.
"""

import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from common import FIXTURES, versions, write


def fit(x, y, c, weights=None):
    model = LogisticRegression(C=c, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(x, y, sample_weight=weights)
    return model


def logistic():
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=(80, 4)) * [1, 3, 0.5, 1] + [0, 1, 0, -2], 3)
    y = (rng.random(80) < 1 / (1 + np.exp(-(x @ [1, -0.5, 2, 0.3] + 0.8)))).astype(int)
    weights = np.round(rng.uniform(0.2, 3, size=80), 2)
    soft = np.round(rng.uniform(0, 1, size=80), 2)
    cases = []
    for c in (0.05, 1, 100):
        for name, w in (("plain", None), ("weighted", weights)):
            model = fit(x, y, c, w)
            cases.append({"name": name, "c": c, "intercept": model.intercept_[0], "coefficients": model.coef_[0]})
        # A row with the target t is a positive row of weight t beside a negative one of weight 1 - t.
        model = fit(np.vstack([x, x]), np.r_[np.ones(80), np.zeros(80)], c, np.r_[soft, 1 - soft])
        cases.append({"name": "soft", "c": c, "intercept": model.intercept_[0], "coefficients": model.coef_[0]})
    return {"rows": x, "labels": y, "weights": weights, "soft": soft, "cases": cases}


def deviance():
    rng = np.random.default_rng(6)
    raw = np.round(rng.uniform(0.02, 0.98, size=60), 4)
    y = (rng.random(60) < raw ** 1.5).astype(int)
    logits = np.log(raw / (1 - raw))[:, None]
    p = fit(logits, y, 1000).predict_proba(logits)[:, 1]
    loss = [log_loss([a], [b], labels=[0, 1]) for a, b in zip(y, p)]
    return {"raw": raw, "outcomes": y, "calibrated": p, "residuals": np.sign(y - p) * np.sqrt(2 * np.array(loss))}


def tests():
    binomial = [{"k": k, "n": n, "share": s, "p": stats.binomtest(k, n, s, alternative="greater").pvalue}
                for k, n, s in ((3, 10, 0.2), (0, 5, 0.5), (25, 210, 0.05), (210, 210, 0.9), (12, 1000, 0.001))]
    mcnemar = [{"b": b, "c": c, "p": stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0}
               for b, c in ((10, 2), (2, 10), (5, 5), (0, 0), (0, 7), (120, 80))]
    return {"binomial": binomial, "mcNemar": mcnemar}


def areas():
    """DeLong's covariance by brute force over all pairs of a positive and a negative row."""
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, size=90)
    one = np.round(y * 0.8 + rng.normal(size=90), 1)
    other = np.round(y * 0.5 + 0.5 * one + rng.normal(size=90), 1)
    def components(score):
        pos, neg = score[y == 1][:, None], score[y == 0][None, :]
        wins = (pos > neg) + 0.5 * (pos == neg)
        return wins.mean(1), wins.mean(0)
    (v1, w1), (v2, w2) = components(one), components(other)
    s = np.cov(v1, v2) / len(v1) + np.cov(w1, w2) / len(w1)
    a, b = roc_auc_score(y, one), roc_auc_score(y, other)
    error = np.sqrt(s[0, 0] + s[1, 1] - 2 * s[0, 1])
    return {"labels": y, "one": one, "other": other, "areas": [a, b], "error": error,
            "p": 2 * stats.norm.sf(abs(a - b) / error)}


if __name__ == "__main__":
    write(FIXTURES / "figures" / "residuals.json", {
        "script": "Tests/Reference/make_residual_figures.py", "versions": versions("numpy", "scikit-learn", "scipy"),
        "logistic": logistic(), "deviance": deviance(), "tests": tests(), "areas": areas()})
