public import CasemateCore

/// Finds rows whose label is probably wrong from the probabilities of a model that did not see them.
///
/// A row counts as confidently of class j when its probability of j reaches the mean that rows labelled j get.
/// Counting rows by label and confident class gives the joint distribution of given and true labels, and from it how
/// many rows of each label to doubt. Flags, counts and orders are those of cleanlab 2.9 for the same probabilities;
/// where equal scores straddle a cut, rows come in the order of the data (cleanlab leaves that to the processor's
/// sort).
///
/// Source: Northcutt, Jiang, Chuang, "Confident learning: estimating uncertainty in dataset labels", JAIR 70, 2021.
public struct ConfidentLearning: Hashable, Sendable {
    /// Which rows are flagged.
    public enum Method: String, Sendable, CaseIterable {
        /// For each pair of label and true class as many rows as the joint says, those of the largest margin.
        case pruneByNoiseRate = "prune_by_noise_rate"
        /// For each label as many rows as the joint says, those least sure of their label.
        case pruneByClass = "prune_by_class"
        /// Rows that both of the former flag.
        case both
        /// Rows counted beside the diagonal of the confident joint.
        case confidentLearning = "confident_learning"
        /// Rows whose likeliest class is not their label.
        case predictedNeqGiven = "predicted_neq_given"
    }
    /// How far a label is to be trusted; low is bad, in every case.
    public enum Ranking: String, Sendable, CaseIterable {
        /// Probability of the label.
        case selfConfidence = "self_confidence"
        /// That less the probability of the likeliest other class, brought to 0…1.
        case normalizedMargin = "normalized_margin"
        /// A falling function of the normalised entropy over the probability of the label.
        case confidenceWeightedEntropy = "confidence_weighted_entropy"
    }

    /// Number of classes K.
    public let classes: Int
    /// Mean probability of each class over the rows labelled so; 2, which none reaches, for a class without rows.
    public let thresholds: [Double]
    /// Rows by label (slow) and confident class (fast), `[K, K]`; at least 1 on the diagonal.
    public let confidentJoint: [Int]
    /// The same brought to the number of rows of each label, in whole rows.
    public let calibratedJoint: [Int]
    /// Rows of each label.
    public let counts: [Int]
    let labels: [Int32], probabilities: [Double]
    /// Whether each row is counted beside the diagonal.
    let isOffDiagonal: [Bool]
    /// Whether each row's likeliest class is its label, a tie within 1e-6 included; such rows are never flagged.
    let isPredicted: [Bool]

    /// Counts.
    /// - Parameters:
    ///   - labels: Class of each row.
    ///   - probabilities: `[labels.count, classes]` row-major, each in 0…1; best by a model that did not see the row.
    ///   - classes: Number of classes, at least 2.
    /// - Throws: `mismatch` for shapes that do not fit, `unusableData` for a label beyond the classes, a probability
    ///   beyond 0…1, or fewer than two classes among the labels.
    public init(labels: [Int32], probabilities: [Double], classes: Int) throws(CasemateError) {
        try Self.check(labels, probabilities, classes)
        (self.labels, self.probabilities, self.classes) = (labels, probabilities, classes)
        var counts = [Int](repeating: 0, count: classes)
        var sums = [Double](repeating: 0, count: classes)
        for (row, label) in labels.enumerated() {
            counts[Int(label)] += 1
            sums[Int(label)] += probabilities[row * classes + Int(label)]
        }
        thresholds = counts.indices.map { counts[$0] > 0 ? max(2e-6, sums[$0] / Double(counts[$0])) : 2 }
        self.counts = counts
        let counted = Self.counted(labels, probabilities, thresholds)
        (isOffDiagonal, isPredicted) = (counted.isOffDiagonal, counted.isPredicted)
        confidentJoint = counted.joint
        calibratedJoint = Self.calibrated(counted.joint, counts)
    }

