"""Runs Casemate's audit on what peer.py left in build/ and prints its time beside the peer's. Needs only Python.

    python compare.py CASEMATE [--at-most RATIO] [--runs N]

Status 1 when the ratio is above --at-most (0.5) or when Casemate recognises fewer members than its interval allows.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time

BUILD = pathlib.Path(__file__).resolve().parent / "build"


def audit(program):
    begin = time.perf_counter()
    found = subprocess.run(
        [program, "audit", "--config", "casemate.yaml", "--fresh", "--json", "--quiet", "--fail-on", "never"],
        cwd=BUILD, stdout=subprocess.PIPE, check=True)
    wall = time.perf_counter() - begin
    report = json.loads(found.stdout)
    probe = next(line for line in report["coverage"] if line["probe"] == "membership")
    assert probe["status"] == "tested", probe
    figures = {m["name"]: m for m in report["metrics"] if m.get("group") == "attack=lira_online"}
    return {"wall": wall, "probe": probe["seconds"], "figures": figures}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("casemate")
    arguments.add_argument("--at-most", type=float, default=0.5, metavar="RATIO")
    arguments.add_argument("--runs", type=int, default=3, help="audits; the fastest counts, as it does for the peer")
    options = arguments.parse_args()
    peer = json.loads((BUILD / "peer.json").read_text())
    ours = min((audit(options.casemate) for _ in range(options.runs)), key=lambda run: run["wall"])
    area, share = (ours["figures"][f"membership.{name}"] for name in ("auc", "tpr_at_1_in_100"))
    print(f"{'':34} {'seconds':>8} {'AUC':>6} {'members at 1 in 100':>20}")
    for name, seconds in peer["runs"].items():
        print(f"{'scikit-learn, ' + name:34} {seconds:8.2f} {peer['auc']:6.3f} {peer['tprAt1In100']:20.1%}")
    print(f"{'casemate, whole audit':34} {ours['wall']:8.2f} {area['value']:6.3f} {share['value']:20.1%}")
    print(f"{'casemate, probe (shift test too)':34} {ours['probe']:8.2f}")
    ratio = ours["wall"] / peer["seconds"]
    print(f"casemate takes {ratio:.2f} of the time of scikit-learn's fastest way")
    missed = []
    if ratio > options.at_most:
        missed.append(f"the ratio is above {options.at_most:g}")
    if area["high"] < peer["auc"] - 0.03:
        missed.append(f"the attack is weaker: an area of {area['value']:.3f} where the peer has {peer['auc']:.3f}")
    for line in missed:
        print(f"missed: {line}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
