"""Makes Tests/Fixtures/figures/text.json: figures for attacks on text, from scikit-learn and plain Python.

    python make_text_figures.py        (numpy 2.4.6, scikit-learn 1.9.1)

The spam filter of Examples/spam is trained again from its train.csv.gz; nothing here reads ONNX.

scores      what the filter says to texts that are hard for tokenisers (other alphabets, invisible characters, line ends,
            emoji, nothing at all), so that the ONNX file and its reader can be compared on them
            The files put ASCII letters only into lower case, as the locale C does, and so do the figures.
nfkc        texts and their form NFKC by Python's unicodedata; Hangul jamo are left out, since Foundation on Linux does
            not join a syllable and a final consonant
white_box   of the test texts decided rightly, how many a greedy search turns that knows every weight and may, word by
            word, either blank a word of the text or append any word of the vocabulary; what a black box is measured by
"""

import csv
import gzip
import json
import pathlib
import string
import sys
import unicodedata

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPAM = ROOT / "Examples" / "spam"
WORDS = 5
TEXTS = [
    "", " ", "win", "WIN a PRIZE now!", "claim your prize, call 08001234567 now", "fr\u0435e pr\u0456ze call now",
    "fr\u200bee pri\u00adze c\u2060all n\u200cow", "fr3e pr1ze c4ll n0w", "free\r\nprize\r\n\r\ncall now", "free\tprize\u00a0call now",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 free prize \u2764\ufe0f call", "FRE\u00c9 PR\u00cfZE", "\u212aING free", "\u0130stanbul free",
    "e\u0301 free cafe\u0301", "\uff46\uff52\uff45\uff45 prize", "\U0001d7f6\U0001d7fe 0800", "free " * 200, "\u4f60\u597d free \u043f\u0440\u0438\u0432\u0435\u0442 prize",
    "see you at lunch", "ok", "txt STOP to 80086", "\u202efree prize", "a" * 3000, "\ufefffree prize", "fr ee pri ze", "freeprize callnow",
]
NFKC = [
    "\uff46\uff52\uff45\uff45 \uff11\uff12\uff13", "\U0001d41f\U0001d42b\U0001d41e\U0001d41e", "\ufb01ne o\ufb03ce", "\u00bd \u00b2 \u2460 \u2162", "\u212b \u2126", "e\u0301 u\u0308",
    "\U0001d7f6\U0001d7f7\U0001d7ff", "\u1e9b\u0323", "caf\u00e9",
]


def read(path):
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else open(
        path, encoding="utf-8", newline="")
    with opened as file:
        return [(row["label"], row["message"]) for row in csv.DictReader(file)]


def turned(counts, weights, idf, bias, sign):
    """Word changes that the greedy search needs, at most WORDS; None beyond."""
    counts = counts.astype(float).copy()

    def margin(products, squares):
        with np.errstate(invalid="ignore", divide="ignore"):
            inner = np.where(squares > 1e-12, products / np.sqrt(np.maximum(squares, 1e-12)), 0)
        return sign * (inner + bias)

    for steps in range(WORDS + 1):
        product, square = float((counts * idf * weights).sum()), float(((counts * idf) ** 2).sum())
        if margin(np.array(product), np.array(square)) <= 0:
            return steps
        more = margin(product + idf * weights, square + ((counts + 1) ** 2 - counts**2) * idf**2)
        less = margin(product - idf * weights, square - (counts**2 - (counts - 1) ** 2) * idf**2)
        less[counts < 1] = np.inf
        if more.min() < less.min():
            counts[int(more.argmin())] += 1
        else:
            counts[int(less.argmin())] -= 1
    return None


def main():
    train, test = read(SPAM / "train.csv.gz"), read(SPAM / "test.csv")
    tfidf = TfidfVectorizer(token_pattern="[a-z0-9]+", min_df=3)
    model = LogisticRegression(C=20, max_iter=1000)
    model.fit(tfidf.fit_transform([text for _, text in train]), [label for label, _ in train])
    weights, bias = model.coef_[0], float(model.intercept_[0])
    analyse, vocabulary = tfidf.build_analyzer(), tfidf.vocabulary_
    white = {}
    seen = set()
    for label, text in test:
        if text in seen:
            continue
        seen.add(text)
        if model.predict(tfidf.transform([text]))[0] != label:
            continue
        counts = np.zeros(len(weights))
        for word in analyse(text):
            if word in vocabulary:
                counts[vocabulary[word]] += 1
        entry = white.setdefault(label, {"attacked": 0, "turned_within": [0] * WORDS})
        if entry["attacked"] == 200:
            continue
        entry["attacked"] += 1
        steps = turned(counts, weights, tfidf.idf_, bias, 1 if label == "spam" else -1)
        for limit in range(1, WORDS + 1):
            entry["turned_within"][limit - 1] += steps is not None and steps <= limit
    tfidf.lowercase = False
    lower = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    scores = model.predict_proba(tfidf.transform([text.translate(lower) for text in TEXTS]))[:, 1]
    figures = {
        "what": "see make_text_figures.py",
        "versions": {"python": sys.version.split()[0], "numpy": np.__version__, "scikit-learn": sklearn.__version__},
        "scores": [{"text": text, "spam": float(score)} for text, score in zip(TEXTS, scores)],
        "nfkc": [{"text": text, "form": unicodedata.normalize("NFKC", text)} for text in NFKC],
        "white_box": white,
    }
    path = ROOT / "Tests" / "Fixtures" / "figures" / "text.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(white)


if __name__ == "__main__":
    main()
