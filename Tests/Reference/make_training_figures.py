"""Makes Tests/Fixtures/figures/training.json: training steps of committed networks, and MNIST's accuracy, by PyTorch.

    pip install torch==2.13.0 onnx==1.23.2 numpy==2.4.6
    python make_gradient_figures.py                       # makes the networks
    CASEMATE_SHARED=… python make_training_figures.py

Steps: the network of the file, in double precision, on mini-batches in the order of the samples; the loss is the mean
cross-entropy of a batch, before its step. Batch normalisation keeps its statistics, as in the file. `losses` has one
number a step; `parameters` are those after the last one, with norm and some values, by the initialiser's name. Inputs
are whole numbers over 64. Optimisers have PyTorch's defaults but for the settings given.

Accuracy: the architecture of mnist-cnn.onnx from PyTorch's own random weights, Adam, mini-batches of 100 in random
order, all 60,000 training images each epoch, percent right of the 10,000 test images, over several seeds. The same for
one hidden layer on the digits of Examples/digits.
"""

import gzip

import numpy as np
import onnx
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import gradient_networks
from attack_networks import accuracy, mnist, mnist_cnn
from common import FIXTURES, sha256, versions, write
from make_gradient_figures import digits, places

FOLDER = FIXTURES / "networks"
DIGITS = FIXTURES.parent.parent / "Examples" / "digits"
OPTIMISERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.1}),
    "sgd-momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "sgd-decay": (torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    "sgd-nesterov": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (torch.optim.Adam, {"lr": 0.01}),
    "adam-decay": (torch.optim.Adam, {"lr": 0.01, "betas": (0.8, 0.99), "weight_decay": 0.05}),
    "adamw": (torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
}
SAMPLES, BATCH, EPOCHS, POSITIONS = 24, 8, 3, 4
SEEDS, MNIST_EPOCHS, DIGITS_EPOCHS, RATE = range(5), 2, 30, 1e-3


def network(name):
    model = next(n for n in gradient_networks.NETWORKS if n.name == name).make().double().eval()
    held = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).astype(np.float64))
            for t in onnx.load(FOLDER / f"{name}.onnx").graph.initializer}
    # A head adds one level to the names.
    named = {key: held.get(key, held.get(f"0.{key}")) for key in model.state_dict() if "num_batches" not in key}
    prefix = "" if all(key in held for key in named) else "0."
    model.load_state_dict({**model.state_dict(), **{key: held[prefix + key] for key in named}})
    return model, prefix


def steps(name, optimiser, x, y):
    model, prefix = network(name)
    make, settings = OPTIMISERS[optimiser]
    optimise = make(model.parameters(), **settings)
    losses = []
    for _ in range(EPOCHS):
        for batch in torch.arange(len(x)).split(BATCH):
            optimise.zero_grad()
            loss = cross_entropy(model(x[batch]), y[batch])
            loss.backward()
            optimise.step()
            losses.append(float(loss.detach()))
    generator = np.random.default_rng(5)
    parameters = {}
    for key, p in model.named_parameters():
        at = places(generator, p.numel(), POSITIONS)
        parameters[prefix + key] = {"norm": digits([p.detach().norm()])[0], "positions": at,
                                    "values": digits(p.detach().flatten()[at])}
    return {"settings": settings, "losses": digits(losses), "parameters": parameters}


def course(name, shape, classes, seed):
    generator = np.random.default_rng(seed)
    whole = generator.integers(-96, 97, (SAMPLES, *shape))
    labels = generator.integers(0, classes, SAMPLES)
    x, y = torch.from_numpy(whole / 64), torch.from_numpy(labels)
    return {"file": f"{name}.onnx", "sha256": sha256(FOLDER / f"{name}.onnx"), "batch": BATCH, "epochs": EPOCHS,
            "inputsTimes64": whole.reshape(SAMPLES, -1), "labels": labels,
            "optimisers": {kind: steps(name, kind, x, y) for kind in OPTIMISERS}}


def learned(seed, train, test):
    torch.manual_seed(seed)
    model, (x, y) = mnist_cnn(), train
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    found = []
    for _ in range(MNIST_EPOCHS):
        for batch in torch.randperm(len(x)).split(100):
            optimiser.zero_grad()
            cross_entropy(model(x[batch]), y[batch]).backward()
            optimiser.step()
        found.append(round(100 * accuracy(model, *test), 2))
    print(seed, found, flush=True)
    return found


def digit_images(part):
    with gzip.open(DIGITS / part, "rt") if part.endswith(".gz") else open(DIGITS / part) as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    return torch.from_numpy(table[:, :64].astype(np.float32)), torch.from_numpy(table[:, 64].astype(np.int64))


def learned_digits(seed, train, test):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    for _ in range(DIGITS_EPOCHS):
        for batch in torch.randperm(len(train[0])).split(32):
            optimiser.zero_grad()
            cross_entropy(model(train[0][batch]), train[1][batch]).backward()
            optimiser.step()
    return round(100 * accuracy(model, *test), 2)


def main():
    torch.set_num_threads(1)
    small = [digit_images(part) for part in ("train.csv.gz", "test.csv")]
    found = [learned_digits(seed, *small) for seed in SEEDS]
    courses = {"mlp": course("mlp", [12], 5, 1), "pools": course("pools", [2, 13, 12], 4, 2)}
    train, test = mnist("train"), mnist("t10k")
    accuracies = np.array([learned(seed, train, test) for seed in SEEDS])
    write(FIXTURES / "figures" / "training.json", {
        "script": "Tests/Reference/make_training_figures.py",
        "versions": versions("torch", "onnx", "numpy"),
        "definitions": "float64; losses: mean cross-entropy of each batch before its step; parameters: after the last",
        "steps": courses,
        "digits": {"hidden": 64, "optimiser": "adam", "rate": RATE, "batch": 32, "epochs": DIGITS_EPOCHS,
                   "accuracy": found, "mean": round(float(np.mean(found)), 3)},
        "mnist": {"network": "mnist-cnn", "optimiser": "adam", "rate": RATE, "batch": 100, "epochs": MNIST_EPOCHS,
                  "accuracyByEpoch": accuracies, "mean": [round(float(m), 3) for m in accuracies.mean(0)],
                  "deviation": [round(float(s), 3) for s in accuracies.std(0, ddof=1)]},
    })


if __name__ == "__main__":
    main()
