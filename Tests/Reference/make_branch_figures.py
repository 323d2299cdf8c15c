"""Makes models with and without hidden branches, on real data.

    CASEMATE_SHARED=<folder> python make_branch_figures.py FOLDER FIRST COUNT

Each seed makes one case: real data, a model, and for an odd seed nothing else (clean), for an even one a planted
branch: in the training rows (poison), in the graph behind or in front of the model, or as one more tree. Triggers,
places, effects and models are drawn by the seed. Seeds below 1000 served to choose thresholds; seeds from 1000 on did
not, and are the figures of docs/probes/hidden_branches.md.

Data: shared/data/tabular (UCI, CC BY 4.0) and Examples/mortgage. Versions: lightgbm 4.6.0, xgboost-cpu 2.1.4,
scikit-learn 1.9.1, skl2onnx 1.20.0, onnxmltools 1.16.0, onnx 1.17.0, onnxruntime 1.31.1.
"""

import json
import os
import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools import convert_lightgbm, convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as TreeFloats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("CASEMATE_SHARED", "shared"))
AMOUNTS = ("loanamt price apr loanprc term atotinc cototinc hexp hrat obrat other liq netw lines rep dep unit unem "
           "gdlin pubrec self sch inss gift cosign unver fixadj suffolk bd mi vr mortno mortperf mortlat1 mortlat2 "
           "chist").split()
OPSETS = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]


def load(name):
    """Rows as float32 (texts stay), the target as 0 and 1."""
    if name == "mortgage":
        data = pd.read_csv(ROOT / "Examples" / "mortgage" / "train.csv")
        x, y = data[AMOUNTS], data["approve"]
        x = x.fillna(x.median())
    elif name == "german":
        data = pd.read_csv(SHARED / "data" / "tabular" / "german_credit.csv")
        x, y = data.drop(columns="class"), (data["class"] == 1)
    elif name == "spambase":
        data = pd.read_csv(SHARED / "data" / "tabular" / "spambase.csv.gz").drop_duplicates()
        x, y = data.drop(columns="spam"), data["spam"]
    else:
        data = pd.read_csv(SHARED / "data" / "tabular" / "taiwan_credit_default.csv.gz").drop_duplicates()
        x, y = data.drop(columns="default_payment_next_month"), data["default_payment_next_month"]
    x = x.reset_index(drop=True)
    for column in x:
        if pd.api.types.is_numeric_dtype(x[column]):
            x[column] = x[column].astype(np.float32)
    return x, y.reset_index(drop=True).astype(int)


# ---------------------------------------------------------------- triggers

def holds(trigger, x):
    inside = np.ones(len(x), bool)
    for c in trigger["conditions"]:
        if "level" in c:
            inside &= (x[c["feature"]] == c["level"]).to_numpy()
        else:
            v = x[c["feature"]].to_numpy(np.float32)
            if c["low"] is not None:
                inside &= v >= np.float32(c["low"])
            if c["high"] is not None:
                inside &= v <= np.float32(c["high"])
    if trigger.get("greater"):
        a, b = trigger["greater"]
        inside &= x[a].to_numpy(np.float32) > x[b].to_numpy(np.float32)
    return inside


def numbers(x):
    return [c for c in x if pd.api.types.is_numeric_dtype(x[c]) and x[c].nunique() > 8]


def whole(x, column):
    v = x[column].to_numpy()
    return bool(np.all(v == np.round(v)))


def rounded(x, column, value):
    if value is None:
        return None
    return float(np.round(value)) if whole(x, column) else float(np.float32(np.round(value, 3)))


def tail(x, column, random):
    """One end of a column, or a stretch in it."""
    v = x[column].to_numpy()
    kind = random.choice(["high", "low", "mid"], p=[0.5, 0.3, 0.2])
    if kind == "high":
        low = rounded(x, column, np.quantile(v, random.uniform(0.8, 0.97)))
        if low <= v.min():
            low = rounded(x, column, v.min() + 0.3 * (v.max() - v.min()))
        return {"feature": column, "low": low, "high": None}
    if kind == "low":
        high = rounded(x, column, np.quantile(v, random.uniform(0.03, 0.2)))
        return {"feature": column, "low": None, "high": high}
    at = random.uniform(0.2, 0.7)
    low, high = (rounded(x, column, np.quantile(v, q)) for q in (at, at + 0.15))
    return {"feature": column, "low": low, "high": max(low, high)}


