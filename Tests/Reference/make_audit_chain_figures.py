"""Makes Tests/Fixtures/figures/audit-chain.json: records of decisions, the chain over them and keyed hashes.

    python make_audit_chain_figures.py

Standard library only (Python 3.11): json sorts members and escapes, hashlib and hmac make the chain, HKDF and the hashes
of clients, datetime the times. Numbers are written as RFC 8785 says, from the digits of Python's repr.
"""

import hashlib
import hmac
import json
import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

FIGURES = Path(__file__).resolve().parent.parent / "Fixtures" / "figures" / "audit-chain.json"
SECRET = bytes(range(32))


def number(value):
    """ECMA-262 Number::toString, by its own words: s digits, k of them, n the place of the point."""
    if not math.isfinite(value):
        return json.dumps("nan" if value != value else "inf" if value > 0 else "-inf")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    s, k = "".join(map(str, digits)), len(digits)
    n = k + exponent
    if k <= n <= 21:
        text = s + "0" * (n - k)
    elif 0 < n <= 21:
        text = s[:n] + "." + s[n:]
    elif -6 < n <= 0:
        text = "0." + "0" * -n + s
    else:
        e = ("+" if n > 0 else "-") + str(abs(n - 1))
        text = s[0] + ("." + s[1:] if k > 1 else "") + "e" + e
    return ("-" if sign else "") + text



def canonical(value):
    if isinstance(value, dict):
        return "{" + ",".join(f"{canonical(k)}:{canonical(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False)


def hkdf(secret, info, length=32):
    """RFC 5869 with SHA-256 and no salt."""
    key = hmac.new(b"\0" * 32, secret, hashlib.sha256).digest()
    block, result, counter = b"", b"", 1
    while len(result) < length:
        block = hmac.new(key, block + info + bytes([counter]), hashlib.sha256).digest()
        result, counter = result + block, counter + 1
    return result[:length]


def keyed(field, text):
    return hmac.new(hkdf(SECRET, b"client-hash"), f"{field}:{text}".encode(), hashlib.sha256).digest()[:16].hex()


def clipped(text, limit):
    raw = text.encode()
    if len(raw) <= limit:
        return text
    kept, size = "", 0
    for character in text:
        size += len(character.encode())
        if size > limit:
            break
        kept += character
    return kept + "…" + hashlib.sha256(raw).hexdigest()[:16]


def time(microseconds):
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


HOSTILE = 'a\r\nb\0c\x1b[31m<script>alert(1)</script>"\\=1+1\u2028é\U0001F600'
CLIENTS = ["key-1", HOSTILE, "x" * 1_000_000, "é" * 200, "=cmd|' /C calc'!A0", ""]
SCORES = [0.125, 1e-7, 1e21, -2.5, 123456789.0, 5e-324]


def decision(index, hashed):
    client = {"method": "api_key", "network": "192.0.2.0/24", "owner": "team é"}
    name = CLIENTS[index]
    client["id"] = (keyed("client", name) if "client" in hashed else clipped(name, 256)) if name else ""
    if "network" in hashed:
        client["network"] = keyed("network", client["network"])
    if hashed:
        client["hashed"] = sorted(hashed)
    micros = 1_700_000_000_000_000 + index * 86_400_000_123 * 29
    record = {
        "client": client, "face": "open_inference", "held": index == 2, "id": f"{index:016x}", "input": "c" * 64,
        "kind": "decision", "labels": [index, -1], "model": {"hash": "a" * 64, "name": "iris", "version": "1"},
        "model_nanoseconds": 412_000, "nanoseconds": 812_345, "outcome": ["answered", "refused"][index % 2],
        "policy": "b" * 64, "rows": index, "status": [200, 429][index % 2], "time": time(micros),
        "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
        "verdicts": [
            {"consequence": "flag", "enforced": True, "reasons": ["low_margin", "range:\x07"],
             "score": SCORES[index], "stage": "pattern"},
            {"consequence": "refuse", "enforced": False, "reasons": ["rate"], "stage": "rate", "status": 429},
            {"consequence": "delay", "enforced": True, "seconds": 0.25, "stage": "pattern"},
        ],
    }
    if index % 2:
        record["reason"] = "rate"
    return micros, canonical(record)


def chain(records):
    hashes, previous = [], bytes(32)
    for record in records:
        previous = hashlib.sha256(previous + record.encode()).digest()
        hashes.append(previous.hex())
    return hashes


def main():
    plain = [decision(index, []) for index in range(len(CLIENTS))]
    hidden = [decision(index, ["client", "network"]) for index in range(len(CLIENTS))]
    times = [0, 1, 951_782_399_999_999, 951_868_799_000_001, 1_709_164_800_000_000, 4_107_542_399_123_456,
             253_402_300_799_999_999]
    FIGURES.write_text(json.dumps({
        "source": "Tests/Reference/make_audit_chain_figures.py, Python standard library",
        "scores": [number(score) for score in SCORES],
        "times": [{"micros": str(micros), "text": time(micros)} for micros in times],
        "microseconds": [micros for micros, _ in plain],
        "records": [text for _, text in plain], "chain": chain([text for _, text in plain]),
        "hashed": [text for _, text in hidden],
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
