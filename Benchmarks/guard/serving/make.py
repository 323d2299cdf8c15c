"""Makes what the servers serve: scikit-learn's iris data, a model of it for MLServer and the same as ONNX, and a second one.

    make.py FOLDER PORT
"""
import csv
import json
import pathlib
import sys

import joblib
from skl2onnx import to_onnx
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

folder, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
data = load_iris()
rows = data.data.astype("float32")
model = LogisticRegression(max_iter=1000).fit(rows, data.target)
second = LogisticRegression(max_iter=1000, C=0.1).fit(rows, data.target)
peer = folder / "mlserver"
peer.mkdir(parents=True, exist_ok=True)
joblib.dump(model, peer / "iris.joblib")
(peer / "settings.json").write_text(
    json.dumps({"host": "127.0.0.1", "http_port": port, "grpc_port": port + 1, "metrics_port": port + 2,
                "parallel_workers": 0, "debug": False, "use_structured_logging": False}))
(peer / "model-settings.json").write_text(
    json.dumps({"name": "iris", "implementation": "mlserver_sklearn.SKLearnModel",
                "parameters": {"uri": "./iris.joblib", "version": "1"}}))
for name, fitted in (("iris", model), ("second", second)):
    proto = to_onnx(fitted, rows[:1], options={"zipmap": False}, target_opset=17)
    (folder / f"{name}.onnx").write_bytes(proto.SerializeToString())
names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
with open(folder / "train.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(names + ["kind"])
    for row, kind in zip(data.data, data.target):
        writer.writerow([*row, kind])
body = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": rows[75].tolist()}]}
(folder / "body-casemate.json").write_text(json.dumps(body))
body["inputs"][0]["name"] = "predict"
(folder / "body-mlserver.json").write_text(json.dumps(body))
