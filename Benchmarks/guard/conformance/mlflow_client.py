"""MLflow's own client of scoring servers asks the guard, and the same of MLflow's own server."""
import io
from unittest import mock

import numpy as np
import pandas as pd
import requests
import tritonclient.http as triton
from mlflow.deployments import get_deploy_client
from mlflow.models import convert_input_example_to_serving_input
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

from harness import ADDRESSES, FOLDER, ROOT, URL, check, direct, needs

GROUP = "MLflow client"


def client(url=URL, model=None):
    """A client; `url_prefix` is where a model is named that is not the last of the file."""
    made = ScoringServerClient(*url.split("//", 1)[1].split(":"))
    if model:
        made.url_prefix += f"/models/{model}"
    return made


last, iris, own = client(), client(model="iris"), client(ADDRESSES["mlflow"])
generator = np.random.default_rng(3)
rows = generator.uniform(0, 7, (20, 4)).astype(np.float32).astype(float)
loans = generator.uniform(0, 1, (8, 36)).astype(np.float32).astype(float)
names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def labels(model, inputs):
    return [int(label) for label in direct(model, inputs)["label"]]


@check(GROUP, "ping and wait_server_ready")
def _():
    last.ping()
    last.wait_server_ready(timeout=5)


@check(GROUP, "get_version")
def _():
    needs(last.get_version().strip())


@check(GROUP, "/ping, /health and /version as MLflow's own server")
def _():
    for path in ("/ping", "/health", "/version"):
        ours, theirs = requests.get(URL + path), requests.get(ADDRESSES["mlflow"] + path)
        needs(ours.status_code == theirs.status_code == 200)
        if path == "/version":
            continue
        needs(ours.text == theirs.text, f"{path}: {ours.text!r}, not {theirs.text!r}")


FORMS = {
    "DataFrame with names": pd.DataFrame(rows, columns=names),
    "DataFrame without names": pd.DataFrame(rows),
    "DataFrame with an index": pd.DataFrame(rows, columns=names, index=[f"row {i}" for i in range(len(rows))]),
    "array": rows,
    "list": rows.tolist(),
    "float32 array": rows.astype(np.float32),
    "integers": rows.astype(int),
}
for form, data in FORMS.items():

    @check(GROUP, f"{form}: as onnxruntime and MLflow's own server")
    def _(data=data):
        found = iris.invoke(data)
        needs(found["predictions"] == labels("iris", {"X": np.asarray(data, dtype=np.float32)}), "not as onnxruntime")
        needs(found["predictions"] == own.invoke(data)["predictions"], "not as MLflow's server")


@check(GROUP, "get_predictions as a DataFrame and as an array")
def _():
    found, theirs = iris.invoke(rows), own.invoke(rows)
    needs(found.get_predictions().equals(theirs.get_predictions()))
    needs(np.array_equal(found.get_predictions("ndarray"), theirs.get_predictions("ndarray")))


@check(GROUP, "the last model of the file")
def _():
    frame = pd.DataFrame(loans, columns=[f"f{i}" for i in range(36)])
    needs(last.invoke(frame)["predictions"] == labels("credit", {"input": loans.astype(np.float32)}))


@check(GROUP, "texts")
def _():
    texts = ["free prize, call now", "see you at noon", "é ü 漢字 \N{GRINNING FACE}"]
    found = client(model="spam").invoke(pd.DataFrame({"message": texts}))["predictions"]
    wanted = direct("spam", {"message": np.array([[text] for text in texts], dtype=object)})["label"]
    needs([str(label) for label in found] == [str(label) for label in wanted], f"{found}, not {wanted}")


@check(GROUP, "columns in another order, and some more")
def _():
    kinds = {port["name"]: port["datatype"] for port in requests.get(URL + "/v2/models/named").json()["inputs"]}
    frame = pd.read_csv(ROOT / "Examples/mortgage/test.csv").dropna().head(50)
    frame = frame.astype({name: str for name, kind in kinds.items() if kind == "BYTES"})
    inputs = {name: frame[[name]].to_numpy(object if kind == "BYTES" else np.float32) for name, kind in kinds.items()}
    needs(len(frame) == 50 and set(frame.columns) > set(kinds))
    found = client(model="named").invoke(frame[frame.columns[::-1]])["predictions"]
    needs(found == labels("named", inputs))


