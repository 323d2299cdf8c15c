"""Makes Tests/Fixtures/figures/constraints.json: what two other implementations of CEL say of rules on rows.

    pip install cel-python==0.5.0 common-expression-language==0.10.0 numpy
    python make_constraint_figures.py

cel-python is in Python, common-expression-language wraps the Rust crate `cel`. A pair of rule and row is kept when both
agree (true, false, or an error, which is Casemate's "not applicable"), or when it is of a form that is listed under
ONLY_PYTHON or ONLY_RUST, where the other one leaves the specification. A missing value is a key that is not there; for
rules that compare with null it is a null. Mixed arithmetic is no CEL: such rules carry the `reference` that was asked.
"""

import datetime

import cel
import celpy

from common import FIXTURES, versions, write

ROWS = [
    {"i": 3, "j": -7, "x": 0.5, "y": -2.25, "s": "héllo", "u": "", "b": True, "c": False,
     "t": "2024-02-29T12:00:00Z"},
    {"i": 0, "j": 0, "x": 0.0, "y": 1e308, "s": "", "u": "a.b", "b": False, "c": False, "t": "1970-01-01T00:00:00Z"},
    {"i": 9223372036854775807, "j": -9223372036854775808, "x": 3.0, "y": 0.1, "s": "日本", "u": "Z9", "b": True,
     "c": True, "t": "2024-03-01T00:00:00Z"},
    {"i": 18, "x": -1.5, "s": "ab\ncd", "b": True, "t": "2023-12-31T23:59:59Z"},
    {"j": 4, "y": 2.5, "u": "18", "c": True},
    {},
]
RULES = [
    "row.i + 1 > 2", "row.i - row.j >= 0", "row.i * 2 < 100", "row.i / 2 == 1", "row.j / 2 == -3", "row.j % 4 == -3",
    "row.i % row.j != 0", "row.i / row.j == 0", "-row.j > 0", "-row.i < 0", "- -row.i == row.i", "row.i == 0x12",
    "row.i > -9223372036854775808", "(row.i + 2) * 3 - 4 == 11", "row.i + 2 * 3 == 9", "10 - 3 - 2 == 5",
    "100 / 10 / 5 == 2", "row.x + 0.25 == 0.75", "row.x * 2.0 >= 1.0", "row.x / 0.0 > 1.0", "row.y * 10.0 > 1e308",
    "row.x - row.y > 0.0", "row.x < row.y", "row.x <= .5", "row.x == 5e-1", "-row.x < 0.0", "1.0 / row.x > 0.0",
    "row.b", "!row.b", "!!row.b", "row.b && row.c", "row.b || row.c", "row.b == row.c", "row.b != row.c", "row.c < row.b",
    "row.b && row.i > 1", "row.b || row.i > 1", "row.i > 1 && row.b", "row.i > 1 || row.b", "false && row.i > 1",
    "row.i > 1 && false", "true || row.i > 1", "row.i > 1 || true", "row.b && (row.i > 1 || row.c)",
    "row.i / 0 == 1 || row.b", "row.i / 0 == 1 && row.b", "!(row.i > 1 && row.c)", "row.b ? row.i > 1 : row.j > 1",
    "row.c ? row.i > 1 : row.j > 1", "row.i > 1 ? row.b : row.c", "(row.b ? row.i : row.j) > 0",
    "row.b ? true : row.c ? true : false", "(row.c ? row.s : row.u) == ''", "row.s == 'héllo'", "row.s != \"héllo\"",
    "row.s < row.u", "row.s >= 'a'", "row.s < 'Z'", "row.u <= 'Z9'", "row.s + row.u == 'héllo'", "size(row.s) == 5",
    "row.s.size() == 2", "size(row.s + row.u) > 4", "size('🤦🏼‍♂️') == 5", "row.s.startsWith('h')",
    "row.s.startsWith('')", "row.s.endsWith('lo')", "row.s.endsWith(row.u)", "row.s.contains('é')", "row.u.contains('.')",
    "row.s.contains(row.u)", "row.s.matches('^h')", "row.s.matches('l+o$')", "row.s.matches('b.c')", "row.u.matches('a.b')",
    "row.u.matches(r'a\\.b')", "row.u.matches('^[A-Z][0-9]$')", "row.u.matches('^[0-9]{2}$')", "row.u.matches('')",
    "row.s.matches('(a|h)é?l{2}')", "row.s.matches('d$')", "matches(row.s, '本$')", "row.u.matches('\\\\d\\\\d|\\\\.')",
    "row.u.matches('[^a-z]')", "row.s in ['héllo', '日本']", "row.i in [3, 18]", "row.i in [row.j, 0]", "row.i in []",
    "!(row.i in [3])", "row.x in [0.5, 3.0]", "row.b in [true]", "'a' in ['b', row.s]", "3 in [row.i]",
    "has(row.i)", "!has(row.s)", "has(row.i) && row.i > 1", "!has(row.j) || row.j < 0", "has(row.i) ? row.i > 1 : true",
    "row.i == null", "row.s != null", "null == row.x", "row.i != null && row.i > 1", "row.b == null || row.b",
    "row.s == '\\x68\\u00e9\\154lo'", "row.s == 'h\\U000000e9llo'", "row.u == r'a.b'", "row.s == 'ab\\ncd'",
    "row.s == '''ab\ncd'''", "row['s'] == \"ab\\ncd\"", "'it\\'s' == \"it's\"", "'\\a\\b\\f\\t\\v\\\\\\\"\\`\\?' != ''",
    "row[\"i\"] == 18 // a comment", "row.t > timestamp('2024-01-01T00:00:00Z')",
    "row.t == timestamp('2024-02-29T12:00:00Z')", "row.t <= timestamp('2024-02-29T13:00:00+01:00')",
    "row.t >= timestamp('1970-01-01T00:00:00Z') && row.b", "double(row.i) / 2.0 == 1.5", "double(row.i) > row.x",
    "row.i > 1 == row.b", "1 < 2 && 2 < 3", "row.b || row.c && false", "(row.b || row.c) && false",
    "row.i>=18&&row.b", "row.s == row.s", "row.i - -3 == 6", "2 + 3 * 4 % 5 == 4",
]
# What is written for Casemate, and what CEL is asked.
MIXED = [
    ("row.x > row.i", "row.x > double(row.i)"), ("row.i >= 0.5", "double(row.i) >= 0.5"),
    ("row.i * 0.5 == 1.5", "double(row.i) * 0.5 == 1.5"), ("row.y + 1 > 0", "row.y + 1.0 > 0.0"),
    ("row.i + row.j + row.x < 0", "double(row.i + row.j) + row.x < 0.0"), ("row.x in [0, 3]", "row.x in [0.0, 3.0]"),
    ("(row.b ? row.i : row.x) > 0", "(row.b ? double(row.i) : row.x) > 0.0"), ("-row.x != 1", "-row.x != 1.0"),
    ("row.i == 18.0 || row.x == 0", "double(row.i) == 18.0 || row.x == 0.0"),
    ("row.t > '2024-01-01'", "row.t > timestamp('2024-01-01T00:00:00Z')"),
    ("row.t in ['2024-03-01', date('2024-02-29')]",
     "row.t in [timestamp('2024-03-01T00:00:00Z'), timestamp('2024-02-29T00:00:00Z')]"),
]
# The crate counts bytes, has no global `matches`, and does not see that the smallest whole number has no negative.
ONLY_PYTHON = ("size", "-row.j", "-row.i", "- -", "matches(row")
# cel-python fails when a number is compared with null, and does not read triple quotes.
ONLY_RUST = ("null", "'''")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def ask_python(rule, row):
    environment = celpy.Environment()
    values = {k: celpy.celtypes.TimestampType(v) if k == "t" and v is not None else celpy.json_to_cel(v)
              for k, v in row.items()}
    try:
        program = environment.program(environment.compile(rule))
        answer = program.evaluate({"row": celpy.celtypes.MapType(
            {celpy.celtypes.StringType(k): v for k, v in values.items()})})
    except celpy.CELParseError:
        raise
    except celpy.CELEvalError:
        return None
    return bool(answer)


