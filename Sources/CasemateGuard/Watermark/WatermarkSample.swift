public import CasemateData
public import CasemateModels
import Foundation

/// Rows that the guard answered, with what the model said of them before it was changed.
public struct WatermarkSample: Sendable {
    /// Columns of the rows.
    public let features: [Feature]
    /// What the guarded model answers.
    public let task: ModelTask
    /// Its classes in column order.
    public let classes: [String]
    /// Values, `[count, features]` row-major.
    public private(set) var rows: [Float] = []
    /// Callers, by `callerOfRow`.
    public private(set) var callers: [String] = []
    private(set) var callerOfRow: [Int] = []
    private(set) var clean: [WatermarkPen.Clean] = []
    /// Number of rows.
    public var count: Int { clean.count }

    /// Makes an empty sample.
    public init(features: [Feature], task: ModelTask, classes: [String]) {
        (self.features, self.task, self.classes) = (features, task, classes)
    }

    /// Adds a row; rows that do not fit features and classes are left out.
    /// - Returns: Whether it fitted.
    @discardableResult
    mutating func append(_ row: some Collection<Float>, _ clean: WatermarkPen.Clean, caller: String) -> Bool {
        let isClass =
            task == .regression
            ? clean.low == -1 && clean.high == -1
            : classes.indices.contains(Int(clean.low)) && classes.indices.contains(Int(clean.high))
                && (0...1.6).contains(clean.position)
        guard row.count == features.count, isClass, clean.position.isFinite, clean.chance >= 0, clean.chance < 1 else {
            return false
        }
        rows.append(contentsOf: row)
        self.clean.append(clean)
        let index = callers.lastIndex(of: caller) ?? callers.count
        if index == callers.count { callers.append(caller) }
        callerOfRow.append(index)
        return true
    }

    /// The rows of one caller.
    func part(ofCaller caller: Int) -> WatermarkSample {
        part(callerOfRow.indices.filter { callerOfRow[$0] == caller })
    }

    /// Chosen rows.
    func part(_ indices: [Int]) -> WatermarkSample {
        var result = WatermarkSample(features: features, task: task, classes: classes)
        let width = features.count
        for index in indices {
            result.append(
                rows[index * width..<(index + 1) * width], clean[index], caller: callers[callerOfRow[index]])
        }
        return result
    }

    /// What a model says of rows that nobody asked for: for a verification by rows of the owner's.
    public static func probes(_ matrix: FeatureMatrix, _ predictions: Predictions) -> WatermarkSample {
        var result = WatermarkSample(
            features: matrix.features, task: predictions.task, classes: predictions.classes)
        let pen = WatermarkPen(strength: 0, share: 0)
        let none = WatermarkKey.Mark(own: 1, shared: 0, draw: 1, choice: 0, rank: 0)
        let width = predictions.task == .regression ? 1 : predictions.classes.count
        for row in 0..<min(matrix.count, predictions.count) {
            var scores = Array(predictions.scores[row * width..<(row + 1) * width])
            var label = predictions.task == .regression ? -1 : predictions.labels[row]
            let clean = pen.write(&scores, &label, task: predictions.task, kind: predictions.kind, none)
            result.append(matrix[row: row], clean, caller: "")
        }
        return result
    }
}

/// A suspect's answers to the rows of a sample, on the scale of the sample.
struct SuspectAnswers {
    /// Position between the two classes of the sample's row; the value of a regression.
    private(set) var positions: [Double] = []
    /// The suspect's label as an index of the sample's classes; -1 for one that the sample does not have.
    private(set) var labels: [Int32] = []

    /// Matches the suspect's classes with the sample's, by name where names agree, else by index; `nil` where neither
    /// fits or the numbers of rows differ.
    init?(_ predictions: Predictions, for sample: WatermarkSample) {
        guard predictions.count == sample.count, (predictions.task == .regression) == (sample.task == .regression)
        else { return nil }
        if sample.task == .regression {
            positions = predictions.scores.map { Double($0) }
            return
        }
        let (theirs, ours) = (predictions.classes, sample.classes)
        let isNamed = Set(theirs) == Set(ours) && Set(ours).count == ours.count
        guard isNamed || theirs.count == ours.count else { return nil }
        let column = ours.indices.map { isNamed ? theirs.firstIndex(of: ours[$0]) ?? $0 : $0 }
        for row in 0..<sample.count {
            let clean = sample.clean[row]
            let label = column.firstIndex(of: Int(predictions.labels[row])) ?? -1
            labels.append(Int32(label))
            let (low, high) = (column[Int(clean.low)], column[Int(clean.high)])
            positions.append(
                Self.position(
                    predictions, row, low, high,
                    byLabel: label == Int(clean.high) ? 1 : label == Int(clean.low) ? 0 : 0.5))
        }
    }

    private static func position(
        _ predictions: Predictions, _ row: Int, _ low: Int, _ high: Int, byLabel: Float
    ) -> Double {
        let width = predictions.classes.count
        let (one, other) = (predictions.scores[row * width + low], predictions.scores[row * width + high])
        var share = byLabel
        switch predictions.kind {
        case .probabilities, .logits: if one >= 0, other >= 0, one + other > 1e-9 { share = other / (one + other) }
        case .decisionValues: if (other - one).isFinite { share = 1 / (1 + exp(one - other)) }
        case .labels, .value: break
        }
        return Double(WatermarkPen.position(share))
    }
}
