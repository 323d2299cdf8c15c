public import CasemateCore
public import CasemateData
public import CasemateModels
import Foundation

/// Whether two samples fall into the leaves of a model's trees alike: activation analysis of tree models.
///
/// Small leaves are joined (`LeafCells`), the chi-square statistics of all trees are added up, and the sum is compared
/// with what it is when rows change samples at random. Trees of one model are far from independent, so that no table of
/// the chi-square distribution would do. Deterministic in the seed.
/// Sources: Hall and colleagues on activation analysis of tree models; Pesarin, "Multivariate Permutation Tests", 2001;
/// Lin, "Divergence measures based on the Shannon entropy", 1991.
///
/// The split points of a tree were chosen on the training rows. That makes those rows fall a little differently than
/// fresh ones where leaves are tiny, which the joining takes most of; `docs/probes/leaf_shift.md` has the measured rate
/// of false alarms.
public struct LeafShift: Hashable, Sendable {
    /// How it is tested.
    public struct Settings: Hashable, Sendable {
        /// Random changes of samples.
        public var permutations = 499
        /// Fewest pooled rows of a cell, and fewest expected ones in the smaller sample.
        public var minimumCell = 20, minimumExpected = 5
        /// Most conditions of a segment, and most segments reported.
        public var conditions = 3, segments = 5
        /// Segments with a larger adjusted p-value are not reported.
        public var alpha = 0.05
        /// Makes the defaults.
        public init() {}
    }
    /// A segment that one sample holds more of.
    public struct Shifted: Hashable, Sendable {
        /// Where.
        public let segment: Segment
        /// Rows of it in the reference and in the current sample.
        public let reference: Int, current: Int
        /// Newcombe's 95 % interval of the current share minus the reference's.
        public let difference: Interval?
        /// p-value, adjusted by Holm over all segments that trees name.
        public let pValue: Double
    }
    /// Rows of the two samples.
    public let reference: Int, current: Int
    /// Number of trees and of cells.
    public let trees: Int, cells: Int
    /// Sum of the trees' chi-square statistics, and its mean where samples are mixed at random.
    public let statistic: Double, expected: Double
    /// Share of random mixtures with at least this statistic, the observed one counted in.
    public let pValue: Double
    /// Population stability index and Jensen-Shannon divergence in nats: mean over trees, minus the mean where samples
    /// are mixed at random; below 0 by chance alone.
    public let stability: Double, divergence: Double
    /// Segments that gained or lost most, the clearest first.
    public let segments: [Shifted]
    /// Number of segments that were looked at.
    public let segmentsTested: Int

    /// Compares two samples.
    /// - Parameters:
    ///   - model: The trees.
    ///   - reference: Rows to compare with, such as training rows; over the model's features.
    ///   - current: Rows in question, such as test rows; over the same features.
    ///   - settings: How it is tested.
    ///   - seed: Of the permutations.
    ///   - cancellation: Looked at between permutations.
    /// - Throws: what the engine throws, `unusableData` when either sample has no row, `Cancelled`.
    public init(
        _ model: TreeModel, reference: FeatureMatrix, current: FeatureMatrix, settings: Settings = .init(),
        seed: UInt64, cancellation: Cancellation
    ) throws {
        let (old, new) = (reference.count, current.count)
        guard old > 0, new > 0 else {
            throw CasemateError(
                .unusableData, at: "leaves", "a sample without a row", help: "give both samples rows to compare")
        }
        let leaves =
            try model.leaves(reference, cancellation: cancellation)
            + model.leaves(current, cancellation: cancellation)
        let share = Double(min(old, new)) / Double(old + new)
        let least = max(settings.minimumCell, Int((Double(settings.minimumExpected) / share).rounded(.up)))
        let cells = LeafCells(model.ensemble, leaves: leaves, minimum: least)
        let test = try LeafPermutation(cells, old: old, new: new, trees: model.ensemble.trees)
            .run(settings.permutations, seed: seed, cancellation: cancellation)
        (self.reference, self.current, trees, self.cells) = (old, new, model.ensemble.trees, cells.count)
        (statistic, expected, pValue) = (test.statistic, test.expected, test.pValue)
        (stability, divergence) = (test.stability, test.divergence)
        let pooled = FeatureMatrix(features: reference.features, values: reference.values + current.values)
        let search = LeafSegments(model, pooled: pooled, leaves: leaves, old: old, minimum: least, settings: settings)
        let found = try search.run(cells, cancellation)
        (segments, segmentsTested) = (found.shifted, found.tested)
    }
}

