"""Makes Tests/Fixtures/trees: small files of XGBoost and LightGBM, rows, and what the libraries answer.

    python make_tree_figures.py xgboost     # needs: pip install numpy==2.4.6 pandas==3.1.1 xgboost-cpu==3.2.0
    python make_tree_figures.py xgboost17   # needs: pip install numpy==1.26.4 pandas==3.0.6 xgboost==1.7.6
    python make_tree_figures.py lightgbm    # needs: pip install numpy==2.4.6 pandas==3.1.1 lightgbm==4.7.0

Each run writes the models of one family, FAMILY.gz with float32 blocks (rows, then predictions, model after model) and
figures/trees-FAMILY.json that says what lies where. Half of the rows are random; in the others each value is a
threshold of the model, its neighbour one unit in the last place away, NaN, an infinity, or a zero.
"""

import gzip
import json
import re
import sys

import numpy as np
import pandas as pd

from common import FIXTURES

FOLDER = FIXTURES / "trees"
FEATURES = 5
LEVELS = ["zz", "amber", "b c", "d", "never"]


class Family:
    def __init__(self, name, count):
        self.name, self.count = name, count
        self.blocks, self.entries, self.offset = [], [], 0
        self.random = np.random.default_rng(20)

    def data(self, categories=0, zeros=False):
        n = 400
        x = self.random.normal(size=(n, FEATURES)).astype(np.float32)
        x[:, 1] = np.round(x[:, 1] * 4) / 4
        x[:, 2] = np.exp(x[:, 2])
        if zeros:
            x[self.random.random(x.shape) < 0.3] = 0
        x[self.random.random(x.shape) < 0.1] = np.nan
        if categories:
            x[:, 3] = self.random.integers(0, categories, n)
            x[:, 4] = self.random.integers(0, 4, n)
        score = np.nan_to_num(x[:, 0]) + np.nan_to_num(x[:, 1]) * np.nan_to_num(x[:, 2])
        score = score + (np.nan_to_num(x[:, 3]).astype(int) % 3 == 1) * 1.5 + self.random.normal(size=n) * 0.3
        return x, score

    def rows(self, thresholds, categories=0):
        """Random and edge rows for a model whose thresholds are known by column."""
        n, half = self.count, self.count // 2
        x = (self.random.normal(size=(n, FEATURES)) * 1.5).astype(np.float32)
        odd = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-35, -1e-35, 1e-36, 2e-35, 3e38], dtype=np.float32)
        for column in range(FEATURES):
            known = np.array(thresholds.get(column, [0.0]), dtype=np.float32)
            at = self.random.choice(known, n)
            step = self.random.integers(0, 3, n)
            up, down = np.nextafter(at, np.float32(np.inf)), np.nextafter(at, np.float32(-np.inf))
            edge = np.where(step == 0, at, np.where(step == 1, up, down)).astype(np.float32)
            strange = self.random.random(n) < 0.2
            edge[strange] = self.random.choice(odd, strange.sum())
            x[half:, column] = edge[half:]
            if categories and column >= 3:
                codes = self.random.integers(-1, categories + 3, n).astype(np.float32)
                codes[half:] += self.random.choice(np.array([0, 0.25, 0.75, -0.5], dtype=np.float32), n - half)
                codes[self.random.random(n) < 0.1] = np.nan
                codes[self.random.random(n) < 0.03] = 1e6
                x[:, column] = codes
        return x

    def add(self, file, rows, predictions, **facts):
        predictions = np.asarray(predictions, dtype=np.float64).reshape(len(rows), -1).astype(np.float32)
        self.entries.append(
            dict(file=file, offset=self.offset, rows=len(rows), width=rows.shape[1], scores=predictions.shape[1], **facts)
        )
        for block in (rows, predictions):
            self.blocks.append(np.ascontiguousarray(block, dtype="<f4").tobytes())
            self.offset += block.size

    def write(self, version):
        FOLDER.mkdir(exist_ok=True)
        with open(FOLDER / f"{self.name}.gz", "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as file:
            file.write(b"".join(self.blocks))
        figures = dict(library=version, models=self.entries)
        path = FIXTURES / "figures" / f"trees-{self.name}.json"
        path.write_text(json.dumps(figures, indent=1) + "\n")
        print(self.name, sum(e["rows"] for e in self.entries), "rows,", len(self.entries), "models")


def xgboost_thresholds(file):
    trees = json.loads(file.read_text())["learner"]["gradient_booster"]
    trees = trees.get("gbtree", trees)["model"]["trees"]
    found = {}
    for tree in trees:
        for column, at, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"]):
            if left >= 0:
                found.setdefault(column, []).append(at)
    return found


def xgboost_family(name, count, objectives, extra):
    import xgboost as xgb

    family = Family(name, count)
    is_old = name == "xgboost17"

    def one(title, parameters, target, rounds=4, categories=0, names=None, ubjson=False, attributes=None, base=None):
        x, score = family.data(categories)
        types = ["q"] * 3 + (["c"] * 2 if categories else ["q"] * 2)
        data = xgb.DMatrix(x, target(score), feature_names=names, feature_types=types, enable_categorical=True)
        if "survival:aft" in parameters.get("objective", ""):
            data = xgb.DMatrix(x, feature_names=names, feature_types=types)
            data.set_float_info("label_lower_bound", target(score))
            data.set_float_info("label_upper_bound", target(score) * 2)
        settings = dict(max_depth=3, eta=0.4, seed=3, nthread=1, tree_method="hist", max_bin=24)
        booster = xgb.train({**settings, **parameters}, data, rounds)
        if attributes:
            booster.set_attr(**attributes)
        path = FOLDER / f"{name}-{title}.json"
        booster.save_model(path)
        rows = family.rows(xgboost_thresholds(path), categories)
        files = [path.name]
        if ubjson:
            booster.save_model(path.with_suffix(".ubj"))
            files.append(path.with_suffix(".ubj").name)
        best = int(attributes["best_iteration"]) + 1 if attributes else 0
        # why: the in-place way takes infinities, which a DMatrix refuses.
        answers = booster.inplace_predict(
            rows, validate_features=False, iteration_range=(0, best), strict_shape=False
        )
        if parameters["objective"] == "multi:softmax":
            label = answers.reshape(-1, 1)
            answers = booster.inplace_predict(rows, validate_features=False, predict_type="margin")
            answers = np.exp(answers - answers.max(1, keepdims=True))
            answers = np.concatenate([answers / answers.sum(1, keepdims=True), label], axis=1)
        for file in files:
            if file == files[0]:
                family.add(file, rows, answers, objective=parameters["objective"], names=names)
            else:
                family.entries.append({**family.entries[-1], "file": file})

    binary, plain, positive = (lambda s: (s > 0.5).astype(int)), (lambda s: s), (lambda s: np.abs(s) + 0.1)
    three = lambda s: np.digitize(s, [0, 1.2])
    for objective in objectives:
        kind = objective.split(":")[0]
        target = binary if kind == "binary" or objective == "reg:logistic" else plain
        parameters = dict(objective=objective)
        if kind == "multi":
            target, parameters["num_class"] = three, 3
        if objective in ("reg:gamma", "reg:tweedie", "count:poisson", "survival:cox", "survival:aft", "reg:squaredlogerror"):
            target = positive
        if objective == "count:poisson":
            target = lambda s: np.round(np.abs(s))
        if objective == "reg:quantileerror":
            parameters["quantile_alpha"] = 0.7
        if kind == "rank":
            continue
        one(objective.replace(":", "-"), parameters, target, rounds=2 if kind == "multi" else 3,
            ubjson=objective in ("binary:logistic", "multi:softprob"))
    named = ["age", "net income", "ratio", "region", "job"]
    one("forest-multi", dict(objective="multi:softprob", num_class=3, num_parallel_tree=3, subsample=0.7), three, 2)
    one("forest-binary", dict(objective="binary:logistic", num_parallel_tree=4, subsample=0.7, base_score=0.3), binary, 2)
    one("dart", dict(objective="binary:logistic", booster="dart", rate_drop=0.5), binary, 6, ubjson=not is_old)
    one("dart-multi", dict(objective="multi:softprob", num_class=3, booster="dart", rate_drop=0.5), three, 3)
    one("categorical", dict(objective="binary:logistic", max_cat_to_onehot=1), binary, 4, categories=9, names=named,
        ubjson=not is_old)
    one("onehot", dict(objective="reg:squarederror", max_cat_to_onehot=50), plain, 4, categories=9)
    best = dict(best_iteration="2", scikit_learn='{"_estimator_type": "classifier"}')
    one("best", dict(objective="binary:logistic"), binary, 6, attributes=best)
    if not is_old:
        one("vector", dict(objective="multi:softprob", num_class=3, multi_strategy="multi_output_tree"), three, 3,
            ubjson=True)
    if extra:
        pandas_xgboost(family, named)
    family.write(f"xgboost {xgb.__version__}")


def frame(family, n):
    jobs = family.random.choice(LEVELS[:4], n)
    table = pd.DataFrame(
        {
            "job": pd.Categorical(jobs, categories=LEVELS),
            "age": family.random.normal(size=n).astype(np.float32),
            "rooms": pd.Categorical(family.random.choice([7, 2, 4], n), categories=[2, 4, 7]),
        }
    )
    score = table.age + (jobs == "amber") * 2 - (jobs == "d") * 1 + (np.asarray(table.rooms) == 4) * 1.5
    return table, np.asarray(score + family.random.normal(size=n) * 0.2)


def codes(table):
    return np.stack([table[c].cat.codes if c != "age" else table[c] for c in table.columns], axis=1).astype(np.float32)


def pandas_xgboost(family, _):
    import xgboost as xgb

    table, score = frame(family, 500)
    booster = xgb.train(
        dict(objective="binary:logistic", max_depth=3, max_cat_to_onehot=1, nthread=1),
        xgb.DMatrix(table, (score > 0.5).astype(int), enable_categorical=True), 4)
    file = f"{family.name}-pandas.json"
    booster.save_model(FOLDER / file)
    asked, _ = frame(family, 200)
    answers = booster.predict(xgb.DMatrix(asked, enable_categorical=True))
    family.add(file, codes(asked), answers, objective="binary:logistic", names=list(table.columns),
               levels=[LEVELS, None, ["2", "4", "7"]])


def lightgbm_thresholds(text):
    found = {}
    for tree in text.split("Tree=")[1:]:
        values = dict(re.findall(r"^(\w+)=(.*)$", tree, re.M))
        kinds = values.get("decision_type", "").split()
        for column, at, kind in zip(values["split_feature"].split(), values["threshold"].split(), kinds):
            if int(kind) & 1 == 0:
                found.setdefault(int(column), []).append(float(at))
    return found


def lightgbm_family():
    import lightgbm as lgb

    family = Family("lightgbm", 500)
    settings = dict(
        num_leaves=7, min_data_in_leaf=5, learning_rate=0.3, verbose=-1, num_threads=1, seed=3, deterministic=True,
        force_row_wise=True, min_data_per_group=1, cat_smooth=1, cat_l2=1, max_bin=31)

    def one(title, parameters, target, rounds=4, categories=0, zeros=False, no_missing=False):
        x, score = family.data(categories, zeros)
        if no_missing:
            x = np.nan_to_num(x)
        data = lgb.Dataset(x, target(score), categorical_feature=[3, 4] if categories else [])
        booster = lgb.train({**settings, **parameters}, data, rounds)
        file = f"lightgbm-{title}.txt"
        booster.save_model(FOLDER / file)
        rows = family.rows(lightgbm_thresholds((FOLDER / file).read_text()), categories)
        family.add(file, rows, booster.predict(rows), objective=parameters["objective"], names=None)

    binary, plain, positive = (lambda s: (s > 0.5).astype(int)), (lambda s: s), (lambda s: np.abs(s) + 0.1)
    three = lambda s: np.digitize(s, [0, 1.2])
    one("binary", dict(objective="binary"), binary)
    one("binary-slope", dict(objective="binary", sigmoid=2.5, is_unbalance=True), binary)
    one("missing-none", dict(objective="binary"), binary, no_missing=True)
    one("missing-off", dict(objective="binary", use_missing=False), binary)
    one("missing-zero", dict(objective="binary", zero_as_missing=True), binary, 6, zeros=True)
    one("missing-zero-multi", dict(objective="multiclass", num_class=3, zero_as_missing=True), three, 2, zeros=True)
    one("multiclass", dict(objective="multiclass", num_class=3), three, 3)
    one("multiclassova", dict(objective="multiclassova", num_class=3, sigmoid=1.5), three, 3)
    one("regression", dict(objective="regression"), plain)
    one("regression-sqrt", dict(objective="regression", reg_sqrt=True), plain)
    for objective in ("regression_l1", "huber", "quantile"):
        one(objective, dict(objective=objective), plain, 3)
    for objective in ("poisson", "gamma", "tweedie"):
        one(objective, dict(objective=objective), positive, 3)
    one("cross_entropy", dict(objective="cross_entropy"), binary, 3)
    one("cross_entropy_lambda", dict(objective="cross_entropy_lambda"), binary, 3)
    one("forest", dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6), binary, 5)
    one("forest-multi", dict(objective="multiclass", num_class=3, boosting="rf", bagging_freq=1, bagging_fraction=0.6),
        three, 3)
    one("dart", dict(objective="regression", boosting="dart", drop_rate=0.5), plain, 6)
    one("categorical", dict(objective="binary", max_cat_to_onehot=1), binary, 5, categories=40)
    one("categorical-zero", dict(objective="binary", zero_as_missing=True), binary, 5, categories=9)
    one("onehot", dict(objective="regression"), plain, 5, categories=4)
    pandas_lightgbm(family, settings)
    family.write(f"lightgbm {lgb.__version__}")


def pandas_lightgbm(family, settings):
    import lightgbm as lgb

    table, score = frame(family, 500)
    booster = lgb.train({**settings, "objective": "binary"}, lgb.Dataset(table, (score > 0.5).astype(int)), 4)
    file = "lightgbm-pandas.txt"
    booster.save_model(FOLDER / file)
    asked, _ = frame(family, 200)
    family.add(file, codes(asked), booster.predict(asked), objective="binary", names=list(table.columns),
               levels=[LEVELS, None, ["2", "4", "7"]])


OBJECTIVES = [
    "binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob", "multi:softmax", "reg:squarederror",
    "reg:logistic", "reg:gamma", "reg:tweedie", "count:poisson", "survival:cox", "survival:aft", "reg:squaredlogerror",
    "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror",
]

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    if sys.argv[1] == "xgboost":
        xgboost_family("xgboost", 420, OBJECTIVES, True)
    elif sys.argv[1] == "xgboost17":
        few = ["binary:logistic", "multi:softprob", "reg:squarederror", "reg:gamma", "binary:hinge"]
        xgboost_family("xgboost17", 200, few, False)
    else:
        lightgbm_family()
