"""Makes the data of the benchmark: rows of Taiwan credit drawn with replacement, numbers blurred, some rows twice.

usage: make_data.py taiwan_credit_default.csv[.gz] folder rows
"""

import pathlib
import sys

import duckdb

source, folder, rows = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
blurred = ["LIMIT_BAL"] + [f"BILL_AMT{i}" for i in range(1, 7)] + [f"PAY_AMT{i}" for i in range(1, 7)]


def write(name, count, seed, factor):
    path = folder / f"{name}-{rows}.parquet"
    if path.exists():
        return
    database = duckdb.connect(config={"threads": 2, "memory_limit": "3GB", "temp_directory": str(folder / "spill")})
    database.execute(f"CREATE TABLE base AS SELECT *, row_number() OVER () - 1 AS n FROM read_csv('{source}')")
    total = database.execute("SELECT count(*) FROM base").fetchone()[0]
    # Every 200th row repeats the one before it, noise included; PAY_AMT1 is moved by `factor`.
    noise = ", ".join(
        f"round({c} * (0.95 + 0.1 * (hash(i, '{c}', {seed}) % 1000003) / 1000003.0), 2)"
        f"{' * ' + str(factor) if c == 'PAY_AMT1' else ''} AS {c}" for c in blurred)
    database.execute(f"""
        COPY (SELECT base.* EXCLUDE (n) REPLACE ({noise}) FROM (SELECT CASE WHEN range % 200 = 199 THEN range - 1
        ELSE range END AS i FROM range({count})) JOIN base ON n = hash(i, {seed}) % {total})
        TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 122880)""")


write("train", rows, 1, 1.3)
write("reference", max(100_000, rows // 10), 2, 1)
