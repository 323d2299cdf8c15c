"""Serves small scikit-learn models with MLServer and MLflow on loopback and records what they answer.

    python make_endpoint_exchanges.py            writes Tests/Fixtures/endpoints/exchanges.json
    python make_endpoint_exchanges.py --serve F  writes F (addresses, rows, expected answers) and serves until the
                                                 standard input is closed

Python 3.11 with: mlserver 1.7.1, mlserver-sklearn 1.7.1, mlflow 3.17.2, scikit-learn 1.9.1, numpy 2.4.6, pandas 3.1.1
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import joblib
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE.parent / "Fixtures" / "endpoints" / "exchanges.json"


def credit(count=400, seed=0):
    """A table with numbers and texts, and a decision."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "income": generator.normal(50, 15, count).round(1),
            "age": generator.integers(18, 80, count),
            "job": generator.choice(["clerk", "nurse", "pilot"], count),
            "home": generator.choice(["own", "rent"], count),
        }
    )
    score = table.income + 0.3 * table.age + 10 * (table.job == "pilot") - 8 * (table.home == "rent")
    return table, np.where(score + generator.normal(0, 8, count) > 62, "approve", "decline")


def models():
    """Name -> (model, table, labels)."""
    table, decision = credit()
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["job", "home"]), remainder=StandardScaler()
    )
    iris, kinds = load_iris(return_X_y=True)
    cells, diagnosis = load_breast_cancer(return_X_y=True)
    people, course = load_diabetes(return_X_y=True)
    # float32 exactly, so that a client that holds float32 asks about the very same rows
    cells, people = cells.astype("float32").astype("float64"), people.astype("float32").astype("float64")
    named = lambda values: pd.DataFrame(values, columns=[f"x{index}" for index in range(values.shape[1])])
    return {
        "iris": (LogisticRegression(max_iter=500).fit(iris, kinds), named(iris), kinds),
        "cells": (
            RandomForestClassifier(20, max_depth=5, random_state=0).fit(cells, diagnosis), named(cells), diagnosis),
        "people": (GradientBoostingRegressor(n_estimators=20, random_state=0).fit(people, course), named(people), course),
        "credit": (make_pipeline(encoder, LogisticRegression()).fit(table, decision), table, decision),
    }


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def put(folder, name, model, **settings):
    place = folder / name
    place.mkdir(parents=True)
    joblib.dump(model, place / "model.joblib")
    parameters = {"uri": "./model.joblib", "version": "v1", **settings.pop("parameters", {})}
    text = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters, **settings}
    (place / "model-settings.json").write_text(json.dumps(text))


def wait(url):
    for _ in range(2400):
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(url, timeout=1).status == 200:
                return
        time.sleep(0.25)
    sys.exit(f"{url} does not come up")


@contextlib.contextmanager
def servers(folder, every):
    """Starts both servers; yields address by name."""
    home = folder / "mlserver"
    put(home, "iris", every["iris"][0])
    put(home, "people", every["people"][0])
    put(home, "cells", every["cells"][0], inputs=[{"name": "cells", "datatype": "FP32", "shape": [-1, 30]}])
    kinds = {"income": "FP64", "age": "INT64", "job": "BYTES", "home": "BYTES"}
    columns = [
        {"name": name, "datatype": kind, "shape": [-1, 1]}
        | ({"parameters": {"content_type": "str"}} if kind == "BYTES" else {})
        for name, kind in kinds.items()
    ]
    put(home, "credit", every["credit"][0], inputs=columns, parameters={"content_type": "pd"})
    ports = {"mlserver": port()}
    settings = {
        "host": "127.0.0.1", "http_port": ports["mlserver"], "grpc_port": port(), "metrics_port": port(),
        "parallel_workers": 0, "debug": False,
    }
    (home / "settings.json").write_text(json.dumps(settings))
    tools = pathlib.Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "start_new_session": True}
    running = [subprocess.Popen([tools / "mlserver", "start", home], **quiet)]
    addresses = {f"mlserver {name}": f"http://127.0.0.1:{ports['mlserver']}/v2/models/{name}" for name in every}
    try:
        for name, form in [("credit", "predict_proba"), ("credit", "predict"), ("people", "predict"), ("iris", "tensor")]:
            model, table, labels = every[name]
            sample = table.to_numpy() if form == "tensor" else table
            place = folder / f"mlflow-{name}-{form}"
            mlflow.sklearn.save_model(
                model, place, signature=infer_signature(sample, model.predict(table)),
                pyfunc_predict_fn="predict" if form == "tensor" else form, serialization_format="cloudpickle")
            number = port()
            ports[f"mlflow {name} {form}"] = number
            command = ["models", "serve", "-m", place, "-h", "127.0.0.1", "-p", str(number), "--env-manager", "local"]
            running.append(subprocess.Popen([tools / "mlflow", *command], **quiet))
            addresses[f"mlflow {name} {form}"] = f"http://127.0.0.1:{number}/invocations"
        wait(f"http://127.0.0.1:{ports['mlserver']}/v2/health/ready")
        for name, number in ports.items():
            if name.startswith("mlflow"):
                wait(f"http://127.0.0.1:{number}/ping")
        yield addresses
    finally:
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            process.wait()