/// The test of all trees at once.
struct LeafPermutation {
    struct Result {
        var statistic = 0.0, expected = 0.0, pValue = 1.0, stability = 0.0, divergence = 0.0
    }
    private let cells: LeafCells
    private let old: Int, new: Int, trees: Int

    init(_ cells: LeafCells, old: Int, new: Int, trees: Int) {
        (self.cells, self.old, self.new, self.trees) = (cells, old, new, trees)
    }

    func run(_ permutations: Int, seed: UInt64, cancellation: Cancellation) throws -> Result {
        let all = old + new
        // why: the smaller sample is cheaper to count, and the statistic is the same for both.
        let (first, drawn) = old <= new ? (0, old) : (old, new)
        let counts = self.counts(of: first..<first + drawn)
        var result = Result()
        result.statistic = chiSquare(counts, drawn)
        let measures = distances(counts, drawn)
        var (reached, sum, mean) = (1, 0.0, (psi: 0.0, js: 0.0))
        // why: means need fewer draws than a tail, and logarithms cost most of the time.
        let measured = min(permutations, 50)
        var order = Array(0..<all)
        for permutation in 0..<permutations {
            try cancellation.check()
            var generator = SeededGenerator(seed: seed, stream: 0x1EAF_0000 + UInt64(permutation))
            for position in 0..<drawn {
                order.swapAt(position, Int.random(in: position..<all, using: &generator))
            }
            let mixed = self.counts(of: order[0..<drawn])
            let value = chiSquare(mixed, drawn)
            sum += value
            // why: the observed mixture must count as reached in spite of rounding.
            if value >= result.statistic * (1 - 1e-12) { reached += 1 }
            if permutation < measured {
                let other = distances(mixed, drawn)
                mean = (mean.psi + other.psi / Double(measured), mean.js + other.js / Double(measured))
            }
        }
        result.expected = permutations > 0 ? sum / Double(permutations) : .nan
        result.pValue = Double(reached) / Double(permutations + 1)
        (result.stability, result.divergence) = (measures.psi - mean.psi, measures.js - mean.js)
        return result
    }

    private func counts(of rows: some Sequence<Int>) -> [Int32] {
        var counts = [Int32](repeating: 0, count: cells.count)
        cells.codes.withUnsafeBufferPointer { codes in
            counts.withUnsafeMutableBufferPointer { counts in
                for row in rows { for cell in row * trees..<(row + 1) * trees { counts[Int(codes[cell])] += 1 } }
            }
        }
        return counts
    }

    private func chiSquare(_ counts: [Int32], _ drawn: Int) -> Double {
        let share = Double(drawn) / Double(old + new)
        var sum = 0.0
        for (cell, count) in counts.enumerated() {
            let expected = Double(cells.sizes[cell]) * share
            let excess = Double(count) - expected
            sum += excess * excess / (expected * (1 - share))
        }
        return sum
    }

    /// Means over trees of the population stability index and of the Jensen-Shannon divergence.
    private func distances(_ counts: [Int32], _ drawn: Int) -> (psi: Double, js: Double) {
        var sizes = [Int](repeating: 0, count: trees)
        for tree in cells.trees { sizes[Int(tree)] += 1 }
        let rest = old + new - drawn
        var (psi, js) = (0.0, 0.0)
        for (cell, count) in counts.enumerated() {
            // why: half a row in every cell keeps logarithms finite.
            let smooth = 0.5 * Double(sizes[Int(cells.trees[cell])])
            let one = (Double(count) + 0.5) / (Double(drawn) + smooth)
            let two = (Double(cells.sizes[cell] - Int(count)) + 0.5) / (Double(rest) + smooth)
            let middle = (one + two) / 2
            psi += (one - two) * log(one / two)
            js += (one * log(one / middle) + two * log(two / middle)) / 2
        }
        return (psi / Double(max(1, trees)), js / Double(max(1, trees)))
    }
}
