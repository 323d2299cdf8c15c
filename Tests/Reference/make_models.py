"""Makes Tests/Fixtures/models and Tests/Fixtures/bad-models.

    python make_models.py            # both
    python make_models.py good|bad   # one of them

The expected numbers of a good model come from the library that trained it (scikit-learn, LightGBM, XGBoost,
PyTorch), never from ONNX Runtime; ONNX Runtime is only run afterwards to see that the file agrees with them.
"""

import locale as locale_module
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from common import FIXTURES, sha256, versions, write

warnings.filterwarnings("ignore")
MODELS = FIXTURES / "models"
BAD = FIXTURES / "bad-models"
ROWS = 8
NEWEST = 26  # newest default-domain opset that ONNX Runtime 1.31.1 loads
TYPES = {
    TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64", TensorProto.FLOAT16: "float16",
    TensorProto.INT64: "int64", TensorProto.INT32: "int32", TensorProto.UINT8: "uint8",
    TensorProto.STRING: "string", TensorProto.BOOL: "bool",
}
NUMPY = {"float32": np.float32, "float64": np.float64, "float16": np.float16, "int64": np.int64,
         "int32": np.int32, "uint8": np.uint8, "string": object, "bool": np.bool_}
entries = []
onnxruntime.set_default_logger_severity(4)


# --- Entries ---------------------------------------------------------------------------------------------------

def softmax(z):
    import scipy.special
    return scipy.special.softmax(np.asarray(z, np.float64), axis=1)


def two_columns(p):
    p = np.asarray(p, np.float64).reshape(-1)
    return np.stack([1 - p, p], axis=1)


def dimensions(info):
    return [d.dim_param or (d.dim_value if d.HasField("dim_value") else None) for d in info.type.tensor_type.shape.dim]


def kind(info):
    what = info.type.WhichOneof("value")
    if what == "tensor_type":
        return TYPES[info.type.tensor_type.elem_type]
    return what.removesuffix("_type")


def strip(model):
    """Takes out what says where and from which lines a model was exported."""
    def graph(g):
        g.doc_string = ""
        del g.metadata_props[:]
        for thing in [*g.node, *g.initializer, *g.input, *g.output, *g.value_info]:
            thing.doc_string = ""
            if hasattr(thing, "metadata_props"):
                del thing.metadata_props[:]
        for node in g.node:
            for a in node.attribute:
                a.doc_string = ""
                if a.HasField("g"):
                    graph(a.g)
    graph(model.graph)
    del model.metadata_props[:]
    for f in model.functions:
        f.doc_string = ""
        del f.metadata_props[:]
    return model


def add(name, model, export, task, form, inputs, *, classes=None, probabilities=None, values=None, labels=None,
        tolerance=1e-5, ambiguous=False, note=None, library=None, locale=None):
    """Saves one model with what its source library predicts, and checks that ONNX Runtime agrees."""
    model = strip(model)
    path = MODELS / f"{name}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    assert path.stat().st_size < 40_000, (name, path.stat().st_size)
    onnx.checker.check_model(onnx.load(path))
    opsets = {o.domain or "ai.onnx": o.version for o in model.opset_import}
    initialisers = {i.name for i in model.graph.initializer}
    declared = [i for i in model.graph.input if i.name not in initialisers]
    described = []
    for info, array in zip(declared, inputs, strict=True):
        described.append({"name": info.name, "type": kind(info), "shape": dimensions(info), "values": array})
    entry = {
        "file": path.name, "sha256": sha256(path), "export": export, "library": library or export.split()[0],
        "opset": opsets.get("ai.onnx"), "opsets": opsets, "irVersion": model.ir_version, "task": task, "form": form,
        **({"ambiguous": True} if ambiguous else {}), **({"note": note} if note else {}),
        "inputs": described,
        "outputs": [{"name": o.name, "type": kind(o),
                     **({"shape": dimensions(o)} if o.type.HasField("tensor_type") else {})}
                    for o in model.graph.output],
    }
    if classes is not None:
        entry["classes"] = list(classes)
    if probabilities is not None:
        entry["probabilities"] = np.asarray(probabilities, np.float64)
    if values is not None:
        entry["values"] = np.asarray(values, np.float64)
    if labels is not None:
        entry["labels"] = list(labels)
    entry["tolerance"] = tolerance
    if locale:
        entry["needsLocale"] = locale
    if not locale or has_locale(locale):
        agree(entry, path)
    else:
        print(f"{name}: not checked, this machine lacks the locale {locale}")
    entries.append(entry)


def has_locale(name):
    try:
        before = locale_module.setlocale(locale_module.LC_ALL)
        locale_module.setlocale(locale_module.LC_ALL, name)
        locale_module.setlocale(locale_module.LC_ALL, before)
        return True
    except locale_module.Error:
        return False


def outputs_of(entry, path):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {}
    for i in entry["inputs"]:
        array = np.array(i["values"], dtype=NUMPY[i["type"]])
        feed[i["name"]] = array
    fixed = entry["inputs"][0]["shape"][0]
    if not isinstance(fixed, int):
        return session.run(None, feed)
    parts = [session.run(None, {k: v[r:r + fixed] for k, v in feed.items()}) for r in range(0, ROWS, fixed)]
    return [np.concatenate(column) for column in zip(*parts)]


def agree(entry, path):
    """Reads ONNX Runtime's outputs by the entry's form and compares them with the source library's."""
    out, form, classes = outputs_of(entry, path), entry["form"], entry.get("classes")
    label, probabilities, values = None, None, None
    first = np.asarray(out[0])
    if form == "label":
        label = first.reshape(-1)
    elif form == "label_zipmap":
        label, probabilities = first, [[row[c] for c in classes] for row in out[1]]
    elif form == "label_columns":
        label, probabilities = first, np.concatenate([np.reshape(o, (ROWS, -1)) for o in out[1:]], axis=1)
    elif form == "label_probabilities":
        label, probabilities = first, out[1]
    elif form == "label_scores":
        label, values = first, out[1]
    elif form == "logits":
        values, probabilities = first, softmax(first)
    elif form == "log_probabilities":
        probabilities = np.exp(first.astype(np.float64))
    elif form == "sigmoid":
        probabilities = two_columns(first)
    elif form == "logit":
        values, probabilities = first, two_columns(1 / (1 + np.exp(-first.astype(np.float64))))
    elif form == "probabilities":
        probabilities = first
    elif form == "scores":
        values = np.concatenate([np.reshape(o, (ROWS, -1)) for o in out], axis=1)
    elif form == "value":
        values = first
    for key, got in (("probabilities", probabilities), ("values", values)):
        if key in entry and got is not None:
            want = np.asarray(entry[key])
            scale = np.maximum(1, np.abs(want)) if key == "values" else 1
            worst = float(np.max(np.abs(np.reshape(got, want.shape) - want) / scale))
            assert worst <= entry["tolerance"], (entry["file"], key, worst)
    if label is not None:
        assert list(label) == list(entry["labels"]), (entry["file"], label, entry["labels"])


