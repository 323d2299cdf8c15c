"""Casemate's side of this folder: writes build/casemate.json. Needs only Python, and both programs built:

    swift build -c release                                        (PGD and AutoAttack, by the command line)
    swift build -c release --package-path Benchmarks/library      (gradients, by the library; left out where not built)

CASEMATE and CASEMATE_ENGINES name another program and other engines.
"""

import json
import os
import pathlib
import platform
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = HERE / "build"
NETWORKS = ROOT / "Tests" / "Fixtures" / "networks"
PROGRAM = os.environ.get("CASEMATE", str(ROOT / ".build" / "release" / "casemate"))
ENGINES = os.environ.get("CASEMATE_ENGINES", str(ROOT / ".engines"))
LIBRARY = ROOT / "Benchmarks" / "library" / ".build" / "release" / "library-benchmarks"
CASES = [("mnist/500", "mnist-cnn.onnx", "mnist.npz", "0.1"), ("cifar/200", "cifar-cnn.onnx", "cifar.npz", "2/255")]
ATTACKS = [("pgd40", ["--attack", "pgd", "--steps", "40"], 5), ("autoattack", [], 1)]


def attack(case, network, data, eps, options, repeats, threads):
    """The attack's own seconds: loading the model and the data is left out, as for the peers."""
    documents = []
    for _ in range(repeats):
        answer = subprocess.run(
            [PROGRAM, "attack", str(NETWORKS / network), "--data", str(BUILD / data), "--norm", "linf", "--eps", eps,
             "--threads", str(threads), "--no-checks", "--json", *options],
            check=True, capture_output=True, text=True, env={**os.environ, "CASEMATE_ENGINES": ENGINES})
        documents.append(json.loads(answer.stdout))
    def seconds(document):
        return sum(member["seconds"] for member in document["attacks"])
    best = min(documents, key=seconds)
    robust = best["attack"]["robustAccuracy"]
    return {"case": case, "tool": "casemate", "threads": threads, "seconds": seconds(best),
            "success": 1 - robust["value"], "repeats": repeats}


def main():
    results = []
    for threads in (1, 2):
        for size, network, data, eps in CASES:
            for name, options, repeats in ATTACKS:
                results.append(attack(f"{name}/{size}", network, data, eps, options, repeats, threads))
        if LIBRARY.exists():
            rows = subprocess.run([str(LIBRARY), "white-box", str(BUILD), ENGINES, str(threads)], check=True,
                                  capture_output=True, text=True)
            results += [{**row, "success": None} for row in json.loads(rows.stdout)]
    BUILD.mkdir(exist_ok=True)
    document = {"machine": platform.processor() or platform.machine(), "results": results}
    (BUILD / "casemate.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
