"""Makes Tests/Fixtures/networks/*.onnx and figures/gradients.json: gradients of small networks, by PyTorch.

    pip install torch==2.13.0 onnx==1.23.2 onnxruntime==1.31.1 onnxscript==0.7.2 numpy==2.4.6
    python make_gradient_figures.py

The weights of a file and the inputs are single-precision numbers; PyTorch computes with them in double precision, so a
figure is the gradient of the network in the file, not of a rounded run of it. `single` says how far PyTorch's own
single-precision gradients are from it (largest difference over largest value). Weights are random, untrained.

Inputs are whole numbers over 64, written as the whole numbers. `positions` are the places of the flat sample at which
gradients are given; `norms` are L2 norms of whole gradients, one a sample. Losses as CasemateModels defines them, of
each sample by itself. Parameters: the gradient of the cross-entropy summed over the batch, by the name of the
initialiser; weights that the file holds transposed are given transposed.
"""

import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn

import gradient_networks
from common import FIXTURES, sha256, versions, write

FOLDER = FIXTURES / "networks"
HEADS = {"softmax": nn.Softmax(1), "sigmoid": nn.Sigmoid(), "logits": nn.Identity()}
SAMPLES, INPUT_POSITIONS, LOSS_POSITIONS, PARAMETER_POSITIONS = 3, 24, 4, 5


def losses(z, labels, targets):
    """The seven losses, larger is closer to the attacker's goal; only those that the class count allows."""
    index = torch.arange(len(z))
    own, aim = z[index, labels], z[index, targets]
    besides = z.clone()
    besides[index, labels] = -torch.inf
    other = z.clone()
    other[index, targets] = -torch.inf
    ranked = z.sort(1, descending=True).values
    found = {
        "crossEntropy": F.cross_entropy(z, labels, reduction="none"),
        "targetedCrossEntropy": -F.cross_entropy(z, targets, reduction="none"),
        "margin": besides.max(1).values - own,
        "targetedMargin": aim - other.max(1).values,
        "logitDifference": aim - own,
    }
    if z.shape[1] >= 3:
        found["differenceOfLogitsRatio"] = -(own - besides.max(1).values) / (ranked[:, 0] - ranked[:, 2])
    if z.shape[1] >= 4:
        spread = ranked[:, 0] - (ranked[:, 2] + ranked[:, 3]) / 2
        found["targetedDifferenceOfLogitsRatio"] = -(own - aim) / spread
    return found


def logits_of(model, x):
    z = model(x)
    return torch.cat([torch.zeros_like(z), z], 1) if z.shape[1] == 1 else z


def differentiate(model, x, labels, targets):
    """Logits, losses, their gradients by the input, and those of the summed cross-entropy by the parameters."""
    x = x.clone().requires_grad_()
    z = logits_of(model, x)
    found = losses(z, labels, targets)
    inputs = {n: torch.autograd.grad(loss.sum(), x, retain_graph=True)[0].flatten(1) for n, loss in found.items()}
    named = dict(model.named_parameters())
    gradients = torch.autograd.grad(found["crossEntropy"].sum(), list(named.values()), allow_unused=True)
    return z, found, inputs, dict(zip(named, gradients))


def distance(one, other):
    return float((one.double() - other).abs().max() / other.abs().max().clamp_min(1e-30))


def export(network, model, x):
    path = FOLDER / f"{network.name}.onnx"
    head = nn.Sequential(model, HEADS[network.head]) if network.head != "logits" else model
    common = {"input_names": ["input"], "output_names": ["output"], "opset_version": network.opset}
    axes = {"input": {0: "batch"}, "output": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if network.exporter == "dynamo":
            program = torch.onnx.export(head.eval(), (x,), dynamo=True, verbose=False, external_data=False,
                                        dynamic_shapes=({0: torch.export.Dim("batch")},), **common)
            program.save(str(path), external_data=False)
        else:
            torch.onnx.export(
                head.eval(), (x,), str(path), dynamo=False, training=torch.onnx.TrainingMode.EVAL,
                do_constant_folding=network.fold, dynamic_axes=axes, **common)
    file = onnx.load(path)
    file.doc_string = "Small untrained network for tests of gradients"
    for node in list(file.graph.node) + [node for function in file.functions for node in function.node]:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*file.graph.value_info, *file.graph.input, *file.graph.output, *file.graph.initializer]:
        del value.metadata_props[:]
    del file.metadata_props[:], file.graph.metadata_props[:]
    onnx.checker.check_model(file, full_check=True)
    onnx.save(file, path)
    return path, file