def keep_output(model, index=0):
    """Drops every output but one, and the nodes that only the others needed."""
    chosen = onnx.ValueInfoProto.FromString(model.graph.output[index].SerializeToString())
    del model.graph.output[:]
    model.graph.output.append(chosen)
    needed, kept = {model.graph.output[0].name}, []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.insert(0, node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


# --- Data ------------------------------------------------------------------------------------------------------

def grid(x, step=64):
    """Rounds to multiples of 1/64: the same number in half, single and double precision, and in decimal text."""
    return np.round(np.asarray(x) * step) / step


def table(classes=2, rows=200, width=4, seed=5):
    rng = np.random.default_rng(seed)
    x = grid(rng.normal(size=(rows, width)) * 1.5)
    w = rng.normal(size=(width, classes))
    y = np.argmax(x @ w + 0.8 * rng.normal(size=(rows, classes)), axis=1)
    return x, y, grid(x @ w[:, 0] + 0.3 * rng.normal(size=rows))


# --- scikit-learn ----------------------------------------------------------------------------------------------

def sklearn_models():
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import (DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType)
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import (GradientBoostingClassifier, HistGradientBoostingClassifier,
                                  HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier
    import pandas as pd

    matrix = [("X", FloatTensorType([None, 4]))]
    x2, y2, v = table(2)
    x3, y3, _ = table(3)
    rows = x2[:ROWS]

    def convert(m, types=matrix, zipmap=None, opset=17, **more):
        options = {id(m): {**({} if zipmap is None else {"zipmap": zipmap}), **more}}
        return to_onnx(m, initial_types=types, target_opset={"": opset, "ai.onnx.ml": 3},
                       options=options if options[id(m)] else None, name="model")

    def classifier(name, m, x, y, words, form="label_probabilities", zipmap=False, show=None, task=None, tolerance=1e-5, **more):
        m.fit(x, y)
        r = x[:ROWS] if show is None else show
        last = m.steps[-1][1] if hasattr(m, "steps") else m
        cls = [c.item() if hasattr(c, "item") else c for c in last.classes_]
        add(name, convert(m, zipmap=zipmap, **more), "scikit-learn " + words,
            task or ("binary" if len(cls) == 2 else "multiclass"), form, [r], classes=cls,
            probabilities=m.predict_proba(r), labels=list(m.predict(r)), tolerance=tolerance, library="scikit-learn")

    words2 = np.array(["declined", "approved"])[y2]
    classifier("sk_logistic_zipmap_int", LogisticRegression(), x2, y2, "LogisticRegression, default ZipMap, int labels",
               "label_zipmap", None)
    classifier("sk_logistic_zipmap_string", LogisticRegression(), x2, words2,
               "LogisticRegression, default ZipMap, string labels", "label_zipmap", None)
    classifier("sk_logistic_tensor", LogisticRegression(), x2, y2, "LogisticRegression, zipmap=False")
    classifier("sk_logistic_tensor_string", LogisticRegression(), x2, words2,
               "LogisticRegression, zipmap=False, string labels")
    classifier("sk_logistic_columns", LogisticRegression(), x2, y2,
               "LogisticRegression, zipmap='columns': one output a class", "label_columns", "columns")
    classifier("sk_logistic_labels_1_2", LogisticRegression(), x2, y2 + 1, "LogisticRegression, labels 1 and 2")
    classifier("sk_logistic_multiclass", LogisticRegression(), x3, y3, "LogisticRegression, three classes")
    classifier("sk_logistic_multiclass_zipmap", LogisticRegression(), x3, np.array(["bird", "cat", "dog"])[y3],
               "LogisticRegression, three string classes, default ZipMap", "label_zipmap", None)
    for opset in (9, 11, 13, 15, 21):
        classifier(f"sk_logistic_opset{opset}", make_pipeline(StandardScaler(), LogisticRegression()), x2, y2,
                   f"StandardScaler and LogisticRegression, opset {opset}", opset=opset)
    classifier("sk_tree", DecisionTreeClassifier(max_depth=4, random_state=0), x2, y2, "DecisionTreeClassifier")
    classifier("sk_naive_bayes", GaussianNB(), x3, y3, "GaussianNB, three classes")
    classifier("sk_random_forest", RandomForestClassifier(10, max_depth=4, random_state=0), x2, y2,
               "RandomForestClassifier")
    classifier("sk_random_forest_multiclass", RandomForestClassifier(8, max_depth=4, random_state=0), x3, y3,
               "RandomForestClassifier, three classes, default ZipMap", "label_zipmap", None)
    classifier("sk_gradient_boosting", GradientBoostingClassifier(n_estimators=10, random_state=0), x2, y2,
               "GradientBoostingClassifier")
    missing = x2.copy()
    missing[np.random.default_rng(3).random(missing.shape) < 0.15] = np.nan
    classifier("sk_hist_gradient_boosting", HistGradientBoostingClassifier(max_iter=10, max_leaf_nodes=8), missing, y2,
               "HistGradientBoostingClassifier, with missing cells (null is NaN)")
    classifier("sk_mlp", MLPClassifier(hidden_layer_sizes=(8,), max_iter=400, random_state=0), x2, y2, "MLPClassifier")
    classifier("sk_mlp_multiclass", make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(8,), max_iter=400, random_state=0)),
               x3, y3, "StandardScaler and MLPClassifier, three classes")

    from sklearn.calibration import CalibratedClassifierCV
    svc = make_pipeline(StandardScaler(), CalibratedClassifierCV(SVC(gamma=0.25), ensemble=False, cv=3))
    classifier("sk_svc_calibrated", svc, x2[:80], y2[:80],
               "StandardScaler and SVC calibrated with CalibratedClassifierCV")
    classifier("sk_svc_probability", make_pipeline(StandardScaler(), SVC(gamma=0.25, probability=True, random_state=0)),
               x2[:80], y2[:80], "StandardScaler and SVC(probability=True)", tolerance=1e-4)
    svc = make_pipeline(StandardScaler(), SVC(gamma=0.25)).fit(x2[:80], y2[:80])
    model = to_onnx(svc, initial_types=matrix, target_opset=17, options={id(svc): {"zipmap": False}}, name="model")
    d = svc.decision_function(rows)
    add("sk_svc_scores", model, "scikit-learn StandardScaler and SVC, decision scores", "binary", "label_scores",
        [rows], classes=[0, 1], values=np.stack([d, -d], axis=1), labels=list(svc.predict(rows)), tolerance=1e-4,
        note="the second output is named probabilities but holds decision scores [d, -d], d > 0 meaning the second "
             "class: the largest score is in the WRONG column; only the label output is to be trusted",
        library="scikit-learn")
    linear = LinearSVC(random_state=0).fit(x3, y3)
    model = to_onnx(linear, initial_types=matrix, target_opset=17, name="model")
    add("sk_linear_svc_scores", model, "scikit-learn LinearSVC, decision scores, three classes", "multiclass",
        "label_scores", [rows_of(x3)], classes=[0, 1, 2], values=linear.decision_function(x3[:ROWS]),
        labels=list(linear.predict(x3[:ROWS])), library="scikit-learn",
        note="the second output is named like probabilities but holds decision scores")

    def regressor(name, m, words, types=matrix, x=x2, tolerance=1e-5):
        m.fit(x, v)
        add(name, to_onnx(m, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3}, name="model"),
            "scikit-learn " + words, "regression", "value", [x[:ROWS]], values=m.predict(x[:ROWS]),
            tolerance=tolerance, library="scikit-learn")

    regressor("sk_linear_regression", LinearRegression(), "LinearRegression")
    regressor("sk_random_forest_regressor", RandomForestRegressor(10, max_depth=4, random_state=0),
              "RandomForestRegressor")
    regressor("sk_hist_gradient_regressor", HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=8),
              "HistGradientBoostingRegressor")
    regressor("sk_mlp_regressor", make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=800, random_state=0)),
              "StandardScaler and MLPRegressor")
    regressor("sk_linear_regression_double", LinearRegression(), "LinearRegression, double input and output",
              [("X", DoubleTensorType([None, 4]))], tolerance=1e-12)

    whole = np.round(x2 * 2)
    forest = RandomForestClassifier(8, max_depth=4, random_state=0).fit(whole, y2)
    add("sk_int64_matrix", convert(forest, [("X", Int64TensorType([None, 4]))], False),
        "scikit-learn RandomForestClassifier, int64 matrix", "binary", "label_probabilities",
        [whole[:ROWS].astype(np.int64)], classes=[0, 1], probabilities=forest.predict_proba(whole[:ROWS]),
        labels=list(forest.predict(whole[:ROWS])), library="scikit-learn")
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(x2, y2)
    add("sk_double_matrix", convert(logistic, [("X", DoubleTensorType([None, 4]))], False),
        "scikit-learn StandardScaler and LogisticRegression, double matrix", "binary", "label_probabilities", [rows],
        classes=[0, 1], probabilities=logistic.predict_proba(rows), labels=list(logistic.predict(rows)),
        library="scikit-learn")

    logistic = LogisticRegression().fit(x2, y2)
    only = keep_output(convert(logistic, zipmap=False))
    add("sk_label_only", only, "scikit-learn LogisticRegression, only the label output kept", "binary", "label", [rows],
        classes=[0, 1], labels=list(logistic.predict(rows)), library="scikit-learn",
        note="the classes are not in an output: 0 and 1 stand in the LinearClassifier node")
    texts = LogisticRegression().fit(x2, words2)
    only = keep_output(convert(texts, zipmap=False))
    add("sk_label_only_string", only, "scikit-learn LogisticRegression, only a string label output kept", "binary",
        "label", [rows], classes=list(texts.classes_), labels=list(texts.predict(rows)), library="scikit-learn")

    logistic = LogisticRegression().fit(x3, y3)
    add("sk_probabilities_only", keep_output(convert(logistic, zipmap=False), 1),
        "scikit-learn LogisticRegression, only the probability output kept", "multiclass", "probabilities",
        [x3[:ROWS]], classes=[0, 1, 2], probabilities=logistic.predict_proba(x3[:ROWS]),
        labels=list(logistic.predict(x3[:ROWS])), library="scikit-learn")

    # One input per column: float, string, int64, as a data frame pipeline is exported.
    rng = np.random.default_rng(11)
    n = 240
    frame = pd.DataFrame({
        "income": grid(rng.gamma(3, 12, n)), "debt_ratio": grid(rng.uniform(0, 1, n)),
        "occupation": rng.choice(["clerk", "manager", "sailor", "teacher"], n),
        "children": rng.integers(0, 5, n),
    })
    good = frame.income / 20 - 2 * frame.debt_ratio - 0.4 * frame.children + (frame.occupation == "manager")
    y = np.where(good + rng.normal(size=n) > 0, "yes", "no")
    prepare = ColumnTransformer([
        ("number", StandardScaler(), ["income", "debt_ratio"]),
        ("word", OneHotEncoder(handle_unknown="ignore"), ["occupation"]),
        ("count", StandardScaler(), ["children"])])
    types = [("income", FloatTensorType([None, 1])), ("debt_ratio", FloatTensorType([None, 1])),
             ("occupation", StringTensorType([None, 1])), ("children", Int64TensorType([None, 1]))]
    for name, last, zipmap, words in (
            ("sk_columns_logistic", LogisticRegression(), None, "LogisticRegression, default ZipMap"),
            ("sk_columns_forest", RandomForestClassifier(8, max_depth=4, random_state=0), False,
             "RandomForestClassifier, zipmap=False")):
        m = make_pipeline(prepare, last).fit(frame, y)
        show = frame[:ROWS].copy()
        show.loc[3, "occupation"] = "astronaut"  # never seen: the encoder gives zeros
        add(name, convert(m, types, zipmap), f"scikit-learn ColumnTransformer (float, string, int64 columns) and {words}",
            "binary", "label_zipmap" if zipmap is None else "label_probabilities",
            [show[[c]].to_numpy() for c in show], classes=list(m.classes_), probabilities=m.predict_proba(show),
            labels=list(m.predict(show)), library="scikit-learn")
    m = make_pipeline(prepare, LinearRegression()).fit(frame, grid(good))
    add("sk_columns_regression", convert(m, types),
        "scikit-learn ColumnTransformer (float, string, int64 columns) and LinearRegression", "regression", "value",
        [frame[:ROWS][[c]].to_numpy() for c in frame], values=m.predict(frame[:ROWS]), library="scikit-learn",
        tolerance=1e-5)

    # Text.
    spam = ["win a free prize now", "free cash call now", "claim your free prize", "urgent call to win cash",
            "win cash win prize", "free entry call now"]
    ham = ["see you at lunch", "call me after lunch", "the meeting is at noon", "are you home now",
           "lunch at noon", "see the meeting notes"]
    show = ["free prize now", "lunch at noon", "call me", "win cash", "the notes are free", "unknown words only",
            "see you now", "urgent meeting call"]
    for name, shape, lower, locale in (
            ("sk_text_matrix", [None, 1], False, None), ("sk_text_vector", [None], False, None),
            ("sk_text_lowercase_c", [None, 1], True, "C"), ("sk_text_lowercase", [None, 1], True, None)):
        m = make_pipeline(TfidfVectorizer(token_pattern="[a-z]+", lowercase=lower), LogisticRegression(C=10))
        m.fit(spam + ham, ["spam"] * 6 + ["ham"] * 6)
        tfidf = m.steps[0][1]
        model = to_onnx(m, initial_types=[("text", StringTensorType(shape))], target_opset={"": 17, "ai.onnx.ml": 3},
                        options={id(m): {"zipmap": False},
                                 id(tfidf): {"tokenexp": "[a-z]+", **({"locale": locale} if locale else {})}},
                        name="model")
        note = "the operator Tokenizer is of com.microsoft: built into ONNX Runtime, no plug-in"
        if lower and not locale:
            note += "; StringNormalizer asks for the locale en_US.UTF-8: without it ONNX Runtime refuses the file"
        texts = np.array(show, object).reshape([-1, 1] if len(shape) == 2 else [-1])
        add(name, model, "scikit-learn TfidfVectorizer and LogisticRegression, one string input "
            + ("[N,1]" if len(shape) == 2 else "[N]") + (", lower-cased" if lower else ""),
            "binary", "label_probabilities", [texts], classes=list(m.classes_), probabilities=m.predict_proba(show),
            labels=list(m.predict(show)), library="scikit-learn", note=note,
            locale="en_US.UTF-8" if lower and not locale else None)


