"""Trains the models of the scoring benchmark and times their own libraries and ONNX Runtime on the same rows.

    python peer.py [--threads N]      # needs: pip install -r requirements.txt

Writes build/NAME.txt or build/NAME.json, build/NAME.onnx, build/rows.bin and build/peer-N.json. Seconds are processor
seconds of the process (all threads together), the fastest of several calls, so that other load on the machine counts
little.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

BUILD = Path(__file__).resolve().parent / "build"
ROWS, FEATURES, TRAINING = 50_000, 30, 20_000
CASES = [(100, 6), (100, 8), (500, 6), (500, 8)]


def fastest(body, seconds=4.0, least=4):
    best, spent, count = float("inf"), 0.0, 0
    while count < least or spent < seconds:
        wall, start = time.perf_counter(), time.process_time()
        body()
        used = time.process_time() - start
        spent, count, best = spent + time.perf_counter() - wall, count + 1, min(best, used)
    return best


def data():
    random = np.random.default_rng(5)
    x = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    score = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + x[:, 3:12].sum(1) * 0.3 + random.normal(size=ROWS)
    x[random.random(x.shape) < 0.02] = np.nan
    return x, (score > 0).astype(int)


def models(x, y):
    import lightgbm as lgb
    import xgboost as xgb

    x, y = x[:TRAINING], y[:TRAINING]
    for trees, depth in CASES:
        name = BUILD / f"lightgbm-{trees}-{depth}"
        if not name.with_suffix(".txt").exists():
            settings = dict(objective="binary", max_depth=depth, num_leaves=2**depth - 1, learning_rate=0.05, verbose=-1,
                            min_data_in_leaf=5, num_threads=1)
            lgb.train(settings, lgb.Dataset(x, y), trees).save_model(name.with_suffix(".txt"))
        name = BUILD / f"xgboost-{trees}-{depth}"
        if not name.with_suffix(".json").exists():
            settings = dict(objective="binary:logistic", max_depth=depth, eta=0.05, min_child_weight=0, nthread=1)
            xgb.train(settings, xgb.DMatrix(x, y), trees).save_model(name.with_suffix(".json"))


def onnx(path):
    import lightgbm as lgb
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    target = path.with_suffix(".onnx")
    if not target.exists():
        booster = lgb.Booster(model_file=str(path))
        model = convert_lightgbm(booster, initial_types=[("x", FloatTensorType([None, FEATURES]))], zipmap=False)
        target.write_bytes(model.SerializeToString())
    return target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    import lightgbm as lgb
    import onnxruntime as ort
    import xgboost as xgb

    BUILD.mkdir(exist_ok=True)
    x, y = data()
    models(x, y)
    x.astype("<f4").tofile(BUILD / "rows.bin")
    results = []

    def note(case, tool, seconds):
        results.append(dict(case=case, tool=tool, threads=threads, seconds=seconds, load=os.getloadavg()[0]))
        print(f"{case:20} {tool:20} {seconds / ROWS * 1e6:8.3f} us a row")

    for path in sorted(BUILD.glob("lightgbm-*.txt")):
        booster = lgb.Booster(model_file=str(path))
        answers = booster.predict(x, num_threads=threads)
        answers.astype("<f4").tofile(path.with_suffix(".answers"))
        note(path.stem, f"lightgbm {lgb.__version__}", fastest(lambda: booster.predict(x, num_threads=threads)))
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(str(onnx(path)), options, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        note(path.stem, f"onnxruntime {ort.__version__}", fastest(lambda: session.run(names, {"x": x})))
    for path in sorted(BUILD.glob("xgboost-*.json")):
        booster = xgb.Booster(model_file=str(path))
        booster.set_param("nthread", threads)
        booster.inplace_predict(x).astype("<f4").tofile(path.with_suffix(".answers"))
        note(path.stem, f"xgboost {xgb.__version__}", fastest(lambda: booster.inplace_predict(x)))
    (BUILD / f"peer-{threads}.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
