"""Runs Casemate's audit on what peer.py left in build/ and prints its time beside the peer's. Needs only Python.

    python compare.py CASEMATE [--at-most RATIO] [--runs N]

Status 1 when the probe takes more than --at-most (0.5) of the time of scikit-learn as installed, or when its attack is
weaker.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import time

BUILD = pathlib.Path(__file__).resolve().parent / "build"
AS_INSTALLED = "as installed"


def audit(program):
    begin, spent = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    found = subprocess.run(
        [program, "audit", "casemate.yaml", "--fresh", "--json", "--quiet", "--fail-on", "never"],
        cwd=BUILD, stdout=subprocess.PIPE, check=True)
    wall = time.perf_counter() - begin
    processor = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - spent
    report = json.loads(found.stdout)
    probe = next(line for line in report["coverage"] if line["probe"] == "membership")
    assert probe["status"] == "tested", probe
    figures = {m["name"]: m for m in report["metrics"] if m.get("group") == "attack=lira_online"}
    return {"wall": wall, "probe": probe["seconds"], "processor": processor, "figures": figures}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("casemate")
    arguments.add_argument("--at-most", type=float, default=0.5, metavar="RATIO")
    arguments.add_argument("--runs", type=int, default=3, help="audits; the fastest counts")
    options = arguments.parse_args()
    peer = json.loads((BUILD / "peer.json").read_text())
    ours = min((audit(options.casemate) for _ in range(options.runs)), key=lambda run: run["probe"])
    area, share = (ours["figures"][f"membership.{name}"] for name in ("auc", "tpr_at_1_in_100"))
    print(f"{'':44} {'seconds':>8} {'processor':>10} {'AUC':>6} {'at 1 in 100':>12}")
    for name, seconds in peer["runs"].items():
        processor = f"{peer['processorSeconds']:10.2f}" if name.startswith("1 ") else f"{'':10}"
        print(f"{'scikit-learn, ' + name:44} {seconds:8.2f} {processor} {peer['auc']:6.3f} {peer['tprAt1In100']:12.1%}")
    print(f"{'casemate, the probe':44} {ours['probe']:8.2f} {'':10} {area['value']:6.3f} {share['value']:12.1%}")
    print(f"{'casemate, the whole audit':44} {ours['wall']:8.2f} {ours['processor']:10.2f}")
    ratio = ours["probe"] / peer["runs"][AS_INSTALLED]
    print(f"casemate takes {ratio:.2f} of the time of scikit-learn as installed, "
          f"{ours['probe'] / min(peer['runs'].values()):.2f} of its fastest way")
    missed = []
    if ratio > options.at_most:
        missed.append(f"the ratio is above {options.at_most:g}")
    if area["high"] < peer["auc"]:
        missed.append(f"the attack is weaker: an area of {area['value']:.3f} where the peer has {peer['auc']:.3f}")
    for line in missed:
        print(f"missed: {line}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