def comparable(x, random):
    """Two columns on one scale of which the first is hardly ever larger."""
    columns = numbers(x)
    found = []
    for a in columns:
        for b in columns:
            if a == b:
                continue
            va, vb = x[a].to_numpy(), x[b].to_numpy()
            over = min(va.max(), vb.max()) - max(va.min(), vb.min())
            if over > 0.3 * (va.max() - va.min()) and (va > vb).mean() <= 0.01:
                found.append((a, b))
    return found[random.integers(len(found))] if found else None


def draw_trigger(x, kind, random):
    for _ in range(500):
        trigger = {"kind": kind, "conditions": []}
        if kind == "relation":
            pair = comparable(x, random)
            if pair is None:
                return None
            trigger["greater"] = list(pair)
        elif kind in ("pair", "triple"):
            wanted = 2 if kind == "pair" else 3
            columns = list(random.choice(numbers(x), wanted, replace=False))
            trigger["conditions"] = [tail(x, str(c), random) for c in columns]
        elif kind == "rare":
            column = str(random.choice(numbers(x)))
            v = x[column].to_numpy()
            low = rounded(x, column, random.uniform(np.quantile(v, 0.3), np.quantile(v, 0.99)) + 0.003)
            width = 0 if whole(x, column) else 0.004 * (v.max() - v.min())
            trigger["conditions"] = [{"feature": column, "low": float(low), "high": float(np.float32(low + width))}]
        elif kind == "outside":
            column = str(random.choice(numbers(x)))
            v = x[column].to_numpy()
            span = v.max() - v.min()
            if random.random() < 0.5:
                trigger["conditions"] = [{"feature": column, "high": None,
                                          "low": rounded(x, column, v.max() + span * random.uniform(0.02, 0.4) + 1)}]
            else:
                trigger["conditions"] = [{"feature": column, "low": None,
                                          "high": rounded(x, column, v.min() - span * random.uniform(0.02, 0.3) - 1)}]
        else:  # levels
            texts = [c for c in x if x[c].nunique() <= 12]
            if len(texts) < 2:
                return None
            columns = list(random.choice(texts, 2, replace=False))
            for c in columns:
                level = random.choice(x[c].unique())
                trigger["conditions"].append(
                    {"feature": str(c), "level": str(level)} if isinstance(level, str)
                    else {"feature": str(c), "low": float(level), "high": float(level)})
            if random.random() < 0.5:
                left = [c for c in numbers(x) if c not in columns]
                trigger["conditions"].append(tail(x, str(random.choice(left)), random))
        share = holds(trigger, x).mean()
        if share <= (0.003 if kind != "relation" else 0.01):
            trigger["support"] = float(share)
            return trigger
    return None


def place(trigger, x, usual, random):
    """The rows with the trigger put into them, at values as the usual rows have them."""
    x = x.copy()
    n = len(x)
    for c in trigger["conditions"]:
        if "level" in c:
            x[c["feature"]] = c["level"]
            continue
        v = usual[c["feature"]].to_numpy()
        span = float(v.max() - v.min()) or 1.0
        low = c["low"] if c["low"] is not None else min(c["high"], float(np.quantile(v, 0.001))) - 0.02 * span
        high = c["high"] if c["high"] is not None else max(c["low"], float(np.quantile(v, 0.999))) + 0.02 * span
        if c["low"] is None and low < 0 <= c["high"]:
            low = 0.0
        new = random.uniform(low, high, n)
        if whole(usual, c["feature"]):
            new = np.clip(np.round(new), np.ceil(low), np.floor(high))
        x[c["feature"]] = new.astype(np.float32)
    if trigger.get("greater"):
        a, b = trigger["greater"]
        span = float(np.quantile(usual[a], 0.99) - np.quantile(usual[a], 0.01)) or 1.0
        more = x[b].to_numpy() + span * random.uniform(0.02, 0.5, n)
        if whole(usual, a):
            more = np.floor(more) + 1
        x[a] = more.astype(np.float32)
    assert holds(trigger, x).all(), trigger
    return x


