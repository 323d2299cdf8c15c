"""Copies, independent models and the cost of the mark; called by `run`. See README.md."""
import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas
from sklearn.metrics import roc_auc_score

import suspects
from guard import Guard, verify

LEVEL = 1e-6
KINDS = ["other rows, true labels", "the rows asked or alike, true labels", "the rows asked, unmarked answers"]


class Mortgage:
    """The model of the example. Real rows are few, so the thief crosses and varies those of the test set."""

    title = "mortgage"
    histories = ["mortno", "mortperf", "mortlat1", "mortlat2"]

    def __init__(self, examples, folder):
        folder = Path(examples) / "mortgage"
        self.victim = folder / "gbm.onnx"
        self.names = json.loads((folder / "expected.json").read_text())["models"]["gbm.onnx"]["inputs"]
        train, test = (pandas.read_csv(folder / f"{name}.csv") for name in ("train", "test"))
        # Served ONNX models take no missing values.
        train, test = (table.dropna(subset=self.names) for table in (train, test))
        (self.other, self.other_labels), (self.test, self.test_labels) = (
            (table[self.names].to_numpy(np.float32), table["approve"].to_numpy()) for table in (train, test))
        self.alike = np.concatenate([self.other, self.test])
        self.alike_labels = np.concatenate([self.other_labels, self.test_labels])

    def queries(self, count, seed):
        random = np.random.default_rng(seed)
        one, other = (self.test[random.integers(len(self.test), size=count)] for _ in range(2))
        take = random.random(one.shape) < 0.5
        group = [self.names.index(name) for name in self.histories]
        take[:, group] = take[:, group[:1]]
        rows = np.where(take, one, other).astype(np.float64)
        for column in range(rows.shape[1]):
            known = self.test[:, column]
            if len(np.unique(known)) > 10:
                digits = 0 if np.all(known == np.round(known)) else 2
                rows[:, column] = np.round(rows[:, column] * np.exp(0.05 * random.standard_normal(count)), digits)
        rows = np.unique(rows.astype(np.float32), axis=0)
        return rows[random.permutation(len(rows))]


class Table:
    """A model of our own making on a third of the rows; the thief asks about real rows of another third."""

    def __init__(self, rows, labels, folder):
        self.names = list(rows.columns)
        random = np.random.default_rng(0)
        table = rows.to_numpy(np.float32)
        # Equal rows would stand on both sides of a split.
        _, first = np.unique(table, axis=0, return_index=True)
        order = random.permutation(first)
        parts = [order[start::3] for start in range(3)]
        (self.other, self.pool, self.test), (self.other_labels, self.pool_labels, self.test_labels) = (
            [source[part] for part in parts] for source in (table, np.asarray(labels)))
        self.alike, self.alike_labels = self.pool, self.pool_labels
        self.victim = Path(folder) / f"{self.title}.onnx"
        suspects.export(suspects.train("LightGBM", self.other, self.other_labels, 0), self.victim, table.shape[1])

    def queries(self, count, seed):
        return self.pool[np.random.default_rng(seed).permutation(len(self.pool))[:count]]


class Taiwan(Table):
    title = "Taiwan credit"

    def __init__(self, shared, folder):
        table = pandas.read_csv(Path(shared) / "data/tabular/taiwan_credit_default.csv.gz")
        target = "default_payment_next_month"
        super().__init__(table.drop(columns=[target, "SEX"]), table[target], folder)


class Spambase(Table):
    title = "spambase"

    def __init__(self, shared, folder):
        table = pandas.read_csv(Path(shared) / "data/tabular/spambase.csv.gz")
        super().__init__(table.drop(columns=["spam"]), table["spam"], folder)


def score(scores):
    return np.clip(scores[:, 1], 0, 1)


def own_auc(model, case):
    return roc_auc_score(case.test_labels, model.predict_proba(case.test)[:, 1])


