"""Traces of clients that ask a model, honest and attacking, for the tests of the patterns over time.

Python 3.11, numpy 2, pandas 2, scikit-learn 1.9. Every data set gives `<name>/trace.csv.gz` (seq, t_ms, client, features,
pred, p1, p2), `<name>/reference.csv.gz` (rows that a guard may profile: what the model was trained on, with its answers)
and `<name>/labels.json`. The kinds of clients are those of section (b) of the reference for the run-time guard, and
honest kinds that detectors are known to mistake: long bursts of repeats, sorted batches, rows of a few records only,
coarser rounding, slow drift.

    python3 Tests/Reference/make_client_traces.py OUT NAME... [--small] [--seed 1] [--jitter 0.04]
"""
import argparse, json, os, sys
import numpy as np, pandas as pd
from sklearn import datasets
from client_trace_data import load


class World:
    def __init__(self, name, seed, jitter):
        self.rng = np.random.default_rng(seed)
        x, y, make, self.decimals = load(name)
        keep = np.isfinite(x).all(1)
        x, y = x[keep], y[keep]
        order = self.rng.permutation(len(x))
        half = min(len(x) // 2, 1500)
        ref, pool = order[:half], order[half:2 * half]
        self.ref, self.pool, self.name = x[ref], x[pool], name
        self.model = make(seed).fit(x[ref], y[ref])
        self.regression = not hasattr(self.model, "predict_proba")
        self.low, self.high = self.ref.min(0), self.ref.max(0)
        self.span = np.where(self.high > self.low, self.high - self.low, 1e-9)
        self.d, self.jitter = x.shape[1], jitter
        self.integers = np.all(x == np.round(x), axis=0) & (jitter == 0)
        self.pool_pred = self.answer(self.pool)[0]

    def answer(self, x):
        if self.regression:
            p = self.model.predict(x)
            return p, None, None, None
        p = self.model.predict_proba(x)
        s = np.sort(p, 1)
        return p.argmax(1), s[:, -1], s[:, -2], p

    def take(self, k, rows=None):
        """Rows drawn with replacement, as often as not with noise of their own: no two clients measure alike."""
        rows = self.pool if rows is None else rows
        rows = rows[self.rng.choice(len(rows), k)]
        if not self.jitter:
            return rows
        return self.clip(rows + self.rng.normal(size=rows.shape) * self.span * self.jitter)

    def clip(self, x):
        return np.clip(x, self.low, self.high)

    def label(self, x):
        a = self.answer(np.atleast_2d(x))[0]
        if self.regression:
            return (a > self.middle()).astype(int)
        return a

    def middle(self):
        return np.median(self.pool_pred)

    # ---- honest -------------------------------------------------------------------------------------------------
    def natural(self, k):
        return self.take(k)

    def natural_with_retries(self, k):
        rows = []
        while len(rows) < k:
            rows += [self.take(1)[0]] * int(self.rng.choice([1, 1, 2, 3, 6]))
        return np.array(rows[:k])

    def natural_bursts(self, k):
        rows = []
        while len(rows) < k:
            part = self.take(int(self.rng.integers(1, 6)))
            rows += list(np.tile(part, (int(self.rng.integers(10, 50)), 1)))
        return np.array(rows[:k])

    def natural_one_class(self, k):
        classes = self.label(self.pool)
        return self.take(k, self.pool[classes == self.rng.choice(np.unique(classes))])

    def natural_small(self, k):
        return self.take(max(10, k // 5))

    def natural_sorted(self, k):
        rows = self.take(k)
        return rows[np.argsort(rows[:, self.rng.integers(self.d)], kind="stable")]

    def natural_few(self, k):
        few = self.take(12)
        return few[self.rng.choice(12, k)] if self.rng.random() < 0.5 else self.take(k, few)

    def natural_rounding(self, k):
        rows = self.take(k)
        step = self.span / 20
        return np.where(self.integers, rows, np.round(rows / step) * step)

    def natural_drift(self, k):
        k = min(k, len(self.pool))
        rows = self.take(k)
        direction = self.rng.normal(size=self.d) * self.ref.std(0) * 0.3 * ~self.integers
        return self.clip(rows + np.linspace(0, 1, k)[:, None] * direction)

    # ---- attacks ------------------------------------------------------------------------------------------------
    def extract_uniform(self, k):
        return self.rng.uniform(self.low, self.high, (k, self.d))

    def extract_marginals(self, k):
        return np.stack([self.rng.choice(self.ref[:, j], k) for j in range(self.d)], 1)

    def signs(self, x):
        """Sign of the gradient of the answer, by differences, as a substitute model would give it."""
        p = self.answer(np.atleast_2d(x))
        if self.regression or self.d > 100:
            return np.sign(self.rng.normal(size=(len(np.atleast_2d(x)), self.d)))
        out = np.zeros((len(x), self.d))
        classes = p[0]
        for j in range(self.d):
            y = x.copy()
            y[:, j] += self.span[j] * 0.05
            q = self.answer(y)[3]
            out[:, j] = q[np.arange(len(x)), classes] - p[3][np.arange(len(x)), classes]
        noise = self.rng.normal(size=out.shape) * 1e-9
        return np.sign(out + noise)

    def extract_jacobian(self, k):
        rows = self.take(min(40, max(10, k // 8)))
        result = list(rows)
        while len(result) < k:
            step = self.rng.choice([-1, 1]) * 0.1
            rows = self.clip(rows + step * self.span * self.signs(rows))
            result += list(rows)
            rows = np.array(result)[self.rng.permutation(len(result))[:80]]
        return np.array(result[:k])

    def extract_margin(self, k):
        """Uncertainty sampling from mixtures of natural rows."""
        result = list(self.take(k // 10))
        while len(result) < k:
            a, b = self.take(600), self.take(600)
            mix = self.rng.uniform(0, 1, (600, 1))
            rows = a * mix + b * (1 - mix)
            ans = self.answer(rows)
            order = np.argsort(ans[1] - ans[2]) if not self.regression else np.argsort(np.abs(ans[0] - self.middle()))
            result += list(rows[order[:40]])
        return np.array(result[:k])

    def extract_out_of_distribution(self, k):
        if self.name == "mnist":
            d = datasets.load_digits().images / 16
            rows = np.kron(d, np.ones((3, 3)))[:, :24, :24]
            rows = np.pad(rows, ((0, 0), (2, 2), (2, 2))).transpose(0, 2, 1).reshape(len(d), -1)
            return self.take(k, rows)
        unitrows = (self.take(k) - self.low) / self.span
        return self.low + self.span * unitrows[:, np.random.default_rng(5).permutation(self.d)]

    def pair(self):
        for _ in range(200):
            a, b = self.take(2)
            if self.label(a)[0] != self.label(b)[0]:
                return a, b
        return a, b

    def search(self, a, b, steps=12):
        la, rows = self.label(a)[0], []
        for _ in range(steps):
            m = (a + b) / 2
            rows.append(m)
            if self.label(m)[0] == la:
                a = m
            else:
                b = m
        return rows, a, b

    def boundary_line(self, k):
        result = []
        while len(result) < k:
            a, b = self.pair()
            result += [a, b] + self.search(a, b)[0]
        return np.array(result[:k])

    def boundary_decision(self, k):
        a, b = self.pair()
        goal, result = a, [a, b]
        rows, _, current = self.search(a, b)
        result += rows
        while len(result) < k:
            step = self.span * self.rng.normal(size=(16, self.d)) * 0.02
            near = self.clip(current + step)
            result += list(near)
            good = self.label(near) != self.label(goal)[0]
            direction = (np.where(good, 1, -1)[:, None] * step).mean(0)
            moved = self.clip(current + direction * 4)
            rows, _, current = self.search(goal, moved, 8)
            result += rows
        return np.array(result[:k])

    def boundary_gradient(self, k):
        result = []
        while len(result) < k:
            x = self.take(1)[0]
            for _ in range(5):
                axes = self.rng.permutation(self.d)[:12]
                for j in axes:
                    for s in (-1, 1):
                        y = x.copy()
                        y[j] += s * self.span[j] * 0.01
                        result.append(y)
                x = self.clip(x + self.span * 0.05 * self.rng.choice([-1, 1], self.d) * np.isin(np.arange(self.d), axes))
                result.append(x)
        return np.array(result[:k])

    def sensitivity_sweep(self, k):
        result = []
        while len(result) < k:
            x, j = self.take(1)[0], self.rng.integers(self.d)
            for v in np.linspace(self.low[j], self.high[j], 15):
                y = x.copy()
                y[j] = v
                result.append(y)
        return np.array(result[:k])

    def impersonation(self, k):
        """Hill climbing towards a chosen answer."""
        result = []
        while len(result) < k:
            x = self.take(1)[0]
            target = self.rng.integers(2 if self.regression else len(np.unique(self.pool_pred)))
            def score(r):
                a = self.answer(r)
                return a[0] * (1 if target else -1) if self.regression else a[3][:, min(target, a[3].shape[1] - 1)]
            best = score(x[None])[0]
            for _ in range(100):
                y = x.copy()
                axes = self.rng.permutation(self.d)[:max(1, self.d // 10)]
                y[axes] += self.span[axes] * self.rng.normal(size=len(axes)) * 0.15
                y = self.clip(y)
                result.append(y)
                s = score(y[None])[0]
                if s >= best:
                    x, best = y, s
        return np.array(result[:k])

    def membership_noise(self, k):
        result = []
        while len(result) < k:
            x = self.take(1, self.ref if self.rng.random() < 0.5 else self.pool)[0]
            result.append(x)
            result += list(self.clip(x + self.span * self.rng.normal(size=(14, self.d)) * 0.03))
        return np.array(result[:k])

    def covered(self, attack, k):
        rows, cover = attack((k + 1) // 2), self.take(k // 2)
        order = self.rng.permutation(k)
        mixed, at, ct = [], 0, 0
        for i in order:
            if i < len(rows):
                mixed.append(rows[at]); at += 1
            else:
                mixed.append(cover[ct]); ct += 1
        return np.array(mixed)

    def boundary_decision_covered(self, k):
        return self.covered(self.boundary_decision, k)

    def extract_jacobian_covered(self, k):
        return self.covered(self.extract_jacobian, k)


HONEST = {"natural": 8, "natural_with_retries": 3, "natural_one_class": 3, "natural_small": 6, "natural_bursts": 2,
          "natural_sorted": 2, "natural_few": 2, "natural_rounding": 2, "natural_drift": 2}
ATTACKS = ["extract_uniform", "extract_marginals", "extract_jacobian", "extract_margin", "extract_out_of_distribution",
           "boundary_line", "boundary_decision", "boundary_gradient", "sensitivity_sweep", "impersonation",
           "membership_noise"]


def make(name, seed, out, scale, small, jitter):
    w = World(name, seed, jitter)
    k = int(300 * scale)
    clients = []
    for kind, count in HONEST.items():
        for _ in range((count + 1) // 2 if small else count):
            clients.append((kind, None, getattr(w, kind)(k)))
    for kind in ATTACKS:
        for _ in range(1 if small else 2):
            clients.append((kind, None, getattr(w, kind)(k)))
    for kind in ["boundary_decision_covered", "extract_jacobian_covered"]:
        clients.append((kind, None, getattr(w, kind)(k)))
    for kind in ["boundary_decision", "extract_jacobian"]:
        parts = 4 if small else 10
        rows = getattr(w, kind)(int(80 * scale) * parts)
        for part in range(parts):
            clients.append((f"{kind}_spread", f"{kind}_ring", rows[part::parts]))
    ids = w.rng.choice(900, len(clients), replace=False) + 100
    rows, labels = [], {}
    for number, (kind, group, x) in zip(ids, clients):
        client = f"c{number}"
        labels[client] = dict(kind=kind, attack=not kind.startswith("natural"), group=group or client, queries=len(x))
        start, pace = w.rng.uniform(0, 60_000), w.rng.exponential(300) + 30
        if group:
            start, pace = 10_000, 400
        t = start + np.cumsum(w.rng.exponential(pace, len(x)))
        rows += [(t[i], client, x[i]) for i in range(len(x))]
    rows.sort(key=lambda r: r[0])
    x = np.round(np.array([r[2] for r in rows]), w.decimals)
    write(w, f"{out}/{name}", x, rows, labels)


def frame(w, x):
    a = w.answer(x)
    columns = {f"f{j}": x[:, j] for j in range(w.d)}
    columns["pred"] = np.round(a[0], 3) if w.regression else a[0]
    if not w.regression:
        columns["p1"], columns["p2"] = np.round(a[1], 4), np.round(a[2], 4)
    return pd.DataFrame(columns)


def write(w, folder, x, rows, labels):
    os.makedirs(folder, exist_ok=True)
    trace = frame(w, x)
    trace.insert(0, "client", [r[1] for r in rows])
    trace.insert(0, "t_ms", [int(r[0]) for r in rows])
    trace.insert(0, "seq", range(len(rows)))
    options = dict(index=False, float_format="%.6g", compression={"method": "gzip", "compresslevel": 9, "mtime": 1})
    trace.to_csv(f"{folder}/trace.csv.gz", **options)
    frame(w, np.round(w.ref, w.decimals)).to_csv(f"{folder}/reference.csv.gz", **options)
    json.dump(dict(data=w.name, features=w.d, rows=len(rows), clients=labels), open(f"{folder}/labels.json", "w"), indent=1)
    print(w.name, len(rows), "rows,", len(w.ref), "reference", "features", w.d, file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jitter", type=float, default=0.04, help="noise of honest rows, as a share of the range")
    given = parser.parse_args()
    for name in given.names:
        make(name, given.seed, given.out, 0.5 if given.small else given.scale, given.small, given.jitter)
