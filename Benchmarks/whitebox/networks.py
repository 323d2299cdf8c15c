"""The networks and points of the white-box benchmarks; as a program: writes them to build/ for Casemate's side.

    CASEMATE_SHARED=… python networks.py

build/{mlp,cnn,strided,resnet18}.onnx are untrained, with the batch axis free; build/networks.json has, for each, the
floating-point operations of one sample's forward pass (two a multiplication and addition). build/{mnist,cifar}.npz have
`images` (float32, 0..1) and `labels` of the points that the attacks start from; the networks attacked are
Tests/Fixtures/networks/mnist-cnn.onnx and cifar-cnn.onnx.
"""

import gzip
import json
import os
import pathlib
import warnings

import numpy as np
import onnx
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
BUILD, FIXTURES = HERE / "build", HERE.parent.parent / "Tests" / "Fixtures" / "networks"
POINTS = {"mnist": 500, "cifar": 200}


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 100), nn.ReLU(), nn.Linear(100, 10))


def strided():
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 4, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(32 * 49, 100), nn.ReLU(), nn.Linear(100, 10))


class Block(nn.Module):
    def __init__(self, inside, outside, stride):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside))
        self.short = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        self.last = nn.ReLU()

    def forward(self, x):
        return self.last(self.inner(x) + self.short(x))


def resnet18():
    """The form used on 32 x 32 pictures: a 3 x 3 stem, no pooling after it, 11.2 million weights."""
    blocks, inside = [], 64
    for outside, stride in [(64, 1), (128, 2), (256, 2), (512, 2)]:
        blocks += [Block(inside, outside, stride), Block(outside, outside, 1)]
        inside = outside
    return nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def mnist_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10))


def cifar_cnn():
    def step(inside, outside, stride):
        return [nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*step(3, 16, 1), *step(16, 32, 2), *step(32, 32, 1), *step(32, 64, 2), nn.AvgPool2d(4),
                         nn.Flatten(), nn.Linear(256, 10))


SHAPES = {"mlp": (1, 28, 28), "cnn": (1, 28, 28), "strided": (1, 28, 28), "resnet18": (3, 32, 32)}


def make(name):
    """One of SHAPES, with the same weights each time, ready for inference."""
    torch.manual_seed(0)
    model = {"mlp": mlp, "cnn": cnn, "strided": strided, "resnet18": resnet18}[name]()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):  # as after training: no two statistics alike
                for values, base in [(module.weight, 1), (module.running_var, 1), (module.bias, 0),
                                     (module.running_mean, 0)]:
                    values.copy_(base + 0.2 * torch.rand_like(values))
    return model.eval()


def trained(name):
    """`mnist` or `cifar` with the weights of the committed file."""
    model = {"mnist": mnist_cnn, "cifar": cifar_cnn}[name]()
    tensors = onnx.load(FIXTURES / f"{name}-cnn.onnx").graph.initializer
    state = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in tensors}
    missing = model.load_state_dict(state, strict=False)
    assert all(key.endswith("num_batches_tracked") for key in missing.missing_keys), missing
    return model.eval().requires_grad_(False)


def points(name):
    with np.load(BUILD / f"{name}.npz") as file:
        return torch.from_numpy(file["images"]), torch.from_numpy(file["labels"])


def operations(model, shape):
    """Floating-point operations of convolutions and dense layers for one sample."""
    total = []

    def count(module, _, output):
        weights = module.weight
        places = output[0].numel() // output.shape[1]
        total.append(2 * weights.numel() * (places if isinstance(module, nn.Conv2d) else 1))
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    with torch.no_grad():
        model(torch.zeros(1, *shape))
    for hook in hooks:
        hook.remove()
    return sum(total)


def read_points(images):
    def idx(name, skip):
        with gzip.open(images / "mnist" / f"t10k-{name}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=skip)
    yield "mnist", idx("images-idx3", 16).reshape(-1, 1, 28, 28), idx("labels-idx1", 8)
    with np.load(images / "cifar10" / "cifar10_test_lossless_300.npz") as file:
        yield "cifar", file["images"].transpose(0, 3, 1, 2), file["labels"]


def main():
    BUILD.mkdir(exist_ok=True)
    sizes = {}
    for name, shape in SHAPES.items():
        model = make(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model, (torch.zeros(1, *shape),), str(BUILD / f"{name}.onnx"), dynamo=False, opset_version=17,
                do_constant_folding=False, training=torch.onnx.TrainingMode.EVAL, input_names=["image"],
                output_names=["logits"], dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
        sizes[name] = {"shape": shape, "operations": operations(model, shape)}
    for name, pixels, labels in read_points(pathlib.Path(os.environ["CASEMATE_SHARED"]) / "data" / "images"):
        count = POINTS[name]
        images = pixels[:count].astype(np.float32) / np.float32(255)
        np.savez(BUILD / f"{name}.npz", images=images, labels=labels[:count].astype(np.int64))
        sizes[f"{name}-cnn"] = {"shape": images.shape[1:], "operations": operations(trained(name), images.shape[1:])}
    (BUILD / "networks.json").write_text(json.dumps(sizes, indent=1) + "\n")


if __name__ == "__main__":
    main()
