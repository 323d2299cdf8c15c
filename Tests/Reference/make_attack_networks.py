"""Makes the networks that attacks are tested on: Tests/Fixtures/networks/{mnist,cifar}-*.onnx.

    pip install torch==2.13.0 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
    CASEMATE_SHARED=… python make_attack_networks.py [mnist-cnn mnist-robust masked cifar-cnn]

`mnist-cnn`: trained as usual. `mnist-robust`: the same, trained on PGD's points (Madry et al., ICLR 2018: 10 steps, the
radius grows to 0.3 during the first epochs). `cifar-cnn`: trained on 1,000 lossless pictures and the JPEG copies that
are not among the 300 lossless test pictures; its accuracy is secondary. Inputs in 0..1, outputs logits, any batch size.

Three masked models are `mnist-cnn` with its graph edited: `-scaled` (logits times 1,000), `-rounded` (input rounded to
eighths) and `-noisy` (normal noise added between the convolutions, new at each run). None is a defence.
"""

import sys
import time
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper
from torch import nn

from attack_networks import accuracy, cifar, cifar_cnn, mnist, mnist_cnn
from common import FIXTURES

FOLDER = FIXTURES / "networks"
EPOCHS, ROBUST_EPOCHS, CIFAR_EPOCHS = 5, 15, 60
RADIUS, STEPS = 0.3, 10


def pgd(model, x, y, radius, steps):
    low, high = (x - radius).clamp(0, 1), (x + radius).clamp(0, 1)
    point = torch.clamp(x + torch.empty_like(x).uniform_(-radius, radius), 0, 1)
    for _ in range(steps):
        point.requires_grad_()
        gradient, = torch.autograd.grad(nn.functional.cross_entropy(model(point), y, reduction="sum"), point)
        point = torch.clamp(point.detach() + 2.5 * radius / steps * gradient.sign(), low, high)
    return point.detach()


def fit(model, x, y, epochs, rate, change, decay=0.0):
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    steps = epochs * (len(x) // 100)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)
    begin = time.perf_counter()
    for epoch in range(epochs):
        for index, batch in enumerate(torch.randperm(len(x))[: len(x) // 100 * 100].split(100)):
            points = change(model, x[batch], y[batch], epoch + index * 100 / len(x))
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model.train()(points), y[batch])
            loss.backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}, {time.perf_counter() - begin:.0f} s", flush=True)
    return model.eval()


def growing(model, x, y, progress):
    return pgd(model, x, y, RADIUS * min(1, (progress + 0.2) / 4), STEPS)


def shifted(_, x, y, progress):
    """Mirrored half of the time and shifted by up to four pixels, the whole batch alike."""
    x = x.flip(3) if torch.rand(()) < 0.5 else x
    row, column = torch.randint(0, 9, (2,)).tolist()
    padded = nn.functional.pad(x, (4, 4, 4, 4), mode="reflect")[:, :, row:row + 32, column:column + 32]
    return torch.clamp(padded * (0.8 + 0.4 * torch.rand(len(x), 1, 1, 1)), 0, 1)


def save(model, shape, name):
    path = FOLDER / f"{name}.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(), (torch.zeros(1, *shape),), str(path), dynamo=False, opset_version=17,
            do_constant_folding=False, training=torch.onnx.TrainingMode.EVAL, input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    file = onnx.load(path)
    for node in file.graph.node:
        node.doc_string = ""
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, path)


def report(name, x, y):
    logits = onnxruntime.InferenceSession(FOLDER / f"{name}.onnx").run(None, {"image": x.numpy()})[0]
    size = (FOLDER / f"{name}.onnx").stat().st_size
    print(f"{name}: accuracy {np.mean(logits.argmax(1) == y.numpy()):.4f} of {len(y)}, {size} bytes", flush=True)


def edited(name, change):
    file = onnx.load(FOLDER / "mnist-cnn.onnx")
    change(file.graph)
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, FOLDER / f"mnist-cnn-{name}.onnx")


def scaled(graph):
    graph.initializer.append(numpy_helper.from_array(np.float32(1000), "thousand"))
    graph.node[-1].output[0] = "unscaled"
    graph.node.append(helper.make_node("Mul", ["unscaled", "thousand"], ["logits"], "scale"))


def rounded(graph):
    graph.initializer.append(numpy_helper.from_array(np.float32(8), "eight"))
    graph.node[0].input[0] = "rounded"
    for node in reversed([
            helper.make_node("Mul", ["image", "eight"], ["eighths"], "to_eighths"),
            helper.make_node("Round", ["eighths"], ["whole"], "round"),
            helper.make_node("Div", ["whole", "eight"], ["rounded"], "from_eighths")]):
        graph.node.insert(0, node)


def noisy(graph):
    at = next(i for i, node in enumerate(graph.node) if node.op_type == "MaxPool") + 1
    inside = graph.node[at - 1].output[0]
    graph.node[at].input[0] = "noised"
    graph.node.insert(at, helper.make_node("Add", [inside, "noise"], ["noised"], "add_noise"))
    graph.node.insert(at, helper.make_node("RandomNormalLike", [inside], ["noise"], "draw_noise", mean=0.0, scale=0.3))


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    FOLDER.mkdir(exist_ok=True)
    wanted = sys.argv[1:] or ["mnist-cnn", "mnist-robust", "masked", "cifar-cnn"]
    test_x, test_y = mnist("t10k")
    if "mnist-cnn" in wanted:
        torch.manual_seed(1)
        x, y = mnist("train")
        save(fit(mnist_cnn(), x, y, EPOCHS, 4e-3, lambda model, x, y, progress: x), [1, 28, 28], "mnist-cnn")
        report("mnist-cnn", test_x, test_y)
    if "masked" in wanted:
        for change in (scaled, rounded, noisy):
            edited(change.__name__, change)
            report(f"mnist-cnn-{change.__name__}", test_x, test_y)
    if "cifar-cnn" in wanted:
        torch.manual_seed(3)
        (x, y), (lossy_x, lossy_y) = cifar("train_lossless_1000"), cifar("test_jpeg_1000")
        test, labels = cifar("test_lossless_300")
        # Mean difference of a JPEG copy from its original is about 6/255; of two different pictures, far more.
        known = torch.stack([(test - one).abs().mean((1, 2, 3)).min() < 20 / 255 for one in lossy_x])
        print(f"{int(known.sum())} JPEG copies of test pictures left out")
        x, y = torch.cat([x, lossy_x[~known]]), torch.cat([y, lossy_y[~known]])
        save(fit(cifar_cnn(), x, y, CIFAR_EPOCHS, 5e-3, shifted, 0.05), [3, 32, 32], "cifar-cnn")
        report("cifar-cnn", test, labels)
    if "mnist-robust" in wanted:
        torch.manual_seed(2)
        x, y = mnist("train")
        model = fit(mnist_cnn(), x, y, ROBUST_EPOCHS, 3e-3, growing)
        save(model, [1, 28, 28], "mnist-robust")
        report("mnist-robust", test_x, test_y)
        test_x, test_y = test_x[:1000], test_y[:1000]
        for radius in (0.1, 0.2, 0.3):
            print(f"PGD-40 at {radius}: {accuracy(model, pgd(model, test_x, test_y, radius, 40), test_y):.3f} of 1000")


if __name__ == "__main__":
    main()
