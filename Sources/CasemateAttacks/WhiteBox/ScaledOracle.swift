public import CasemateCore
public import CasemateModels

/// Feature-wise scales: a model of rows in their own units becomes one of rows in shares of each feature's range, so
/// that one radius means the same for every feature.
public struct FeatureScaling: Hashable, Sendable {
    /// What becomes 0, and the length that becomes 1, of each feature; lengths are positive.
    public let low: [Float], width: [Float]
    /// Makes scales; a width that is not positive and finite becomes 1.
    public init(low: [Float], high: [Float]) {
        self.low = low
        width = zip(low, high).map { $1 > $0 && ($1 - $0).isFinite ? $1 - $0 : 1 }
    }
    /// Rows in units of the features.
    public func raw(_ rows: [Float]) -> [Float] { mapped(rows) { low[$1] + $0 * width[$1] } }
    /// Rows in shares of the ranges.
    public func scaled(_ rows: [Float]) -> [Float] { mapped(rows) { ($0 - low[$1]) / width[$1] } }
    /// Gradients by rows in shares of the ranges, from those by rows in units.
    func slopes(_ gradients: [Float]) -> [Float] { mapped(gradients) { $0 * width[$1] } }

    private func mapped(_ rows: [Float], _ change: (Float, Int) -> Float) -> [Float] {
        let size = low.count
        return [Float](unsafeUninitializedCapacity: rows.count) { target, done in
            for index in rows.indices { target.initializeElement(at: index, to: change(rows[index], index % size)) }
            done = rows.count
        }
    }
}

/// An oracle of rows in shares of each feature's range.
public struct ScaledOracle: GradientOracle {
    private let oracle: any GradientOracle
    private let scaling: FeatureScaling
    /// Makes it from one of rows in units.
    public init(_ oracle: any GradientOracle, _ scaling: FeatureScaling) {
        (self.oracle, self.scaling) = (oracle, scaling)
    }
    /// As the oracle's.
    public var sampleShape: [Int] { oracle.sampleShape }
    /// As the oracle's.
    public var classCount: Int { oracle.classCount }
    /// Logits of rows in shares.
    public func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        try oracle.logits(scaling.raw(rows), count: count, cancellation: cancellation)
    }
    /// Losses of rows in shares, with gradients by them.
    public func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        var answer = try oracle.evaluate(
            loss, rows: scaling.raw(rows), count: count, labels: labels, targets: targets, cancellation: cancellation)
        answer.gradients = scaling.slopes(answer.gradients)
        return answer
    }
}

/// A judge of rows in shares of each feature's range.
public struct ScaledJudge: Judge {
    private let judge: any Judge
    private let scaling: FeatureScaling
    /// Makes it from one of rows in units; the deployed type must be float32, as other types would round in units.
    public init(_ judge: any Judge, _ scaling: FeatureScaling) { (self.judge, self.scaling) = (judge, scaling) }
    /// Decisions about rows in shares.
    public func labels(of rows: [Float], count: Int, cancellation: Cancellation) throws -> [Int32] {
        try judge.labels(of: scaling.raw(rows), count: count, cancellation: cancellation)
    }
}
