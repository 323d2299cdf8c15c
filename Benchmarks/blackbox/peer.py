"""The peer's side of the benchmark: four black-box attacks of the Adversarial Robustness Toolbox (ART).

Takes model and points of ../hopskipjump (made if they are absent), attacks the points with LightGBM as ART's users have
it installed, and writes build/art.json. See README.md.
"""

import argparse
import importlib.util
import json
import pathlib
import time
from importlib import metadata

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE / "build"
spec = importlib.util.spec_from_file_location("hopskipjump_peer", HERE.parent / "hopskipjump" / "peer.py")
base = importlib.util.module_from_spec(spec)
spec.loader.exec_module(base)

from art.attacks.evasion import BoundaryAttack, HopSkipJump, SquareAttack, ZooAttack  # noqa: E402
from art.estimators.classification import BlackBoxClassifier, BlackBoxClassifierNeuralNetwork  # noqa: E402

FEATURES = base.FEATURES
SIDE = 6  # ART's Square takes pictures of neural networks only: 30 features, six values that the model never sees
# ART's notebook on LightGBM has these for ZOO; its defaults raise an error on fewer than 128 features.
ZOO = {"learning_rate": 0.1, "max_iter": 20, "binary_search_steps": 10, "initial_const": 1e-3, "use_resize": False,
       "use_importance": False, "nb_parallel": 1, "batch_size": 1, "variable_h": 0.2}


def flat(engine):
    return BlackBoxClassifier(engine, (FEATURES,), 2, clip_values=(0, 1))


def pictures(engine):
    return BlackBoxClassifierNeuralNetwork(
        lambda x: engine(x.reshape(len(x), -1)[:, :FEATURES]), (SIDE, SIDE, 1), 2, channels_first=False,
        clip_values=(0, 1))


def margin(classifier):
    def loss(x, y):
        scores = np.log(np.maximum(classifier.predict(x), 1e-7))
        own = (scores * y).sum(axis=1)
        return own - (scores - 1e9 * y).max(axis=1)
    return loss


def square(engine, eps, iterations):
    classifier = pictures(engine)
    return SquareAttack(classifier, norm=np.inf, eps=eps, max_iter=iterations, loss=margin(classifier), verbose=False,
                        adv_criterion=lambda p, y: p.argmax(axis=1) != y.argmax(axis=1))


def run(name, norm, make, points, labels, picture=False, **notes):
    engine = base.Engine(base.AS_INSTALLED, 0)
    engine(points)
    engine.rows = engine.calls = 0
    engine.seconds = 0.0
    np.random.seed(0)
    attack = make(engine)
    x = points
    if picture:
        x = np.zeros((len(points), SIDE * SIDE), dtype=np.float32)
        x[:, :FEATURES] = points
        x = x.reshape(-1, SIDE, SIDE, 1)
    begin, used = time.perf_counter(), time.process_time()
    found = attack.generate(x, np.eye(2)[labels])
    # why the smaller: on a busy machine the wall runs on while nothing is done, and several threads use more than one wall.
    seconds = min(time.perf_counter() - begin, time.process_time() - used)
    rows, calls = engine.rows, engine.calls
    found = found.reshape(len(points), -1)[:, :FEATURES]
    flipped = (engine(found).argmax(axis=1) != labels) & ((found >= 0) & (found <= 1)).all(axis=1)
    change = np.abs(found.astype(np.float64) - points)
    distance = np.linalg.norm(change, axis=1) if norm == "l2" else change.max(axis=1)
    result = {
        "attack": name, "norm": norm, "samples": len(points), "succeeded": int(flipped.sum()), "queries": rows,
        "calls": calls, "seconds": seconds, "microseconds_per_query": seconds / rows * 1e6,
        "median_distance": float(np.median(distance[flipped])) if flipped.any() else None,
        "rows": [{"row": i + 1, "success": bool(flipped[i]), "distance": float(distance[i])}
                 for i in range(len(points))], **notes,
    }
    print(f"art {name:14} {norm:4} {result['microseconds_per_query']:7.1f} us a query, {rows / len(points):7.0f} queries "
          f"a point, {result['succeeded']}/{len(points)}, median {result['median_distance']}", flush=True)
    return result


def save(runs, default):
    packages = ["adversarial-robustness-toolbox", "lightgbm", "numpy"]
    report = {"versions": {p: metadata.version(p) for p in packages}, "zoo_defaults": default, "runs": runs}
    (BUILD / "art.json").write_text(json.dumps(report, indent=1) + "\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--samples", type=int, default=20, help="points attacked, of those of ../hopskipjump")
    arguments.add_argument("--boundary-iterations", type=int, default=200)
    arguments.add_argument("--square-iterations", type=int, default=1000)
    options = arguments.parse_args()
    BUILD.mkdir(exist_ok=True)
    if not (base.BUILD / "model.pickle").exists() or not (base.BUILD / "points.csv").exists():
        base.make_model_and_points(50)
    table = np.loadtxt(base.BUILD / "points.csv", delimiter=",", skiprows=1, dtype=np.float32, ndmin=2)
    table = table[:options.samples]
    points, labels = np.ascontiguousarray(table[:, :-1]), table[:, -1].astype(int)
    header = (base.BUILD / "points.csv").read_text().splitlines()
    (BUILD / "points.csv").write_text("\n".join(header[:options.samples + 1]) + "\n")

    runs = []
    def keep(*arguments, **notes):
        runs.append(run(*arguments, points, labels, **notes))
        save(runs, None)

    for eps in (0.05, 0.1, 0.2):
        keep("square", "linf", lambda e: square(e, eps, options.square_iterations), picture=True, eps=eps)
    keep("boundary", "l2", lambda e: BoundaryAttack(
        flat(e), targeted=False, max_iter=options.boundary_iterations, verbose=False))
    keep("zoo", "l2", lambda e: ZooAttack(flat(e), verbose=False, **ZOO))
    for norm, order in (("l2", 2), ("linf", np.inf)):
        keep("hop_skip_jump", norm, lambda e: HopSkipJump(
            flat(e), norm=order, verbose=False, max_iter=10, max_eval=1000, init_eval=100))
    try:
        run("zoo, defaults", "l2", lambda e: ZooAttack(flat(e), verbose=False), points, labels)
        default = "ran"
    except Exception as error:  # what the README reports
        default = f"{type(error).__name__}: {error}"
        print(f"art zoo with its defaults: {default}")
    save(runs, default)


if __name__ == "__main__":
    main()
