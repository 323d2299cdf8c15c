"""Data sets and models for make_client_traces.py: values, labels, a function that makes a model, decimals kept."""
import gzip, os
import numpy as np, pandas as pd
from sklearn import datasets, ensemble, linear_model, neural_network, pipeline, preprocessing

SHARED = os.environ.get("CASEMATE_SHARED", "")


def idx(path):
    raw = gzip.open(path).read()
    dims = raw[3]
    shape = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dims).reshape(shape)


def mlp(width=64, alpha=1e-3):
    return lambda seed: pipeline.make_pipeline(
        preprocessing.StandardScaler(), neural_network.MLPClassifier((width,), alpha=alpha, max_iter=400, random_state=seed))


def plain_mlp(width=64):
    return lambda seed: neural_network.MLPClassifier((width,), max_iter=300, random_state=seed)


def trees(seed):
    return ensemble.HistGradientBoostingClassifier(max_iter=80, random_state=seed)


def logistic(seed):
    return pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression(max_iter=2000))


def regressor(seed):
    return pipeline.make_pipeline(
        preprocessing.StandardScaler(), neural_network.MLPRegressor(hidden_layer_sizes=(32,), max_iter=600, alpha=1, random_state=seed))


def unit(x):
    low, high = x.min(0), x.max(0)
    return (x - low) / np.where(high > low, high - low, 1)


def load(name):
    """Values, labels, makes a model, decimals kept."""
    if name in ("digits8", "digits8b"):
        d = datasets.load_digits()
        return d.data / 16, d.target, plain_mlp(64) if name == "digits8" else logistic, 3
    if name == "wine":
        d = datasets.load_wine()
        return unit(d.data), d.target, mlp(16), 3
    if name == "winetrees":
        d = datasets.load_wine()
        return d.data, d.target, trees, 4
    if name == "iris":
        d = datasets.load_iris()
        return unit(d.data), d.target, mlp(16), 3
    if name == "breast":
        d = datasets.load_breast_cancer()
        return unit(d.data), d.target, mlp(32), 3
    if name == "breastraw":
        d = datasets.load_breast_cancer()
        return d.data, d.target, logistic, 4
    if name == "diabetes":
        d = datasets.load_diabetes()
        return d.data, d.target, regressor, 4
    if name == "linnerud":
        d = datasets.load_diabetes(scaled=False)
        return d.data, d.target, regressor, 2
    if name == "mnist":
        x = idx(f"{SHARED}/data/images/mnist/t10k-images-idx3-ubyte.gz").reshape(-1, 784)
        y = idx(f"{SHARED}/data/images/mnist/t10k-labels-idx1-ubyte.gz")
        return x[:4000] / 255.0, y[:4000], plain_mlp(64), 3
    if name == "faces":
        d = np.load(f"{SHARED}/data/images/faces/olivetti_faces.npz")
        x = d["images"].reshape(-1, 16, 4, 16, 4).mean((2, 4)).reshape(400, 256) / 255.0
        return x, d["person"] % 10, mlp(64), 3
    if name == "spam":
        t = pd.read_csv(f"{SHARED}/data/tabular/spambase.csv.gz")
        return t.iloc[:, :-1].to_numpy(float), t.iloc[:, -1].to_numpy(int), mlp(32), 4
    if name == "taiwan":
        t = pd.read_csv(f"{SHARED}/data/tabular/taiwan_credit_default.csv.gz").iloc[:6000]
        return t.iloc[:, :-1].to_numpy(float), t.iloc[:, -1].to_numpy(int), trees, 4
    if name == "german":
        t = pd.read_csv(f"{SHARED}/data/tabular/german_credit.csv")
        x = np.stack([pd.factorize(t[c], sort=True)[0] if "A" in str(t[c].iloc[0]) else t[c] for c in t.columns[:-1]], 1)
        return x.astype(float), (t.iloc[:, -1] == 2).to_numpy(int), trees, 4
    if name == "elec":
        t = pd.read_csv(f"{SHARED}/data/streams/elec2.csv.gz").iloc[:4000]
        x = t.iloc[:, :-1].to_numpy(float)
        return x, pd.factorize(t.iloc[:, -1], sort=True)[0], mlp(32), 4
    raise SystemExit(f"unknown data set {name}")