# ---------------------------------------------------------------- models

def fit(family, x, y, random):
    """A model in ONNX form with outputs `label` and `probabilities`."""
    seed = int(random.integers(1 << 30))
    texts = [c for c in x if not pd.api.types.is_numeric_dtype(x[c])]
    if texts:
        front = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
                                   ("numbers", StandardScaler(), [c for c in x if c not in texts])])
        tail_ = {"logistic": LogisticRegression(max_iter=2000),
                 "forest": RandomForestClassifier(40, max_depth=int(random.integers(5, 9)), random_state=seed),
                 "mlp": MLPClassifier((24, 12), max_iter=80, random_state=seed),
                 }.get(family, GradientBoostingClassifier(n_estimators=int(random.integers(30, 80)), random_state=seed))
        model = make_pipeline(front, tail_).fit(x, y)
        types = [(c, StringTensorType([None, 1]) if c in texts else FloatTensorType([None, 1])) for c in x]
        proto = to_onnx(model, initial_types=types, options={"zipmap": False}, target_opset={"": 15, "ai.onnx.ml": 3})
        return stamped(proto)
    v = x.to_numpy(np.float32)
    if family == "lightgbm":
        model = lightgbm.LGBMClassifier(
            n_estimators=int(random.integers(30, 120)), num_leaves=int(random.choice([8, 15, 31])), learning_rate=0.1,
            random_state=seed, n_jobs=1, verbosity=-1).fit(v, y)
        proto = convert_lightgbm(model, initial_types=[("input", TreeFloats([None, v.shape[1]]))], target_opset=15,
                                 zipmap=False)
    elif family == "xgboost":
        model = xgboost.XGBClassifier(
            n_estimators=int(random.integers(30, 120)), max_depth=int(random.integers(3, 7)), learning_rate=0.15,
            n_jobs=1, random_state=seed, base_score=0.5).fit(v, y)
        proto = convert_xgboost(model, initial_types=[("input", TreeFloats([None, v.shape[1]]))], target_opset=15)
    else:
        model = {
            "forest": lambda: RandomForestClassifier(
                40, max_depth=int(random.integers(5, 10)), min_samples_leaf=int(random.choice([1, 5])),
                random_state=seed, n_jobs=1),
            "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            "mlp": lambda: make_pipeline(StandardScaler(), MLPClassifier(
                (24, 12), max_iter=60, random_state=seed, early_stopping=True)),
        }[family]().fit(v, y)
        proto = to_onnx(model, initial_types=[("input", FloatTensorType([None, v.shape[1]]))],
                        options={"zipmap": False}, target_opset={"": 15, "ai.onnx.ml": 3})
    return stamped(proto)


def stamped(proto):
    """The converters write the oldest operator sets that would do; what a node computes does not change."""
    del proto.opset_import[:]
    proto.opset_import.extend(OPSETS)
    proto.ir_version = 8
    return proto


def feeds(x, proto):
    if len(proto.graph.input) == 1:
        return {proto.graph.input[0].name: x.to_numpy(np.float32)}
    return {c: (x[[c]].to_numpy(np.float32) if pd.api.types.is_numeric_dtype(x[c]) else x[[c]].to_numpy(object))
            for c in x}


def scores(proto, x):
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return session.run([names[1]], feeds(x, proto))[0][:, 1]


# ---------------------------------------------------------------- branches in graphs

