"""Times cel-python on the rule of ten terms that main.swift times: python peer.py (pip install cel-python==0.5.0)."""

import timeit

import celpy

text = " && ".join(f"row.x{i} + row.x{(i + 1) % 10} <= 100.0" for i in range(10))
environment = celpy.Environment()
program = environment.program(environment.compile(text))
row = {"row": celpy.json_to_cel({f"x{i}": i * 0.25 for i in range(10)})}
seconds = min(timeit.repeat(lambda: program.evaluate(row), number=20, repeat=5)) / 20
print(f"cel-python, ten terms, sum of two columns: {seconds * 1e9:.0f} ns a row")
