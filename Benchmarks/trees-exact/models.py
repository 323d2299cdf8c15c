"""Trains the models of this benchmark on seeded data and writes them with points to attack.

    python models.py build

Writes for each model NAME.xgb.json (XGBoost), NAME.points.csv (row, label, f0 …) into the folder. The data are made by
scikit-learn: clusters in a hypercube, scaled to 0..1, with noise in labels.
"""

import os
import sys

import numpy as np
import xgboost
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.model_selection import train_test_split


def scaled(x):
    low, high = x.min(0), x.max(0)
    return ((x - low) / np.where(high > low, high - low, 1)).astype(np.float32)


def clusters(features, classes, rows, seed):
    return make_classification(
        n_samples=rows, n_features=features, n_informative=min(features, 14), n_redundant=3, n_classes=classes,
        n_clusters_per_class=2, flip_y=0.03, class_sep=1.0, random_state=seed)


def digits(pair=None):
    x, y = load_digits(return_X_y=True)
    if pair:
        keep = np.isin(y, pair)
        x, y = x[keep], (y[keep] == pair[1]).astype(int)
    return x, y


MODELS = {
    # name: data, XGBoost's settings, rounds
    "gbt100": (lambda: clusters(20, 2, 8000, 1), dict(max_leaves=16, eta=0.1), 100),
    "gbt300": (lambda: clusters(30, 2, 12000, 2), dict(max_leaves=32, eta=0.05), 300),
    "deep50": (lambda: clusters(20, 2, 30000, 3), dict(max_leaves=256, eta=0.1), 50),
    "wide100": (lambda: clusters(255, 2, 6000, 4), dict(max_leaves=16, eta=0.1), 100),
    "cancer100": (lambda: load_breast_cancer(return_X_y=True), dict(max_leaves=16, eta=0.1), 100),
    "digits10x40": (lambda: digits(), dict(max_leaves=16, eta=0.2), 40),
    "multi7x80": (lambda: clusters(40, 7, 20000, 5), dict(max_leaves=16, eta=0.1), 80),
}


def main(folder, names):
    os.makedirs(folder, exist_ok=True)
    for name, (data, settings, rounds) in MODELS.items():
        if names and name not in names:
            continue
        x, y = data()
        x = scaled(x)
        train, test, seen, labels = train_test_split(x, y, test_size=0.2, random_state=0)
        classes = len(np.unique(y))
        settings = dict(
            settings, tree_method="hist", grow_policy="lossguide", max_depth=0, seed=0, nthread=1, base_score=0.5,
            **(dict(objective="multi:softprob", num_class=classes) if classes > 2 else
               dict(objective="binary:logistic")))
        model = xgboost.train(settings, xgboost.DMatrix(train, seen), num_boost_round=rounds)
        model.save_model(os.path.join(folder, f"{name}.xgb.json"))
        answers = model.predict(xgboost.DMatrix(test))
        right = (answers.argmax(1) if classes > 2 else answers > 0.5) == labels
        leaves = sum(tree.count("leaf=") for tree in model.get_dump())
        print(f"{name}: {len(model.get_dump())} trees, {leaves} leaves, {x.shape[1]} columns, accuracy {right.mean():.3f}")
        with open(os.path.join(folder, f"{name}.points.csv"), "w") as file:
            file.write("row,label," + ",".join(f"f{i}" for i in range(x.shape[1])) + "\n")
            for row in range(100):
                file.write(f"{row},{labels[row]}," + ",".join(f"{v:.9g}" for v in test[row]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "build", sys.argv[2:])