for name, data in {
    "DataFrame": pd.DataFrame(rows, columns=names), "array": rows,
    "dictionary of arrays": {name: rows[:, i] for i, name in enumerate(names)},
}.items():

    @check(GROUP, f"serving input of an example: {name}")
    def _(data=data):
        body = convert_input_example_to_serving_input(data)
        answer = requests.post(
            URL + "/models/iris/invocations", data=body, headers={"Content-Type": "application/json"})
        needs(answer.status_code == 200, answer.text)
        needs(answer.json()["predictions"] == labels("iris", {"X": rows.astype(np.float32)}))


@check(GROUP, "CSV of a DataFrame")
def _():
    text = io.StringIO()
    pd.DataFrame(rows, columns=names).to_csv(text, index=False)
    kind = {"Content-Type": "text/csv; charset=utf-8"}
    ours = requests.post(URL + "/models/iris/invocations", data=text.getvalue(), headers=kind).json()
    theirs = requests.post(ADDRESSES["mlflow"] + "/invocations", data=text.getvalue(), headers=kind).json()
    needs(ours["predictions"] == theirs["predictions"] == labels("iris", {"X": rows.astype(np.float32)}))


@check(GROUP, "empty params")
def _():
    needs(iris.invoke(rows, params={})["predictions"] == labels("iris", {"X": rows.astype(np.float32)}))


for name, data, word in [
    ("too few columns", rows[:, :3], "a row has 4 values"), ("texts for numbers", [["a", "b", "c", "d"]], ""),
    ("no rows", pd.DataFrame(columns=names), ""), ("missing values for a model that takes none",
                                                   pd.DataFrame([[np.nan] * 4], columns=names), "")]:

    @check(GROUP, f"the user is told: {name}")
    def _(data=data, word=word):
        try:
            iris.invoke(data)
        except Exception as error:
            needs("error code 400" in str(error) and "error_code" in str(error) and word in str(error), str(error))
            return
        raise AssertionError("was accepted")


@check(GROUP, "missing values of a DataFrame, for trees")
def _():
    port, = requests.get(URL + "/v2/models/trees").json()["inputs"]
    values = generator.uniform(-2, 2, (9, port["shape"][1]))
    values[::2, 0] = np.nan
    tensor = triton.InferInput(port["name"], list(values.shape), port["datatype"])
    tensor.set_data_from_numpy(values.astype(np.float32 if port["datatype"] == "FP32" else np.float64))
    wanted = triton.InferenceServerClient(URL.split("//", 1)[1]).infer("trees", [tensor]).as_numpy("value")
    frame = pd.DataFrame(values, columns=[f"column {i}" for i in range(values.shape[1])])
    # The client writes NaN, which is no JSON; None becomes null.
    found = client(model="trees").invoke(frame.astype(object).where(frame.notna(), None))["predictions"]
    needs(np.array_equal(np.float32(found), np.float32(wanted).ravel()), f"{found}, not {wanted.ravel()}")


# The client has no place for credentials. It calls `requests`, and a session of that has the same calls.
def with_session(**settings):
    session = requests.Session()
    session.trust_env = False  # else REQUESTS_CA_BUNDLE, where it is set, wins over `verify`
    for name, value in settings.items():
        session.headers.update(value) if name == "headers" else setattr(session, name, value)
    return mock.patch("mlflow.pyfunc.scoring_server.client.requests", session)


@check(GROUP, "an API key")
def _():
    wanted = labels("iris", {"X": rows.astype(np.float32)})
    with with_session(headers={"X-API-Key": ADDRESSES["key"]}):
        needs(iris.invoke(rows)["predictions"] == wanted)
        needs(last.get_version().strip())
    with with_session(headers={"X-API-Key": ADDRESSES["key"][:-1] + "!"}):
        try:
            iris.invoke(rows)
        except Exception as error:
            return needs("error code 401" in str(error), str(error))
    raise AssertionError("a wrong key was accepted")


@check(GROUP, "the client of deployments")
def _():
    found = get_deploy_client(URL).predict(endpoint="iris", inputs={"inputs": rows.tolist()})
    needs(found["predictions"] == labels("iris", {"X": rows.astype(np.float32)}), str(found))


@check(GROUP, "a certificate of the caller")
def _():
    made = client(ADDRESSES["tls"])
    made.url_prefix = ADDRESSES["tls"]
    frame = pd.DataFrame(loans, columns=[f"f{i}" for i in range(36)])
    with with_session(verify=str(FOLDER / "ca.pem"), cert=(str(FOLDER / "billing.pem"), str(FOLDER / "billing.key"))):
        needs(made.invoke(frame)["predictions"] == labels("credit", {"input": loans.astype(np.float32)}))
