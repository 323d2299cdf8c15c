"""Makes Tests/Fixtures/figures/sensitivity.json from Examples/mortgage (gbm.onnx, train.csv, test.csv).

    python make_sensitivity_figures.py

Needs numpy 2.4, pandas 3.1, scikit-learn 1.9.1, onnx 1.23, onnxruntime 1.31.

Partial dependence and ICE come from scikit-learn's brute-force method around the ONNX file. The smallest single
changes that flip are found by trying both sides of every threshold that the file's trees hold, which is exact.
"""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import numpy_helper
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.inspection import partial_dependence

from common import FIXTURES, sha256, versions, write

MORTGAGE = Path(__file__).resolve().parent.parent.parent / "Examples" / "mortgage"
SWEPT = ["apr", "obrat", "gdlin", "unver", "loanprc", "hrat"]
FLIPPED = ["apr", "obrat", "loanprc", "hrat", "lines", "liq", "netw", "loanamt"]


class OnnxClassifier(ClassifierMixin, BaseEstimator):
    """The ONNX file as scikit-learn sees a classifier."""

    def __init__(self, session=None):
        self.session = session
        self.classes_ = np.array([0, 1])
        self.is_fitted_ = True

    def fit(self, x, y=None):
        return self

    def predict_proba(self, x):
        p = self.session.run(None, {"input": np.asarray(x, dtype=np.float32)})[1]
        return np.array([[row[0], row[1]] for row in p]) if isinstance(p, list) else p


def thresholds(model, names):
    """All thresholds of the trees, by feature."""
    node = next(n for n in model.graph.node if n.op_type.startswith("TreeEnsemble"))
    at = {a.name: a for a in node.attribute}
    values = at["nodes_values"].floats if "nodes_values" in at else numpy_helper.to_array(at["nodes_values_as_tensor"].t)
    found = {name: set() for name in names}
    for mode, feature, value in zip(at["nodes_modes"].strings, at["nodes_featureids"].ints, values):
        if mode != b"LEAF":
            found[names[feature]].add(np.float32(value))
    return {name: np.array(sorted(v), dtype=np.float32) for name, v in found.items()}


def smallest(model, x, column, cuts, low, high, is_whole):
    """For each row the smallest change of one column, within bounds, that flips the decision; NaN without one."""
    around = np.concatenate([cuts, np.nextafter(cuts, np.float32(np.inf)), np.nextafter(cuts, np.float32(-np.inf))])
    if is_whole:
        around = np.concatenate([np.floor(around), np.ceil(around)])
    around = np.unique(np.concatenate([around, np.array([low, high], dtype=np.float32)]).astype(np.float32))
    around = around[(around >= low) & (around <= high)]
    now = model.predict_proba(x)[:, 1] >= np.float32(0.5)
    best = np.full(len(x), np.nan)
    for row in range(len(x)):
        if np.isnan(x[row, column]):
            continue
        moved = np.repeat(x[row:row + 1], len(around), axis=0)
        moved[:, column] = around
        flips = (model.predict_proba(moved)[:, 1] >= np.float32(0.5)) != now[row]
        if flips.any():
            best[row] = np.abs(around[flips].astype(np.float64) - np.float64(x[row, column])).min()
    return best


def main():
    path = MORTGAGE / "gbm.onnx"
    file = onnx.load(path)
    names = re.findall(r'"([^"]+)"', re.search(
        r'"gbm.onnx": \{\s*"inputs": \[(.*?)\]', (MORTGAGE / "expected.json").read_text(), re.S).group(1))
    train, test = (pd.read_csv(MORTGAGE / f)[names].to_numpy(np.float32) for f in ("train.csv", "test.csv"))
    model = OnnxClassifier(onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]))

    sweeps = {}
    for name in SWEPT:
        column = names.index(name)
        known = train[:, column][~np.isnan(train[:, column])]
        # Positions that any grid of quantiles and bounds holds.
        grid = np.unique(np.quantile(known, [0, 0.25, 0.5, 0.75, 1], method="inverted_cdf"))
        found = partial_dependence(
            model, test, [column], method="brute", kind="both", response_method="predict_proba",
            custom_values={column: grid})
        ice = found["individual"][0]
        sweeps[name] = {"positions": grid, "mean": found["average"][0],
                        "spread": [np.ptp(row) for row in ice[:20]]}

    cuts = thresholds(file, names)
    rows = np.flatnonzero(model.predict_proba(test)[:, 1] < 0.5)
    flips = {}
    for name in FLIPPED:
        column = names.index(name)
        known = train[:, column][~np.isnan(train[:, column])]
        flips[name] = smallest(model, test[rows], column, cuts[name], known.min(), known.max(),
                               bool((known == np.round(known)).all()))

    write(FIXTURES / "figures" / "sensitivity.json", {
        "script": "Tests/Reference/make_sensitivity_figures.py",
        "versions": versions("numpy", "pandas", "scikit-learn", "onnx", "onnxruntime"),
        "model": {"file": "Examples/mortgage/gbm.onnx", "sha256": sha256(path)},
        "sweeps": sweeps,
        "flips": {"rows": rows, "smallest": flips},
    })


if __name__ == "__main__":
    main()
