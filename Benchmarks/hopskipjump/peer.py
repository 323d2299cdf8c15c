"""The peer's side of the benchmark: HopSkipJump of the Adversarial Robustness Toolbox (ART).

Makes build/model.onnx, build/points.csv and build/model.txt (the same trees, for LightGBM) if they are
absent, attacks the points and writes build/art.json. See README.md for its members.
"""

import argparse
import json
import os
import pathlib
import pickle
import platform
import re
import time
import warnings
from importlib import metadata

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

warnings.filterwarnings("ignore", message="PyTorch not found")
from art.attacks.evasion import HopSkipJump  # noqa: E402
from art.estimators.classification import BlackBoxClassifier  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE / "build"
FEATURES = 30
SETTINGS = {"max_iter": 10, "max_eval": 1000, "init_eval": 100, "init_size": 100, "batch_size": 4096}
# ART as its documentation uses it: the scikit-learn interface of LightGBM, its own threads, ART's batch of 64.
AS_INSTALLED = "as installed"
DEFAULT_BATCH = 64


def lower_thresholds(text):
    """Rounds every threshold of a LightGBM model down to a float32: `x <= t` keeps its answer for every
    float32 `x`, and LightGBM and ONNX Runtime then compute the same function."""
    def line(match):
        exact = [float(t) for t in match[1].split()]
        near = [np.float32(t) for t in exact]
        down = [np.nextafter(n, np.float32(-np.inf)) if float(n) > t else n for n, t in zip(near, exact)]
        return "threshold=" + " ".join(repr(float(t)) for t in down)

    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.M)
    return re.sub(r"^threshold=(.*)$", line, text, flags=re.M)


def make_model_and_points(samples):
    data = load_breast_cancer()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=0.4, random_state=0, stratify=data.target)
    low, high = train_x.min(axis=0), train_x.max(axis=0)
    train_x, test_x = (np.clip((x - low) / (high - low), 0, 1).astype(np.float32) for x in (train_x, test_x))
    model = lightgbm.LGBMClassifier(
        n_estimators=100, num_leaves=15, min_child_samples=10, random_state=0,
        deterministic=True, force_row_wise=True, n_jobs=1, verbose=-1)
    model.fit(train_x.astype(np.float64), train_y)
    text = lower_thresholds(model.booster_.model_to_string())
    booster = lightgbm.Booster(model_str=text)
    converted = onnxmltools.convert_lightgbm(
        booster, name="trees", initial_types=[("input", FloatTensorType([None, FEATURES]))], target_opset=15)
    converted.ir_version = 8
    labels = converted.graph.output[0].type.tensor_type.shape
    del labels.dim[:]  # the converter declares one label for the whole batch
    labels.dim.add().dim_param = "N"

    predicted = (booster.predict(test_x) > 0.5).astype(int)
    chosen = np.flatnonzero(predicted == test_y)[:samples]
    lines = [",".join([f"f{i}" for i in range(FEATURES)] + ["label"])]
    lines += [",".join([str(v) for v in test_x[i]] + [str(test_y[i])]) for i in chosen]
    BUILD.mkdir(exist_ok=True)
    model.n_jobs = None
    (BUILD / "model.pickle").write_bytes(pickle.dumps(model))
    (BUILD / "model.txt").write_text(text)
    (BUILD / "points.csv").write_text("\n".join(lines) + "\n")
    onnx.save(converted, BUILD / "model.onnx")
    print(f"model: {booster.num_trees()} trees, accuracy {np.mean(predicted == test_y):.4f} on {len(test_y)} rows")


def without_probability_map(path):
    """The same model ending in plain tensors, so that the peer does not pay for one dictionary a row."""
    model = onnx.load(path)
    ensemble = next(n for n in model.graph.node if n.op_type == "TreeEnsembleClassifier")
    del model.graph.node[:]
    model.graph.node.append(ensemble)
    del model.graph.output[:]
    model.graph.output.append(
        onnx.helper.make_tensor_value_info(ensemble.output[1], onnx.TensorProto.FLOAT, ["N", 2]))
    return model.SerializeToString()


class Engine:
    """A model behind the function that ART calls: rows in, one row of two scores out; counts both."""

    def __init__(self, name, threads):
        self.name, self.threads = name, threads
        self.rows = self.calls = 0
        self.seconds = 0.0
        if name == AS_INSTALLED:
            model = pickle.loads((BUILD / "model.pickle").read_bytes())
            self.score = lambda x: model.predict_proba(x)[:, 1]
        elif name == "lightgbm":
            booster = lightgbm.Booster(model_file=BUILD / "model.txt")
            self.score = lambda x: booster.predict(x, num_threads=threads)
        else:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = threads
            session = onnxruntime.InferenceSession(
                without_probability_map(BUILD / "model.onnx"), options, providers=["CPUExecutionProvider"])
            self.score = lambda x: session.run(None, {"input": x})[0][:, 1]

    def __call__(self, x):
        begin = time.perf_counter()
        x = np.ascontiguousarray(x, dtype=np.float32)
        score = self.score(x)
        self.rows, self.calls = self.rows + len(x), self.calls + 1
        self.seconds += time.perf_counter() - begin
        return np.stack([1 - score, score], axis=1)


