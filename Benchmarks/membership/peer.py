"""The peer's side of the benchmark: LiRA with 32 scikit-learn models on 4,000 rows of the Taiwan credit data.

    python peer.py taiwan_credit_default.csv.gz [--seed N] [--as-installed]

Writes the target (build/target.onnx), what it was trained on (build/train.csv), as many other rows (build/test.csv), the
audit's configuration (build/casemate.yaml) and the peer's figures (build/peer.json). See README.md.
"""

import argparse
import gzip
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import time
from importlib import metadata

# Before numpy: models on one thread, so that several can be trained side by side. A second run of this script, without
# this, measures scikit-learn as it comes.
AS_INSTALLED = "--as-installed" in sys.argv
if not AS_INSTALLED:
    os.environ["OMP_NUM_THREADS"] = "1"

import lightgbm
import numpy as np
from joblib import Parallel, delayed
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

BUILD = pathlib.Path(__file__).resolve().parent / "build"
TARGET = "default_payment_next_month"
ROWS, SHADOWS, RATE = 4_000, 32, 0.01
OTHERS = ["file", "performance", "fairness", "evasion", "constraints", "residuals", "sensitivity", "benchmark_model",
          "insiders", "surrogate", "leaf_shift", "random_testing"]
CONFIGURATION = "\n".join([
    "version: 1", "model: target.onnx", f"data: {{train: train.csv, test: test.csv, target: {TARGET}}}", "probes:",
    f"  membership: {{shadows: {SHADOWS}}}", *(f"  {name}: {{enabled: false}}" for name in OTHERS), ""])


def confidence(model, x, y):
    p = model.predict_proba(x)
    own = np.clip(p[np.arange(len(y)), y], 1e-3, 1 - 1e-3)
    return np.log(own) - np.log1p(-own)


def shadow(seed, inside, x, y):
    return confidence(HistGradientBoostingClassifier(random_state=seed).fit(x[inside], y[inside]), x, y)


def lira(target, inside, x, y, workers):
    """Scores of all rows and the seconds of everything after the target was trained."""
    begin = time.perf_counter()
    tasks = (delayed(shadow)(seed, mask, x, y) for seed, mask in enumerate(inside))
    phi = np.array(Parallel(n_jobs=workers)(tasks))
    own = confidence(target, x, y)
    (mean_in, s_in), (mean_out, s_out) = spread(phi, inside), spread(phi, ~inside)
    scores = stats.norm.logpdf(own, mean_in, s_in) - stats.norm.logpdf(own, mean_out, s_out)
    return scores, time.perf_counter() - begin


def spread(values, mask):
    """One deviation for all rows, from residuals about each row's mean over the models in `mask`."""
    count = mask.sum(0)
    mean = np.where(mask, values, 0).sum(0) / count
    square = np.where(mask, (values - mean) ** 2, 0).sum()
    return mean, np.sqrt(square / (count - 1).sum())


def recognised(members, others):
    cut = np.sort(others)[::-1][int(RATE * len(others)) - 1]
    return float((members >= cut).mean())


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("data")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--as-installed", action="store_true", help="only time scikit-learn with its own threads")
    options = arguments.parse_args()
    with gzip.open(options.data, "rt") as file:
        names = file.readline().strip().split(",")
        table = np.unique(np.loadtxt(file, delimiter=","), axis=0)
    generator = np.random.default_rng(options.seed)
    table = table[generator.permutation(len(table))[:ROWS]]
    assert names[-1] == TARGET
    x, y = table[:, :-1].astype(np.float32), table[:, -1].astype(int)
    half = ROWS // 2
    BUILD.mkdir(exist_ok=True)
    target = lightgbm.LGBMClassifier(random_state=0, verbosity=-1).fit(x[:half], y[:half])
    graph = convert_lightgbm(target, initial_types=[("input", FloatTensorType([None, x.shape[1]]))], target_opset=15,
                             zipmap=False)
    (BUILD / "target.onnx").write_bytes(graph.SerializeToString())
    for name, part in (("train", table[:half]), ("test", table[half:])):
        np.savetxt(BUILD / f"{name}.csv", part, fmt="%g", delimiter=",", header=",".join(names), comments="")
    (BUILD / "casemate.yaml").write_text(CONFIGURATION)

    # The same design as Casemate's: each row is in exactly half of the shadows.
    inside = generator.random((SHADOWS, ROWS)).argsort(0) < SHADOWS // 2
    if AS_INSTALLED:
        shadow(0, inside[0], x, y)
        print(lira(target, inside, x, y, 1)[1])
        return
    Parallel(n_jobs=os.cpu_count())(delayed(shadow)(0, mask, x, y) for mask in inside[:os.cpu_count()])  # warm
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    lira(target, inside, x, y, 1)
    processor = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
    runs = {f"{n} at a time, one thread each": lira(target, inside, x, y, n) for n in sorted({1, os.cpu_count()})}
    online = next(iter(runs.values()))[0]
    seconds = {name: run[1] for name, run in runs.items()}
    again = subprocess.run([sys.executable, *sys.argv, "--as-installed"], stdout=subprocess.PIPE, check=True, text=True)
    seconds["as installed"] = float(again.stdout.split()[-1])
    truth = np.arange(ROWS) < half
    document = {
        "processorSeconds": processor, "runs": seconds, "auc": roc_auc_score(truth, online),
        "tprAt1In100": recognised(online[truth], online[~truth]), "cpus": os.cpu_count(),
        "machine": platform.machine(), "versions": {p: metadata.version(p) for p in ("numpy", "scikit-learn")},
    }
    (BUILD / "peer.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
