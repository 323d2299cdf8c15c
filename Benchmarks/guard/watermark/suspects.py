"""Models that somebody may come to have: copies made of answers, and models of one's own."""
import lightgbm
import numpy as np
import onnxmltools
from onnxmltools.convert.common.data_types import FloatTensorType as LightGBMFloats
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

FAMILIES = ["decision tree", "random forest", "LightGBM", "shallow boosting", "small network", "logistic regression"]


def make(family, seed, rows_a_leaf=1.0, size=1.0):
    """A model not yet trained. `rows_a_leaf` multiplies the smallest leaf, `size` the number of trees or units."""
    def leaf(count):
        return max(1, round(count * rows_a_leaf))

    if family == "decision tree":
        return DecisionTreeClassifier(min_samples_leaf=leaf(5), random_state=seed)
    if family == "random forest":
        return RandomForestClassifier(round(100 * size), min_samples_leaf=leaf(1), random_state=seed, n_jobs=1)
    if family == "LightGBM":
        return lightgbm.LGBMClassifier(n_estimators=round(100 * size), min_child_samples=leaf(20), random_state=seed,
                                       n_jobs=1, verbose=-1)
    if family == "shallow boosting":
        return GradientBoostingClassifier(n_estimators=round(100 * size), min_samples_leaf=leaf(1), random_state=seed)
    if family == "small network":
        return make_pipeline(StandardScaler(), MLPClassifier((round(64 * size), round(32 * size)), max_iter=100,
                                                             random_state=seed))
    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / rows_a_leaf, max_iter=1000))


def train(family, rows, labels, seed, scores=None, **variant):
    """Trains on labels, or on scores: each row then counts once for either class, by its score."""
    if scores is None:
        model = make(family, seed, **variant)
        return model.fit(rows, labels)
    # Twice the rows, so that a leaf holds as many different ones.
    variant["rows_a_leaf"] = variant.get("rows_a_leaf", 1.0) * (1 if family == "logistic regression" else 2)
    model = make(family, seed, **variant)
    twice = np.concatenate([rows, rows])
    both = np.concatenate([np.zeros(len(rows), int), np.ones(len(rows), int)])
    weights = np.concatenate([1 - scores, scores])
    known = weights > 0
    name = f"{model.steps[-1][0]}__sample_weight" if hasattr(model, "steps") else "sample_weight"
    return model.fit(twice[known], both[known], **{name: weights[known]})


def export(model, path, width):
    if isinstance(model, lightgbm.LGBMClassifier):
        graph = onnxmltools.convert_lightgbm(model, initial_types=[("input", LightGBMFloats([None, width]))],
                                             zipmap=False, target_opset=15)
    else:
        graph = to_onnx(model, initial_types=[("input", FloatTensorType([None, width]))],
                        options={id(model): {"zipmap": False}}, target_opset=17)
    path.write_bytes(graph.SerializeToString())
