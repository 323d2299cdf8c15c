"""Prints Casemate's figures beside ART's, from the files in build/. Needs only Python.

Status 1 when a target is missed: 20 times faster a query, success no lower, median distance at most 1.05 times.
Distances are compared over the points that both flipped, so that whoever flips hard points is not punished.
"""

import json
import pathlib
import statistics
import sys

BUILD = pathlib.Path(__file__).resolve().parent / "build"


def casemate(attack, norm, variant):
    report = json.loads((BUILD / f"casemate-{attack}-{norm}-{variant}.json").read_text())
    found = {row["row"]: row["distance"] for row in report["rows"] if row["success"]}
    return report["attack"], found


def main():
    missed = []
    runs = json.loads((BUILD / "art.json").read_text())["runs"]
    print(f"{'attack':14} {'norm':5} {'tool':18} {'us/query':>9} {'queries/point':>14} {'success':>8} {'median':>8}")
    for run in runs:
        name, norm, eps = run["attack"], run["norm"], run.get("eps")
        theirs = {row["row"]: row["distance"] for row in run["rows"] if row["success"]}
        label = f"art, eps {eps}" if eps else "art"
        median = f"{run['median_distance']:.4f}" if theirs else "-"
        print(f"{name:14} {norm:5} {label:18} {run['microseconds_per_query']:9.1f} {run['queries'] / run['samples']:14.0f} "
              f"{len(theirs):4}/{run['samples']} {median:>8}")
        for variant in ("plain", "default"):
            attack, ours = casemate(name, norm, variant)
            within = {row: d for row, d in ours.items() if eps is None or d <= eps}
            speed = attack["seconds"] / attack["queries"] * 1e6
            ratio = run["microseconds_per_query"] / speed
            both = sorted(set(within) & set(theirs))
            distance = None
            if both and eps is None:
                distance = statistics.median(within[r] for r in both) / statistics.median(theirs[r] for r in both)
            median = f"{statistics.median(within.values()):.4f}" if within else "-"
            print(f"{name:14} {norm:5} {'casemate, ' + variant:18} {speed:9.2f} {attack['queries'] / attack['samples']:14.0f} "
                  f"{len(within):4}/{attack['samples']} {median:>8}   {ratio:.0f} times faster a query"
                  + (f", distance {distance:.2f} times" if distance else ""))
            where = f"{name}, {norm}, {variant}" + (f", eps {eps}" if eps else "")
            if ratio < 20:
                missed.append(f"{where}: {ratio:.1f} times faster a query")
            if len(within) < len(theirs):
                missed.append(f"{where}: {len(within)} flips, the peer has {len(theirs)}")
            if distance and distance > 1.05:
                missed.append(f"{where}: distance {distance:.3f} times the peer's")
    for line in missed:
        print(f"missed: {line}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
