public import CasemateCore

/// What a white-box attack is asked to do: samples with their labels, and how far each may be moved.
public struct RobustnessProblem: Hashable, Sendable {
    /// Samples, `[count, size]` row-major, finite and inside the box of `set`.
    public let rows: [Float]
    /// Number of samples.
    public let count: Int
    /// Axes of one sample, such as `[1, 28, 28]`.
    public let shape: [Int]
    /// The right label of each sample.
    public let labels: [Int32]
    /// The label that each sample is to be given; `nil` when any wrong one will do.
    public let targets: [Int32]?
    /// How far samples may be moved.
    public let set: PerturbationSet
    /// What samples are called in results; also the streams of their random numbers.
    public let identifiers: [Int]
    /// Values in one sample.
    public let size: Int

    /// Makes a problem.
    /// - Throws: `CasemateError`: `mismatch` for counts and shapes that do not fit (both are shown), `invalid-setting`
    ///   for a radius beyond the box and for targets that are the label, `unusable-data` for values that are not finite
    ///   or outside the box.
    public init(
        rows: [Float], shape: [Int], labels: [Int32], targets: [Int32]? = nil, set: PerturbationSet,
        identifiers: [Int]? = nil
    ) throws(CasemateError) {
        let size = shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
        let count = labels.count
        guard shape.allSatisfy({ $0 > 0 }), size > 0, rows.count / size == count, rows.count % size == 0 else {
            throw CasemateError(
                .mismatch, at: "data", "\(rows.count) values do not make \(count) samples of \(shape)",
                help: "give one label for each sample, and samples of the shape that the model takes")
        }
        guard targets?.count ?? count == count, identifiers?.count ?? count == count else {
            throw CasemateError(
                .mismatch, at: "data",
                "\(count) samples come with \(targets?.count ?? count) targets, \(identifiers?.count ?? count) names",
                help: "give one for each sample")
        }
        (self.rows, self.count, self.shape, self.size) = (rows, count, shape, size)
        (self.labels, self.targets, self.set) = (labels, targets, set)
        self.identifiers = identifiers ?? Array(0..<count)
        try checkRadius()
        try checkValues()
    }

    /// The same samples with another set.
    public func within(_ set: PerturbationSet) throws(CasemateError) -> RobustnessProblem {
        try RobustnessProblem(
            rows: rows, shape: shape, labels: labels, targets: targets, set: set, identifiers: identifiers)
    }

    /// Whether a label is what the attacker wants of a sample.
    func isReached(by label: Int32, _ sample: Int) -> Bool {
        if let targets { return label == targets[sample] }
        return label != labels[sample]
    }

    private func checkRadius() throws(CasemateError) {
        if let targets, let wrong = targets.indices.first(where: { targets[$0] == labels[$0] }) {
            throw CasemateError(
                .invalidSetting, at: "row \(wrong)", "the target \(targets[wrong]) is its right label",
                help: "give every sample a target that differs from its label")
        }
        let width = Double(set.high) - Double(set.low)
        guard let epsilon = set.epsilon, width.isFinite else { return }
        let widest = set.norm.diameter(width: width, count: size)
        // why: a float32 box may be a rounding narrower than the radius that spans it.
        guard epsilon <= widest * (1 + 1e-6) else {
            throw CasemateError(
                .invalidSetting, at: "eps",
                "\(epsilon) is beyond the data: samples between \(set.low) and \(set.high) are at most \(widest) "
                    + "apart in \(set.norm.rawValue)",
                help: "give the radius in the units of the model's input, such as 8/255 for pixels in 0...1")
        }
    }

    private func checkValues() throws(CasemateError) {
        let (low, high) = (set.low, set.high)
        let wrong = rows.withUnsafeBufferPointer { rows -> Int? in
            for index in rows.indices where !(rows[index] >= low && rows[index] <= high && rows[index].isFinite) {
                return index
            }
            return nil
        }
        guard let wrong else { return }
        throw CasemateError(
            .unusableData, at: "row \(wrong / size)",
            "value \(wrong % size) is not between the bounds \(low) and \(high)",
            help: "give the bounds that the data keep, or scale the data to the bounds")
    }
}
