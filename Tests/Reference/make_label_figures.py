"""Figures of confident learning: flags, joints and orders of cleanlab for given probabilities.

python 3.11, cleanlab==2.9.0, numpy==2.4.6, scikit-learn==1.9.1

    python make_label_figures.py        # writes ../Fixtures/figures/labels.json

Where equal scores straddle a cut, cleanlab's choice depends on the processor, because numpy sorts with its vector
instructions. Cases named "ties" are therefore made with a stable sort in place of numpy's; all others with numpy's own.
"""

import json
import warnings

import cleanlab.filter
import cleanlab.rank
import numpy as np
from cleanlab.count import compute_confident_joint, estimate_joint, get_confident_thresholds, num_label_issues
from common import FIXTURES, layout, plain, versions

METHODS = ["prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given"]
RANKINGS = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]


def drawn(generator, rows, classes, noise, sharpness=2.0, digits=4, skew=1.0):
    """Labels of which a share is wrong, and probabilities that lean to the true class."""
    prior = np.arange(1, classes + 1) ** -skew
    true = generator.choice(classes, rows, p=prior / prior.sum())
    logits = generator.normal(size=(rows, classes)) + sharpness * np.eye(classes)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wrong = generator.random(rows) < noise
    labels = np.where(wrong, (true + generator.integers(1, classes, rows)) % classes, true)
    return labels, np.round(probabilities, digits)


def cases():
    g = np.random.default_rng(29)
    yield "two classes", *drawn(g, 120, 2, 0.1, digits=6)
    yield "two classes, hardly noisy", *drawn(g, 120, 2, 0.01, 3, digits=6)
    yield "two classes, half noise", *drawn(g, 90, 2, 0.45, digits=6)
    yield "two classes, one rare", *drawn(g, 150, 2, 0.05, skew=3.5, digits=6)
    yield "three classes", *drawn(g, 150, 3, 0.15, digits=6)
    yield "three classes, useless model", *drawn(g, 90, 3, 0.2, 0, digits=6)
    yield "five classes", *drawn(g, 160, 5, 0.2, digits=6)
    yield "ten classes", *drawn(g, 200, 10, 0.1, 3, digits=6, skew=0.3)
    labels, probabilities = drawn(g, 60, 4, 0.2, digits=6)
    yield "class 3 absent", np.where(labels == 3, 0, labels), probabilities
    yield "class 0 absent", np.where(labels == 0, 1, labels), probabilities
    labels, probabilities = drawn(g, 40, 3, 0.1, digits=6)
    labels[labels == 2] = 0
    labels[7] = 2
    yield "a class with one row", labels, probabilities
    labels, probabilities = drawn(g, 30, 2, 0.2, digits=6)
    yield "everything predicted the other way", labels, np.eye(2)[1 - labels] * 0.8 + 0.1 + 0 * probabilities
    yield "sure and right", np.array([0, 1] * 10), np.eye(2)[[0, 1] * 10]
    yield "ties, two classes", *drawn(g, 120, 2, 0.2, 1, digits=1)
    yield "ties, three classes", *drawn(g, 120, 3, 0.2, 1.5, digits=1)
    yield "ties, all rows alike", np.array([0] * 9 + [1] * 4), np.tile([0.7, 0.3], (13, 1))
    yield "ties, nothing known", np.array([0, 1, 2] * 5), np.tile([1 / 3] * 3, (15, 1))
    yield "ties, a probability off by rounding", np.array([0, 0, 1, 1]), np.array(
        [[0.5, 0.5], [0.5 - 5e-7, 0.5 + 5e-7], [0.5 + 2e-6, 0.5 - 2e-6], [0.2, 0.8]])
    labels, probabilities = drawn(g, 50, 2, 0.2, digits=2)
    yield "ties, zero probabilities", labels, (probabilities > 0.5).astype(float)
    for number in range(12):
        classes = int(g.integers(2, 6))
        yield f"ties, draw {number}", *drawn(
            g, int(g.integers(6, 40)), classes, 0.3, 1.5, digits=int(g.integers(1, 3)))


def stable(argsort):
    return lambda values, *rest, **named: argsort(values, *rest, **{**named, "kind": "stable"})


def answers(labels, probabilities):
    flags = {
        m: np.flatnonzero(cleanlab.filter.find_label_issues(labels, probabilities, filter_by=m, n_jobs=1))
        for m in METHODS}
    order = {
        r: cleanlab.filter.find_label_issues(labels, probabilities, return_indices_ranked_by=r, n_jobs=1)
        for r in RANKINGS}
    quality = {r: cleanlab.rank.get_label_quality_scores(labels, probabilities, method=r) for r in RANKINGS}
    return {
        "thresholds": get_confident_thresholds(labels, probabilities),
        "confident_joint": compute_confident_joint(labels, probabilities, calibrate=False),
        "calibrated": compute_confident_joint(labels, probabilities),
        "noise": 1 - np.trace(estimate_joint(labels, probabilities)),
        "issues": num_label_issues(labels, probabilities),
        "flags": flags, "order": order, "quality": {r: q[:12] for r, q in quality.items()}}


def main():
    warnings.simplefilter("ignore")
    own, found = np.argsort, []
    for name, labels, probabilities in cases():
        np.argsort = stable(own) if name.startswith("ties") else own
        found.append({
            "name": name, "classes": probabilities.shape[1], "labels": labels, "probabilities": probabilities,
            **answers(labels, probabilities)})
        np.argsort = own
    figures = {"versions": versions("cleanlab", "numpy", "scikit-learn"), "cases": found}
    text = layout(plain(figures))
    (FIXTURES / "figures" / "labels.json").write_text(text + "\n")
    print(len(text), "bytes,", len(found), "cases,", sum(len(c["flags"]["both"]) for c in found), "flags in both")
    json.loads(text)


main()
