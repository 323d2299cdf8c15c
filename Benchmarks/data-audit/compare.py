"""Runs Casemate over the data of the benchmark and prints its figures beside the peer's.

usage: compare.py casemate rows
"""

import json
import resource
import subprocess
import sys
import time

casemate, rows = sys.argv[1], int(sys.argv[2])
peer = json.load(open(f"build/peer-{rows}.json"))
begin = time.perf_counter()
done = subprocess.run(
    [casemate, "data", "audit", f"build/train-{rows}.parquet", "--reference", f"build/reference-{rows}.parquet",
     "--config", "build/casemate.yaml", "--checks", "profile,duplicates", "--threads", "2", "--json"],
    stdout=subprocess.PIPE)
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
report = json.loads(done.stdout)

print(f"{rows} rows, 24 columns")
print(f"{'':16}{'seconds':>10}{'peak MB':>10}")
print(f"{'pandas + SciPy':16}{peer['seconds']:>10.1f}{peer['peakMB']:>10}")
print(f"{'Casemate':16}{seconds:>10.1f}{peak:>10}")
print(f"ratio {peer['seconds'] / seconds:.1f}; a check each: "
      + ", ".join(f"{probe['probe']} {probe['seconds']:.1f} s" for probe in report["probes"]))
metrics = {(m["name"], m.get("group")): m.get("value") for probe in report["probes"] for m in probe["metrics"]}
print(f"{'column':12}{'KS, pandas':>12}{'Casemate':>12}{'PSI, pandas':>13}{'Casemate':>12}")
for column in ("PAY_AMT1", "PAY_AMT2", "BILL_AMT1", "LIMIT_BAL", "AGE"):
    mine = [metrics.get((f"data_profile.{name}", f"column={column}")) for name in ("ks", "psi")]
    theirs = [peer["columns"][column][name] for name in ("statistic", "psi")]
    print(f"{column:12}{theirs[0]:>12.5f}{mine[0] or 0:>12.5f}{theirs[1]:>13.6f}{mine[1] or 0:>12.6f}")
