public import CasemateCore

/// Rows with the answers that a model gave to them: what honest traffic looks like, and what is watched.
public struct AnsweredRows: Sendable {
    /// Columns of a row.
    public let width: Int
    /// Values, `[count, width]` row-major; NaN is a missing value.
    public var values: [Float]
    /// Index of the predicted class, or the value of a regression; empty where it is not known.
    public var predictions: [Double]
    /// Largest and second largest probability; empty where they are not known.
    public var top: [Double], second: [Double]
    /// Number of rows.
    public var count: Int { width == 0 ? 0 : values.count / width }

    /// Takes rows; `predictions`, `top` and `second` have one number a row or none.
    public init(
        width: Int, values: [Float], predictions: [Double] = [], top: [Double] = [], second: [Double] = []
    ) {
        (self.width, self.values, self.predictions) = (width, values, predictions)
        (self.top, self.second) = (top, second)
    }

    /// The rows with the given indices.
    func rows(_ indices: [Int]) -> AnsweredRows {
        func picked(_ numbers: [Double]) -> [Double] { numbers.isEmpty ? [] : indices.map { numbers[$0] } }
        return AnsweredRows(
            width: width, values: indices.flatMap { values[$0 * width..<($0 + 1) * width] },
            predictions: picked(predictions), top: picked(top), second: picked(second))
    }
}

/// What the monitor knows of honest traffic: reference rows, their distances among themselves, and from these how often
/// each signal's question is answered with yes. Nothing in it is fitted to attacks, and nothing to traffic.
public final class PatternReference: Sendable {
    /// Fewest and most reference rows: with fewer no share of one in twenty can be known; of more a sample is taken.
    public static let fewestRows = 40, mostRows = 4_000
    /// Measurement error that honest rows may have, as a share of a column's range.
    public static let tolerance = 0.05
    /// Nearest rows whose mean distance says how far a row is from the reference.
    static let neighbours = 3
    /// Columns of a row.
    public let width: Int
    /// What cannot be seen with these rows, a clause each, such as `low_margin: no probabilities`.
    public let blind: [String]
    /// Rows that are in use.
    public var count: Int { fingerprints.count }

    let space: RowSpace
    let strata: PatternStrata
    let limits: PatternLimits
    let steps: StepPattern
    private let points: [Float], sketches: [Float]
    private let fingerprints: [UInt64]
    private let principal: PrincipalSpace
    private let forest: ContrastForest
    private let candidates: Int

    /// Profiles reference rows.
    /// - Parameters:
    ///   - place: File or setting that errors name.
    ///   - tolerance: How far honest values may be from those of reference rows by measurement, as a share of the range
    ///     of their column (one standard deviation).
    /// - Throws: `unusableData` for too few different rows; `Cancelled`.
    public init(
        _ given: AnsweredRows, place: String, tolerance: Double = PatternReference.tolerance, context: RunContext
    ) throws {
        guard given.width > 0, given.count >= Self.fewestRows else {
            throw CasemateError(
                .unusableData, at: place, "\(given.count) reference rows; at least \(Self.fewestRows) are needed",
                help: "give rows that the model may be asked in honest use, such as its training rows")
        }
        let rows = Self.sampled(given, seed: context.seed)
        width = rows.width
        let space = RowSpace(rows.values, width: rows.width, seed: context.seed)
        var (points, sketches, fingerprints) = ([Float](), [Float](), [UInt64]())
        var (again, measured) = ([Float](), [Float]())
        var generator = SeededGenerator(seed: context.seed, stream: 77)
        let normal = NormalSampler()
        for row in 0..<rows.count {
            let values = rows.values[row * rows.width..<(row + 1) * rows.width]
            let point = space.point(values)
            points += point
            sketches += space.sketch(point)
            fingerprints.append(RowSpace.fingerprint(values))
            let moved = space.remeasured(values, tolerance: tolerance, normal, &generator)
            measured += moved
            again += space.point(moved)
        }
        guard Set(fingerprints).count >= Self.fewestRows else {
            throw CasemateError(
                .unusableData, at: place,
                "\(Set(fingerprints).count) different reference rows; at least \(Self.fewestRows) are needed",
                help: "give rows that differ")
        }
        (self.space, self.points, self.sketches, self.fingerprints) = (space, points, sketches, fingerprints)
        steps = StepPattern(space)
        strata = PatternStrata(rows.predictions)
        candidates = space.isWhole ? StepPattern.neighbours : 24
        principal = PrincipalSpace(again, stride: space.stride, width: rows.width, seed: context.seed)
        forest = ContrastForest(again, stride: space.stride, width: rows.width, seed: context.seed)
        let search = NeighbourSearch(
            points: points, stride: space.stride, sketches: sketches, sketchStride: space.sketchStride,
            isWhole: space.isWhole, fingerprints: fingerprints, candidates: candidates)
        (limits, blind) = try PatternCalibration(
            rows: rows, space: space, strata: strata, search: search, again: again, measured: measured,
            seed: context.seed
        ).limits(context)
        self.search = search
    }
    private let search: NeighbourSearch