    private static func check(
        _ labels: [Int32], _ probabilities: [Double], _ classes: Int
    ) throws(CasemateError) {
        func refuse(_ code: CasemateError.Code, _ what: String, _ help: String) -> CasemateError {
            CasemateError(code, at: "label probabilities", what, help: help)
        }
        let (cells, overflow) = labels.count.multipliedReportingOverflow(by: max(0, classes))
        guard classes > 1, !overflow, probabilities.count == cells, !labels.isEmpty else {
            throw refuse(
                .mismatch,
                "\(probabilities.count) probabilities do not make \(labels.count) rows of \(classes) classes",
                "give every row one probability for each of at least two classes")
        }
        guard labels.allSatisfy({ $0 >= 0 && Int($0) < classes }) else {
            throw refuse(.unusableData, "a label is missing or beyond the \(classes) classes", "leave such rows out")
        }
        guard probabilities.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
            throw refuse(.unusableData, "a probability is missing or outside 0 to 1", "give probabilities, no logits")
        }
        guard labels.contains(where: { $0 != labels[0] }) else {
            throw refuse(.unusableData, "all labels are the same", "give rows of at least two classes")
        }
    }

    // MARK: Counting

    private static func counted(
        _ labels: [Int32], _ probabilities: [Double], _ thresholds: [Double]
    ) -> (joint: [Int], isOffDiagonal: [Bool], isPredicted: [Bool]) {
        let classes = thresholds.count
        var joint = [Int](repeating: 0, count: classes * classes)
        var isOffDiagonal = [Bool](repeating: false, count: labels.count)
        var isPredicted = [Bool](repeating: false, count: labels.count)
        // why: a mean and a probability that are equal but for rounding count as reached.
        let needed = thresholds.map { $0 - 1e-6 }
        probabilities.withUnsafeBufferPointer { all in
            for row in labels.indices {
                let (label, start) = (Int(labels[row]), row * classes)
                let own = all[start + label] + 1e-6
                var (best, first, confident, isBeaten) = (0, 0, 0, false)
                for index in 0..<classes {
                    let value = all[start + index]
                    if value > all[start + best] { best = index }
                    if value >= needed[index] {
                        if confident == 0 { first = index }
                        confident += 1
                    }
                    if index != label, value > own || (value == own && index < label) { isBeaten = true }
                }
                isPredicted[row] = !isBeaten
                guard confident > 0 else { continue }
                let guess = confident > 1 ? best : first
                joint[label * classes + guess] += 1
                isOffDiagonal[row] = guess != label
            }
        }
        for index in 0..<classes where joint[index * classes + index] == 0 { joint[index * classes + index] = 1 }
        return (joint, isOffDiagonal, isPredicted)
    }

    /// The joint with each row brought to the number of rows of that label, rounded with the totals of rows kept.
    private static func calibrated(_ joint: [Int], _ counts: [Int]) -> [Int] {
        let classes = counts.count
        var scaled = [Double](repeating: 0, count: joint.count)
        for row in 0..<classes {
            let total = Double(joint[row * classes..<(row + 1) * classes].reduce(0, +))
            for column in 0..<classes {
                let cell = row * classes + column
                scaled[cell] = Double(joint[cell]) / total * Double(counts[row])
            }
        }
        let sum = pairwiseSum(scaled[...])
        let rows = Double(counts.reduce(0, +))
        return rounded(scaled.map { $0 / sum * rows }, width: classes)
    }

    /// Whole numbers near `values`, row by row with the rounded total of the row.
    static func rounded(_ values: [Double], width: Int) -> [Int] {
        stride(from: 0, to: values.count, by: width).flatMap { start -> [Int] in
            let row = Array(values[start..<start + width])
            var whole = row.map { $0.rounded(.toNearestOrEven) }
            let wanted = pairwiseSum(row[...]).rounded(.toNearestOrEven)
            var missing = wanted - whole.reduce(0, +)
            while abs(missing) > 0.5 {
                let isUp = missing > 0
                let gaps = row.indices.map { row[$0] - whole[$0] }
                let order = row.indices.sorted { (gaps[$0], $0) < (gaps[$1], $1) }
                let changed = min(Int(abs(missing)), row.count)
                for index in (isUp ? Array(order.reversed()) : order).prefix(changed) { whole[index] += isUp ? 1 : -1 }
                missing = wanted - whole.reduce(0, +)
            }
            return whole.map { Int($0) }
        }
    }

    /// The sum in the order of numpy, eight partial sums at a time: a total that differs in its last bit would round a
    /// half the other way.
    private static func pairwiseSum(_ values: ArraySlice<Double>) -> Double {
        if values.count < 8 { return values.reduce(0, +) }
        if values.count > 128 {
            let half = values.count / 2
            let middle = values.startIndex + half - half % 8
            return pairwiseSum(values[..<middle]) + pairwiseSum(values[middle...])
        }
        var parts = Array(values.prefix(8))
        let whole = values.count - values.count % 8
        for index in 8..<max(8, whole) { parts[index % 8] += values[values.startIndex + index] }
        let sum = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]))
        return values[(values.startIndex + whole)...].reduce(sum, +)
    }

    // MARK: What the counts say

    /// Estimated share of rows by label (slow) and true class (fast), `[K, K]`; sums to 1.
    public var joint: [Double] {
        let total = Double(max(1, calibratedJoint.reduce(0, +)))
        return calibratedJoint.map { Double($0) / total }
    }
    /// Estimated share of rows with a wrong label: what lies beside the diagonal of `joint`.
    public var noise: Double {
        let joint = joint
        return 1 - (0..<classes).reduce(0) { $0 + joint[$1 * classes + $1] }
    }
    /// Estimated number of wrong labels without calibration: rows beside the diagonal that are not predicted as
    /// labelled.
    public var issueCount: Int { labels.indices.count { isOffDiagonal[$0] && !isPredicted[$0] } }
    /// Probability of each label (fast) given the true class (slow), `[K, K]`; `nil` for a class that is estimated
    /// empty.
    public var noiseMatrix: [Double?] {
        let joint = joint
        return (0..<classes).flatMap { true_ in
            let total = (0..<classes).reduce(0) { $0 + joint[$1 * classes + true_] }
            return (0..<classes).map { total > 0 ? joint[$0 * classes + true_] / total : nil }
        }
    }
}
