import CasemateCore
import CasemateDetect
import TestSupport
import Testing

/// Confident learning against cleanlab 2.9.0, on the same probabilities: `Tests/Reference/make_label_figures.py`.
@Suite struct ConfidentLearningTests {
    private struct Case {
        let name: String, figures: Figures
        let learning: ConfidentLearning
    }

    private func cases() throws -> [Case] {
        try Figures("figures/labels.json")["cases"].list.map { figures in
            let learning = try ConfidentLearning(
                labels: figures["labels"].ints.map(Int32.init),
                probabilities: figures["probabilities"].list.flatMap(\.doubles), classes: figures["classes"].int ?? 0)
            return Case(name: figures["name"].text ?? "", figures: figures, learning: learning)
        }
    }

    @Test func flagsAreThoseOfCleanlab() throws {
        let cases = try cases()
        #expect(cases.count == 31)
        for one in cases {
            for method in ConfidentLearning.Method.allCases {
                let flags = one.learning.issues(method)
                #expect(
                    flags.indices.filter { flags[$0] } == one.figures["flags"][method.rawValue].ints,
                    "\(one.name), \(method)")
            }
        }
    }

    @Test func jointsThresholdsAndCountsAreThoseOfCleanlab() throws {
        for one in try cases() {
            let (learning, figures) = (one.learning, one.figures)
            #expect(learning.confidentJoint == figures["confident_joint"].list.flatMap(\.ints), "\(one.name)")
            #expect(learning.calibratedJoint == figures["calibrated"].list.flatMap(\.ints), "\(one.name)")
            #expect(agree(learning.noise, figures["noise"].double, tolerance: 1e-12), "\(one.name)")
            #expect(learning.issueCount == figures["issues"].int, "\(one.name)")
            let pairs = zip(learning.thresholds, figures["thresholds"].doubles)
            #expect(pairs.allSatisfy { agree($0, $1, tolerance: 1e-12) }, "\(one.name)")
        }
    }

    @Test func ranksAndQualitiesAreThoseOfCleanlab() throws {
        for one in try cases() {
            for ranking in ConfidentLearning.Ranking.allCases {
                let order = one.learning.rankedIssues(by: ranking)
                #expect(order == one.figures["order"][ranking.rawValue].ints, "\(one.name), \(ranking)")
                let pairs = zip(one.learning.quality(ranking), one.figures["quality"][ranking.rawValue].doubles)
                #expect(pairs.allSatisfy { agree($0, $1, tolerance: 1e-12) }, "\(one.name), \(ranking)")
            }
        }
    }

    /// What must hold for any probabilities, those of a model that knows nothing included.
    @Test func countsAddUpAndNoClassIsEmptied() throws {
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let (rows, classes) = (Int.random(in: 4..<80, using: &generator), Int.random(in: 2..<7, using: &generator))
            var labels = (0..<rows).map { _ in Int32.random(in: 0..<Int32(classes), using: &generator) }
            (labels[0], labels[1]) = (0, 1)
            let probabilities = (0..<rows * classes).map { _ in generator.uniformDouble() }
            let learning = try ConfidentLearning(labels: labels, probabilities: probabilities, classes: classes)
            for label in 0..<classes {
                let row = learning.calibratedJoint[label * classes..<(label + 1) * classes]
                #expect(row.reduce(0, +) == labels.count { $0 == label } && row.allSatisfy { $0 >= 0 }, "\(seed)")
            }
            #expect((0...1).contains(learning.noise))
            let flags = learning.issues(.pruneByClass)
            for label in Set(labels) { #expect(labels.indices.contains { labels[$0] == label && !flags[$0] }) }
            let noise = learning.noiseMatrix
            for true_ in 0..<classes {
                let column = noise[true_ * classes..<(true_ + 1) * classes].compactMap { $0 }
                #expect(column.isEmpty || abs(column.reduce(0, +) - 1) < 1e-9, "\(seed)")
            }
        }
    }

    @Test func badInputIsRefused() {
        func refusal(_ labels: [Int32], _ probabilities: [Double], _ classes: Int) -> CasemateError.Code? {
            do {
                _ = try ConfidentLearning(labels: labels, probabilities: probabilities, classes: classes)
                return nil
            } catch { return error.code }
        }
        #expect(refusal([0, 1], [0.5, 0.5, 0.5], 2) == .mismatch)
        #expect(refusal([], [], 2) == .mismatch)
        #expect(refusal([0, 0], [1, 1], 1) == .mismatch)
        #expect(refusal([0, 2], [0.5, 0.5, 0.5, 0.5], 2) == .unusableData)
        #expect(refusal([0, -1], [0.5, 0.5, 0.5, 0.5], 2) == .unusableData)
        #expect(refusal([0, 1], [0.5, .nan, 0.5, 0.5], 2) == .unusableData)
        #expect(refusal([0, 1], [0.5, 1.5, 0.5, 0.5], 2) == .unusableData)
        #expect(refusal([1, 1], [0.5, 0.5, 0.5, 0.5], 2) == .unusableData)
        #expect(refusal([0, 1], [0.5, 0.5, 0.5, 0.5], Int.max) == .mismatch)
    }
}
