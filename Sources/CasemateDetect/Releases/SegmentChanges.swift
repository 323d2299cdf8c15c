import CasemateCore
import CasemateData
import Foundation

/// Finds the segments in which a release moved scores much more than elsewhere: searched on one half of the rows, tested
/// on the other.
struct SegmentChanges {
    private let answers: ReleaseComparison.Answers
    private let old: [Double], new: [Double]
    private let changes: [Double], flips: [Double]
    private let matrix: FeatureMatrix
    private let settings: ReleaseComparison.Settings
    private let seed: UInt64
    /// Rows of the search half at most; all others are tested on.
    private let searchRows = 20_000

    init(
        _ answers: ReleaseComparison.Answers, _ scores: (old: [Double], new: [Double]), _ flips: [Double],
        _ matrix: FeatureMatrix, _ settings: ReleaseComparison.Settings, seed: UInt64
    ) {
        (self.answers, self.flips, self.matrix, self.settings) = (answers, flips, matrix, settings)
        (old, new, self.seed) = (scores.old, scores.new, seed)
        changes = zip(scores.new, scores.old).map { $0 - $1 }
    }

    func run(_ cancellation: Cancellation) throws -> [ReleaseComparison.Moved] {
        guard changes.contains(where: { $0 != 0 }) else { return [] }
        var generator = SeededGenerator(seed: seed, stream: 0x0E1E)
        let order = Array(0..<matrix.count).shuffled(using: &generator)
        let cut = min(matrix.count / 2, searchRows)
        let (search, test) = (order[..<cut].sorted(), order[cut...].sorted())
        let peeling = SegmentPeeling(
            conditions: settings.conditions, minimumRows: max(2, settings.minimumRows / 2), most: settings.segments)
        let candidates = try peeling.segments(of: matrix, values: changes, rows: search, cancellation: cancellation)
        var rest = test
        var tested: [Judged] = []
        for segment in candidates {
            guard let judged = judged(segment, test, others: rest) else { continue }
            tested.append(judged)
            // why: rows that moved already would make all that stayed look as if it had moved the other way.
            rest.removeAll { segment.contains(matrix[row: $0]) }
        }
        // why: scores and decisions of each segment are tested, so both count.
        let adjusted = HypothesisTests.holm(tested.flatMap { [$0.scores, $0.decisions] })
        let clear = tested.indices.filter { adjusted[2 * $0] < settings.alpha && tested[$0].isLarge }
        return widest(clear, tested, test).map { index in
            let decisions = adjusted[2 * index + 1]
            return moved(
                tested[index], pValue: adjusted[2 * index], decisions: decisions < settings.alpha ? decisions : nil)
        }.sorted { abs($0.found.inside - $0.found.outside) > abs($1.found.inside - $1.found.outside) }
    }

    /// Without segments that lie within a wider one that moved alike: the wider one is the branch.
    private func widest(_ clear: [Int], _ tested: [Judged], _ test: [Int]) -> [Int] {
        let rows = clear.map { index in Set(test.filter { tested[index].segment.contains(matrix[row: $0]) }) }
        return clear.indices.filter { one in
            !clear.indices.contains { other in
                guard rows[other].count > rows[one].count else { return false }
                // why: what moved far more than the rows around it is worth a line of its own.
                let isAlike = tested[clear[other]].difference / tested[clear[one]].difference >= 0.4
                return isAlike && Double(rows[one].intersection(rows[other]).count) >= 0.9 * Double(rows[one].count)
            }
        }.map { clear[$0] }
    }

    // MARK: Test

    private struct Judged {
        let segment: Segment
        /// Rows of the test half inside.
        let inside: Int
        let insideMean: Double, outsideMean: Double
        let scores: Double, decisions: Double
        let isLarge: Bool
        var difference: Double { insideMean - outsideMean }
    }

    private func judged(_ segment: Segment, _ test: [Int], others: [Int]) -> Judged? {
        let inside = test.filter { segment.contains(matrix[row: $0]) }
        let outside = others.filter { !segment.contains(matrix[row: $0]) }
        guard inside.count >= max(5, settings.minimumRows / 3), outside.count > 1 else { return nil }
        let (one, two) = (Moments(inside.map { changes[$0] }), Moments(outside.map { changes[$0] }))
        let difference = one.mean - two.mean
        let large = max(settings.minimumChange, settings.minimumDeviations * two.variance.squareRoot())
        let direction = difference < 0 ? -1.0 : 1
        let (in1, out1) = (inside.count { flips[$0] == direction }, outside.count { flips[$0] == direction })
        let rest = (inside.count - in1, outside.count - out1)
        let isMore = in1 * outside.count > out1 * inside.count
        return Judged(
            segment: segment, inside: inside.count, insideMean: one.mean, outsideMean: two.mean,
            scores: Moments.welch(one, two),
            decisions: isMore ? HypothesisTests.fisherExact(in1, rest.0, out1, rest.1) : 1,
            isLarge: abs(difference) >= large)
    }

    // MARK: Words

    private func moved(_ judged: Judged, pValue: Double, decisions: Double?) -> ReleaseComparison.Moved {
        let rows = (0..<matrix.count).filter { judged.segment.contains(matrix[row: $0]) }
        func mean(_ values: [Double]) -> Double { Moments(rows.map { values[$0] }).mean }
        let own = Moments(rows.map { changes[$0] })
        let reach = Distributions.normalQuantile(0.975) * (own.variance / Double(rows.count)).squareRoot()
        let right = ReleaseComparison.right(answers, rows: rows)
        let isDecided = PairedDecisions.mcNemar(right.old, right.new) < 0.05
        let found = FoundSegment(
            segment: judged.segment, count: rows.count, tested: judged.inside, inside: judged.insideMean,
            outside: judged.outsideMean, pValue: pValue)
        return ReleaseComparison.Moved(
            found: found, interval: rows.count > 1 ? Interval(own.mean - reach, own.mean + reach) : nil,
            old: mean(old), new: mean(new), gained: rows.count { flips[$0] > 0 }, lost: rows.count { flips[$0] < 0 },
            decisionsPValue: decisions, onlyOldRight: right.old, onlyNewRight: right.new,
            support: !isDecided ? .undecided : right.new > right.old ? .better : .worse)
    }
}

/// Mean and variance of numbers.
struct Moments {
    let count: Double, mean: Double, variance: Double

    init(_ values: [Double]) {
        count = Double(values.count)
        let centre = values.reduce(0, +) / max(1, count)
        mean = centre
        variance = values.reduce(0) { $0 + ($1 - centre) * ($1 - centre) } / max(1, count - 1)
    }

    /// Two-sided p-value of Welch's test that two means are equal; 1 when nothing varies and the means are the same.
    static func welch(_ one: Moments, _ two: Moments) -> Double {
        let (a, b) = (one.variance / one.count, two.variance / two.count)
        guard a + b > 0 else { return one.mean == two.mean ? 1 : 0 }
        let t = abs(one.mean - two.mean) / (a + b).squareRoot()
        let degrees = (a + b) * (a + b) / (a * a / max(1, one.count - 1) + b * b / max(1, two.count - 1))
        return min(1, 2 * Distributions.studentSurvival(t, degrees: max(1, degrees)))
    }
}
