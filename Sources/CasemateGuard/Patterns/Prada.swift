import CasemateCore

/// PRADA, for comparison: whether the distances of a client's rows to its earlier ones are normally distributed.
///
/// Source: Juuti, Szyller, Marchal, Asokan, "PRADA: protecting against DNN model stealing attacks", EuroS&P 2019. Deviation:
/// the threshold on Shapiro and Wilk's W is the quantile of its lowest values over honest streams that are drawn from the
/// reference, at the same false-alarm rate as the monitor's; at most 512 rows of a class are kept.
public struct Prada: Sendable {
    /// What it says of a client.
    public struct Verdict: Sendable, Hashable, Encodable {
        /// Whether W ever fell below the threshold.
        public let alarm: Bool
        /// Lowest W; 1 while there are too few rows.
        public let lowest: Double
        /// Number of the request at which it alarmed first.
        public let firstAlarmSeq: Int?
    }
    private struct Watched: Sendable {
        var kept: [Int: (sketches: [Float], distances: [Double], least: Double)] = [:]
        var queries = 0
        var lowest = 1.0
        var alarmSeq: Int?
    }
    /// W below which it alarms.
    public let threshold: Double
    private let reference: PatternReference
    private var clients: [String: Watched] = [:]
    private static let mostKept = 512, streams = 200, streamRows = 300

    /// Calibrates the threshold.
    init(_ rows: AnsweredRows, reference: PatternReference, _ rate: Double, _ context: RunContext) throws {
        self.reference = reference
        var (lowest, generator) = ([Double](), SeededGenerator(seed: context.seed, stream: 76))
        for _ in 0..<Self.streams {
            try context.cancellation.check()
            var (client, order) = (Watched(), Array(0..<rows.count))
            order.shuffle(using: &generator)
            for row in order.prefix(Self.streamRows) {
                let values = rows.values[row * rows.width..<(row + 1) * rows.width]
                let sketch = reference.space.sketch(reference.space.point(values))
                let label = rows.predictions.isEmpty ? 0 : reference.strata.label(of: rows.predictions[row])
                Self.take(sketch, label, &client)
            }
            lowest.append(client.lowest)
        }
        lowest.sort()
        threshold = lowest[min(lowest.count - 1, Int(rate * Double(lowest.count)))]
    }

    mutating func observe(_ query: PatternQuery, sequence: Int) {
        let sketch = reference.space.sketch(reference.space.point(query.row))
        let label = query.prediction.map { reference.strata.label(of: $0) } ?? 0
        Self.take(sketch, label, &clients[query.client, default: Watched()])
        if let client = clients[query.client], client.alarmSeq == nil, client.lowest < threshold {
            clients[query.client]?.alarmSeq = sequence
        }
    }

    func verdict(of id: String) -> Verdict? {
        clients[id].map { .init(alarm: $0.alarmSeq != nil, lowest: $0.lowest, firstAlarmSeq: $0.alarmSeq) }
    }

    private static func take(_ sketch: [Float], _ label: Int, _ client: inout Watched) {
        client.queries += 1
        var kept = client.kept[label] ?? (sketches: [], distances: [], least: 0)
        let width = sketch.count, count = kept.sketches.count / width
        if count == 0 {
            kept.sketches = sketch
        } else {
            let distance = nearest(sketch, kept.sketches, count)
            kept.distances.append(distance)
            if kept.distances.count > mostKept { kept.distances.removeFirst() }
            if distance > kept.least, count < mostKept {
                kept.sketches += sketch
                let mean = kept.distances.reduce(0, +) / Double(kept.distances.count)
                let spread = kept.distances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(kept.distances.count)
                kept.least = max(kept.least, mean - spread.squareRoot())
            }
        }
        client.kept[label] = kept
        guard client.queries.isMultiple(of: 10) else { return }
        // why sorted: a dictionary has no order, and sums of doubles depend on theirs.
        let pooled = client.kept.keys.sorted().compactMap { client.kept[$0]?.distances }.filter { $0.count >= 10 }
            .flatMap { $0 }
        let mean = pooled.reduce(0, +) / Double(max(1, pooled.count))
        let spread = (pooled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, pooled.count))).squareRoot()
        let inner = pooled.filter { abs($0 - mean) <= 3 * spread }
        guard inner.count > 100 else { return }
        client.lowest = min(client.lowest, ShapiroWilk.statistic(inner))
    }

    private static func nearest(_ sketch: [Float], _ sketches: [Float], _ count: Int) -> Double {
        var best = Float.infinity
        sketch.withUnsafeBufferPointer { sketch in
            sketches.withUnsafeBufferPointer { sketches in
                guard let left = sketch.baseAddress, let right = sketches.baseAddress else { return }
                for row in 0..<count {
                    best = min(best, VectorLoops.squaredDistance(left, right + row * sketch.count, sketch.count))
                }
            }
        }
        return Double(best).squareRoot()
    }
}

/// The statistic of Shapiro and Wilk's test of normality.
///
/// Source: Royston, "Remark AS R94", Applied Statistics 44(4), 1995, for 12 and more values.
enum ShapiroWilk {
    /// W in 0...1, 1 for what could not look more normal; 0 for equal values.
    static func statistic(_ values: [Double]) -> Double {
        let count = values.count
        guard count >= 12 else { return 1 }
        let sorted = values.sorted()
        let scores = (1...count).map { Distributions.normalQuantile((Double($0) - 0.375) / (Double(count) + 0.25)) }
        let squares = scores.reduce(0) { $0 + $1 * $1 }
        let u = 1 / Double(count).squareRoot()
        let norm = squares.squareRoot()
        func polynomial(_ parts: [Double]) -> Double { parts.reversed().reduce(0) { $0 * u + $1 } }
        let last = polynomial([scores[count - 1] / norm, 0.221157, -0.147981, -2.071190, 4.434685, -2.706056])
        let next = polynomial([scores[count - 2] / norm, 0.042981, -0.293762, -1.752461, 5.682633, -3.582633])
        let (a, b) = (scores[count - 1], scores[count - 2])
        let epsilon = (squares - 2 * a * a - 2 * b * b) / (1 - 2 * last * last - 2 * next * next)
        var weights = scores.map { $0 / epsilon.squareRoot() }
        (weights[count - 1], weights[count - 2], weights[0], weights[1]) = (last, next, -last, -next)
        let mean = sorted.reduce(0, +) / Double(count)
        let total = sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        guard total > 1e-300 else { return 0 }
        let slope = zip(weights, sorted).reduce(0) { $0 + $1.0 * $1.1 }
        return min(1, slope * slope / total)
    }
}
