public import CasemateCore
public import CasemateData
public import CasemateModels

/// Says how odd a row is, compared with rows that are known to be usual: an isolation forest, the distance to
/// neighbours, robust Mahalanobis distances and an autoencoder, combined, with the columns that made it odd.
///
/// Thresholds are read off rows that the detectors did not learn from, so that a usual row is called odd as often as the
/// set rate says. It can be kept as a file and scores single rows fast. Any number of threads may score at a time.
public struct OutlierDetector: Sendable {
    /// Settings that it was made with.
    public let settings: OutlierSettings
    /// The columns of the rows that it scores.
    public var features: [Feature] { ensemble.space.features }
    /// Names of the detectors, in the order of `OutlierScore.parts`.
    public var detectors: [String] { ensemble.parts.map(\.name) }
    /// What each detector counts; they sum to 1.
    public var weights: [Double] { combination.weights }
    /// Areas under the ROC curve of telling held-out rows with shuffled columns from held-out rows: of each detector.
    public var areas: [Double] { combination.areas }
    /// The same area of the combined score.
    public let area: Double
    /// Share of held-out rows beyond the threshold that the other half of them sets.
    public let falseAlarms: Double
    /// Number of held-out rows.
    public let heldOut: Int
    /// Whether columns that vary were left out of distances and the autoencoder, because there are too many.
    public var leavesColumnsOut: Bool { ensemble.space.isPart }
    let ensemble: OutlierEnsemble
    let combination: OutlierCombination
    let tail: TailTable

    /// Fewest rows that a detector can be made of.
    public static let fewestRows = 30
    /// Up to this many rows all of them set thresholds, each by detectors made of the others.
    private static let crossLimit = 3_000

    init(
        settings: OutlierSettings, area: Double, falseAlarms: Double, heldOut: Int, ensemble: OutlierEnsemble,
        combination: OutlierCombination, tail: TailTable
    ) {
        (self.settings, self.area, self.falseAlarms, self.heldOut) = (settings, area, falseAlarms, heldOut)
        (self.ensemble, self.combination, self.tail) = (ensemble, combination, tail)
    }

    /// Learns from rows that are taken to be usual; NaN is a missing value.
    ///
    /// Of more than 3,000 rows a third, at most `calibrationRows`, is held out for scales, weights and thresholds. Of
    /// fewer each fifth is held out in turn, and the detectors that are kept learn from all.
    /// - Parameters:
    ///   - runtime: Trains the autoencoder; without it there is none.
    ///   - context: Seed, threads, cancellation; its deadline shortens the autoencoder's training.
    /// - Throws: `unusableData` for fewer than 30 rows and where no column varies; `invalidSetting`; `engineFailed`;
    ///   `Cancelled`.
    public init(
        fitting rows: FeatureMatrix, settings: OutlierSettings = .init(), runtime: OnnxRuntime?,
        context: RunContext = .init()
    ) throws {
        try settings.check()
        guard rows.count >= Self.fewestRows else {
            throw CasemateError(
                .unusableData, at: "rows", "\(rows.count) rows are too few to say what is usual",
                help: "give at least \(Self.fewestRows)")
        }
        var generator = SeededGenerator(seed: context.seed, stream: 0x0DD)
        let bound = settings.fitRows + settings.calibrationRows
        // why: very wide rows are looked at column by column; this many cells take a second.
        let affordable = max(500, 40_000_000 / max(1, rows.features.count))
        let order = Array(
            (0..<rows.count).shuffled(using: &generator).prefix(min(bound, affordable)))
        let fit = OutlierFit(rows: rows, settings: settings, runtime: runtime, context: context)
        let ensemble: OutlierEnsemble
        let held: OutlierEnsemble.Raw, shuffled: OutlierEnsemble.Raw
        if order.count > Self.crossLimit {
            let kept = min(settings.calibrationRows, order.count / 3)
            ensemble = try fit.ensemble(Array(order.dropFirst(kept)))
            (held, shuffled) = try fit.raw(ensemble, Array(order.prefix(kept)))
        } else {
            (held, shuffled) = try fit.crossed(order)
            ensemble = try fit.ensemble(order)
        }
        let combination = OutlierCombination(
            ensemble.parts, held: held, shuffled: shuffled, fitted: ensemble.space.count)
        let scores = combination.scores(held)
        let labels = scores.map { _ in false } + [Bool](repeating: true, count: shuffled.count)
        let area = RankStatistics(labels: labels, scores: scores + combination.scores(shuffled)).area
        self.init(
            settings: settings, area: area ?? 0.5, falseAlarms: Self.falseAlarms(scores, rate: settings.rate),
            heldOut: scores.count, ensemble: ensemble, combination: combination, tail: .counting(scores))
    }

