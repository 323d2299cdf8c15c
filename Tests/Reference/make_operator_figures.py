"""Makes Tests/Fixtures/figures/operators.json: gradients of single operators, by ONNX's reference evaluator.

    pip install onnx==1.23.2 numpy==2.4.6 scipy==1.17.1
    python make_operator_figures.py

For operators that ONNX Runtime computes in single precision alone. The reference evaluator computes in double precision;
a gradient is that of the sum of weights times outputs, by central differences of fourth order with a step of 1/1024.

Operands are whole odd numbers over 128, written as the whole numbers, so that they are exact in single precision and lie
on no edge of a function; weights are whole numbers over 64, one for each value of the outputs in order.
"""

import numpy as np
import onnx
from onnx import helper
from onnx.reference import ReferenceEvaluator

from common import FIXTURES, versions, write

STEP = 1 / 1024
ML = "ai.onnx.ml"


class Case:
    """One node: operands are shapes, or (shape, low, high); the first is an input, others are constants."""

    def __init__(self, op, *operands, opset=18, domain="", outputs=1, real=(0,), **attributes):
        self.op, self.opset, self.domain, self.outputs, self.real = op, opset, domain, outputs, real
        self.operands = [(o, -2, 2) if isinstance(o, list) else o for o in operands]
        self.attributes = attributes


def unary(*names, **settings):
    return [Case(name, [2, 3, 2], **settings) for name in names]


LINEAR = {"coefficients": [0.5, -1.0, 1.0, 2.0, -0.25, 1.0], "intercepts": [0.125, -0.25, 0.5],
          "classlabels_ints": [0, 1, 2]}
IMAGE = [2, 3, 4, 5]

CASES = [
    *unary("Erf", "Softplus", "Elu", "Selu", "HardSigmoid", "Softsign", "ThresholdedRelu", "Sinh", "Cosh", "Asinh",
           "Atan", "HardSwish", "Mish"),
    *unary("Erf", "Softplus", "Elu", "Selu", "HardSigmoid", "Softsign", opset=9),
    Case("Tan", ([2, 4], -1, 1)), Case("Asin", ([2, 4], -0.9, 0.9)), Case("Acos", ([2, 4], -0.9, 0.9)),
    Case("Atanh", ([2, 4], -0.9, 0.9)), Case("Acosh", ([2, 4], 1.1, 3)),
    Case("Elu", [2, 5], alpha=0.5), Case("Selu", [2, 5], alpha=1.25, gamma=0.75, opset=22),
    Case("HardSigmoid", [2, 5], alpha=0.375, beta=0.25), Case("ThresholdedRelu", [2, 5], alpha=0.5, opset=10),
    Case("Celu", [2, 5], alpha=0.75, opset=12), Case("Celu", [2, 5]),
    Case("Gelu", [2, 5], opset=20), Case("Gelu", [2, 5], opset=20, approximate="tanh"),
    Case("Swish", [2, 5], opset=24), Case("Swish", [2, 5], opset=24, alpha=1.5),
    Case("LeakyRelu", [2, 5], alpha=0.25, opset=7), Case("PRelu", [2, 3, 2], [3, 1], opset=9),
    Case("Clip", [2, 5], opset=9, min=-0.5, max=0.75), Case("Clip", [2, 5], opset=9, max=0.75),
    Case("InstanceNormalization", IMAGE, ([3], 0.5, 2), [3]),
    Case("InstanceNormalization", [2, 2, 6], ([2], 0.5, 2), [2], epsilon=0.125, opset=9),
    # The evaluator of LRN normalises as many channels as there are samples.
    Case("LRN", [3, 3, 2, 3], size=3), Case("LRN", [4, 4, 1, 2], size=5, alpha=0.5, beta=0.625, bias=2.0, opset=9),
    Case("LpPool", ([1, 2, 5, 6], 0.25, 2), kernel_shape=[2, 3], strides=[1, 2]),
    Case("LpPool", ([1, 2, 5, 6], 0.25, 2), kernel_shape=[3, 2], pads=[1, 0, 1, 1], p=3, opset=11),
    Case("Normalizer", [3, 4], opset=17, domain=ML, norm="L2"), Case("Normalizer", [3, 4], opset=17, domain=ML, norm="L1"),
    Case("Scaler", [3, 2], opset=17, domain=ML, offset=[0.5, -1.0], scale=[2.0, 0.25]),
    Case("LinearRegressor", [3, 2], opset=17, domain=ML, coefficients=[0.5, -1.0, 1.0, 2.0], intercepts=[0.125, 0.5],
         targets=2),
    *[Case("LinearClassifier", [4, 2], opset=17, domain=ML, outputs=2, real=(1,), post_transform=transform, **LINEAR)
      for transform in ("NONE", "SOFTMAX", "LOGISTIC")],
]


def drawn(generator, shape, low, high):
    first, last = int(np.ceil((low * 128 - 1) / 2)), int(np.floor((high * 128 - 1) / 2))
    return 2 * generator.integers(first, last + 1, shape) + 1


def model(case):
    names = [f"x{i}" for i in range(len(case.operands))]
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, names, outputs, domain=case.domain, **case.attributes)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node], "case", [value(n, onnx.TensorProto.DOUBLE, None) for n in names],
        [value(o, onnx.TensorProto.DOUBLE, None) for o in outputs])
    opsets = [helper.make_opsetid("", case.opset)] + ([helper.make_opsetid(ML, 3)] if case.domain == ML else [])
    return helper.make_model(graph, opset_imports=opsets)


def attribute(value):
    kinds = {int: "int", float: "float", str: "text"}
    if isinstance(value, list):
        return {("ints" if isinstance(value[0], int) else "floats"): value}
    return {kinds[type(value)]: value}


def digits(values):
    return [float(f"{v:.11g}") for v in np.asarray(values, dtype=np.float64).ravel()]


def figure(case, seed):
    generator = np.random.default_rng(seed)
    whole = [drawn(generator, *operand) for operand in case.operands]
    values = [w / 128 for w in whole]
    evaluator = ReferenceEvaluator(model(case))

    def outputs(values):
        results = evaluator.run(None, {f"x{i}": v for i, v in enumerate(values)})
        return np.concatenate([np.asarray(results[i], dtype=np.float64).ravel() for i in case.real])

    first = outputs(values)
    weights = generator.integers(-64, 65, first.size)

    def loss(values):
        return float(outputs(values) @ (weights / 64))

    gradients = []
    for index, operand in enumerate(values):
        slopes = []
        for place in range(operand.size):
            def moved(steps):
                copy = [v.copy() for v in values]
                copy[index].ravel()[place] += steps * STEP
                return loss(copy)
            slopes.append((8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * STEP))
        gradients.append(digits(slopes))
    return {
        "op": case.op, "domain": case.domain, "opset": case.opset, "outputs": case.outputs, "real": list(case.real),
        "attributes": {name: attribute(value) for name, value in case.attributes.items()},
        "shapes": [list(w.shape) for w in whole], "operandsTimes128": [w.ravel() for w in whole],
        "weightsTimes64": weights, "loss": digits([loss(values)])[0], "gradients": gradients,
    }


def main():
    write(FIXTURES / "figures" / "operators.json", {
        "script": "Tests/Reference/make_operator_figures.py", "versions": versions("onnx", "numpy", "scipy"),
        "definitions": "loss = sum of weights times outputs; gradients of the loss by each operand, flat",
        "cases": [figure(case, 100 + index) for index, case in enumerate(CASES)],
    })


if __name__ == "__main__":
    main()
