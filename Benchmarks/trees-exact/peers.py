"""Times Veritas and a MILP on the same models and points.

    python peers.py veritas|milp FOLDER NAME POINTS [SECONDS]

Seconds are processor seconds, so that other work on the machine does not count. Writes FOLDER/NAME.veritas.csv or NAME.milp.csv: row, predicted, linf, seconds. A point that takes longer than SECONDS
(default 600) is written with `nan`, and the run ends.

Veritas (dtai-veritas 0.3.1): best-first search for the largest margin in a box, inside a bisection over the distances
at which a threshold is crossed; each solution that is found shortens the bisection. MILP: Kantchelian, Tygar and
Joseph, ICML 2016, one binary a threshold and one number a leaf, solved by HiGHS to optimality.
"""

import json
import sys
import time

import numpy as np

TINY = 1e-9


class Trees:
    """An XGBoost model: nodes of each tree, and the class that it is for."""

    def __init__(self, path):
        learner = json.load(open(path))["learner"]
        model = learner["gradient_booster"]["model"]
        self.classes = max(1, int(learner["learner_model_param"]["num_class"]))
        base = float(learner["learner_model_param"]["base_score"])
        self.base = np.log(base / (1 - base)) if self.classes == 1 else 0.0
        self.owner = model["tree_info"]
        self.trees = [
            dict(left=np.array(t["left_children"]), right=np.array(t["right_children"]),
                 column=np.array(t["split_indices"]),
                 value=np.array(t["split_conditions"], dtype=np.float32).astype(np.float64)) for t in model["trees"]]

    def margins(self, row):
        sums = np.zeros(self.classes, dtype=np.float32)
        for owner, t in zip(self.owner, self.trees):
            node = 0
            while t["left"][node] >= 0:
                node = t["left"][node] if row[t["column"][node]] < t["value"][node] else t["right"][node]
            sums[owner] += np.float32(t["value"][node])
        return sums + np.float32(self.base)

    def predicted(self, row):
        sums = self.margins(row)
        return int(sums[0] > 0) if self.classes == 1 else int(sums.argmax())

    def rivals(self, predicted):
        """For each other class: the sign with which each tree counts."""
        if self.classes == 1:
            return [np.full(len(self.trees), -1.0 if predicted else 1.0)]
        owners = np.array(self.owner)
        return [(owners == k) * 1.0 - (owners == predicted) for k in range(self.classes) if k != predicted]

    def thresholds(self):
        found = {}
        for t in self.trees:
            for node in np.flatnonzero(t["left"] >= 0):
                found.setdefault(int(t["column"][node]), set()).add(float(t["value"][node]))
        return found


# Veritas


def addtree(model, signs):
    import veritas

    result = veritas.AddTree(1, veritas.AddTreeType.REGR)
    for sign, t in zip(signs, model.trees):
        if sign == 0:
            continue
        tree = result.add_tree()
        stack = [(tree.root(), 0)]
        while stack:
            at, node = stack.pop()
            if t["left"][node] < 0:
                tree.set_leaf_value(at, 0, sign * t["value"][node])
            else:
                tree.split(at, int(t["column"][node]), float(t["value"][node]))
                stack += [(tree.left(at), t["left"][node]), (tree.right(at), t["right"][node])]
    result.set_base_score(0, model.base * (signs[0] if model.classes == 1 else 0))
    return result


def veritas_point(model, row, predicted, trees, radii, limit):
    import veritas

    begin = time.process_time()
    best = len(radii)
    for at in trees:
        low, high, step = -1, best, 64
        while high - low > 1:
            if best < len(radii) and high == best and low == -1:
                # why: below a bound that another class has set, one question decides.
                middle = high - 1
            elif high == len(radii):
                # why: boxes far beyond the answer take very long, so it is approached from below.
                middle = min(low + step, high - 1)
                step *= 2
            else:
                middle = (low + high) // 2
            reach = radii[middle] + TINY
            box = [veritas.Interval(float(v) - reach, float(v) + reach) for v in row]
            config = veritas.Config(veritas.HeuristicType.MAX_OUTPUT)
            config.ignore_state_when_worse_than = 0.0
            config.stop_when_num_solutions_exceeds = 1
            config.stop_when_optimal = True
            config.max_memory = 4 << 30
            search = config.get_search(at, box)
            while True:
                reason = search.step_for(1.0, 100)
                if reason not in (veritas.StopReason.NONE, veritas.StopReason.OUT_OF_TIME) or time.process_time() - begin > limit:
                    break
            if time.process_time() - begin > limit or reason == veritas.StopReason.OUT_OF_MEMORY:
                return np.nan, time.process_time() - begin
            if search.num_solutions() > 0 and search.get_solution(0).output > 0:
                distance = 0.0
                for feature, interval in search.get_solution(0).box().items():
                    distance = max(distance, interval.lo - row[feature], row[feature] - interval.hi)
                high = min(middle, int(np.searchsorted(radii, distance - TINY)))
            else:
                low = middle
        best = min(best, high)
    return (radii[best] if best < len(radii) else np.inf), time.process_time() - begin


