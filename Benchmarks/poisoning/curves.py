"""Prints the curves of one JSON document of `casemate attack poisoning`, read from standard input."""

import json
import sys


def value(point, name):
    rate = point.get(name)
    return "-" if not rate or rate.get("value") is None else f"{rate['value']:.3f}"


def seen(check):
    named = " named" if check["named"] else ""
    return f"{check['check']} {value(check, 'detected')} at {value(check, 'falseAlarms')}{named}"


for attack in json.load(sys.stdin)["attacks"]:
    for point in attack["points"]:
        checks = "; ".join(seen(check) for check in point["checks"] if check["seen"]) or "-"
        print(
            f"{attack['attack']:17} {point['share']:<6} rows {point['rows']:<5} success {value(point, 'attackSuccess')} "
            f"accuracy {value(point, 'cleanAccuracy')} let through {value(point, 'falsePositiveRate')} "
            f"turned away {value(point, 'falseNegativeRate')} seen by {checks}"
        )