def rows_of(x):
    return x[:ROWS]


# --- Boosted trees ---------------------------------------------------------------------------------------------

def boosted_models():
    import lightgbm
    import xgboost
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    matrix = [("input", FloatTensorType([None, 4]))]
    x2, y2, v = table(2)
    x3, y3, _ = table(3)
    # why: both libraries store thresholds in double or single precision that fall between grid points.
    light = {"n_estimators": 8, "num_leaves": 6, "verbosity": -1, "n_jobs": 1, "deterministic": True,
             "random_state": 0}
    for zipmap in (True, False):
        m = lightgbm.LGBMClassifier(**light).fit(x2, y2)
        add("lightgbm_binary" + ("_zipmap" if zipmap else ""),
            convert_lightgbm(m, initial_types=matrix, target_opset=15, zipmap=zipmap, name="model"),
            f"LightGBM LGBMClassifier, binary, zipmap={zipmap}", "binary",
            "label_zipmap" if zipmap else "label_probabilities", [x2[:ROWS]], classes=[0, 1],
            probabilities=m.predict_proba(x2[:ROWS]), labels=list(m.predict(x2[:ROWS])))
    m = lightgbm.LGBMClassifier(**light).fit(x3, y3)
    add("lightgbm_multiclass", convert_lightgbm(m, initial_types=matrix, target_opset=15, zipmap=False, name="model"),
        "LightGBM LGBMClassifier, three classes", "multiclass", "label_probabilities", [x3[:ROWS]], classes=[0, 1, 2],
        probabilities=m.predict_proba(x3[:ROWS]), labels=list(m.predict(x3[:ROWS])))
    m = lightgbm.LGBMRegressor(**light).fit(x2, v)
    add("lightgbm_regression", convert_lightgbm(m, initial_types=matrix, target_opset=15, name="model"),
        "LightGBM LGBMRegressor", "regression", "value", [x2[:ROWS]], values=m.predict(x2[:ROWS]))
    xgb = {"n_estimators": 8, "max_depth": 3, "n_jobs": 1, "random_state": 0}
    for name, words, make, x, y in (
            ("xgboost_binary", "XGBClassifier, binary", xgboost.XGBClassifier, x2, y2),
            ("xgboost_multiclass", "XGBClassifier, three classes", xgboost.XGBClassifier, x3, y3),
            ("xgboost_regression", "XGBRegressor", xgboost.XGBRegressor, x2, v)):
        m = make(**xgb).fit(x, y)
        model = convert_xgboost(m, initial_types=matrix, target_opset=15)
        model.graph.name = "model"
        if name == "xgboost_regression":
            add(name, model, f"XGBoost {words}", "regression", "value", [x[:ROWS]], values=m.predict(x[:ROWS]))
        else:
            k = int(y.max()) + 1
            add(name, model, f"XGBoost {words}", "binary" if k == 2 else "multiclass", "label_probabilities",
                [x[:ROWS]], classes=list(range(k)), probabilities=m.predict_proba(x[:ROWS]),
                labels=list(m.predict(x[:ROWS])))


