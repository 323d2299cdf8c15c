"""Makes the spam example: train.csv.gz, test.csv, filter.onnx, bayes.onnx, svm.onnx, expected.json.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_example.py DATA

DATA is the file SMSSpamCollection of the UCI archive (label, tab, message), or the same packed by gzip.
"""

import collections
import csv
import gzip
import hashlib
import io
import json
import pathlib
import sys
from importlib import metadata

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

HERE = pathlib.Path(__file__).resolve().parent
SEED = 5
SHA256 = "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"
# ASCII on purpose: ONNX Runtime then needs no locale of the system to put letters into lower case.
TOKEN = "[a-z0-9]+"
MODELS = {
    "filter": lambda: LogisticRegression(C=20, max_iter=1000),
    "bayes": lambda: MultinomialNB(alpha=0.2),
    "svm": lambda: LinearSVC(C=1, random_state=SEED),
}


def read(path):
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    assert hashlib.sha256(data).hexdigest() == SHA256, hashlib.sha256(data).hexdigest()
    lines = data.decode("utf-8").split("\n")
    return [tuple(line.split("\t", 1)) for line in lines if line]


def split(rows):
    """All copies of a message on one side: 403 of 5,574 lines repeat another one exactly."""
    copies = collections.Counter(rows)
    distinct = list(copies)
    train, test = train_test_split(
        distinct, test_size=0.3, random_state=SEED, stratify=[label for label, _ in distinct])
    sides = set(train)
    return [row for row in rows if row in sides], [row for row in rows if row not in sides]


def table(rows):
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["label", "message"])
    out.writerows(rows)
    return text.getvalue().encode()


def export(pipeline, classifier):
    tfidf = pipeline.steps[0][1]
    plain = {"zipmap": False} if hasattr(classifier, "predict_proba") else {"raw_scores": True}
    options = {id(tfidf): {"tokenexp": TOKEN, "locale": "C"}, id(classifier): plain}
    model = to_onnx(
        pipeline, initial_types=[("message", StringTensorType([None, 1]))],
        target_opset={"": 17, "ai.onnx.ml": 3}, options=options, name="spam")
    # The converter declares one score a row for the support vector machine, and the graph gives two.
    model.graph.output[1].type.tensor_type.shape.dim[1].dim_value = 2
    model.doc_string = "Example model of Casemate: spam in text messages"
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def figures(name, pipeline, texts, labels):
    predicted = pipeline.predict(texts)
    if hasattr(pipeline, "predict_proba"):
        score = pipeline.predict_proba(texts)[:, 1]
    else:
        score = pipeline.decision_function(texts)
    session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"), providers=["CPUExecutionProvider"])
    answer = session.run(None, {"message": np.array(texts, object).reshape(-1, 1)})
    assert (answer[0] == predicted).all()
    other = answer[1][:, 1] if answer[1].ndim == 2 and answer[1].shape[1] == 2 else answer[1].reshape(-1)
    difference = float(np.abs(other - score).max())
    assert difference <= 1e-4, (name, difference)
    result = {
        "accuracy": accuracy_score(labels, predicted),
        "roc_auc": roc_auc_score(labels == "spam", score),
        "confusion_true_by_predicted": confusion_matrix(labels, predicted, labels=["ham", "spam"]).tolist(),
        "largest_difference_to_onnxruntime": difference,
        "first_50_scores_of_spam": [float(v) for v in score[:50]],
    }
    if hasattr(pipeline, "predict_proba"):
        result["log_loss"] = log_loss(labels == "spam", score)
    return result


def main(path):
    rows = read(path)
    train, test = split(rows)
    # mtime=0 keeps the archive the same from run to run.
    (HERE / "train.csv.gz").write_bytes(gzip.compress(table(train), mtime=0))
    (HERE / "test.csv").write_bytes(table(test))
    texts, labels = [message for _, message in test], np.array([label for label, _ in test])
    models = {}
    for name, make in MODELS.items():
        classifier = make()
        pipeline = make_pipeline(TfidfVectorizer(token_pattern=TOKEN, min_df=3), classifier)
        pipeline.fit([message for _, message in train], [label for label, _ in train])
        (HERE / f"{name}.onnx").write_bytes(export(pipeline, classifier).SerializeToString())
        models[f"{name}.onnx"] = figures(name, pipeline, texts, labels)
        models[f"{name}.onnx"]["words"] = len(pipeline.steps[0][1].vocabulary_)
    packages = ["numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx"]
    expected = {
        "what": "figures on test.csv, from scikit-learn (not from ONNX)",
        "versions": {p: metadata.version(p) for p in packages},
        "rows": {"train": len(train), "test": len(test), "test_spam": int((labels == "spam").sum())},
        "models": models,
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    for name, result in models.items():
        print(name, f"accuracy {result['accuracy']:.4f}", result["confusion_true_by_predicted"], result["words"])


if __name__ == "__main__":
    main(sys.argv[1])
