"""The guard under test, reached as its callers reach it: over HTTP on 127.0.0.1."""
import json
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np

ROWS_A_REQUEST = 250


class Guard:
    """`casemate serve` over one model file, under several names, each with a record of its own."""

    def __init__(self, casemate, folder, model, names=("model",), watermark=True, secret=None):
        self.folder, self.names = Path(folder), list(names)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secret = secret or self.folder / "guard.secret"
        if not self.secret.exists():
            subprocess.run([casemate, "watermark", "keygen", "--output", self.secret], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        mode = "enforce" if watermark else "off"
        models = "".join(
            f"  - name: {name}\n    path: {model}\n"
            f"    stages: {{watermark: {{mode: {mode}, record: {self.record(name)}}}}}\n" for name in self.names)
        (self.folder / "guard.yaml").write_text(
            f"listen: 127.0.0.1:0\nsecret: {self.secret}\nauth: {{anonymous: true}}\nmodels:\n{models}"
            f"stages: {{limits: off}}\nserver: {{access_log: false, shutdown_delay: 10ms}}\n"
            f"audit_log: {self.folder}/audit.sqlite\n")
        self.casemate = casemate

    def record(self, name):
        return self.folder / f"{name}.sqlite"

    def __enter__(self):
        log = self.folder / "serve.log"
        with open(log, "wb") as sink:
            self.process = subprocess.Popen([self.casemate, "serve", self.folder / "guard.yaml"], stderr=sink,
                                            stdout=subprocess.DEVNULL)
        for _ in range(300):
            found = re.search(r"listening on (http://[0-9.:]+)\s", log.read_text(errors="replace"))
            if found:
                break
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        try:
            self.url = found.group(1)
            self.inputs = {name: self._input(name) for name in self.names}
            return self
        except Exception as error:
            self.__exit__()
            raise SystemExit(f"the guard does not answer ({error}):\n{log.read_text(errors='replace')}")

    def __exit__(self, *_):
        # Rows are recorded a fifth of a second behind their answers.
        time.sleep(0.5)
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)

    def _input(self, name):
        with urllib.request.urlopen(f"{self.url}/v2/models/{name}") as answer:
            return json.load(answer)["inputs"][0]["name"]

    def ask(self, rows, name=None):
        """Labels and scores `[count, classes]` as they leave the guard."""
        name = name or self.names[0]
        labels, scores = [], []
        for start in range(0, len(rows), ROWS_A_REQUEST):
            part = rows[start:start + ROWS_A_REQUEST]
            # Enough digits that a single-precision value is read back as it is.
            text = ",".join("%.9g" % value for value in part.ravel())
            body = ('{"inputs":[{"name":%s,"shape":[%d,%d],"datatype":"FP32","data":[%s]}]}'
                    % (json.dumps(self.inputs[name]), *part.shape, text)).encode()
            request = urllib.request.Request(f"{self.url}/v2/models/{name}/infer", body,
                                             {"Content-Type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                outputs = json.load(answer)["outputs"]
            for output in outputs:
                data = np.array(output["data"], dtype=np.float64)
                if data.size == len(part):
                    labels.append(data.astype(int))
                else:
                    scores.append(data.reshape(len(part), -1))
        return np.concatenate(labels), np.concatenate(scores)


def verify(casemate, suspect, secret, record):
    """What `casemate watermark verify` says; 0 and 1 are verdicts, anything else is an error."""
    done = subprocess.run([casemate, "watermark", "verify", "--suspect", str(suspect), "--secret", secret,
                           "--record", record, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"verify failed ({done.returncode}): {done.stderr}")
    verdict = json.loads(done.stdout)["result"]
    verdict["found"] = done.returncode == 1
    return verdict