# --- PyTorch ---------------------------------------------------------------------------------------------------

def torch_models():
    import torch
    from torch import nn
    torch.set_num_threads(1)
    x2, _, _ = table(2)
    rows = x2[:ROWS]

    class Squeeze(nn.Module):
        def forward(self, x):
            return x.squeeze(-1)

    class Split(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            z = self.body(x)
            return z[:, :1], z[:, 1:]

    def network(out, *tail, seed=0, width=4):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, out), *tail).eval()

    def export(m, opset=17, names=("input", "output"), axis="batch_size", dynamo=False, sample=None, **more):
        sample = torch.zeros(2, 4) if sample is None else sample
        outputs = [names[1]] if isinstance(names[1], str) else list(names[1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "m.onnx"
            if dynamo:
                dynamic = ({0: torch.export.Dim(axis)},) if axis else None
                torch.onnx.export(m, (sample,), path, opset_version=opset, input_names=[names[0]], verbose=False,
                                  output_names=outputs, dynamic_shapes=dynamic, dynamo=True, external_data=False,
                                  **more)
            else:
                dynamic = {n: {0: axis} for n in [names[0], *outputs]} if axis else None
                torch.onnx.export(m, (sample,), str(path), opset_version=opset, input_names=[names[0]],
                                  output_names=outputs, dynamic_axes=dynamic, dynamo=False, **more)
            return onnx.load(path)

    def run(m, x=rows, dtype=torch.float32):
        with torch.no_grad():
            out = m(torch.tensor(np.asarray(x), dtype=dtype))
        return [o.numpy() for o in out] if isinstance(out, tuple) else out.numpy()

    def argmax(a):
        return list(np.argmax(a, axis=1))

    def logits(name, m, model, words, x=rows, **more):
        z = run(m, x)
        k = z.shape[1]
        add(name, model, "PyTorch " + words, "binary" if k == 2 else "multiclass", "logits", [x],
            classes=list(range(k)), values=z, probabilities=torch.softmax(torch.tensor(z).double(), 1).numpy(),
            labels=argmax(z), **more)

    two, four = network(2), network(4, seed=3)
    logits("torch_logits_2", two, export(two, names=("input", "logits")), "MLP, two logits")
    logits("torch_logits_4", four, export(four, names=("input", "logits")), "MLP, four logits")
    for opset in (9, 11, 13, 15, 20):
        logits(f"torch_logits_opset{opset}", two, export(two, opset), f"MLP, two logits, opset {opset}")
    logits("torch_dynamo_opset18", two, export(two, 18, dynamo=True, axis="batch"),
           "MLP, two logits, dynamo exporter, opset 18")
    logits("torch_dynamo_opset21", four, export(four, 21, dynamo=True, axis="batch"),
           "MLP, four logits, dynamo exporter, opset 21")
    logits("torch_fixed_batch_1", two, export(two, axis=None, sample=torch.zeros(1, 4)), "MLP, batch fixed at 1")
    logits("torch_fixed_batch_4", four, export(four, axis=None, sample=torch.zeros(4, 4)), "MLP, batch fixed at 4")
    old = export(two, 9, keep_initializers_as_inputs=True)
    old.ir_version = 3
    logits("torch_ir3_initialisers_as_inputs", two, old, "MLP, opset 9, IR 3, every initialiser also listed as input")

    def sigmoid(name, m, words, shape_words, **more):
        p = np.asarray(run(m), np.float64).reshape(-1)
        add(name, export(m, **more), f"PyTorch {words}, {shape_words}", "binary", "sigmoid", [rows], classes=[0, 1],
            probabilities=two_columns(p), labels=list((p >= 0.5).astype(int)))

    sigmoid("torch_sigmoid_column", network(1, nn.Sigmoid(), seed=1), "MLP with one sigmoid output", "[N,1]")
    sigmoid("torch_sigmoid_vector", network(1, nn.Sigmoid(), Squeeze(), seed=1), "MLP with one sigmoid output", "[N]",
            opset=13)
    raw = network(1, seed=1)
    z = run(raw).reshape(-1)
    p = torch.sigmoid(torch.tensor(z).double()).numpy()
    add("torch_single_raw", export(raw), "PyTorch MLP with one raw output [N,1]", "binary", "logit", [rows],
        classes=[0, 1], values=z, probabilities=two_columns(p), labels=list((z >= 0).astype(int)), ambiguous=True,
        note="the graph is the same for a regression value and for a logit: detection must not guess silently")
    add("torch_regression", export(raw, names=("features", "price")), "PyTorch MLP for regression [N,1]", "regression",
        "value", [rows], values=z, ambiguous=True, note="the same graph as torch_single_raw, meant as a value")
    m = network(3, nn.Softmax(dim=1), seed=2)
    p = run(m)
    add("torch_softmax", export(m, names=("input", "probabilities")), "PyTorch MLP with softmax output", "multiclass",
        "probabilities", [rows], classes=[0, 1, 2], probabilities=p, labels=argmax(p))
    m = network(2, nn.Softmax(dim=1), seed=0)
    p = run(m)
    add("torch_softmax_2", export(m), "PyTorch MLP with softmax output, two classes", "binary", "probabilities",
        [rows], classes=[0, 1], probabilities=p, labels=argmax(p))
    m = network(3, nn.LogSoftmax(dim=1), seed=2)
    p = np.exp(np.asarray(run(m), np.float64))
    add("torch_log_softmax", export(m), "PyTorch MLP with log-softmax output", "multiclass", "log_probabilities",
        [rows], classes=[0, 1, 2], probabilities=p, labels=argmax(p))
    m = network(2, nn.Tanh(), seed=4)
    s = run(m)
    add("torch_two_scores", export(m, names=("input", "scores")), "PyTorch MLP with two tanh scores [N,2]", "binary",
        "scores", [rows], classes=[0, 1], values=s, labels=argmax(s), ambiguous=True,
        note="two scores in [-1, 1] that are neither probabilities nor trained as logits; only their order counts")
    m = Split(network(2, seed=5)).eval()
    a = np.concatenate(run(m), axis=1)
    add("torch_two_outputs", export(m, names=("input", ("score_no", "score_yes"))),
        "PyTorch MLP with two outputs of [N,1], one score each", "binary", "scores", [rows], classes=[0, 1], values=a,
        labels=argmax(a), ambiguous=True, note="one output a class")
    m = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    torch.manual_seed(9)
    for layer in (m[0], m[2]):
        nn.init.normal_(layer.weight, std=0.6)
    half = m.half().eval()
    z = run(half, dtype=torch.float16).astype(np.float64)
    add("torch_float16", export(half, sample=torch.zeros(2, 4).half()), "PyTorch MLP in half precision, float16 input",
        "binary", "logits", [rows], classes=[0, 1], values=z, probabilities=softmax(z), labels=argmax(z),
        tolerance=4e-3)
    double = network(2, seed=6).double()
    z = run(double, dtype=torch.float64)
    add("torch_double", export(double, sample=torch.zeros(2, 4).double()), "PyTorch MLP in double precision", "binary",
        "logits", [rows], classes=[0, 1], values=z, probabilities=softmax(z), labels=argmax(z), tolerance=1e-10)
    hand_made(torch)


# --- Hand-made graphs, with PyTorch's or numpy's figures ---------------------------------------------------------

def save_graph(nodes, inputs, outputs, weights, opset=17, ir=8, producer=None, domains=()):
    graph = helper.make_graph(nodes, "model", inputs, outputs,
                              [numpy_helper.from_array(np.asarray(w), n) for n, w in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *domains])
    model.ir_version = ir
    if producer:
        model.producer_name = producer
    return model


def info(name, shape, kind_=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind_, shape)


def hand_made(torch):
    rng = np.random.default_rng(21)
    fn = torch.nn.functional

    def weight(*shape, scale=0.5):
        return (rng.normal(size=shape) * scale).astype(np.float32)

    def convolution(name, words, channels, nhwc, in_type, opset=17):
        w, b = weight(4, channels, 3, 3), weight(4)
        d = weight(4, 3, scale=2.0)
        images = rng.integers(0, 17, (ROWS, channels, 8, 8)) / 16
        if in_type == TensorProto.UINT8:
            images = np.round(images * 255)
        shape = ["N", 8, 8, channels] if nhwc else ["N", channels, 8, 8]
        nodes, at = [], "image"
        if in_type == TensorProto.UINT8:
            nodes += [helper.make_node("Cast", [at], ["cast"], to=TensorProto.FLOAT),
                      helper.make_node("Div", ["cast", "full"], ["scaled"])]
            at = "scaled"
        if nhwc:
            nodes.append(helper.make_node("Transpose", [at], ["nchw"], perm=[0, 3, 1, 2]))
            at = "nchw"
        nodes += [helper.make_node("Conv", [at, "w", "b"], ["conv"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
                  helper.make_node("Relu", ["conv"], ["relu"]),
                  helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
                  helper.make_node("Flatten", ["pool"], ["flat"]),
                  helper.make_node("Gemm", ["flat", "d", "c"], ["logits"])]
        x = torch.tensor(images / (255 if in_type == TensorProto.UINT8 else 1)).double()
        tensors = [torch.tensor(a).double() for a in (w, b, d)]
        h = fn.relu(fn.conv2d(x, tensors[0], tensors[1], padding=1)).mean((2, 3))
        z = h @ tensors[2]
        c = -z.mean(0).numpy().astype(np.float32)  # why: centred, so that the rows do not all get one class
        z = (z + torch.tensor(c).double()).numpy()
        weights = {"w": w, "b": b, "d": d, "c": c}
        if in_type == TensorProto.UINT8:
            weights["full"] = np.float32(255)
        model = save_graph(nodes, [info("image", shape, in_type)], [info("logits", ["N", 3])], weights, opset)
        shown = images.transpose(0, 2, 3, 1) if nhwc else images
        shown = shown.astype(np.int64) if in_type == TensorProto.UINT8 else shown
        add(name, model, "onnx.helper " + words, "multiclass", "logits", [shown], classes=[0, 1, 2], values=z,
            probabilities=softmax(z), labels=list(np.argmax(z, axis=1)), library="PyTorch functions on the same weights")

    convolution("image_nchw", "CNN on grey images [N,1,8,8]", 1, False, TensorProto.FLOAT)
    convolution("image_nhwc", "CNN on colour images [N,8,8,3]", 3, True, TensorProto.FLOAT)
    convolution("image_nhwc_uint8", "CNN on colour images [N,8,8,3] of bytes", 3, True, TensorProto.UINT8)

    rows = table(2)[0][:ROWS]

    def dense(name, words, task, form, opset, last, shape, names, batch, out, *, ir=8, producer=None, note=None,
              external=False):
        w1, b1, w2 = weight(4, 6), weight(6), weight(6, out, scale=1.0)
        x = torch.tensor(rows).double()
        t = [torch.tensor(a).double() for a in (w1, b1, w2)]
        z = fn.relu(x @ t[0] + t[1]) @ t[2]
        b2 = -z.mean(0).numpy().astype(np.float32)  # why: centred, so that the rows do not all get one class
        z = z + torch.tensor(b2).double()
        nodes = [helper.make_node("MatMul", [names[0], "w1"], ["m1"]), helper.make_node("Add", ["m1", "b1"], ["a1"]),
                 helper.make_node("Relu", ["a1"], ["r1"]), helper.make_node("MatMul", ["r1", "w2"], ["m2"]),
                 helper.make_node("Add", ["m2", "b2"], ["a2" if last else names[1]])]
        if last:
            nodes.append(helper.make_node(last, ["a2"], [names[1]]))
        model = save_graph(nodes, [info(names[0], [batch, 4])], [info(names[1], shape)],
                           {"w1": w1, "b1": b1, "w2": w2, "b2": b2}, opset, ir, producer)
        more = {"note": note, "library": "PyTorch functions on the same weights"}
        if last == "Sigmoid":
            p = torch.sigmoid(z).numpy()
            add(name, model, words, task, form, [rows], classes=[0, 1], probabilities=two_columns(p),
                labels=list((p.reshape(-1) >= 0.5).astype(int)), **more)
        elif last == "Softmax":
            p = torch.softmax(z, 1).numpy()
            add(name, model, words, task, form, [rows], classes=list(range(out)), probabilities=p,
                labels=list(np.argmax(p, axis=1)), **more)
        else:
            z = z.numpy()
            if external:
                outside(model, "external_data_inside.bin")
            add(name, model, words, task, form, [rows], classes=list(range(out)), values=z, probabilities=softmax(z),
                labels=list(np.argmax(z, axis=1)), **more)

    dense("keras_sigmoid", "tf2onnx-like names: dense_input and Identity:0, one sigmoid", "binary", "sigmoid", 15,
          "Sigmoid", ["unk__7", 1], ("dense_input", "Identity:0"), "unk__6", 1, producer="tf2onnx")
    dense("keras_softmax", "tf2onnx-like names: serving_default_input_1:0 and StatefulPartitionedCall:0, softmax",
          "multiclass", "probabilities", 13, "Softmax", ["unk__12", 3],
          ("serving_default_input_1:0", "StatefulPartitionedCall:0"), "unk__11", 3, producer="tf2onnx")
    dense("dense_unnamed_batch", "onnx.helper MLP, batch dimension without name or size", "binary", "logits", 17, None,
          [None, 2], ("x", "y"), None, 2)
    dense("dense_opset10", "onnx.helper MLP, opset 10, IR 5", "multiclass", "logits", 10, None, ["N", 3], ("x", "y"),
          "N", 3, ir=5)
    dense("dense_opset12_softmax", "onnx.helper MLP, opset 12: softmax with the old default axis", "multiclass",
          "probabilities", 12, "Softmax", ["N", 3], ("x", "y"), "N", 3, ir=7)
    dense(f"dense_opset{NEWEST}", f"onnx.helper MLP, newest opset that ONNX Runtime 1.31.1 loads ({NEWEST}), IR 13",
          "multiclass", "logits", NEWEST, None, ["N", 3], ("x", "y"), "N", 3, ir=13)
    dense("external_data_inside", "onnx.helper MLP, weights in external_data_inside.bin in the same folder", "binary",
          "logits", 17, None, ["N", 2], ("x", "y"), "N", 2, external=True,
          note="allowed: the external file lies beside the model")


def outside(model, location):
    """Moves every initialiser into one external file; written beside the models only when it may be there."""
    blob = b""
    for t in model.graph.initializer:
        data = t.raw_data
        t.ClearField("raw_data")
        t.data_location = TensorProto.EXTERNAL
        for k, v in (("location", location), ("offset", str(len(blob))), ("length", str(len(data)))):
            t.external_data.add(key=k, value=v)
        blob += data
    (MODELS / location).write_bytes(blob)


# --- Files that must be refused ---------------------------------------------------------------------------------

def varint(n):
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def gemm(extra=None, **more):
    """x[N,4] -> y[N,2]: the harmless body that most of the bad files share."""
    weights = {"w": np.arange(8, dtype=np.float32).reshape(4, 2) / 8}
    return save_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], [info("x", ["N", 4])], [info("y", ["N", 2])],
                      weights, **more)


def nested(depth):
    """If inside If inside If …, written as bytes: protobuf libraries refuse to build it."""
    leaf = helper.make_graph([helper.make_node("Identity", ["x"], ["leaf"])], "leaf", [], [info("leaf", ["N", 2])])
    body, name = leaf.SerializeToString(), "leaf"
    for level in range(depth):
        out = f"o{level}"
        branches = b"".join(
            field(5, field(1, which) + varint(20 << 3) + varint(5) + field(6, content))
            for which, content in ((b"then_branch", body), (b"else_branch", leaf.SerializeToString())))
        node = field(1, b"c") + field(2, out.encode()) + field(4, b"If") + branches
        result = field(12, info(out, ["N", 2]).SerializeToString())
        body, name = field(1, node) + field(2, b"g") + result, out
    ends = (field(5, numpy_helper.from_array(np.array(True), "c").SerializeToString())
            + field(11, info("x", ["N", 2]).SerializeToString()))
    graph = body + ends
    return varint(1 << 3) + varint(8) + field(7, graph) + field(8, varint(2 << 3) + varint(17))


def bad_models():
    BAD.mkdir(parents=True, exist_ok=True)
    list_ = []

    def bad(name, data, stage, reason, wrong):
        if not isinstance(data, bytes):
            data = data.SerializeToString(deterministic=True)
        (BAD / f"{name}.onnx").write_bytes(data)
        list_.append({"file": f"{name}.onnx", "stage": stage, "reason": reason, "wrong": wrong})

    whole = (MODELS / "sk_random_forest.onnx").read_bytes()
    bad("truncated", whole[: len(whole) * 3 // 5], "parse", "truncated", "cut off after three fifths of the bytes")
    bad("truncated-tail", whole[:-3], "parse", "truncated", "the last three bytes are missing")
    bad("empty", b"", "parse", "empty", "no bytes at all; a protobuf reader takes it for a message without fields")
    bad("not-onnx", b"age,income,approved\n31,52000,1\n45,61000,0\n", "parse", "not-onnx", "a CSV file by content")
    bad("pickle", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02K\x03e.", "parse", "not-onnx",
        "a Python pickle (of the list [1, 2, 3]) named .onnx")
    m = gemm()
    m.ClearField("graph")
    bad("no-graph", m, "parse", "no-graph", "a model message with IR version and opset but without a graph")
    m = gemm()
    del m.graph.output[:]
    bad("no-outputs", m, "signature", "no-outputs", "the graph declares no output")
    m = save_graph([helper.make_node("Identity", ["w"], ["y"])], [], [info("y", [1, 2])],
                   {"w": np.ones((1, 2), np.float32)})
    bad("no-inputs", m, "signature", "no-inputs", "the graph has no input: a constant")
    m = gemm()
    m.ClearField("opset_import")
    bad("no-opset", m, "gate", "no-opset", "no opset import at all")
    custom = [helper.make_opsetid("com.example.risk", 1)]
    m = gemm(domains=custom)
    m.graph.node[0].op_type, m.graph.node[0].domain = "ScoreCard", "com.example.risk"
    bad("unknown-op", m, "gate", "custom-operator", "operator ScoreCard of the declared custom domain com.example.risk")
    m = gemm()
    m.graph.node[0].op_type, m.graph.node[0].domain = "ScoreCard", "com.example.risk"
    bad("unknown-domain", m, "gate", "undeclared-domain",
        "operator ScoreCard of com.example.risk, a domain that opset_import does not list")
    m = gemm()
    m.graph.node[0].op_type = "MatMull"
    bad("unknown-standard-op", m, "gate", "unknown-operator", "operator MatMull, which the default domain does not have")
    m = gemm()
    m.opset_import[0].version = 999
    bad("wrong-opset", m, "gate", "unsupported-opset", "opset 999 of the default domain")
    m = gemm()
    m.opset_import[0].version = 28
    bad("newer-opset", m, "gate", "unsupported-opset",
        f"opset 28: known to onnx 1.23, newer than the {NEWEST} that ONNX Runtime 1.31.1 loads")
    m = gemm()
    m.opset_import[0].version = -1
    bad("negative-opset", m, "gate", "unsupported-opset", "opset -1 (a ten-byte varint)")
    m = gemm()
    m.ir_version = 99
    bad("wrong-ir", m, "gate", "unsupported-ir", "IR version 99")

    boxes = save_graph(
        [helper.make_node("MatMul", ["images", "w"], ["feature"]), helper.make_node("Shape", ["images"], ["size"]),
         helper.make_node("Transpose", ["feature"], ["boxes"], perm=[0, 1, 3, 2]),
         helper.make_node("Cast", ["size"], ["num_detections"], to=TensorProto.INT32),
         helper.make_node("ReduceMax", ["feature"], ["scores"], axes=[1], keepdims=0)],
        [info("images", [1, 3, 8, 8])],
        [info("num_detections", [4], TensorProto.INT32), info("boxes", [1, 3, 4, 8]), info("scores", [1, 8, 4])],
        {"w": np.ones((8, 4), np.float32)})
    bad("unknown-output", boxes, "signature", "unknown-output",
        "a detector: num_detections int32 [4], boxes [1,3,4,8], scores [1,8,4]")
    m = save_graph([helper.make_node("Identity", ["x"], ["y"])], [info("x", ["N", 4, 16])], [info("y", ["N", 4, 16])],
                   {})
    bad("sequence-output", m, "signature", "unknown-output", "one output of rank 3, [N,4,16]: no classifier, no value")
    m = save_graph([helper.make_node("Greater", ["x", "w"], ["y"])], [info("x", ["N", 4])],
                   [info("y", ["N", 4], TensorProto.BOOL)], {"w": np.zeros(1, np.float32)})
    bad("bool-output", m, "signature", "unknown-output", "one output of type bool, [N,4]")
    sequence = helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["N", 4])
    m = save_graph([helper.make_node("SequenceAt", ["x", "zero"], ["y"])], [sequence], [info("y", ["N", 4])],
                   {"zero": np.int64(0)})
    bad("sequence-input", m, "signature", "unknown-input", "the input is a sequence of tensors")
    m = save_graph([helper.make_node("Identity", ["x"], ["y"])], [info("x", ["N", 4], TensorProto.COMPLEX64)],
                   [info("y", ["N", 4], TensorProto.COMPLEX64)], {})
    bad("complex-input", m, "signature", "unknown-input", "input and output of type complex64")
    m = gemm()
    m.graph.input[0].ClearField("type")
    bad("untyped-input", m, "signature", "unknown-input", "the input has a name and no type")

    def external(location, **more):
        m = gemm()
        t = m.graph.initializer[0]
        t.ClearField("raw_data")
        t.data_location = TensorProto.EXTERNAL
        for k, v in {"location": location, "offset": "0", "length": "32", **more}.items():
            if v is not None:
                t.external_data.add(key=k, value=v)
        return m

    (FIXTURES / "outside.bin").write_bytes(np.arange(8, dtype="<f4").tobytes())
    (BAD / "short.bin").write_bytes(b"\0" * 8)
    bad("external-data-missing", external("weights.bin"), "gate", "external-data-missing",
        "weights lie in weights.bin, which is not there")
    bad("external-data-outside", external("../outside.bin"), "gate", "external-data-outside",
        "weights lie in ../outside.bin, outside the model's folder (the file is there: it must not be read)")
    bad("external-data-roundabout", external("sub/../../outside.bin"), "gate", "external-data-outside",
        "the same through sub/../../outside.bin")
    bad("external-data-absolute", external("/etc/passwd"), "gate", "external-data-outside",
        "weights lie in the absolute path /etc/passwd")
    bad("external-data-no-location", external(None), "gate", "external-data-missing",
        "data_location is EXTERNAL but no location is given")
    bad("external-data-short", external("short.bin"), "gate", "external-data-short",
        "short.bin holds 8 bytes, the tensor claims 32")
    bad("external-data-offset", external("short.bin", offset="-4"), "gate", "external-data-short",
        "a negative offset into short.bin")

    def tensor(dims, data=b"\0\0\0\0", kind_=TensorProto.FLOAT):
        m = gemm()
        t = m.graph.initializer[0]
        del t.dims[:]
        t.dims.extend(dims)
        t.data_type, t.raw_data = kind_, data
        return m

    bad("huge-dims", tensor([1 << 40]), "gate", "tensor-size", "an initialiser claims 2^40 floats and holds 4 bytes")
    bad("overflowing-dims", tensor([1 << 33, 1 << 33]), "gate", "tensor-size",
        "dimensions 2^33 x 2^33: their product does not fit 64 bits (wraps to 4)")
    bad("negative-dims", tensor([-4, 2]), "gate", "tensor-size", "an initialiser with a dimension of -4")
    bad("short-tensor", tensor([4, 2], b"\0" * 12), "gate", "tensor-size", "an initialiser of 32 bytes holds 12")
    bad("unknown-tensor-type", tensor([4, 2], b"\0" * 32, 99), "gate", "tensor-type", "an initialiser of data type 99")
    m = save_graph([helper.make_node("ConstantOfShape", ["s"], ["big"]), helper.make_node("ReduceMax", ["big"], ["m"]),
                    helper.make_node("Add", ["x", "m"], ["y"])], [info("x", ["N", 2])], [info("y", ["N", 2])],
                   {"s": np.array([1 << 20, 1 << 20], np.int64)})
    bad("memory-bomb", m, "run", "out-of-memory", "a small file whose graph asks for a tensor of 2^40 floats (4 TiB)")
    bad("deep-nesting", nested(200), "parse", "too-deep", "If graphs nested 200 deep (some 600 protobuf messages)")
    bad("nesting-25", nested(25), "gate", "too-deep",
        "If graphs nested 25 deep: within protobuf's usual limit of 100 messages; valid, only unusual")
    m = save_graph([helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Add", ["x", "a"], ["b"]),
                    helper.make_node("Identity", ["b"], ["y"])], [info("x", ["N", 2])], [info("y", ["N", 2])], {})
    bad("cycle", m, "gate", "cycle", "a needs b and b needs a")
    m = gemm()
    m.graph.node[0].input[1] = "nowhere"
    bad("dangling-input", m, "gate", "dangling-input", "a node reads 'nowhere', which nothing makes")
    m = gemm()
    m.graph.output[0].name = "z"
    bad("dangling-output", m, "gate", "dangling-output", "the output 'z' is made by no node")
    m = gemm()
    m.graph.node.append(m.graph.node[0])
    bad("duplicate-name", m, "gate", "duplicate-name", "two nodes make the tensor 'y'")
    good = gemm().SerializeToString(deterministic=True)
    at = good.index(b"\x4a\x20", 0)  # TensorProto.raw_data (field 9), 32 bytes
    bad("length-lies", good[:at + 1] + varint(1 << 20) + good[at + 2:], "parse", "length",
        "raw_data says 1 MiB, the file ends before")
    bad("length-huge", good[:at + 1] + varint((1 << 64) - 1) + good[at + 2:], "parse", "length",
        "raw_data says 2^64-1 bytes")
    bad("length-of-graph", varint(8) + varint(8) + varint(7 << 3 | 2) + varint(1 << 31) + b"\x0a\x00", "parse", "length",
        "the graph says 2 GiB, two bytes follow")
    bad("endless-varint", varint(8) + b"\xff" * 40, "parse", "not-onnx", "a varint of 40 bytes")
    bad("invalid-utf8", good.replace(b"MatMul", b"Mat\xff\xfel"), "parse", "text",
        "an operator name that is not UTF-8")
    bad("control-characters", good.replace(b"MatMul", b"M\x1b[31m"), "gate", "unknown-operator",
        "an operator name with a terminal escape sequence: must not reach the terminal raw")

    def arithmetic(name, op, wrong, reason):
        m = save_graph([helper.make_node("Sub", ["x", "x"], ["zero"]), *op], [info("x", ["N", 2])],
                       [info("y", ["N", 2])], {"one": np.ones(1, np.float32)})
        bad(name, m, "run", reason, wrong)

    arithmetic("nan-output", [helper.make_node("Div", ["zero", "zero"], ["y"])], "every output is NaN", "nan-output")
    arithmetic("inf-output", [helper.make_node("Div", ["one", "zero"], ["i"]), helper.make_node("Neg", ["i"], ["j"]),
                              helper.make_node("Add", ["j", "zero"], ["y"])], "every output is -infinity", "nan-output")
    m = save_graph([helper.make_node("Log", ["x"], ["l"]), helper.make_node("Softmax", ["l"], ["y"], axis=-1)],
                   [info("x", ["N", 2])], [info("y", ["N", 2])], {})
    bad("nan-sometimes", m, "run", "nan-output", "NaN for rows with a negative or zero value, else probabilities")
    m = gemm()
    m.graph.initializer[0].dims[:] = [8, 1]
    bad("shape-mismatch", m, "load", "shape", "MatMul of [N,4] with [8,1]")
    m = save_graph([helper.make_node("Reshape", ["x", "s"], ["y"])], [info("x", ["N", 4])], [info("y", [5, 2])],
                   {"s": np.array([5, 2], np.int64)})
    bad("rows-change", m, "run", "row-count", "always five output rows, whatever the batch")
    folder = BAD / "folder.onnx"
    folder.mkdir(exist_ok=True)
    (folder / "README").write_text("A folder named like a model.\n")
    list_.append({"file": "folder.onnx", "stage": "parse", "reason": "not-a-file", "wrong": "a folder"})

    for e in list_:
        path = BAD / e["file"]
        if path.is_file():
            e["bytes"], e["sha256"] = path.stat().st_size, sha256(path)
            e["onnxRuntime"] = engine_says(path)
    write(BAD / "index.json", {
        "script": "Tests/Reference/make_models.py", "versions": versions("onnx", "onnxruntime", "numpy"),
        "about": "Files that must be refused with one clear message. stage: the first step that can tell (parse the "
                 "file; gate: walk the graph; signature: look at inputs and outputs; load; run). onnxRuntime: what the "
                 "engine alone does with the file: refuses, loads, runs, crashes.",
        "models": list_})


PROBE = """
import sys, numpy as np, onnxruntime as o
import resource; resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
o.set_default_logger_severity(4)
try: s = o.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
except Exception as e: print("refuses:", type(e).__name__); sys.exit()
try:
    f = {i.name: np.ones([d if isinstance(d, int) else 2 for d in i.shape], np.float32) for i in s.get_inputs()}
    r = s.run(None, f)
except Exception as e: print("loads, then fails:", type(e).__name__); sys.exit()
print("runs")
"""


def engine_says(path):
    done = subprocess.run([sys.executable, "-c", PROBE, path.name], cwd=path.parent, capture_output=True, text=True,
                          timeout=120)
    return done.stdout.strip().split("\n")[-1] or f"crashes with status {done.returncode}"


def good_models():
    MODELS.mkdir(parents=True, exist_ok=True)
    sklearn_models()
    boosted_models()
    torch_models()
    write(MODELS / "index.json", {
        "script": "Tests/Reference/make_models.py",
        "versions": versions("scikit-learn", "skl2onnx", "onnxmltools", "lightgbm", "xgboost-cpu", "torch", "onnx",
                             "onnxruntime", "numpy"),
        "about": "Expected numbers come from the library that trained the model. inputs[].values are row-major, "
                 "[rows][…]; null is NaN. probabilities are [rows][classes] in the order of classes; values are the "
                 "raw output (logits, logit, scores) or the predicted value. labels: the class, by the source library. "
                 "tolerance: absolute for probabilities, relative to max(1, |value|) for values. ambiguous: the graph "
                 "alone does not say which of several forms is meant. needsLocale: ONNX Runtime loads the file only where "
                 "the system has that locale. linear_2, linear_30 and taiwan_monotone are described in "
                 "../figures/hopskipjump.json and ../figures/taiwan.json.",
        "models": entries})
    print(len(entries), "models,", sum(f.stat().st_size for f in MODELS.iterdir()), "bytes")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # why: the text converter walks a set of strings
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    what = sys.argv[1:] or ["good", "bad"]
    if "good" in what:
        good_models()
    if "bad" in what:
        bad_models()
