"""The guard in front of MLServer and of MLflow's scoring server answers what these answer themselves."""
import json

import numpy as np
import pandas as pd
import tritonclient.http as triton
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from sklearn.datasets import load_iris

from harness import ADDRESSES, ask, check, needs

rows = load_iris().data
names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
guard = triton.InferenceServerClient(ADDRESSES["proxy"].split("//", 1)[1])
server = triton.InferenceServerClient(ADDRESSES["mlserver"].split("//", 1)[1])


def infer(client, model, data, outputs, binary):
    tensor = triton.InferInput("rows" if model.startswith("declared") else "input-0", list(data.shape), "FP64")
    tensor.set_data_from_numpy(data, binary_data=binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs] or None
    return client.infer(model, [tensor], outputs=wanted)


@check("MLServer behind", "ready, and the model as well")
def _():
    needs(guard.is_server_ready() and guard.is_model_ready("iris") and guard.is_model_ready("described"))


# What the server says of itself: nothing; nothing, but the configuration names columns and outputs; all of it, with the
# outputs named in the configuration and without (then it gives fewer than it declares).
MODELS = {"iris": ["predict"], "described": ["predict", "predict_proba"], "declared": ["predict", "predict_proba"],
          "declared_plain": ["predict"]}
for count in (1, 7, 150):
    for model, outputs in MODELS.items():
        for form in ("JSON", "binary", "outputs by name"):

            @check("MLServer behind", f"{model}, {count} rows, {form}: the server's own numbers")
            def _(count=count, model=model, outputs=outputs, form=form):
                # MLServer's REST reads and writes JSON alone, so binary is between client and guard.
                ours = infer(guard, model, rows[:count], outputs if form == "outputs by name" else [], form == "binary")
                theirs = infer(server, "iris", rows[:count], outputs, False)
                for name in outputs:
                    a, b = ours.as_numpy(name), theirs.as_numpy(name)
                    needs(a is not None and a.dtype == b.dtype and np.array_equal(a, b), f"{name} differs")


@check("MLServer behind", "the metadata name no output that is not answered")
def _():
    for model in MODELS:
        told = {output["name"] for output in guard.get_model_metadata(model)["outputs"]}
        given = {output["name"] for output in infer(guard, model, rows[:1], [], False).get_response()["outputs"]}
        needs(told <= given, f"{model}: told {sorted(told)}, answered {sorted(given)}")


def invoke(url, model, data):
    client = ScoringServerClient(*url.split("//", 1)[1].split(":"))
    if model:
        client.url_prefix += f"/models/{model}"
    return client.invoke(data)["predictions"]


@check("MLServer behind", "MLflow's client: the server's own labels")
def _():
    frame = pd.DataFrame(rows, columns=names)
    theirs = infer(server, "iris", rows, ["predict"], False).as_numpy("predict").ravel().tolist()
    needs(invoke(ADDRESSES["proxy"], "described", frame) == theirs)


@check("MLServer behind", "a column too many is the caller's fault")
def _():
    body = {"inputs": [{"name": "input-0", "shape": [1, 5], "datatype": "FP64", "data": [1.0] * 5}]}
    status, _, _ = ask("POST", "/v2/models/described/infer", json.dumps(body).encode(), url=ADDRESSES["proxy"])
    needs(status == 400, f"{status}")


for count in (1, 150):

    @check("MLflow behind", f"{count} rows: the server's own numbers")
    def _(count=count):
        theirs = invoke(ADDRESSES["mlflow"], None, pd.DataFrame(rows[:count], columns=names))
        needs(invoke(ADDRESSES["proxy"], "scored", pd.DataFrame(rows[:count], columns=names)) == theirs)
        tensor = triton.InferInput("inputs", [count, 4], "FP64")
        tensor.set_data_from_numpy(rows[:count])
        found = guard.infer("scored", [tensor]).as_numpy("predictions").ravel().tolist()
        needs(found == theirs, "by the Open Inference Protocol")


# The last one: a guard that does not survive it fails nothing else.
@check("MLServer behind", "rows without names, where the server declares no columns")
def _():
    theirs = infer(server, "iris", rows, ["predict"], False).as_numpy("predict").ravel().tolist()
    needs(invoke(ADDRESSES["proxy"], "iris", rows) == theirs)
    needs(guard.is_server_live())