    /// Share of one half of scores beyond the threshold of the other half, both ways.
    private static func falseAlarms(_ scores: [Double], rate: Double) -> Double {
        // why: scores stand in the random order in which rows were drawn.
        let halves = [Array(scores.prefix(scores.count / 2)), Array(scores.dropFirst(scores.count / 2))]
        guard !halves[0].isEmpty else { return 0 }
        var beyond = 0
        for (one, other) in [(0, 1), (1, 0)] {
            let table = TailTable.counting(halves[one])
            beyond += halves[other].lazy.filter { table.probability(of: $0) <= rate }.count
        }
        return Double(beyond) / Double(scores.count)
    }

    /// Scores rows over the features that it was made of.
    ///
    /// Rows that are odd at the set rate get the columns that make them so.
    /// - Throws: `mismatch` for other features; `engineFailed`; `Cancelled`.
    public func scores(_ rows: FeatureMatrix, context: RunContext = .init()) throws -> [OutlierScore] {
        try check(rows.features)
        let raw = try ensemble.raw(rows, context: context)
        let piece = 512
        let width = features.count
        let pieces = try ParallelTasks.map((rows.count + piece - 1) / piece, threads: context.threads) { index in
            try context.cancellation.check()
            return try rows.values.withUnsafeBufferPointer { values in
                try (index * piece..<min(rows.count, (index + 1) * piece)).map { row in
                    try score(raw, row: row, values, at: row * width)
                }
            }
        }
        return pieces.flatMap(\.self)
    }

    /// Scores one row, values in the order of the features.
    /// - Throws: `mismatch` for another number of values; `engineFailed`.
    public func score(row: [Float]) throws -> OutlierScore {
        guard row.count == features.count else {
            throw CasemateError(
                .mismatch, at: "row", "\(row.count) values for \(features.count) columns",
                help: "give a value for every column, NaN where it is missing")
        }
        var raw = OutlierEnsemble.Raw(scores: [], news: [])
        var room = OutlierEnsemble.Room(ensemble)
        return try row.withUnsafeBufferPointer { values in
            try ensemble.add(values, at: 0, to: &raw, &room)
            return try score(raw, row: 0, values, at: 0)
        }
    }

    private func score(
        _ raw: OutlierEnsemble.Raw, row: Int, _ values: UnsafeBufferPointer<Float>, at start: Int
    ) throws -> OutlierScore {
        let score = combination.score(raw, row: row)
        let probability = tail.probability(of: score)
        let parts = combination.parts(raw, row: row)
        let columns =
            probability <= settings.rate
            ? try ensemble.columns(
                values, at: start, weights: combination.claims(parts), limit: settings.columns) : []
        return OutlierScore(score: score, tailProbability: probability, parts: parts, columns: columns)
    }

    /// Refuses rows over other columns than those it was made of.
    func check(_ others: [Feature]) throws(CasemateError) {
        guard others != features else { return }
        let names = features.map(\.name)
        let unknown = others.first { !names.contains($0.name) }?.name
        throw CasemateError(
            .mismatch, at: "rows",
            unknown.map { "column '\($0.clipped(to: 60))' is none that the outlier detector was made of" }
                ?? "the columns are not those that the outlier detector was made of, in their order and kinds",
            help: "give the columns \(names.prefix(6).map { $0.clipped(to: 40) }.joined(separator: ", "))"
                + (names.count > 6 ? ", …" : ""))
    }
}

extension OutlierSettings {
    /// Refuses settings that make no sense.
    func check() throws(CasemateError) {
        let bounds: [(String, Int, ClosedRange<Int>)] = [
            ("trees", trees, 1...10_000), ("treeRows", treeRows, 2...65_536), ("neighbours", neighbours, 1...1_000),
            ("neighbourRows", neighbourRows, 30...1_000_000), ("fitRows", fitRows, 30...1_000_000),
            ("calibrationRows", calibrationRows, 30...1_000_000), ("width", width, 1...2_048),
            ("steps", steps, 0...1_000_000), ("columns", columns, 0...100),
        ]
        for (name, value, range) in bounds where !range.contains(value) {
            throw CasemateError(
                .invalidSetting, at: "outliers.\(name)", "\(value) is outside \(range)", help: "use a value inside")
        }
        guard rate > 0, rate <= 0.5 else {
            throw CasemateError(
                .invalidSetting, at: "outliers.rate", "\(rate) is outside 0…0.5", help: "use a share such as 0.01")
        }
    }
}