# MILP


def milp_point(model, row, signs, limit, bound=np.inf):
    import highspy

    begin = time.process_time()
    h = highspy.Highs()
    h.setOptionValue("output_flag", False)
    h.setOptionValue("threads", 1)
    h.setOptionValue("time_limit", float(limit))
    h.setOptionValue("mip_rel_gap", 0.0)
    h.setOptionValue("mip_abs_gap", 1e-9)
    inf = highspy.kHighsInf
    radius = h.addVariable(0, bound if np.isfinite(bound) else inf, 1.0)
    below = {}
    for column, values in sorted(model.thresholds().items()):
        last = None
        for value in sorted(values):
            # 1 where x < value
            variable = h.addBinary()
            below[column, value] = variable
            if last is not None:
                h.addConstr(variable >= last)
            last = variable
            if row[column] < value:
                h.addConstr(radius + (value - float(row[column])) * variable >= value - float(row[column]))
            else:
                h.addConstr(radius >= (float(row[column]) - value) * variable)
    total = []
    for sign, t in zip(signs, model.trees):
        if sign == 0:
            continue
        leaves = {}

        def under(node):
            if t["left"][node] < 0:
                leaves[node] = h.addVariable(0, 1)
                return [leaves[node]]
            left, right = under(t["left"][node]), under(t["right"][node])
            test = below[int(t["column"][node]), float(t["value"][node])]
            h.addConstr(h.qsum(left) <= test)
            h.addConstr(h.qsum(right) + test <= 1)
            return left + right

        h.addConstr(h.qsum(under(0)) == 1)
        total += [sign * t["value"][node] * variable for node, variable in leaves.items()]
    base = model.base * (signs[0] if model.classes == 1 else 0)
    h.addConstr(h.qsum(total) >= -base)
    h.run()
    seconds = time.process_time() - begin
    status = h.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return np.inf, seconds
    if status != highspy.HighsModelStatus.kOptimal:
        return np.nan, seconds
    return h.getInfo().objective_function_value, seconds


def main(tool, folder, name, points, limit=600.0):
    sys.setrecursionlimit(10000)
    model = Trees(f"{folder}/{name}.xgb.json")
    table = np.genfromtxt(f"{folder}/{name}.points.csv", delimiter=",", skip_header=1, dtype=np.float64)
    rows = table[: int(points), 2:].astype(np.float32)
    prepared = {}
    thresholds = model.thresholds()
    with open(f"{folder}/{name}.{tool}.csv", "w") as file:
        file.write("row,predicted,linf,seconds\n")
        for index, row in enumerate(rows):
            predicted = model.predicted(row)
            if tool == "veritas":
                if predicted not in prepared:
                    prepared[predicted] = [addtree(model, signs) for signs in model.rivals(predicted)]
                radii = np.unique(np.concatenate(
                    [[0.0]] + [np.abs(np.array(sorted(v)) - float(row[c])) for c, v in thresholds.items()]))
                distance, seconds = veritas_point(model, row, predicted, prepared[predicted], radii, float(limit))
            else:
                distance, seconds = np.inf, 0.0
                for signs in model.rivals(predicted):
                    found, spent = milp_point(model, row, signs, float(limit) - seconds, distance)
                    seconds += spent
                    distance = np.fmin(distance, found) if not np.isnan(found) else np.nan
                    if np.isnan(distance):
                        break
            file.write(f"{index},{predicted},{distance:.9g},{seconds:.6f}\n")
            file.flush()
            if np.isnan(distance):
                break


if __name__ == "__main__":
    main(*sys.argv[1:])
