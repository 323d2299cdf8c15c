"""curl and tritonclient with certificates of callers, against the guard with TLS."""
import json, subprocess

import numpy as np
import tritonclient.http as triton

from harness import ADDRESSES, FOLDER, check, direct, needs

GROUP = "curl, TLS"
row = np.random.default_rng(5).uniform(0, 1, (3, 36)).astype(np.float32)
body = json.dumps({"inputs": [{"name": "input", "shape": [3, 36], "datatype": "FP32", "data": row.ravel().tolist()}]})


def curl(path, *arguments, name="billing", trust="ca", code=0):
    """Status, version of HTTP and body; `code` is what curl is to end with."""
    command = ["curl", "-sS", "--max-time", "20", "-o", "-", "-w", "\n%{http_code} %{http_version}"]
    if trust:
        command += ["--cacert", FOLDER / f"{trust}.pem"]
    if name:
        command += ["--cert", FOLDER / f"{name}.pem", "--key", FOLDER / f"{name}.key"]
    result = subprocess.run([*command, *arguments, ADDRESSES["tls"] + path], capture_output=True)
    if code != 0:
        needs(result.returncode != 0, "was accepted")
        needs(code is None or result.returncode == code, f"{result.returncode} {result.stderr.decode()}")
        return None
    needs(result.returncode == 0, result.stderr.decode())
    text, _, last = result.stdout.rpartition(b"\n")
    status, version = last.decode().split()
    return int(status), version, text


for option, wanted in (("--http1.1", "1.1"), ("--http2", "2"), ("--tls-max 1.2", "2"), ("--tlsv1.3", "2")):

    @check(GROUP, f"metadata with {option}")
    def _(option=option, wanted=wanted):
        status, version, text = curl("/v2/models/credit", *option.split())
        needs(status == 200 and json.loads(text)["name"] == "credit", f"{status}")
        needs(version == wanted, f"HTTP/{version}")


@check(GROUP, "infer, JSON")
def _():
    status, _, text = curl("/v2/models/credit/infer", "-H", "Content-Type: application/json", "-d", body)
    needs(status == 200, f"{status} {text[:200]}")
    outputs = {output["name"]: output["data"] for output in json.loads(text)["outputs"]}
    needs(outputs["label"] == direct("credit", {"input": row})["label"].tolist())


@check(GROUP, "infer, the whole body as the tensor")
def _():
    (FOLDER / "row.bin").write_bytes(row.tobytes())
    for option in ("--http1.1", "--http2"):
        status, _, text = curl(
            "/v2/models/credit/infer", option, "-H", "Inference-Header-Content-Length: 0", "-H",
            "Content-Type: application/octet-stream", "--data-binary", f"@{FOLDER / 'row.bin'}")
        needs(status == 200 and b"label" in text, f"{option} {status} {text[:200]}")


@check(GROUP, "a body in chunks, and one that waits for 100 Continue")
def _():
    for header in ("Transfer-Encoding: chunked", "Expect: 100-continue"):
        status, _, text = curl(
            "/v2/models/credit/infer", "--http1.1", "-H", header, "-H", "Content-Type: application/json", "-d", body)
        needs(status == 200, f"{header} {status}")


@check(GROUP, "a model that this caller may not ask")
def _():
    needs(curl("/v2/models/digits")[0] in (403, 404))


@check(GROUP, "no certificate")
def _():
    curl("/v2", name=None, code=None)


@check(GROUP, "no certificate, TLS 1.2")
def _():
    curl("/v2", "--tls-max", "1.2", name=None, code=None)


@check(GROUP, "a certificate of another authority")
def _():
    curl("/v2", name="forged", code=None)


@check(GROUP, "a certificate that is none for clients")
def _():
    try:
        needs(curl("/v2", name="notclient")[0] == 401)
    except AssertionError:
        curl("/v2", name="notclient", code=None)


@check(GROUP, "a certificate that no rule fits")
def _():
    needs(curl("/v2", name="unknown")[0] == 401)


@check(GROUP, "a server that the caller does not trust")
def _():
    curl("/v2", trust=None, code=60)


@check(GROUP, "TLS 1.1")
def _():
    curl("/v2", "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0", code=35)


@check(GROUP, "tritonclient with a certificate")
def _():
    files = {"ca_certs": "ca.pem", "certfile": "billing.pem", "keyfile": "billing.key"}
    client = triton.InferenceServerClient(
        ADDRESSES["tls"].split("//", 1)[1], ssl=True, ssl_options={k: str(FOLDER / v) for k, v in files.items()})
    tensor = triton.InferInput("input", [3, 36], "FP32")
    tensor.set_data_from_numpy(row)
    found = client.infer("credit", [tensor]).as_numpy("label")
    needs(np.array_equal(found, direct("credit", {"input": row})["label"]))