    /// A sample of the rows where there are more than can be used, in their order.
    private static func sampled(_ rows: AnsweredRows, seed: UInt64) -> AnsweredRows {
        guard rows.count > mostRows else { return rows }
        var generator = SeededGenerator(seed: seed, stream: 70)
        var indices = Array(0..<rows.count)
        for place in 0..<mostRows {
            indices.swapAt(place, Int.random(in: place..<rows.count, using: &generator))
        }
        return rows.rows(indices.prefix(mostRows).sorted())
    }

    /// Mean distance of the nearest few.
    static func mean(_ found: [NeighbourSearch.Neighbour]) -> Double {
        found.prefix(neighbours).reduce(0) { $0 + $1.distance } / Double(neighbours)
    }

    /// What can be said of a row by itself. Any thread may ask.
    func reading(
        of row: some RandomAccessCollection<Float>, prediction: Double?, top: Double?, second: Double?
    ) -> PatternReading {
        let point = space.point(row)
        let sketch = space.sketch(point)
        let near = search.nearest(toSketch: sketch, without: nil)
        let found = search.isWhole ? near : search.refined(near, point)
        let (correlation, plausibility) = point.withUnsafeBufferPointer { point in
            guard let point = point.baseAddress else { return (0.0, 1.0) }
            return (principal.distance(point), forest.plausibility(point))
        }
        return PatternReading(
            sketch: sketch, hashes: space.hashes(row), fingerprint: RowSpace.fingerprint(row),
            stratum: strata.stratum(of: prediction), label: prediction.map { strata.label(of: $0) } ?? 0,
            hasLabel: prediction != nil, top: top ?? .nan, second: second ?? .nan, offManifold: Self.mean(found),
            density: Self.mean(near), correlation: correlation, plausibility: plausibility,
            nearest: found.first?.row ?? 0)
    }
}

/// What can be said of a row by itself.
struct PatternReading: Sendable {
    let sketch: [Float]
    let hashes: [UInt16]
    let fingerprint: UInt64
    let stratum: Int
    let label: Int
    let hasLabel: Bool
    let top: Double, second: Double
    /// Mean distance to the nearest reference rows.
    let offManifold: Double
    /// The same among sketches: the scale on which distances to other rows of the client are read.
    let density: Double
    /// Mahalanobis' distance, squared.
    let correlation: Double
    /// How well the values go together, 0...1.
    let plausibility: Double
    /// Index of the nearest reference row.
    let nearest: Int
    /// How sure the model is; NaN where that is not known.
    var margin: Double { second.isNaN ? top : top - second }
}

/// The parts into which honest traffic falls, because a client may ask about one part alone: predicted classes, or ranges
/// of the predicted value.
struct PatternStrata: Sendable {
    private let labels: [Double: Int]
    private let bounds: [Double]
    /// Number of parts, at least 1.
    let count: Int
    private static let mostClasses = 64, ranges = 4
    /// Whether the parts are ranges of a value.
    var isOfRanges: Bool { !bounds.isEmpty }

    init(_ predictions: [Double]) {
        let kinds = Set(predictions.filter(\.isFinite))
        if kinds.count <= Self.mostClasses, kinds.allSatisfy({ $0 == $0.rounded() }) {
            labels = Dictionary(uniqueKeysWithValues: zip(kinds.sorted(), 0...))
            bounds = []
            count = max(1, kinds.count)
        } else {
            let sorted = predictions.filter(\.isFinite).sorted()
            labels = [:]
            bounds = (1..<Self.ranges).map { sorted[sorted.count * $0 / Self.ranges] }
            count = Self.ranges
        }
    }
    /// The part of a prediction; `count` for one that the reference does not have, and for none.
    func stratum(of prediction: Double?) -> Int {
        guard let prediction, prediction.isFinite else { return count }
        guard bounds.isEmpty else { return bounds.reduce(0) { $0 + (prediction >= $1 ? 1 : 0) } }
        return labels[prediction] ?? count
    }
    /// What tells answers apart: the class, or the range of the value.
    func label(of prediction: Double) -> Int {
        bounds.isEmpty ? Int(exactly: prediction.rounded()) ?? -1 : stratum(of: prediction)
    }
}
