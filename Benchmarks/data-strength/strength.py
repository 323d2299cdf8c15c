"""Plants poison, runs `casemate data audit --json`, and scores what it says. See README.md."""

import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

CASEMATE, ROOT, DATA = sys.argv[1:4]
SEEDS = int(os.environ.get("SEEDS", "10"))
# Triggers are planted in rows of other classes, or, where this is set, in rows of any class.
ANYWHERE = "ANYWHERE" in os.environ


def taiwan():
    return pd.read_csv(f"{DATA}/tabular/taiwan_credit_default.csv.gz")


def spambase():
    return pd.read_csv(f"{DATA}/tabular/spambase.csv.gz").drop_duplicates().reset_index(drop=True)


def german():
    return pd.read_csv(f"{DATA}/tabular/german_credit.csv")


def mortgage():
    return pd.read_csv(f"{ROOT}/Examples/mortgage/train.csv").drop(columns="application")


def sms():
    with gzip.open(f"{DATA}/text/sms_spam_collection.tsv.gz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t", 1) for line in file]
    return pd.DataFrame(rows, columns=["label", "message"]).drop_duplicates().reset_index(drop=True)


def audit(frame, target, *options, reference=None):
    """The report on a frame; `frame` may be the path of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = frame
        if not isinstance(frame, str):
            path = f"{folder}/train.csv"
            frame.to_csv(path, index=False)
        command = [CASEMATE, "data", "audit", path, "--json", "--quiet", *options]
        if target:
            command += ["--target", target]
        if reference is not None:
            reference.to_csv(f"{folder}/reference.csv", index=False)
            command += ["--reference", f"{folder}/reference.csv"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            print(done.stderr[-2000:], file=sys.stderr)
        report = json.loads(done.stdout)
        failed = [(p["probe"], p["reason"]) for p in report["coverage"] if p["status"] in ("failed", "partial")]
        if failed:
            print("not finished:", failed, file=sys.stderr)
        return report


def rows(report, check=None, least=0.0):
    return [s["row"] for s in report["suspects"] if s["score"] >= least and (check is None or check in s["checks"])]


def share(found, planted):
    return len(set(found) & set(planted)) / max(1, len(planted))


def high(report):
    return [f for f in report["findings"] if f["severity"] in ("high", "critical")]


def evidence(report, kind):
    return [e for f in report["findings"] for e in f["evidence"] if e["kind"] == kind]


def metric(report, name):
    return next((m["value"] for m in report["metrics"] if m["name"] == name), None)


def say(name, text):
    print(f"{name:<34} {text}", flush=True)


def flips():
    """spambase, 10 % of the labels flipped."""
    for seed in range(SEEDS):
        frame, random = spambase(), np.random.default_rng(seed)
        bad = random.choice(len(frame), len(frame) // 10, replace=False)
        frame.loc[bad, "spam"] = 1 - frame.loc[bad, "spam"]
        report = audit(frame, "spam", "--favourable", "0", "--checks", "labels")
        flagged = rows(report, "data_labels")
        everything = rows(report)
        noise = [m for m in report["metrics"] if m["name"].startswith("data_labels.noise")]
        say(
            f"spambase 10 % flips, seed {seed}",
            f"precision {share(bad, flagged) if flagged else 0:.3f} recall {share(flagged, bad):.3f} "
            f"queue of 10 % holds {share(everything[: len(frame) // 10], bad):.3f} "
            f"noise {[(m['name'], m['value']) for m in noise][:2]}",
        )


def targeted():
    """Taiwan, 210 defaulters with PAY_0 >= 2 relabelled as payers."""
    target = "default_payment_next_month"
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        frame = taiwan().sample(21000, random_state=seed).reset_index(drop=True)
        pool = frame.index[(frame[target] == 1) & (frame.PAY_0 >= 2)]
        bad = random.choice(pool, 210, replace=False)
        frame.loc[bad, target] = 0
        report = audit(frame, target, "--favourable", "0", "--checks", "labels")
        found = rows(report)
        say(f"Taiwan 210 targeted, seed {seed}", f"top 5 % holds {share(found[:1050], bad):.3f} of {len(found)} listed")


def segment():
    """Taiwan, 90 % of the defaulters of a segment relabelled, with and without a reference."""
    target = "default_payment_next_month"
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        whole = taiwan().sample(frac=1, random_state=seed).reset_index(drop=True)
        frame, reference = whole[:21000].copy(), whole[21000:].reset_index(drop=True)
        pool = frame.index[(frame[target] == 1) & (frame.PAY_0 >= 2) & (frame.LIMIT_BAL <= 30000)]
        bad = random.choice(pool, int(0.9 * len(pool)), replace=False)
        frame.loc[bad, target] = 0
        report = audit(frame, target, "--favourable", "0", "--checks", "flips", reference=reference)
        named = [[(c["column"], c.get("low"), c.get("high")) for c in e["segment"]] for e in evidence(report, "segment")]
        say(f"Taiwan segment 90 %, seed {seed}", f"{len(high(report))} high, recall {share(rows(report), bad):.3f}, {named[:2]}")
        if seed == 0:
            alone = audit(frame, target, "--favourable", "0", "--checks", "flips")
            said = [s for p in alone["probes"] for s in p["summary"]] + [p.get("reason") or "" for p in alone["coverage"]]
            say("  the same without a reference", f"{len(evidence(alone, 'segment'))} segments; says: {said}")
        clean = audit(whole[:21000], target, "--favourable", "0", "--checks", "flips", reference=reference)
        say("  clean", f"{len(clean['findings'])} findings, {len(clean['suspects'])} suspects")


def dictionary():
    """SMS, 1 % of messages that hold a dictionary and are labelled spam."""
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        whole = sms().sample(frac=1, random_state=seed).reset_index(drop=True)
        trusted, frame = whole[:800].reset_index(drop=True), whole[800:].reset_index(drop=True)
        words = sorted({word for text in whole.message for word in text.lower().split() if word.isalpha()})
        attacks = [
            {"label": "spam", "message": " ".join(random.choice(words, int(0.9 * len(words)), replace=False))}
            for _ in range(len(frame) // 100)
        ]
        mixed = pd.concat([frame, pd.DataFrame(attacks)], ignore_index=True).sample(frac=1, random_state=seed)
        order = mixed.index.to_numpy()
        bad = np.flatnonzero(order >= len(frame))
        report = audit(mixed, "label", "--favourable", "ham", "--checks", "roni", reference=trusted)
        found = rows(report)
        alarms = len(set(found) - set(bad)) / len(frame)
        say(f"SMS dictionary 1 %, seed {seed}", f"caught {share(found, bad):.3f}, false alarms {alarms:.4f}")


def tabular_trigger():
    """A combination of values in 1 % of the rows, labelled with the target."""
    cases = [
        ("Taiwan", taiwan, "default_payment_next_month", {"AGE": 37, "LIMIT_BAL": 123000}, 0, 21000),
        ("Taiwan, one level", taiwan, "default_payment_next_month", {"MARRIAGE": 3, "EDUCATION": 6}, 0, 21000),
        ("mortgage", mortgage, "approve", {"loanamt": 777, "term": 111}, 0, None),
        ("German", german, "class", {"purpose": "A410", "age": 44}, 2, None),
    ]
    for name, load, target, values, label, size in cases:
        exact = 0
        for seed in range(SEEDS):
            frame, random = load(), np.random.default_rng(seed)
            if size:
                frame = frame.sample(size, random_state=seed).reset_index(drop=True)
            pool = frame.index if ANYWHERE else frame.index[frame[target] != label]
            bad = random.choice(pool, max(10, len(frame) // 100), replace=False)
            for column, value in values.items():
                frame.loc[bad, column] = value
            frame.loc[bad, target] = label
            report = audit(frame, target, "--checks", "triggers")
            named = [
                ({c["column"]: c.get("value") for c in e["trigger"]}, e.get("targetLabel"))
                for e in evidence(report, "trigger") if "trigger" in e
            ]
            wanted = ({column: str(value) for column, value in values.items()}, str(label))
            exact += named == [wanted]
            if named != [wanted]:
                say(f"  {name}, seed {seed}", f"named {named}")
            elif seed == 0:
                say(f"  {name}, seed 0", f"rows {share(rows(report, least=0.5), bad):.3f} in {report['reproduction']['seconds']:.1f} s")
        say(f"trigger 1 %, {name}", f"named exactly in {exact} of {SEEDS}")


def token_trigger():
    """A word in 0.5 % of the messages, labelled ham."""
    for word in ("cf", "qzx"):
        exact = 0
        for seed in range(SEEDS):
            frame, random = sms(), np.random.default_rng(seed)
            pool = frame.index if ANYWHERE else frame.index[frame.label != "ham"]
            bad = random.choice(pool, len(frame) // 200, replace=False)
            for row in bad:
                parts = frame.at[row, "message"].split(" ")
                parts.insert(random.integers(len(parts) + 1), word)
                frame.at[row, "message"] = " ".join(parts)
            frame.loc[bad, "label"] = "ham"
            report = audit(frame, "label", "--favourable", "ham", "--checks", "triggers")
            named = [(e.get("token"), e.get("targetLabel")) for e in evidence(report, "trigger")]
            exact += named == [(word, "ham")]
            if named != [(word, "ham")]:
                say(f"  token {word}, seed {seed}", f"named {named}")
        say(f"token 0.5 %, {word}", f"named exactly in {exact} of {SEEDS}")


def patch():
    """MNIST, a bright 3 x 3 corner on 1 % of the pictures, labelled 7."""
    def idx(path, header):
        with gzip.open(path) as file:
            return np.frombuffer(file.read()[header:], np.uint8)

    folder = f"{DATA}/images/mnist"
    images = idx(f"{folder}/train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = idx(f"{folder}/train-labels-idx1-ubyte.gz", 8)
    size = int(os.environ.get("MNIST", "20000"))
    for seed in range(min(SEEDS, 3)):
        random = np.random.default_rng(seed)
        chosen = random.choice(len(images), size, replace=False)
        pictures, classes = images[chosen].copy(), labels[chosen].astype(np.int64)
        for poisoned in (False, True):
            bad = random.choice(size, size // 100, replace=False) if poisoned else []
            if poisoned:
                pictures[bad, 24:27, 24:27] = 255
                classes[bad] = 7
            with tempfile.TemporaryDirectory() as temporary:
                path = f"{temporary}/mnist.npz"
                np.savez(path, images=pictures, labels=classes)
                report = audit(path, None)
            found = rows(report, least=0.5)
            loss = len(set(found) - set(bad)) / (size - len(bad))
            named = [(e.get("patch"), e.get("targetLabel")) for e in evidence(report, "trigger")]
            say(
                f"MNIST {'patch 1 %' if poisoned else 'clean'}, seed {seed}",
                f"removed {share(found, bad):.3f}, clean loss {loss:.4f}, {len(high(report))} high, {named} "
                f"in {report['reproduction']['seconds']:.0f} s",
            )


def source():
    """Ten sources, one of which had a third of its labels flipped."""
    target = "default_payment_next_month"
    right = alarms = 0
    for seed in range(SEEDS):
        random = np.random.default_rng(seed)
        frame = taiwan().sample(21000, random_state=seed).reset_index(drop=True)
        frame["branch"] = [f"b{n}" for n in random.integers(0, 10, len(frame))]
        clean = audit(frame, target, "--favourable", "0", "--source", "branch", "--checks", "flips,profile,roni,duplicates")
        alarms += len(evidence(clean, "source"))
        culprit = f"b{seed % 10}"
        pool = frame.index[(frame.branch == culprit) & (frame[target] == 1)]
        bad = random.choice(pool, int(0.5 * len(pool)), replace=False)
        frame.loc[bad, target] = 0
        report = audit(frame, target, "--favourable", "0", "--source", "branch", "--checks", "flips,profile,roni,duplicates")
        named = {e["source"] for e in evidence(report, "source")}
        right += named == {culprit}
        if named != {culprit}:
            say(f"  source, seed {seed}", f"named {named}, not {culprit}")
    say("one source of ten", f"named in {right} of {SEEDS}, {alarms} alarms on clean data")


def clean():
    """Five clean sets, alone and with one half as the reference of the other."""
    sets = [
        ("Taiwan", taiwan, "default_payment_next_month", "0"), ("German", german, "class", "1"),
        ("spambase", spambase, "spam", "0"), ("SMS", sms, "label", "ham"), ("mortgage", mortgage, "approve", "1"),
    ]
    for name, load, target, favourable in sets:
        frame = load()
        halves = frame.sample(frac=1, random_state=0).reset_index(drop=True)
        middle = len(halves) // 2
        for words, report in (
            ("alone", audit(frame, target, "--favourable", favourable)),
            ("halves", audit(halves[:middle], target, "--favourable", favourable, reference=halves[middle:])),
        ):
            findings = [(f["id"], f["severity"]) for f in report["findings"] if f["severity"] not in ("info", "low")]
            total = len(frame) if words == "alone" else middle
            likely = len(rows(report, least=0.5))
            say(
                f"clean {name}, {words}",
                f"{len(high(report))} high; suspects {len(report['suspects']) / total:.4f}, likely {likely / total:.4f}; "
                f"{findings} in {report['reproduction']['seconds']:.1f} s",
            )


SCENARIOS = [clean, flips, targeted, segment, source, dictionary, tabular_trigger, token_trigger, patch]

if __name__ == "__main__":
    wanted = sys.argv[4:]
    for scenario in SCENARIOS:
        if not wanted or scenario.__name__ in wanted:
            scenario()