def attack(engine_name, norm, threads, seeds, points, labels):
    engine = Engine(engine_name, threads)
    classifier = BlackBoxClassifier(engine, (FEATURES,), 2, clip_values=(0, 1))
    settings = SETTINGS | ({"batch_size": DEFAULT_BATCH} if engine_name == AS_INSTALLED else {})
    found = HopSkipJump(classifier, norm=2 if norm == "l2" else np.inf, verbose=False, **settings)
    trials = [attack_once(found, engine, norm, seed, points, labels) for seed in range(seeds)]
    seconds, queries = (sum(t[k] for t in trials) for k in ("seconds", "queries"))
    result = {
        "engine": engine_name, "norm": norm, "threads": threads, "seeds": seeds,
        "samples": len(points) * seeds, "succeeded": sum(t["succeeded"] for t in trials),
        "queries": queries, "calls": sum(t["calls"] for t in trials),
        "seconds": seconds, "seconds_in_model": sum(t["seconds_in_model"] for t in trials),
        "microseconds_per_query": seconds / queries * 1e6,
        "median_l2": median(trials, "l2"), "median_linf": median(trials, "linf"),
        "medians_by_seed": [median([t], norm) for t in trials],
        "trials": trials,
    }
    print(f"art on {engine_name:12} {norm:4}: {result['microseconds_per_query']:6.2f} us a query, {queries} queries in "
          f"{result['calls']} calls, {seconds:.2f} s ({result['seconds_in_model']:.2f} s in the model), "
          f"{result['succeeded']}/{result['samples']}, median {norm} {median(trials, norm):.4f}", flush=True)
    return result


def median(trials, member):
    values = [row[member] for t in trials for row in t["rows"] if row["success"]]
    return float(np.median(values)) if values else None


def attack_once(found, engine, norm, seed, points, labels):
    engine(points)  # warm up
    engine.rows = engine.calls = 0
    engine.seconds = 0.0
    np.random.seed(seed)
    begin = time.perf_counter()
    adversarial = found.generate(points, np.eye(2)[labels])
    seconds = time.perf_counter() - begin
    rows, calls, model_seconds = engine.rows, engine.calls, engine.seconds

    # Judged from scratch: the label the model gives now, against the true one, inside the box.
    after = engine(adversarial).argmax(axis=1)
    inside = ((adversarial >= 0) & (adversarial <= 1)).all(axis=1)
    success = (after != labels) & inside
    change = adversarial.astype(np.float64) - points
    l2, linf = np.linalg.norm(change, axis=1), np.abs(change).max(axis=1)
    distance = l2 if norm == "l2" else linf
    return {
        "seed": seed, "succeeded": int(success.sum()), "queries": rows, "calls": calls,
        "seconds": seconds, "seconds_in_model": model_seconds,
        "rows": [{"row": i, "success": bool(success[i]), "distance": float(distance[i]),
                  "l2": float(l2[i]), "linf": float(linf[i])} for i in range(len(points))],
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--samples", type=int, default=50, help="points to attack (when they are made)")
    arguments.add_argument("--threads", type=int, default=1, help="threads of the model")
    arguments.add_argument("--seeds", type=int, default=5, help="times each attack runs, seeded 0, 1, ...")
    arguments.add_argument("--remake", action="store_true", help="make the model and the points again")
    options = arguments.parse_args()
    wanted = [BUILD / n for n in ("model.txt", "model.onnx", "model.pickle", "points.csv")]
    if options.remake or not all(p.exists() for p in wanted):
        make_model_and_points(options.samples)
    table = np.loadtxt(BUILD / "points.csv", delimiter=",", skiprows=1, dtype=np.float32, ndmin=2)
    points, labels = np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int)
    for name in ("lightgbm", "onnxruntime"):
        assert (Engine(name, 1)(points).argmax(axis=1) == labels).all(), f"{name} is wrong on a point"

    packages = ["adversarial-robustness-toolbox", "lightgbm", "numpy", "onnxruntime", "scikit-learn"]
    runs = [attack(engine, norm, options.threads, options.seeds, points, labels)
            for engine in ("lightgbm", "onnxruntime") for norm in ("l2", "linf")]
    runs += [attack(AS_INSTALLED, norm, 0, 1, points, labels) for norm in ("l2", "linf")]
    report = {
        "tool": "art", "attack": "HopSkipJump", "settings": SETTINGS,
        "versions": {p: metadata.version(p) for p in packages} | {"python": platform.python_version()},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count()},
        "runs": runs,
    }
    (BUILD / "art.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
