"""Makes the digits example: train.csv.gz, test.csv, cnn.onnx, expected.json.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_example.py
"""

import gzip
import json
import pathlib
from importlib import metadata

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
SEED = 8
OPSET, IR_VERSION = 17, 8
EPOCHS = 25
COLUMNS = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)] + ["label"]


def csv(pixels, labels):
    lines = [",".join(COLUMNS)]
    # Sixteenths have at most four decimals, so the text is exact.
    lines += [",".join([f"{v:g}" if v else "0" for v in row] + [str(label)]) for row, label in zip(pixels, labels)]
    return ("\n".join(lines) + "\n").encode()


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
    )


def fit(images, labels):
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = network()
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimiser.step()
    return model.eval()


def main():
    digits = load_digits()
    pixels = (digits.data / 16).astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, digits.target, test_size=540, random_state=SEED, stratify=digits.target)
    # mtime=0 keeps the archive the same from run to run.
    (HERE / "train.csv.gz").write_bytes(gzip.compress(csv(train_x, train_y), mtime=0))
    (HERE / "test.csv").write_bytes(csv(test_x, test_y))

    def images(flat):
        return torch.from_numpy(flat.reshape(-1, 1, 8, 8))

    model = fit(images(train_x), torch.from_numpy(train_y))
    # The exporter based on tracing: it writes opset 17 itself, keeps the weights in the file
    # and needs no further package.
    torch.onnx.export(
        model, (images(test_x[:1]),), str(HERE / "cnn.onnx"), opset_version=OPSET, dynamo=False,
        input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    exported = onnx.load(HERE / "cnn.onnx")
    exported.ir_version = IR_VERSION
    exported.doc_string = "Example model of Casemate: handwritten digits, 8x8"
    onnx.checker.check_model(exported, full_check=True)
    assert not any(t.external_data for t in exported.graph.initializer)
    (HERE / "cnn.onnx").write_bytes(exported.SerializeToString())

    with torch.no_grad():
        logits = model(images(test_x)).numpy()
    session = onnxruntime.InferenceSession(str(HERE / "cnn.onnx"), providers=["CPUExecutionProvider"])
    difference = float(np.abs(session.run(None, {"image": test_x.reshape(-1, 1, 8, 8)})[0] - logits).max())
    assert difference <= 1e-4, difference

    wide = logits.astype(np.float64)
    probability = np.exp(wide - wide.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    predicted = logits.argmax(axis=1)
    packages = ["numpy", "onnx", "onnxruntime", "scikit-learn", "torch"]
    expected = {
        "what": "figures on test.csv, from PyTorch and scikit-learn (not from ONNX)",
        "versions": {p: metadata.version(p) for p in packages},
        "rows": {"train": len(train_y), "test": len(test_y)},
        "models": {"cnn.onnx": {
            "input": ["batch", 1, 8, 8], "output": "logits of 0 to 9",
            "accuracy": accuracy_score(test_y, predicted),
            "roc_auc_one_against_rest_macro": roc_auc_score(test_y, probability, multi_class="ovr", average="macro"),
            "log_loss": log_loss(test_y, probability),
            "confusion_true_by_predicted": confusion_matrix(test_y, predicted).tolist(),
            "largest_difference_of_logits_to_onnxruntime": difference,
            "first_50_labels": predicted[:50].tolist(),
            "first_50_probabilities_of_the_predicted_class":
                [float(probability[i, predicted[i]]) for i in range(50)],
            "first_3_logits": [[float(v) for v in row] for row in logits[:3]],
        }},
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    result = expected["models"]["cnn.onnx"]
    print(f"accuracy {result['accuracy']:.4f}", f"log loss {result['log_loss']:.4f}")


if __name__ == "__main__":
    main()
