import CasemateCore
import CasemateData
import CasemateModels

/// Rows scored one way or the other, and which of them are more than are to be expected.
struct OutlierReview: Sendable {
    /// An odd row.
    struct Row: Sendable {
        /// Place among the rows that were scored.
        let place: Int
        /// Probability that a usual row is at least as odd.
        let probability: Double
        /// Share of the rows at least as odd that are to be expected anyway, at most 1.
        let expected: Double
        /// Columns that make it odd.
        var columns: [OutlierScore.Column] = []
    }
    /// Rows that were scored.
    let scored: Int
    /// Rows beyond the threshold, the oddest first.
    var odd: [Row]
    /// Rows beyond it that more are there than are to be expected; the oddest first.
    var suspects: [Row] { isMore ? odd.filter { $0.expected <= Self.listed } : [] }
    /// Whether there are more odd rows than are to be expected.
    let isMore: Bool
    /// Whether what is usual comes from a reference.
    let hasReference: Bool
    /// Rows that it was learnt from or held out.
    let compared: Int
    let detectors: [String], areas: [Double]
    let telling: Metric
    /// Share of held-out rows beyond the threshold; `nil` where nothing is known to be usual.
    let falseAlarms: Metric?
    let leavesColumnsOut: Bool, isComplete: Bool

    /// Largest share of expected rows at which a row is listed, and at which the few oddest count as too many.
    private static let listed = 0.6, few = 0.01

    private init(
        probabilities: [(place: Int, probability: Double)], rate: Double, heldOut: Int?, compared: Int,
        detectors: [String], areas: [Double], telling: Metric, falseAlarms: Metric?, leavesColumnsOut: Bool,
        isComplete: Bool
    ) {
        scored = probabilities.count
        let sorted = probabilities.sorted { ($0.probability, $0.place) < ($1.probability, $1.place) }
        var odd: [Row] = []
        var running = 1.0
        for index in sorted.indices.reversed() {
            running = min(running, sorted[index].probability * Double(sorted.count) / Double(index + 1))
            guard sorted[index].probability <= rate else { continue }
            odd.append(Row(place: sorted[index].place, probability: sorted[index].probability, expected: running))
        }
        self.odd = odd.reversed()
        isMore =
            (self.odd.first?.expected ?? 1) <= Self.few
            || Self.isMore(sorted.map(\.probability), rate: rate, heldOut: heldOut)
        (hasReference, self.compared, self.detectors) = (heldOut != nil, compared, detectors)
        (self.areas, self.telling, self.falseAlarms) = (areas, telling, falseAlarms)
        (self.leavesColumnsOut, self.isComplete) = (leavesColumnsOut, isComplete)
    }

    /// Whether at some threshold the count of odd rows is beyond chance: both the count and, where thresholds were
    /// counted off held-out rows, the threshold are taken at the unlikely end of their exact 99.8 % intervals.
    private static func isMore(_ sorted: [Double], rate: Double, heldOut: Int?) -> Bool {
        [1, 0.5, 0.2, 0.1, 0.05].contains { part in
            let level = rate * part
            let count = sorted.prefix { $0 <= level }.count
            guard let low = Intervals.clopperPearson(successes: count, trials: sorted.count, confidence: 0.998)?.low
            else { return false }
            guard let heldOut else { return low > level }
            let counted = Int((level * Double(heldOut)).rounded(.up))
            let high = Intervals.clopperPearson(successes: min(counted, heldOut), trials: heldOut, confidence: 0.998)
            return low > high?.high ?? 1
        }
    }

    /// Compares rows with others that are taken to be usual.
    init(
        _ rows: FeatureMatrix, reference: FeatureMatrix, settings: OutlierSettings, runtime: OnnxRuntime?,
        context: RunContext
    ) throws {
        let detector = try OutlierDetector(
            fitting: reference, settings: settings, runtime: runtime, context: context)
        let scores = try detector.scores(rows, context: context)
        let wrong = Int((detector.falseAlarms * Double(detector.heldOut)).rounded())
        let interval = Intervals.wilson(successes: wrong, trials: detector.heldOut)
        self.init(
            probabilities: scores.enumerated().map { ($0, $1.tailProbability) }, rate: settings.rate,
            heldOut: detector.heldOut, compared: reference.count, detectors: detector.detectors, areas: detector.areas,
            telling: Metric("data_outliers.telling_auc", detector.area, n: 2 * detector.heldOut),
            falseAlarms: Metric(
                "data_outliers.false_alarms", detector.falseAlarms, low: interval?.low, high: interval?.high,
                n: detector.heldOut, note: "Wilson 95 %"),
            leavesColumnsOut: detector.leavesColumnsOut, isComplete: true)
        for index in odd.indices { odd[index].columns = scores[odd[index].place].columns }
    }

    /// Compares rows with each other.
    init(_ rows: FeatureMatrix, settings: OutlierSettings, runtime: OnnxRuntime?, context: RunContext) throws {
        let cross = try OutlierCrossFit(rows, settings: settings, runtime: runtime, context: context)
        let probabilities = cross.scores.enumerated().compactMap { row, score in
            score.map { (place: row, probability: cross.tail.probability(of: $0)) }
        }
        let telling = cross.telling
        let interval = telling.interval(z: 1.96)
        self.init(
            probabilities: probabilities, rate: settings.rate, heldOut: nil, compared: rows.count,
            detectors: cross.detectors, areas: cross.areas,
            telling: Metric(
                "data_outliers.telling_auc", telling.area, low: interval?.low, high: interval?.high,
                n: probabilities.count, note: "DeLong 95 %"),
            falseAlarms: nil, leavesColumnsOut: cross.leavesColumnsOut, isComplete: cross.isComplete)
        let columns = try cross.columns(of: Set(odd.map(\.place)))
        for index in odd.indices { odd[index].columns = columns[odd[index].place] ?? [] }
    }
}
