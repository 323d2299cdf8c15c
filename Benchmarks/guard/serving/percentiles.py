"""Percentiles of the third column (microseconds) of h2load's log files: percentiles.py FILE..."""
import sys

times = sorted(
    int(line.split("\t")[2]) for path in sys.argv[1:] for line in open(path) if line.split("\t")[1] == "200")
if not times:
    sys.exit("no answer with status 200")
show = {name: times[min(len(times) - 1, int(share * len(times)))] for name, share in (("p50", 0.5), ("p99", 0.99))}
print(f"n {len(times)}  p50 {show['p50']} us  p99 {show['p99']} us")