def ask_rust(rule, row):
    values = {k: moment(v) if k == "t" and v is not None else v for k, v in row.items()}
    try:
        return bool(cel.evaluate(rule, {"row": values}))
    except (KeyError, ZeroDivisionError, OverflowError, TypeError, RuntimeError, ValueError):
        return None


def verdict(rule, reference, row):
    complete = {k: row.get(k) for k in ROWS[0]} if "null" in rule else row
    answer, second = ask_python(reference, complete), ask_rust(reference, complete)
    if answer == second or any(part in rule for part in ONLY_PYTHON):
        return answer
    if any(part in rule for part in ONLY_RUST):
        return second
    print(f"left out: {reference!r} on row {ROWS.index(row)}: {answer} and {second}")
    return "differ"


def main():
    cases = []
    for rule, reference in [(r, r) for r in RULES] + MIXED:
        asked = {} if rule == reference else {"reference": reference}
        cases.append({"rule": rule, **asked, "verdicts": [verdict(rule, reference, row) for row in ROWS]})
    write(FIXTURES / "figures" / "constraints.json", {
        "script": "Tests/Reference/make_constraint_figures.py",
        "versions": versions("cel-python", "common-expression-language"),
        "definitions": "verdicts: one a row; true, false, null for an error, differ where the two leave each other; "
                       "values that a row lacks are missing; whole numbers are texts, as JSON keeps 53 bits",
        "rows": [{k: str(v) if k in "ij" else v for k, v in row.items()} for row in ROWS], "cases": cases})


if __name__ == "__main__":
    main()
