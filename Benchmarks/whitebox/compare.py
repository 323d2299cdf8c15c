"""Prints Casemate's figures beside the peers', from build/peer.json and build/casemate.json. Needs only Python.

    python compare.py [--strict]

With --strict, status 1 when a case misses its aim (README.md) or has no figure of Casemate's.
"""

import argparse
import json
import pathlib
import sys

BUILD = pathlib.Path(__file__).resolve().parent / "build"
# How many times faster than the fastest peer, by the beginning of the case's name. The longest that fits counts.
AIMS = {"gradient/": 1.2, "gradient/resnet18/": 1.0, "training/": 0.8, "pgd40/": 2.0, "autoattack/": 1 / 0.6}


def results(name):
    path = BUILD / name
    return json.loads(path.read_text())["results"] if path.exists() else []


def share_of_peak(run, peak, networks):
    """A gradient step is two passes of the same size; of GEMM's rate on as many threads."""
    kind, name, *_, batch = run["case"].split("/")
    if kind != "gradient" or run["threads"] not in peak or name not in networks:
        return ""
    rate = 2 * networks[name]["operations"] * int(batch) / run["seconds"]
    return f"{rate / peak[run['threads']]:6.0%} of GEMM's rate"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--strict", action="store_true")
    options = arguments.parse_args()
    peers, ours = results("peer.json"), {(r["case"], r["threads"]): r for r in results("casemate.json")}
    networks = json.loads((BUILD / "networks.json").read_text())
    peak = {r["threads"]: 2 * 2048 ** 3 / r["seconds"] for r in peers if r["case"] == "gemm/2048"}
    missed = []
    for case, threads in sorted({(r["case"], r["threads"]) for r in peers}):
        lines = [r for r in peers if (r["case"], r["threads"]) == (case, threads)]
        mine = ours.get((case, threads))
        print(f"{case}, {threads} thread{'s' * (threads > 1)}")
        for run in lines + ([mine] if mine else []):
            success = "" if run["success"] is None else f"{run['success']:7.1%} wrong"
            print(f"  {run['tool']:34} {run['seconds'] * 1e3:12.3f} ms {success} {share_of_peak(run, peak, networks)}")
        aim = max((a for a in AIMS if case.startswith(a)), key=len, default=None)
        if aim is None:
            continue
        if mine is None:
            missed.append(f"{case}, {threads}: no figure of Casemate's")
            continue
        ratio = min(r["seconds"] for r in lines) / mine["seconds"]
        print(f"  {ratio:.2f} times as fast as the fastest, aim {AIMS[aim]:.2f}")
        if ratio < AIMS[aim]:
            missed.append(f"{case}, {threads}: {ratio:.2f}, aim {AIMS[aim]:.2f}")
        best = max((r["success"] or 0 for r in lines), default=0)
        if best > (mine["success"] or 0):
            missed.append(f"{case}, {threads}: success below {best:.1%}")
    for line in missed:
        print(f"missed: {line}")
    sys.exit(1 if missed and options.strict else 0)


if __name__ == "__main__":
    main()
