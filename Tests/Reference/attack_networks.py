"""Data and architectures that make_attack_networks.py and make_attack_figures.py share."""

import gzip
import os
import pathlib

import numpy as np
import torch
from torch import nn

IMAGES = pathlib.Path(os.environ.get("CASEMATE_SHARED", "")) / "data" / "images"


def mnist(part):
    """`train` or `t10k`: images `[count, 1, 28, 28]` in 0..1 and labels."""
    def read(name, skip):
        with gzip.open(IMAGES / "mnist" / f"{part}-{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=skip)
    x, y = read("images-idx3", 16).reshape(-1, 1, 28, 28), read("labels-idx1", 8)
    return torch.from_numpy(x.astype(np.float32) / np.float32(255)), torch.from_numpy(y.astype(np.int64))


def cifar(name):
    """One of the three files: images `[count, 3, 32, 32]` in 0..1 and labels."""
    with np.load(IMAGES / "cifar10" / f"cifar10_{name}.npz") as file:
        x, y = np.ascontiguousarray(file["images"].transpose(0, 3, 1, 2)), file["labels"]
    return torch.from_numpy(x.astype(np.float32) / np.float32(255)), torch.from_numpy(y.astype(np.int64))


def mnist_cnn():
    """Two convolutions, two dense layers: 20,522 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))


def cifar_cnn():
    """Four convolutions with batch normalisation, one dense layer: 35,834 weights."""
    def step(inside, outside, stride):
        return [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*step(3, 16, 1), *step(16, 32, 2), *step(32, 32, 1), *step(32, 64, 2), nn.AvgPool2d(4),
                         nn.Flatten(), nn.Linear(256, 10))


def digits_cnn():
    """The network of Examples/digits."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def accuracy(model, x, y):
    with torch.no_grad():
        return float(torch.cat([model(part).argmax(1) for part in x.split(500)]).eq(y).double().mean())


def load(path, model):
    """The weights of an ONNX file of this folder, put back into PyTorch."""
    import onnx
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    state = model.state_dict()
    model.load_state_dict({k: torch.from_numpy(tensors[k].copy()) if k in tensors else v for k, v in state.items()})
    return model.eval()