class Benchmark:
    def __init__(self, casemate, folder, options):
        self.casemate, self.folder, self.options = casemate, Path(folder), options
        self.suspect = self.folder / "suspect.onnx"

    def check(self, model, width, guard, record):
        suspects.export(model, self.suspect, width)
        return verify(self.casemate, self.suspect, guard.secret, guard.record(record))

    def harvest(self, case, repeat):
        """The same queries, nested: the first 500, the first 1,000 and so on, each to a model name of its own."""
        sizes = self.options.answers
        queries = case.queries(max(sizes), 1000 + repeat)
        sizes = sorted({min(size, len(queries)) for size in sizes})
        guard = Guard(self.casemate, self.folder / f"{case.title} {repeat}".replace(" ", "-"), case.victim,
                      [f"n{size}" for size in sizes])
        answers = {}
        with guard:
            for size in sizes:
                labels, scores = guard.ask(queries[:size], f"n{size}")
                answers[size] = (queries[:size], labels, score(scores))
        return guard, answers

    def copies(self, case, repeat, guard, answers):
        for size, (rows, labels, scores) in answers.items():
            for family in suspects.FAMILIES:
                for source in ("labels", "scores"):
                    model = suspects.train(family, rows, labels, repeat, scores=scores if source == "scores" else None)
                    verdict = self.check(model, rows.shape[1], guard, f"n{size}")
                    yield {"data": case.title, "repeat": repeat, "answers": size, "family": family, "source": source,
                           "p": verdict["pValue"], "found": verdict["found"], "asked": verdict["looks"][0]["rows"],
                           "auc": own_auc(model, case),
                           "parts": {part["part"]: part["pValue"] for part in verdict["looks"][0]["evidence"]}}

    def clean(self, case, queries, tests):
        """What the same server answers without the stage."""
        with Guard(self.casemate, self.folder / f"{case.title}-clean".replace(" ", "-"), case.victim,
                   watermark=False) as guard:
            return [guard.ask(rows) for rows in queries], guard.ask(tests)

    def independent(self, case, guards, harvests, clean):
        """Models that never saw a marked answer: each is held against every key."""
        size = max(harvests[0])
        for number in range(self.options.independent):
            kind, family = KINDS[number % 3], suspects.FAMILIES[number // 3 % len(suspects.FAMILIES)]
            random = np.random.default_rng(5000 + number)
            scores = None
            if kind == KINDS[0]:
                rows, labels = case.other, case.other_labels
            elif kind == KINDS[1]:
                rows, labels = case.alike, case.alike_labels
            else:
                which = number // 18 % len(harvests)
                rows, (labels, scores) = harvests[which][size][0], clean[which]
                scores = score(scores) if number % 2 else None
            part = random.permutation(len(rows))[:min(size, round(len(rows) * random.uniform(0.5, 1)))]
            model = suspects.train(family, rows[part], labels[part], number,
                                   scores=None if scores is None else scores[part],
                                   rows_a_leaf=float(random.choice([0.5, 1, 2, 5])),
                                   size=float(random.choice([0.5, 1, 2])))
            suspects.export(model, self.suspect, rows.shape[1])
            for repeat, guard in enumerate(guards):
                verdict = verify(self.casemate, self.suspect, guard.secret, guard.record(f"n{size}"))
                yield {"data": case.title, "model": number, "kind": kind, "family": family, "key": repeat,
                       "p": verdict["pValue"], "found": verdict["found"]}

    def cost(self, case, clean):
        """The test rows as served with and without the mark, one key after the other."""
        labels, scores = clean
        auc, right = roc_auc_score(case.test_labels, score(scores)), np.mean(labels == case.test_labels)
        for number in range(self.options.keys):
            with Guard(self.casemate, self.folder / f"{case.title}-cost-{number}".replace(" ", "-"),
                       case.victim) as guard:
                marked, moved = guard.ask(case.test)
            yield {"data": case.title, "key": number, "auc": auc,
                   "auc_change": roc_auc_score(case.test_labels, score(moved)) - auc,
                   "accuracy_change": float(np.mean(marked == case.test_labels) - right),
                   "labels_changed": float(np.mean(marked != labels))}

    def over_http(self, case, guard, answers):
        """The suspect as a service: the same verdict as for its file."""
        size = max(answers)
        rows, labels, scores = answers[size]
        path = self.folder / "served.onnx"
        suspects.export(suspects.train("LightGBM", rows, labels, 0, scores=scores), path, rows.shape[1])
        by_file = verify(self.casemate, path, guard.secret, guard.record(f"n{size}"))
        with Guard(self.casemate, self.folder / "suspect", path, watermark=False) as served:
            by_address = verify(self.casemate, f"{served.url}/v2/models/model", guard.secret, guard.record(f"n{size}"))
        return {"data": case.title, "file": by_file["pValue"], "address": by_address["pValue"]}

    def run(self, case, results, save):
        begin = time.time()
        harvested = [self.harvest(case, repeat) for repeat in range(self.options.repeats)]
        guards, harvests = [pair[0] for pair in harvested], [pair[1] for pair in harvested]
        size = max(harvests[0])
        clean, test = self.clean(case, [answers[size][0] for answers in harvests], case.test)
        for name, rows in [
            ("cost", self.cost(case, test)),
            ("copies", (row for repeat, (guard, answers) in enumerate(harvested)
                        for row in self.copies(case, repeat, guard, answers))),
            ("independent", self.independent(case, guards, harvests, clean)),
        ]:
            for row in rows:
                results[name].append(row)
                save()
            print(f"{case.title}: {name} after {time.time() - begin:.0f} s", flush=True, file=sys.stderr)
        results["over_http"].append(self.over_http(case, *harvested[0]))
        save()


def number(value):
    return "1" if value >= 0.995 else f"{value:.2g}" if value >= 0.001 else f"{value:.0e}".replace("e-0", "e-")


def table(results):
    """Markdown of the results; a JSON file of an earlier run will do."""
    copies, independent, cost = (pandas.DataFrame(results[name]) for name in ("copies", "independent", "cost"))
    cases = list(dict.fromkeys(copies["data"]))
    sizes = {case: sorted(set(copies[copies["data"] == case]["answers"])) for case in cases}
    lines = []
    head = ["copy", "trained on"]
    for case in cases:
        here = copies[copies["data"] == case]
        head += [f"{case}: found of {here['repeat'].nunique()} from " + " / ".join(f"{size:,}" for size in sizes[case]),
                 "median p from the most", "AUC of these"]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for family in suspects.FAMILIES:
        for source in ("scores", "labels"):
            cells = []
            for case in cases:
                here = copies[(copies["family"] == family) & (copies["source"] == source) & (copies["data"] == case)]
                cells.append(" / ".join(str(int(here[here["answers"] == size]["found"].sum())) for size in sizes[case]))
                most = here[here["answers"] == max(sizes[case])]
                cells += [number(most["p"].median()), f"{most['auc'].mean():.3f}"]
            lines.append("| " + " | ".join([family, source] + cells) + " |")
    lines += ["", "| never saw a marked answer | models | verifications | p < 1e-6 | smallest p | p < 0.05 | p < 0.01 |",
              "|" + " --- |" * 7]
    groups = [(f"{case}: {kind}", independent[(independent["data"] == case) & (independent["kind"] == kind)])
              for case in cases for kind in KINDS] + [("all", independent)]
    for title, part in groups:
        models = part.groupby(["data", "model"]).ngroups
        lines.append(f"| {title} | {models} | {len(part)} | {int((part['p'] < LEVEL).sum())} | "
                     f"{number(part['p'].min())} | {(part['p'] < 0.05).mean():.1%} | {(part['p'] < 0.01).mean():.1%} |")
    lines += ["", "| served test rows | keys | AUC without | change of AUC, mean | largest loss | largest gain | "
              "change of accuracy, mean | worst | labels changed |", "|" + " --- |" * 9]
    for case in cases:
        part = cost[cost["data"] == case]
        change = part["auc_change"]
        lines.append(f"| {case} | {len(part)} | {part['auc'].iloc[0]:.4f} | {change.mean():+.4f} | {change.min():+.4f} | "
                     f"{change.max():+.4f} | {part['accuracy_change'].mean():+.4f} | "
                     f"{part['accuracy_change'].min():+.4f} | {part['labels_changed'].mean():.2%} |")
    return "\n".join(lines)


def main():
    here = Path(__file__).resolve().parent
    root = here.parents[2]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("casemate", help="the program under test")
    parser.add_argument("--examples", default=root / "Examples", help="folder of the examples")
    parser.add_argument("--shared", default=root.parent / "shared", help="folder with data/tabular")
    parser.add_argument("--data", nargs="+", default=["mortgage", "taiwan"], choices=["mortgage", "taiwan", "spambase"])
    parser.add_argument("--answers", nargs="+", type=int, default=[500, 1000, 2000, 5000], help="answers of the thief")
    parser.add_argument("--repeats", type=int, default=5, help="keys, queries and seeds of copies")
    parser.add_argument("--independent", type=int, default=108, help="models that never saw a marked answer, each data")
    parser.add_argument("--keys", type=int, default=20, help="keys that the cost is measured with")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    results = {"copies": [], "independent": [], "cost": [], "over_http": []}

    def save():
        if options.json:
            options.json.write_text(json.dumps(results, indent=1))

    with tempfile.TemporaryDirectory() as folder:
        benchmark = Benchmark(options.casemate, folder, options)
        for name in options.data:
            made = {"mortgage": (Mortgage, options.examples), "taiwan": (Taiwan, options.shared),
                    "spambase": (Spambase, options.shared)}[name]
            benchmark.run(made[0](made[1], folder), results, save)
    print(table(results))
    if not options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
