"""Makes Tests/Fixtures/figures/attacks.json: what other implementations of the attacks reach on the committed networks.

    pip install torch==2.13.0 torchattacks==3.5.1 foolbox==3.3.4 onnx==1.23.2 onnxruntime==1.31.1 numpy==2.4.6
    CASEMATE_SHARED=… AUTOATTACK=… python make_attack_figures.py [digits mnist-cnn mnist-robust cifar-cnn]

AUTOATTACK is a checkout of the authors' own code (GitHub fra31/auto-attack, commit a392200); it is run, not copied.

AutoAttack standard: the authors' code, and torchattacks as released, where APGD and FAB take 10 steps instead of the
published 100, so that it may leave more points. `robust` are the positions of the points that are left. Each point that
broke is judged again by ONNX Runtime, inside the box and within eps (1e-6 for single precision). `processorSeconds` are
of one thread, measured beside other work: an orientation.

Minimum norm: Foolbox on the first points that the network gets right; a distance per point, null where nothing was
found. `settings` are given where they differ from Foolbox's defaults.
"""

import json
import os
import sys
import time
import warnings

import foolbox
import numpy as np
import onnxruntime
import torch
import torchattacks

from attack_networks import cifar, cifar_cnn, digits_cnn, load, mnist, mnist_cnn
from common import FIXTURES, sha256, versions, write

FOLDER, EXAMPLE = FIXTURES / "networks", FIXTURES.parent.parent / "Examples" / "digits"
OUTPUT = FIXTURES / "figures" / "attacks.json"
NAMES = ["digits", "mnist-cnn", "mnist-robust", "cifar-cnn"]
SEED, SLACK = 0, 1e-6
CASES = [
    ("digits", "Linf", 0.1, 200), ("digits", "L2", 0.5, 200), ("digits", "L1", 2.0, 200),
    ("mnist-cnn", "Linf", 0.1, 500), ("mnist-cnn", "L2", 1.0, 200), ("mnist-cnn", "L1", 5.0, 200),
    ("mnist-robust", "Linf", 0.3, 500),
    ("cifar-cnn", "Linf", 2 / 255, 200), ("cifar-cnn", "L2", 0.25, 200),
]
MINIMA = {
    "deepfool-l2": (foolbox.attacks.L2DeepFoolAttack, {}),
    "deepfool-linf": (foolbox.attacks.LinfDeepFoolAttack, {}),
    "ddn-l2": (foolbox.attacks.DDNAttack, {"steps": 100}),
    "carlini-wagner-l2": (foolbox.attacks.L2CarliniWagnerAttack, {"binary_search_steps": 9, "steps": 1000}),
    "fmn-l2": (foolbox.attacks.L2FMNAttack, {"steps": 100}),
    "fmn-linf": (foolbox.attacks.LInfFMNAttack, {"steps": 100}),
    "fmn-l1": (foolbox.attacks.L1FMNAttack, {"steps": 100}),
    "fmn-l0": (foolbox.attacks.L0FMNAttack, {"steps": 100}),
}
POINTS = 50


def path_of(name):
    return EXAMPLE / "cnn.onnx" if name == "digits" else FOLDER / f"{name}.onnx"


def digits():
    """The example that is committed with its data: rows of test.csv, 64 pixels in 0..1 and a label."""
    table = np.loadtxt(EXAMPLE / "test.csv", delimiter=",", skiprows=1, dtype=np.float32)
    return torch.from_numpy(table[:, :-1].reshape(-1, 1, 8, 8).copy()), torch.from_numpy(table[:, -1].astype(np.int64))


def problem(name, count):
    make = {"digits": digits_cnn, "cifar-cnn": cifar_cnn}.get(name, mnist_cnn)
    x, y = {"digits": digits, "cifar-cnn": lambda: cifar("test_lossless_300")}.get(name, lambda: mnist("t10k"))()
    return load(path_of(name), make()), x[:count], y[:count]


def answers(name, x):
    session = onnxruntime.InferenceSession(path_of(name))
    return session.run(None, {"image": x.numpy()})[0].argmax(1)


