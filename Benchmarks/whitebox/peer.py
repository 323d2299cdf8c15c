"""The peers' side of the white-box benchmarks: PyTorch, ART, torchattacks, Foolbox. Appends to build/peer.json.

    python peer.py [--threads N] [--only gradient,training,pgd,autoattack,gemm]

See README.md for the cases and the form of the results.
"""

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from importlib import metadata

import numpy as np
import torch
from torch.nn.functional import cross_entropy

import networks

STEPS = 40
RADIUS = {"mnist": 0.1, "cifar": 2 / 255}
LEAST_SECONDS, LEAST, MOST = 3.0, 5, 200


def measured(function, least_seconds=LEAST_SECONDS):
    """Wall and processor seconds of calls after two to warm up: at least five, and three seconds of them."""
    for _ in range(2):
        function()
    times = []
    while len(times) < LEAST or (sum(wall for wall, _ in times) < least_seconds and len(times) < MOST):
        times.append(once(function))
    return times


def once(function):
    begin, spent = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begin, time.process_time() - spent


def result(case, tool, times, success=None):
    found = {
        "case": case, "tool": tool, "threads": torch.get_num_threads(), "seconds": min(wall for wall, _ in times),
        "median": statistics.median(wall for wall, _ in times), "processor": min(spent for _, spent in times),
        "repeats": len(times), "success": success, "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(found), flush=True)
    return found


def pytorch():
    return f"PyTorch {metadata.version('torch').split('+')[0]}"


def gemm():
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    yield result("gemm/2048", pytorch(), measured(lambda: a @ b))


def gradient():
    for name, batch in [("mlp", 64), ("mlp", 256), ("cnn", 64), ("cnn", 256), ("strided", 64), ("strided", 256),
                        ("resnet18", 32)]:
        model = networks.make(name).requires_grad_(False)
        x, y = torch.rand(batch, *networks.SHAPES[name]), torch.arange(batch) % 10

        def step():
            point = x.detach().requires_grad_()
            torch.autograd.grad(cross_entropy(model(point), y, reduction="sum"), point)
        yield result(f"gradient/{name}/{batch}", pytorch(), measured(step))


def training():
    for name, batch in [("mlp", 64), ("mlp", 256), ("cnn", 64), ("cnn", 256)]:
        for kind in ("sgd", "adam"):
            model = networks.make(name).train()
            optimiser = {"sgd": lambda p: torch.optim.SGD(p, lr=0.01), "adam": lambda p: torch.optim.Adam(p, lr=1e-3)}
            optimiser = optimiser[kind](model.parameters())
            x, y = torch.rand(batch, *networks.SHAPES[name]), torch.arange(batch) % 10

            def step():
                optimiser.zero_grad()
                cross_entropy(model(x), y).backward()
                optimiser.step()
            yield result(f"training/{name}/{kind}/{batch}", pytorch(), measured(step))


def art(model, shape, x, y, radius):
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier
    classifier = PyTorchClassifier(model, torch.nn.CrossEntropyLoss(), shape, 10, clip_values=(0, 1), device_type="cpu")
    attack = ProjectedGradientDescent(
        classifier, norm=np.inf, eps=radius, eps_step=2.5 * radius / STEPS, max_iter=STEPS, num_random_init=1,
        batch_size=len(x), verbose=False)
    images, labels = x.numpy(), y.numpy()
    return f"ART {metadata.version('adversarial-robustness-toolbox')}", \
        lambda: torch.from_numpy(attack.generate(images, labels))


def torchattacks(model, shape, x, y, radius):
    import torchattacks as toolkit
    attack = toolkit.PGD(model, eps=radius, alpha=2.5 * radius / STEPS, steps=STEPS, random_start=True)
    return f"torchattacks {metadata.version('torchattacks')}", lambda: attack(x, y)


def foolbox(model, shape, x, y, radius):
    import foolbox as toolkit
    wrapped = toolkit.PyTorchModel(model, bounds=(0, 1), device="cpu")
    attack = toolkit.attacks.LinfPGD(abs_stepsize=2.5 * radius / STEPS, steps=STEPS, random_start=True)
    return f"Foolbox {metadata.version('foolbox')}", lambda: attack(wrapped, x, y, epsilons=radius)[1]


def wrong(model, points, x, y, radius):
    """Share of points that are inside the box and the ball and that the network gets wrong."""
    points = points.detach()
    assert float((points - x).abs().max()) <= radius + 1e-6 and 0 <= float(points.min()) and float(points.max()) <= 1
    with torch.no_grad():
        return float((model(points).argmax(1) != y).double().mean())


def pgd():
    for name, radius in RADIUS.items():
        model, (x, y) = networks.trained(name), networks.points(name)
        for make in (art, torchattacks, foolbox):
            tool, attack = make(model, tuple(x.shape[1:]), x, y, radius)
            success = max(wrong(model, attack(), x, y, radius) for _ in range(3))
            yield result(f"pgd{STEPS}/{name}/{len(x)}", tool, measured(attack), success)


def autoattack():
    import torchattacks as toolkit
    version = metadata.version("torchattacks")
    for name, radius in RADIUS.items():
        model, (x, y) = networks.trained(name), networks.points(name)
        # As released APGD and FAB stop after 10 steps; the published ones take 100.
        for steps, tool in [(10, f"torchattacks {version}"), (100, f"torchattacks {version}, 100 steps")]:
            attack = toolkit.AutoAttack(model, norm="Linf", eps=radius, version="standard", n_classes=10, seed=0)
            for member in attack._autoattack.attacks[:3]:
                member.steps = steps
            found = []
            times = [once(lambda: found.append(attack(x, y)))]
            yield result(f"autoattack/{name}/{len(x)}", tool, times, wrong(model, found[0], x, y, radius))


def main():
    kinds = {"gemm": gemm, "gradient": gradient, "training": training, "pgd": pgd, "autoattack": autoattack}
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--only", default=",".join(kinds))
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    np.random.seed(0)
    torch.manual_seed(0)
    path = networks.BUILD / "peer.json"
    document = json.loads(path.read_text()) if path.exists() else {"results": []}
    document["machine"] = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
                           "python": platform.python_version()}
    for kind in options.only.split(","):
        fresh = list(kinds[kind]())
        same = {(r["case"], r["tool"], r["threads"]) for r in fresh}
        kept = [r for r in document["results"] if (r["case"], r["tool"], r["threads"]) not in same]
        document["results"] = kept + fresh
        path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
