import CasemateCore
import Foundation

extension ConfidentLearning {
    /// Whether each row is flagged. Never one whose likeliest class is its label; each class keeps at least one row.
    public func issues(_ method: Method = .pruneByNoiseRate) -> [Bool] {
        let flags: [Bool] =
            switch method {
            case .pruneByNoiseRate: prunedByNoiseRate()
            case .pruneByClass: prunedByClass()
            case .both: zip(prunedByNoiseRate(), prunedByClass()).map { $0 && $1 }
            case .confidentLearning: isOffDiagonal
            case .predictedNeqGiven: labels.indices.map { likeliest($0) != Int(labels[$0]) }
            }
        return zip(flags, isPredicted).map { $0 && !$1 }
    }

    /// The flagged rows, the least trustworthy label first; equal ones in the order of the data.
    public func rankedIssues(_ method: Method = .pruneByNoiseRate, by ranking: Ranking = .selfConfidence) -> [Int] {
        let (flags, quality) = (issues(method), quality(ranking))
        return labels.indices.filter { flags[$0] }.sorted { (quality[$0], $0) < (quality[$1], $1) }
    }

    /// How far the label of each row is to be trusted; low is bad.
    public func quality(_ ranking: Ranking) -> [Double] {
        switch ranking {
        case .selfConfidence: labels.indices.map { probabilities[$0 * classes + Int(labels[$0])] }
        case .normalizedMargin:
            labels.indices.map { row in
                let own = probabilities[row * classes + Int(labels[row])]
                return (own - strongestOther(row) + 1) / 2
            }
        case .confidenceWeightedEntropy: labels.indices.map(confidenceWeightedEntropy)
        }
    }

    private func likeliest(_ row: Int) -> Int {
        var best = 0
        for index in 1..<classes where probabilities[row * classes + index] > probabilities[row * classes + best] {
            best = index
        }
        return best
    }

    private func strongestOther(_ row: Int) -> Double {
        var best = 0.0
        for index in 0..<classes where index != Int(labels[row]) {
            best = max(best, probabilities[row * classes + index])
        }
        return best
    }

    private func confidenceWeightedEntropy(_ row: Int) -> Double {
        var entropy = 0.0
        for index in row * classes..<(row + 1) * classes where probabilities[index] > 0 {
            entropy -= probabilities[index] * log(probabilities[index])
        }
        let own = max(1e-6, probabilities[row * classes + Int(labels[row])])
        let ratio = entropy / log(Double(classes)) / own
        return log(ratio + 1) / max(1e-6, ratio)
    }

    // MARK: Pruning

    /// How many rows of a label (fast) to count for a true class (slow), with at least one row left on the diagonal.
    private var pruneCounts: [Int] {
        var result = [Double](repeating: 0, count: classes * classes)
        for label in 0..<classes {
            let column = (0..<classes).map { calibratedJoint[label * classes + $0] }
            let diagonal = max(1, column[label])
            let share = Double(diagonal - column[label]) / Double(max(1, column.count { $0 != 0 } - 1))
            for other in 0..<classes {
                let left = max(0, Double(column[other]) - share)
                result[other * classes + label] = other == label ? Double(diagonal) : left.rounded(.towardZero)
            }
        }
        return Self.rounded(result, width: classes)
    }

    /// Rows of each label, in the order of the data.
    private var members: [[Int]] {
        var result = [[Int]](repeating: [], count: classes)
        for (row, label) in labels.enumerated() { result[Int(label)].append(row) }
        return result
    }

    private func prunedByNoiseRate() -> [Bool] {
        var flags = [Bool](repeating: false, count: labels.count)
        let counts = pruneCounts
        for (label, rows) in members.enumerated() where rows.count > 1 {
            for other in 0..<classes where other != label {
                let wanted = counts[other * classes + label]
                guard wanted > 0 else { continue }
                let margins = rows.map { probabilities[$0 * classes + label] - probabilities[$0 * classes + other] }
                for place in Self.smallest(wanted, of: margins) { flags[rows[place]] = true }
            }
        }
        return flags
    }

    private func prunedByClass() -> [Bool] {
        var flags = [Bool](repeating: false, count: labels.count)
        let counts = pruneCounts
        for (label, rows) in members.enumerated() where rows.count > 1 {
            let wanted = rows.count - counts[label * classes + label]
            guard wanted > 0 else { continue }
            let own = rows.map { probabilities[$0 * classes + label] }
            for place in Self.smallest(wanted, of: own) { flags[rows[place]] = true }
        }
        return flags
    }

    /// Places of the `count` smallest values; of equal ones the first.
    private static func smallest(_ count: Int, of values: [Double]) -> ArraySlice<Int> {
        values.indices.sorted { (values[$0], $0) < (values[$1], $1) }.prefix(count)
    }
}