def rows(table, count):
    """Rows as texts of numbers and words, spread over the table."""
    chosen = table.iloc[:: max(1, len(table) // count)][:count]
    return chosen, [[value if isinstance(value, str) else float(value) for value in row] for row in chosen.to_numpy()]


def expectation(model, chosen, table):
    values = chosen if hasattr(model, "steps") or not hasattr(model, "feature_names_in_") else chosen
    values = values if hasattr(model, "steps") else values.to_numpy()
    told = {"classes": [str(name) for name in model.classes_]} if hasattr(model, "classes_") else {}
    told["predict"] = [str(one) if told else float(one) for one in model.predict(values)]
    if hasattr(model, "predict_proba"):
        told["probabilities"] = [float(one) for one in model.predict_proba(values).ravel()]
    return told


def facts(every, addresses, count):
    for name, address in addresses.items():
        model, table, labels = every[name.split()[1]]
        chosen, listed = rows(table, count)
        distinct = sorted({str(label) for label in labels})
        yield {
            "name": name, "address": address, "columns": list(table.columns), "rows": listed,
            "labels": distinct if len(distinct) < 20 else [], "expected": expectation(model, chosen, table),
        }


def exchange(address, path, body=None):
    """One request as recorded: method, path, request, status, content type, response."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data=data, headers={"content-type": "application/json"})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    text = answer.read().decode()
    return {
        "method": "GET" if body is None else "POST", "path": path, "request": body, "status": answer.status,
        "type": answer.headers.get("content-type"), "response": text,
    }


def record(fact):
    """The exchanges that a client has with this model: metadata, then rows in the forms that are tried."""
    address, names, listed = fact["address"], fact["columns"], fact["rows"]
    if address.endswith("/invocations"):
        base = address.removesuffix("/invocations")
        bodies = [
            {"dataframe_split": {"columns": names, "data": listed}}, {"inputs": listed}, {"instances": listed},
        ]
        return base, [exchange(base, "/ping")] + [exchange(base, "/invocations", body) for body in bodies]
    base, path = address.split("/v2/")[0], "/v2/" + address.split("/v2/")[1]
    found = [exchange(base, "/v2/health/ready"), exchange(base, path)]
    stated = json.loads(found[1]["response"])["inputs"]
    if len(stated) > 1:
        inputs = [
            {"name": one["name"], "shape": [len(listed), 1], "datatype": one["datatype"],
             "data": [row[index] for row in listed]} for index, one in enumerate(stated)
        ]
    else:
        one = stated[0] if stated else {"name": "input-0", "datatype": "FP64"}
        inputs = [{"name": one["name"], "shape": [len(listed), len(names)], "datatype": one["datatype"],
                   "data": [value for row in listed for value in row]}]
    wanted = [{"name": "predict"}, {"name": "predict_proba"}]
    return base, found + [exchange(base, path + "/infer", body)
                          for body in [{"inputs": inputs}, {"inputs": inputs, "outputs": wanted}]]


def scrubbed(found):
    """Without traces of the machine."""
    for one in found:
        if one["status"] != 200:
            with contextlib.suppress(ValueError):
                one["response"] = json.dumps({k: v for k, v in json.loads(one["response"]).items() if k != "stack_trace"})
    return found


def main():
    every = models()
    with tempfile.TemporaryDirectory() as folder, servers(pathlib.Path(folder), every) as addresses:
        if sys.argv[1:2] == ["--serve"]:
            file = pathlib.Path(sys.argv[2])
            part = file.with_suffix(".part")
            part.write_text(json.dumps(list(facts(every, addresses, 120))))
            part.rename(file)
            sys.stdin.read()
            return
        recorded = []
        for fact in facts(every, addresses, 6):
            _, found = record(fact)
            del fact["address"]
            recorded.append(fact | {"exchanges": scrubbed(found)})
        OUTPUT.write_text(json.dumps(recorded, indent=1) + "\n")


if __name__ == "__main__":
    main()
