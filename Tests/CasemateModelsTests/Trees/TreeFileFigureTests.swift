import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Tree files answer what their libraries answer: random rows, and values on and beside every threshold, NaN,
/// infinities, zeros and odd categories.
@Suite struct TreeFileFigureTests {
    @Test(arguments: ["xgboost", "xgboost17", "lightgbm"]) func answersLikeTheLibrary(family: String) throws {
        let figures = try TreeFigures(family)
        let rows = figures.entries.reduce(0) { $0 + $1.count }
        #expect(rows >= (family == "xgboost17" ? 2_000 : 10_000))
        for entry in figures.entries {
            let model = try TreeFileModel(path: entry.path)
            #expect(model.featureNames == entry.names, "\(entry.file)")
            let found = try model.predict(rows: entry.rows, count: entry.count, cancellation: Cancellation())
            try expectSame(found, entry)
        }
    }

    private func expectSame(_ found: Predictions, _ entry: TreeFigures.Entry) throws {
        let classes = found.classes.count
        var (worst, wrong) = (0.0, 0)
        for row in 0..<entry.count {
            let wanted = entry.answers[row * entry.scores..<(row + 1) * entry.scores].map(Double.init)
            let scores = found.scores[row * max(1, classes)..<(row + 1) * max(1, classes)].map(Double.init)
            switch entry.objective {
            case "binary:logitraw":
                worst = max(worst, abs(scores[1] - 1 / (1 + exp(-wanted[0]))))
                wrong += (found.labels[row] == 1) == (wanted[0] > 0) ? 0 : 1
            case "multi:softmax":
                worst = max(worst, zip(scores, wanted).map { abs($0 - $1) }.max() ?? 1)
                wrong += Double(found.labels[row]) == wanted[3] ? 0 : 1
            default:
                let own = classes == 2 ? [scores[1]] : scores
                try #require(own.count == wanted.count)
                worst = max(worst, zip(own, wanted).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 1)
                if found.task == .binary { wrong += (found.labels[row] == 1) == (wanted[0] > 0.5) ? 0 : 1 }
                if found.task == .multiclass, let top = wanted.max() {
                    wrong += wanted[Int(found.labels[row])] == top ? 0 : 1
                }
            }
        }
        #expect(worst <= 1e-6 && wrong == 0, "\(entry.file): \(worst) away, \(wrong) labels differ")
    }

    /// One walk, however it is spread: rows by themselves, in tiles, on threads, node by node.
    @Test func everyWayOfScoringIsTheSame() throws {
        for family in ["xgboost", "lightgbm"] {
            for entry in try TreeFigures(family).entries {
                let model = try TreeFileModel(path: entry.path)
                let trees = model.ensemble
                let scorer = TreeScorer(trees)
                let rows = [Float](repeatElement(entry.rows, count: 10).joined())
                let leaves = try scorer.leaves(rows, width: entry.width, threads: 2)
                let single = (0..<entry.count).flatMap { row -> [Int32] in
                    let part = Array(entry.rows[row * entry.width..<(row + 1) * entry.width])
                    return (try? trees.leaves(part, width: entry.width)) ?? []
                }
                #expect(Array(leaves.prefix(single.count)) == single, "\(entry.file)")
                let sums = try scorer.sums(rows, width: entry.width, threads: 1)
                #expect(sums == trees.sums(leaves), "\(entry.file)")
                #expect(try scorer.sums(rows, width: entry.width, threads: 3) == sums, "\(entry.file)")
            }
        }
    }
}
