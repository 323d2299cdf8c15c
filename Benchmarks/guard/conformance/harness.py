"""What the checks have in common: a list of results, requests over plain HTTP, and the models' own answers."""
import json, pathlib, sys, time, urllib.error, urllib.request

import onnxruntime

FOLDER = pathlib.Path(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parents[3]
ADDRESSES = json.loads((FOLDER / "addresses.json").read_text())
URL = ADDRESSES["guard"]
FILES = {"iris": FOLDER / "iris.onnx", "spam": ROOT / "Examples/spam/filter.onnx",
         "digits": ROOT / "Examples/digits/cnn.onnx", "named": ROOT / "Examples/mortgage/pipeline.onnx",
         "credit": ROOT / "Examples/mortgage/gbm.onnx"}
checks = []


def check(group, name):
    """Runs a function at once and keeps what came of it; what it returns is a note."""
    def run(body):
        start = time.time()
        try:
            detail = body() or ""
            passed = True
        except Exception as error:  # a check that raises has failed, whatever it raises
            detail, passed = f"{type(error).__name__}: {str(error)[:300]}", False
        checks.append((group, name, passed, detail, time.time() - start))
        return body
    return run


def needs(fact, what="not as expected"):
    if not fact:
        raise AssertionError(what)


def ask(method, path, body=None, url=URL, **headers):
    request = urllib.request.Request(url + path, data=body, method=method)
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def direct(model, inputs):
    """What onnxruntime makes of the same file, by name of output."""
    session = onnxruntime.InferenceSession(FILES[model], providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


def report():
    groups = {}
    for group, name, passed, detail, _ in checks:
        groups.setdefault(group, [0, 0])[0 if passed else 1] += 1
        if not passed or detail:
            print(f"{'note' if passed else 'FAILED'} {group}: {name}: {detail}")
    print(f"{'group':16} {'passed':>7} {'failed':>7}")
    for group, (passed, failed) in groups.items():
        print(f"{group:16} {passed:7} {failed:7}")
    print(f"{'all':16} {sum(c[2] for c in checks):7} {sum(not c[2] for c in checks):7}")
    return 0 if all(c[2] for c in checks) else 1