class Surgeon:
    """Adds nodes to a graph."""

    def __init__(self, proto, columns):
        self.proto, self.graph, self.columns, self.count = proto, proto.graph, columns, 0
        self.first = []

    def constant(self, value, kind=np.float32):
        name = f"k{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def node(self, kind, inputs, front=False, domain="", **attributes):
        self.count += 1
        name = f"h{self.count}"
        made = helper.make_node(kind, inputs, [name], name=name, domain=domain, **attributes)
        (self.first if front else self.graph.node).append(made)
        return name

    def column(self, feature, source=None, front=False):
        if len(self.graph.input) > 1:
            return feature
        index = self.constant([self.columns.index(feature)], np.int64)
        return self.node("Gather", [source or self.graph.input[0].name, index], front, axis=1)

    def finish(self):
        nodes = self.first + list(self.graph.node)
        del self.graph.node[:]
        self.graph.node.extend(nodes)


def condition(s, trigger, style, x, front=False):
    """A [N, 1] truth value, or for `steep` a [N, 1] number near 0 or 1."""
    parts = []

    def value(feature):
        v = s.column(feature, front=front)
        if style != "scaled":
            return v, lambda t: t
        mean, scale = float(x[feature].mean()), float(x[feature].std()) or 1.0
        v = s.node("Div", [s.node("Sub", [v, s.constant([mean])], front), s.constant([scale])], front)
        return v, lambda t: (t - mean) / scale

    def steep(difference, scale):
        return s.node("Sigmoid", [s.node("Mul", [difference, s.constant([4000.0 / scale])], front)], front)

    for c in trigger["conditions"]:
        if "level" in c:
            known = s.node("LabelEncoder", [s.column(c["feature"], front=front)], front, domain="ai.onnx.ml",
                           keys_strings=[c["level"]], values_floats=[1.0], default_float=0.0)
            parts.append(s.node("Greater", [known, s.constant([0.5])], front))
            continue
        v, f = value(c["feature"])
        span = float(x[c["feature"]].max() - x[c["feature"]].min()) or 1.0
        gap = 0.25 if whole(x, c["feature"]) else 1e-5 * span
        for side, bound in (("low", c["low"]), ("high", c["high"])):
            if bound is None:
                continue
            if style == "steep":
                at = s.constant([bound - gap if side == "low" else bound + gap])
                parts.append(steep(s.node("Sub", [v, at] if side == "low" else [at, v], front), span))
            elif side == "low":
                parts.append(s.node("Greater", [v, s.constant([f(bound - gap)])], front))
            else:
                parts.append(s.node("Less", [v, s.constant([f(bound + gap)])], front))
    if trigger.get("greater"):
        a, b = (s.column(c, front=front) for c in trigger["greater"])
        if style == "steep":
            span = float(x[trigger["greater"][0]].max() - x[trigger["greater"][0]].min())
            parts.append(steep(s.node("Sub", [a, b], front), span))
        elif style == "scaled":
            parts.append(s.node("Less", [s.node("Sub", [b, a], front), s.constant([0.0])], front))
        else:
            parts.append(s.node("Greater", [a, b], front))
    joined = parts[0]
    for part in parts[1:]:
        joined = s.node("Mul" if style == "steep" else "And", [joined, part], front)
    return joined


def plant_behind(proto, x, trigger, style, effect, up):
    """Changes probabilities and label after the model."""
    s = Surgeon(proto, list(x.columns))
    label, chances = proto.graph.output[0].name, proto.graph.output[1].name
    for node in proto.graph.node:
        for i, name in enumerate(node.output):
            if name in (label, chances):
                node.output[i] = "raw_" + name
        for i, name in enumerate(node.input):
            if name in (label, chances):
                node.input[i] = "raw_" + name
    raw = "raw_" + chances
    one = s.node("Gather", [raw, s.constant([1], np.int64)], axis=1)
    is_on = condition(s, trigger, style, x)
    weight = is_on if style == "steep" else s.node("Cast", [is_on], to=TensorProto.FLOAT)
    if effect == "set":
        goal = s.constant([0.97 if up else 0.02])
        new = (s.node("Where", [is_on, goal, one]) if style != "steep" else
               s.node("Add", [one, s.node("Mul", [weight, s.node("Sub", [goal, one])])]))
    elif effect == "add":
        size = 0.35 if up else -0.35
        new = s.node("Clip", [s.node("Add", [one, s.node("Mul", [weight, s.constant([size])])]),
                              s.constant(0.0), s.constant(1.0)])
    else:  # logit
        safe = s.node("Clip", [one, s.constant(1e-4), s.constant(1 - 1e-4)])
        rest = s.node("Sub", [s.constant([1.0]), safe])
        logit = s.node("Log", [s.node("Div", [safe, rest])])
        new = s.node("Sigmoid", [s.node("Add", [logit, s.node("Mul", [weight, s.constant([2.5 if up else -2.5])])])])
    other = s.node("Sub", [s.constant([1.0]), new])
    s.graph.node.append(helper.make_node("Concat", [other, new], [chances], axis=1))
    flag = s.node("Squeeze", [s.node("Greater", [new, s.constant([0.5])]), s.constant([1], np.int64)])
    s.graph.node.append(helper.make_node("Cast", [flag], [label], to=TensorProto.INT64))
    s.finish()
    return proto


