public import CasemateCore
public import CasemateData

/// Finds segments of the data in which the mean of a value differs from the rest: subgroup discovery by beam search.
///
/// Conditions are cuts at quantiles, single values of numbers that have few, levels of categories, and missing values.
/// The rows are split into halves by the seed: segments are searched on one, tested on the other, and their p-values
/// adjusted by Holm over those tested, so that searching far and wide costs nothing in false alarms. The rows of a
/// segment are taken out before the next is searched and tested, so that one that adds little over those before it
/// does not come up. A condition is added only where it sharpens the segment clearly. Deterministic in the seed.
///
/// Finds no interaction of features of which none matters by itself. Sources: Klösgen, "Explora: a multipattern and
/// multistrategy discovery assistant", 1996 (mean test as quality); Lavrač et al., "Subgroup discovery with CN2-SD",
/// JMLR 2004 (covering).
public struct SegmentSearch: Sendable {
    /// Which differences are looked for.
    public enum Direction: Sendable { case any, higher, lower }
    /// Most conditions of a segment.
    public var depth: Int
    /// Fewest rows of a segment.
    public var minimumRows: Int
    /// Most segments reported.
    public var most: Int
    /// Segments with a larger adjusted p-value are not reported.
    public var alpha: Double
    /// Which differences are looked for.
    public var direction: Direction
    /// Rows of the search half at most; the test half holds all others.
    private let searchRows = 50_000
    /// Square of a normal deviate from which a segment is worth testing, and what every further condition must add.
    private let worthTesting = 6.0, worthACondition = 8.0

    /// Makes a search.
    public init(
        depth: Int = 2, minimumRows: Int = 30, most: Int = 5, alpha: Double = 0.05, direction: Direction = .any
    ) {
        precondition(depth > 0 && minimumRows > 1 && most > 0, "depth, minimumRows and most must be positive")
        (self.depth, self.minimumRows, self.most) = (depth, minimumRows, most)
        (self.alpha, self.direction) = (alpha, direction)
    }

    /// Segments whose mean of `values` differs from the rest, the clearest first; none below four times the fewest
    /// rows.
    /// - Parameters:
    ///   - matrix: The rows.
    ///   - values: One finite number a row; 0 and 1 alone are tested as shares, exactly.
    ///   - seed: Of the split into halves.
    ///   - cancellation: Looked at between steps of the search.
    /// - Throws: `Cancelled`.
    public func segments(
        of matrix: FeatureMatrix, values: [Double], seed: UInt64, cancellation: Cancellation
    ) throws -> [FoundSegment] {
        precondition(matrix.count == values.count, "\(values.count) values for \(matrix.count) rows")
        guard matrix.count >= 4 * minimumRows else { return [] }
        let (search, test) = halves(matrix.count, seed: seed)
        let candidates = try candidates(matrix, values, search, cancellation)
        return judged(candidates, matrix, values, test)
    }

    /// Row indices to search on and to test on, each ascending.
    private func halves(_ count: Int, seed: UInt64) -> (search: [Int], test: [Int]) {
        var generator = SeededGenerator(seed: seed, stream: 0x5E6)
        let order = Array(0..<count).shuffled(using: &generator)
        let cut = min(count / 2, searchRows)
        return (order[..<cut].sorted(), order[cut...].sorted())
    }

    // MARK: Search

    private func candidates(
        _ matrix: FeatureMatrix, _ values: [Double], _ search: [Int], _ cancellation: Cancellation
    ) throws -> [Segment] {
        let bins = SegmentBins(matrix, rows: search, minimumRows: max(2, minimumRows / 2), direction: direction)
        let own = search.map { values[$0] }
        var left = Array(search.indices)
        var found: [Segment] = []
        var isTaken = [Bool](repeating: false, count: search.count)
        for _ in 0..<2 * most where found.count < most && left.count >= 2 * minimumRows {
            try cancellation.check()
            guard let best = try best(bins, own, left, cancellation) else { break }
            // why: a wider cut around a segment that is known adds little; where values rise slowly there are many.
            let known = search.indices.count { isTaken[$0] && best.segment.contains(matrix[row: search[$0]]) }
            if known <= best.rows.count { found.append(best.segment) }
            for row in best.rows { isTaken[row] = true }
            left.removeAll { isTaken[$0] }
        }
        return found
    }

    /// The clearest segment of the rows that are left, `nil` when none is worth a test.
    private func best(
        _ bins: SegmentBins, _ values: [Double], _ left: [Int], _ cancellation: Cancellation
    ) throws -> SegmentBins.Candidate? {
        let moments = SegmentMoments(left.map { values[$0] })
        var parents = [SegmentBins.Candidate(segment: Segment([]), quality: 0, rows: left)]
        var best: SegmentBins.Candidate?
        for _ in 1...depth {
            var found: [SegmentBins.Candidate] = []
            var seen: Set<Segment> = []
            for parent in parents {
                try cancellation.check()
                let finer = bins.refinements(of: parent, values, moments)
                found += finer.filter { seen.insert($0.segment).inserted }
            }
            // why: equal quality keeps the order of creation, which is the same on every machine.
            let order = found.indices.sorted { (found[$1].quality, $0) < (found[$0].quality, $1) }
            parents = order.prefix(bins.beam).map { found[$0] }
            if parents.isEmpty { break }
            // why: a segment and its complement differ alike; the smaller one is the exception.
            let small = parents.first { direction != .any || 2 * $0.rows.count <= left.count }
            guard let first = small else { continue }
            let needed = best.map { $0.quality + worthACondition } ?? 0
            if first.quality > needed { best = first }
        }
        return best.flatMap { $0.quality >= worthTesting ? $0 : nil }
    }

    // MARK: Test

    private func judged(
        _ candidates: [Segment], _ matrix: FeatureMatrix, _ values: [Double], _ test: [Int]
    ) -> [FoundSegment] {
        var left = test
        var tested: [(found: FoundSegment, pValue: Double)] = []
        let total = test.reduce(0) { $0 + values[$1] }
        for segment in candidates {
            func isInside(_ row: Int) -> Bool { segment.contains(matrix[row: row]) }
            let count = (0..<matrix.count).count(where: isInside)
            let inside = test.filter(isInside)
            let fresh = left.filter(isInside)
            let moments = SegmentMoments(left.map { values[$0] })
            guard count >= minimumRows, fresh.count >= 2, inside.count < test.count,
                let pValue = moments.pValue(of: fresh.map { values[$0] }, direction: direction)
            else { continue }
            let sum = inside.reduce(0) { $0 + values[$1] }
            let found = FoundSegment(
                segment: segment, count: count, tested: inside.count, inside: sum / Double(inside.count),
                outside: (total - sum) / Double(test.count - inside.count), pValue: pValue)
            tested.append((found, pValue))
            left.removeAll(where: isInside)
        }
        let adjusted = HypothesisTests.holm(tested.map(\.pValue))
        return zip(tested, adjusted).enumerated().filter { $0.element.1 < alpha }
            .sorted { ($0.element.1, $0.offset) < ($1.element.1, $1.offset) }
            .map { $0.element.0.found.adjusted(to: $0.element.1) }
    }
}

extension FoundSegment {
    func adjusted(to pValue: Double) -> FoundSegment {
        FoundSegment(
            segment: segment, count: count, tested: tested, inside: inside, outside: outside, pValue: pValue)
    }
}