def sizes(difference, norm):
    flat = difference.double().flatten(1)
    return {"Linf": flat.abs().amax(1), "L2": flat.norm(dim=1), "L1": flat.abs().sum(1),
            "L0": (flat != 0).double().sum(1)}[norm]


def authors(model, norm, eps, x, y):
    from autoattack import AutoAttack
    attack = AutoAttack(model, norm=norm, eps=eps, seed=SEED, verbose=False, version="standard", device="cpu")
    return attack.run_standard_evaluation(x, y, bs=250)


def released(model, norm, eps, x, y):
    return torchattacks.AutoAttack(model, norm=norm, eps=eps, version="standard", n_classes=10, seed=SEED)(x, y)


def judged(name, norm, eps, x, y, run):
    begin = time.process_time()
    found = run().detach()
    seconds = time.process_time() - begin
    inside = (sizes(found - x, norm) <= eps * (1 + SLACK) + SLACK) & (found >= 0).flatten(1).all(1)
    inside &= (found <= 1).flatten(1).all(1)
    right = answers(name, x) == y.numpy()
    robust = right & ((answers(name, found) == y.numpy()) | ~inside.numpy())
    print(f"  {robust.sum()} of {len(y)}, {seconds:.1f} s, {(~inside).sum()} outside", flush=True)
    return {"robustCount": int(robust.sum()), "robust": np.flatnonzero(robust), "outside": int((~inside).sum()),
            "processorSeconds": round(seconds, 1)}


def bounded(name, norm, eps, count):
    model, x, y = problem(name, count)
    print(name, norm, eps, flush=True)
    tools = {"authors": lambda: authors(model, norm, eps, x, y)}
    if norm != "L1":  # torchattacks has no L1 in APGD's and Square's versions here
        tools["torchattacks"] = lambda: released(model, norm, eps, x, y)
    wrong = np.flatnonzero(answers(name, x) != y.numpy())
    return {"model": name, "norm": norm, "epsilon": eps, "count": count, "misclassified": wrong,
            "tools": {tool: judged(name, norm, eps, x, y, run) for tool, run in tools.items()}}


def minimum(name):
    model, x, y = problem(name, 200)
    right = np.flatnonzero(answers(name, x) == y.numpy())[:POINTS]
    x, y = x[right], y[right]
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
    found = {}
    for attack, (make, settings) in MINIMA.items():
        torch.manual_seed(SEED)
        np.random.seed(SEED)
        begin = time.process_time()
        points, _, success = make(**settings)(wrapped, x, y, epsilons=None)
        norm = "L" + attack.rsplit("l", 1)[1]
        seconds = time.process_time() - begin
        success = (answers(name, points) != y.numpy()) & success.numpy()
        distances = np.where(success, sizes(points - x, norm), np.nan)
        middle = round(float(np.nanmedian(distances)), 6)
        print(f"  {attack}: {success.sum()} of {len(y)}, median {middle}, {seconds:.1f} s", flush=True)
        found[attack] = {"settings": settings, "median": middle,
                         "distances": [round(float(d), 6) for d in distances], "processorSeconds": round(seconds, 1)}
    return {"model": name, "points": right, "attacks": found}


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    sys.path.insert(0, os.environ["AUTOATTACK"])
    wanted = sys.argv[1:] or NAMES
    before = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {"autoattack": [], "minimumNorm": []}
    cases, minima = ([case for case in before[key] if case["model"] not in wanted]
                     for key in ("autoattack", "minimumNorm"))
    cases += [bounded(*case) for case in CASES if case[0] in wanted]
    minima += [minimum(name) for name in NAMES if name in wanted]
    write(OUTPUT, {
        "script": "Tests/Reference/make_attack_figures.py",
        "versions": {**versions("torch", "torchattacks", "foolbox", "onnxruntime", "numpy"), "auto-attack": "a392200"},
        "definitions": "mnist: the first test images; cifar: the first lossless test pictures; pixels over 255; "
                       "digits: the first rows of Examples/digits/test.csv; robust: positions right and not broken; "
                       "processorSeconds: one thread; distances: of the points listed, in the norm at the end of the "
                       "attack's name",
        "networks": {name: sha256(path_of(name)) for name in NAMES},
        "autoattack": cases, "minimumNorm": minima,
    })


if __name__ == "__main__":
    main()