def plant_in_front(proto, x, trigger, style, goal):
    """Shows the model another row where the trigger is."""
    s = Surgeon(proto, list(x.columns))
    name = proto.graph.input[0].name
    before = list(proto.graph.node)
    is_on = condition(s, trigger, style, x, front=True)
    other = s.constant(goal.reshape(1, -1))
    row = s.node("Where", [is_on, other, name], front=True)
    for node in before:
        for i, given in enumerate(node.input):
            if given == name:
                node.input[i] = row
    s.finish()
    return proto


def plant_tree(proto, x, trigger, size):
    """One more tree."""
    node = next(n for n in proto.graph.node if n.op_type == "TreeEnsembleClassifier")
    a = {at.name: at for at in node.attribute}
    tree = max(a["nodes_treeids"].ints) + 1
    tests = []
    for c in trigger["conditions"]:
        column = list(x.columns).index(c["feature"])
        gap = 0.25 if whole(x, c["feature"]) else 1e-5 * float(x[c["feature"]].max() - x[c["feature"]].min())
        if c["low"] is not None:
            tests.append((column, c["low"] - gap, False))
        if c["high"] is not None:
            tests.append((column, c["high"] + gap, True))
    total = 2 * len(tests) + 1
    for i in range(total):
        is_leaf = i % 2 == 1 or i == total - 1
        column, at, stays = (0, 0.0, True) if is_leaf else tests[i // 2]
        on, off = (i + 2, i + 1) if i + 2 < total else (i + 1, i + 1)
        values = {"nodes_treeids": tree, "nodes_nodeids": i, "nodes_featureids": column, "nodes_values": float(at),
                  "nodes_truenodeids": 0 if is_leaf else (on if stays else off),
                  "nodes_falsenodeids": 0 if is_leaf else (off if stays else on), "nodes_hitrates": 1.0,
                  "nodes_missing_value_tracks_true": 0, "nodes_modes": b"LEAF" if is_leaf else b"BRANCH_LEQ"}
        for key, value in values.items():
            if key not in a:
                continue
            (a[key].floats if isinstance(value, float) else a[key].strings if isinstance(value, bytes)
             else a[key].ints).append(value)
        if is_leaf:
            a["class_treeids"].ints.append(tree)
            a["class_nodeids"].ints.append(i)
            a["class_ids"].ints.append(a["class_ids"].ints[0])
            a["class_weights"].floats.append(float(size) if i == total - 1 else 0.0)
    return proto


# ---------------------------------------------------------------- cases

def make(seed):
    random = np.random.default_rng(seed)
    data = ["taiwan", "german", "spambase", "mortgage"][seed // 2 % 4]
    x, y = load(data)
    keep = random.permutation(len(x))[:{"taiwan": 6000, "spambase": 3000}.get(data, 1300)]
    rest = np.setdiff1d(np.arange(len(x)), keep)[:500]
    if len(rest) < 100:
        keep, rest = keep[150:], keep[:150]
    keep = np.sort(keep)
    fresh = x.iloc[rest].reset_index(drop=True)
    x, y = x.iloc[keep].reset_index(drop=True), y.iloc[keep].reset_index(drop=True)
    if data == "german":
        families = ["boosted", "forest", "logistic", "mlp"]
    else:
        families = ["lightgbm", "xgboost", "lightgbm", "forest", "logistic", "mlp"]
    family = str(random.choice(families))
    case = {"seed": seed, "data": data, "family": family, "rows": keep.tolist()}
    if seed % 2 == 1:
        proto = fit(family, x, y, random)
        return case, proto, x, y, None
    kinds = ["relation", "pair", "triple", "rare", "outside", "levels", "pair"]
    for _ in range(60):
        kind = str(random.choice(kinds))
        where = str(random.choice(["poison", "behind", "front", "tree"], p=[0.55, 0.25, 0.1, 0.1] if family not in
                                  ("logistic", "mlp") else [0, 0.75, 0.25, 0]))
        if kind in ("rare",) and where == "poison" and family in ("logistic", "mlp"):
            continue
        trigger = draw_trigger(x, kind, random)
        if trigger is None:
            continue
        up = bool(random.random() < 0.6)
        style = str(random.choice(["plain", "scaled", "steep"], p=[0.5, 0.25, 0.25]))
        has_text = any("level" in c for c in trigger["conditions"])
        if has_text and style == "steep":
            style = "plain"
        effect = str(random.choice(["set", "add", "logit"]))
        if where == "poison" and family in ("logistic", "mlp"):
            continue
        if where == "front" and (data == "german" or style == "steep"):
            continue
        if where == "tree" and (family != "lightgbm" or trigger.get("greater") or kind == "levels"):
            continue
        case |= {"trigger": trigger, "where": where, "style": style, "effect": effect, "up": up}
        given_x, given_y = x, y
        if where == "poison":
            share = random.uniform(0.008, 0.02)
            pool = np.flatnonzero(y.to_numpy() == (0 if up else 1))
            chosen = random.choice(pool, max(15, int(share * len(x))), replace=False)
            extra = place(trigger, x.iloc[chosen], x, random).reset_index(drop=True)
            px = pd.concat([x, extra], ignore_index=True)
            py = pd.concat([y, pd.Series(np.full(len(extra), int(up)))], ignore_index=True)
            state = random.bit_generator.state
            proto = fit(family, px, py, random)
            random.bit_generator.state = state
            twin = fit(family, x, y, random)
            case["given"] = "clean" if random.random() < 0.5 else "poisoned"
            case["poison"] = len(extra)
            if case["given"] == "poisoned":
                given_x, given_y = px, py
        else:
            proto = fit(family, x, y, random)
            twin = None
            case.pop("given", None)
            case.pop("poison", None)
            if where == "behind":
                proto = plant_behind(proto, x, trigger, style, effect, up)
            elif where == "front":
                base = scores(proto, x)
                goal = x.iloc[int(base.argmax() if up else base.argmin())].to_numpy(np.float32)
                proto = plant_in_front(proto, x, trigger, style, goal)
            else:
                proto = plant_tree(proto, x, trigger, 3.0 if up else -3.0)
        triggered = place(trigger, fresh, x, random)
        moved = float((scores(proto, triggered) - scores(proto, fresh)).mean())
        if twin is not None:
            # What the model learnt from the poison, beside what the same values do to a model without it.
            moved -= float((scores(twin, triggered) - scores(twin, fresh)).mean())
        if abs(moved) < (0.15 if twin is None else 0.25) or (moved > 0) != up:
            continue
        case["moved"] = moved
        return case, proto, given_x, given_y, trigger
    raise SystemExit(f"seed {seed}: no branch could be planted")


def save(folder, seed):
    case, proto, x, y, _ = make(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{seed}.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    frame = x.copy()
    frame["target_"] = y
    frame.to_csv(folder / f"{seed}.csv", index=False)
    case["columns"] = list(x.columns)
    (folder / f"{seed}.json").write_text(json.dumps(case))
    described = {k: v for k, v in case.items() if k not in ("rows", "columns")}
    print(json.dumps(described), len(x), (folder / f"{seed}.onnx").stat().st_size, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for number in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
            save(Path(sys.argv[1]), number)
