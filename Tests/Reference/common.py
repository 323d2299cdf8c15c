"""What the recipes share: where the fixtures lie, and one way of writing JSON."""

import hashlib
import importlib.metadata
import json
import math
import platform
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).resolve().parent.parent / "Fixtures"


def versions(*packages):
    """Versions of the named distributions, with Python's own."""
    found = {p: importlib.metadata.version(p).split("+")[0] for p in packages}
    return {"python": platform.python_version(), **found}


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def plain(value):
    """Turns numpy values into what JSON knows; NaN becomes null, infinities the strings "inf" and "-inf"."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return None
        if math.isinf(number):
            return "inf" if number > 0 else "-inf"
        return number
    return value


def layout(value, indent=0, width=110):
    """Short things on one line, long ones one member a line: diffs stay readable and files small."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value:
        return line
    nested = any(isinstance(v, dict) for v in (value.values() if isinstance(value, dict) else value))
    if len(line) + indent <= width and not (nested and indent < 4):
        return line
    pad, inner = " " * indent, " " * (indent + 1)
    if isinstance(value, dict):
        members = [f"{inner}{json.dumps(k)}: {layout(v, indent + 1, width)}" for k, v in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{pad}}}"
    if all(not isinstance(v, (dict, list)) for v in value):
        return line
    return "[\n" + ",\n".join(inner + layout(v, indent + 1, width) for v in value) + f"\n{pad}]"


def write(path, document):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layout(plain(document)) + "\n", encoding="utf-8")
    print(f"{path.relative_to(FIXTURES)}: {path.stat().st_size} bytes")