def initialisers(file, model):
    """Pairs of an initialiser's name, the parameter it holds and whether it is transposed."""
    named = {name: p.detach().numpy() for name, p in model.named_parameters()}
    for tensor in file.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        for name, held in named.items():
            if values.dtype == np.float32 and values.size > 0:
                if values.shape == held.shape and np.array_equal(values, held):
                    yield tensor.name, name, False
                    break
                if held.ndim == 2 and values.shape == held.T.shape and np.array_equal(values, held.T):
                    yield tensor.name, name, True
                    break


def places(generator, size, count):
    return np.sort(generator.choice(size, min(size, count), replace=False))


def digits(values):
    """Eleven digits: far beyond single precision, and short."""
    return [float(f"{v:.11g}") for v in np.asarray(values, dtype=np.float64).ravel()]


def figure(network, seed):
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model = network.make().eval()
    gradient_networks.shake(model, network.weight_scale)
    whole = generator.integers(-96, 97, (SAMPLES, *network.shape))
    x = torch.from_numpy(whole / 64)
    exact = gradient_networks.doubled(model)
    labels = torch.from_numpy(generator.integers(0, network.classes, SAMPLES))
    targets = (labels + torch.from_numpy(generator.integers(1, network.classes, SAMPLES))) % network.classes
    path, file = export(network, model, x.float())
    z, found, inputs, parameters = differentiate(exact, x, labels, targets)
    single = differentiate(model, x.float(), labels, targets)
    errors = [distance(single[2][name], inputs[name]) for name in inputs]
    session = onnxruntime.InferenceSession(path)
    output = session.run(None, {"input": x.float().numpy()})[0]
    # The batch axis is free: one sample alone gets the same answer.
    assert np.abs(session.run(None, {"input": x[:1].float().numpy()})[0] - output[:1]).max() < 1e-5, network.name
    with torch.no_grad():
        expected = HEADS[network.head](exact(x))
    assert np.abs(output - expected.numpy()).max() < 1e-5 * max(1, expected.abs().max()), network.name
    held = list(initialisers(file, model))
    if network.maps_parameters:
        assert {name for _, name, _ in held} == set(parameters), (network.name, set(parameters) - {h[1] for h in held})
    assert not any(g is None for g in parameters.values()), network.name
    assert path.stat().st_size < 200_000 and max(errors) < 1e-4, (network.name, path.stat().st_size, errors)
    some = places(generator, inputs["crossEntropy"].shape[1], INPUT_POSITIONS)
    few = some[:: max(1, len(some) // LOSS_POSITIONS)][:LOSS_POSITIONS]
    record = {
        "file": path.name, "sha256": sha256(path), "exporter": network.exporter, "opset": network.opset,
        "shape": network.shape, "classes": network.classes, "head": network.head, "single": float(f"{max(errors):.2g}"),
        "operators": sorted({n.op_type for n in file.graph.node}),
        "inputsTimes64": whole.reshape(SAMPLES, -1), "labels": labels.numpy(), "targets": targets.numpy(),
        "outputs": [digits(row) for row in expected.numpy()], "logits": [digits(row) for row in z.detach().numpy()],
        "positions": some, "fewPositions": few, "losses": {}, "parameters": {},
    }
    for name, loss in found.items():
        at = some if name == "crossEntropy" else few
        record["losses"][name] = {
            "values": digits(loss.detach()), "norms": digits(inputs[name].norm(dim=1)),
            "gradients": [digits(row) for row in inputs[name][:, at]],
        }
    for initialiser, name, transposed in held:
        gradient = parameters[name].T if transposed else parameters[name]
        at = places(generator, gradient.numel(), PARAMETER_POSITIONS)
        record["parameters"][initialiser] = {
            "shape": list(gradient.shape), "norm": digits([gradient.norm()])[0], "positions": at,
            "values": digits(gradient.flatten()[at]),
        }
    return record


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    onnxruntime.set_default_logger_severity(3)
    wanted = sys.argv[1:]
    records = {}
    for seed, network in enumerate(gradient_networks.NETWORKS):
        if not wanted or network.name in wanted:
            records[network.name] = figure(network, 1000 + seed)
            print(network.name, records[network.name]["single"], (FOLDER / f"{network.name}.onnx").stat().st_size,
                  " ".join(records[network.name]["operators"]))
    if wanted:
        return
    write(FIXTURES / "figures" / "gradients.json", {
        "script": "Tests/Reference/make_gradient_figures.py",
        "versions": versions("torch", "onnx", "onnxruntime", "onnxscript", "numpy"),
        "definitions": "weights and inputs are float32 numbers, arithmetic float64; inputs = inputsTimes64 / 64; "
                       "losses of each sample; parameters: of the summed cross-entropy; norms are L2; positions are "
                       "flat; of a network with one logit z, logits are [0, z]",
        "networks": records,
    })


if __name__ == "__main__":
    main()
