"""Prints Casemate's figures beside the peer's, from the files in build/. Needs only Python.

Status 1 when Casemate's success rate is lower or its median distance is above 1.05 times the peer's,
or, with --at-least, when it is not that many times faster a query.
"""

import argparse
import json
import pathlib
import statistics
import sys

BUILD = pathlib.Path(__file__).resolve().parent / "build"
LIMIT = 1.05


VARIANTS = ["published", "default", "quick"]


def casemate(norm, variant):
    path = BUILD / f"casemate-{variant}-{norm}.json"
    if not path.exists():
        return None
    report = json.loads(path.read_text())
    attack, rows = report["attack"], report["rows"]
    assert attack["norm"] == norm, f"{path.name} is about {attack['norm']}"
    assert attack["samples"] == len(rows), f"{path.name}: {attack['samples']} samples, {len(rows)} rows"
    found = [row["distance"] for row in rows if row["success"]]
    assert attack["succeeded"] == len(found), f"{path.name}: {attack['succeeded']} succeeded, {len(found)} rows say so"
    return {
        "who": f"casemate, {variant}", "per_query": attack["seconds"] / attack["queries"] * 1e6,
        "per_sample": attack["queries"] / attack["samples"], "seconds": attack["seconds"] / attack["samples"],
        "success": attack["succeeded"] / attack["samples"], "median": statistics.median(found) if found else None,
    }


def peer(run):
    return {
        "who": f"art, {run['engine']}", "per_query": run["microseconds_per_query"],
        "per_sample": run["queries"] / run["samples"], "seconds": run["seconds"] / run["samples"],
        "success": run["succeeded"] / run["samples"], "median": run[f"median_{run['norm']}"],
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--at-least", type=float, metavar="RATIO", help="how many times faster a query must be")
    options = arguments.parse_args()
    report = json.loads((BUILD / "art.json").read_text())
    missed, compared = [], 0
    print(f"{'norm':5} {'tool':18} {'us/query':>9} {'queries/point':>14} {'ms/point':>9} {'success':>8} {'median':>8}")
    for norm in dict.fromkeys(run["norm"] for run in report["runs"]):
        peers = [peer(run) for run in report["runs"] if run["norm"] == norm]
        runs = [run for run in (casemate(norm, variant) for variant in VARIANTS) if run]
        for line in peers + runs:
            median = "-" if line["median"] is None else f"{line['median']:.4f}"
            print(f"{norm:5} {line['who']:18} {line['per_query']:9.2f} {line['per_sample']:14.0f} "
                  f"{line['seconds'] * 1e3:9.2f} {line['success']:8.1%} {median:>8}")
        if not runs:
            print(f"{norm:5} no casemate-*-{norm}.json\n")
            continue
        compared += 1
        for ours, line in [(ours, line) for ours in runs for line in peers]:
            faster = line["per_query"] / ours["per_query"]
            distance = ours["median"] / line["median"] if ours["median"] and line["median"] else float("inf")
            print(f"{norm:5} {ours['who']} against {line['who']}: {faster:.2f} times faster a query, "
                  f"{line['seconds'] / ours['seconds']:.2f} times a point, median {norm} {distance:.3f} times")
            if ours["success"] < line["success"]:
                missed.append(f"{norm}, {ours['who']}: success below {line['who']}")
            if distance > LIMIT:
                missed.append(f"{norm}, {ours['who']}: median {distance:.3f} times {line['who']}, above {LIMIT}")
            if options.at_least and faster < options.at_least:
                missed.append(f"{norm}, {ours['who']}: {faster:.2f} times faster than {line['who']}, below {options.at_least:g}")
        print()
    for line in missed:
        print(f"missed: {line}")
    sys.exit(1 if missed or not compared else 0)


if __name__ == "__main__":
    main()
