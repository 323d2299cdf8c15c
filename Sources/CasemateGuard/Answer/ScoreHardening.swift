public import CasemateModels
import Foundation

/// Makes answers tell less: fewer classes, clipped extremes, keyed noise, fewer digits; in this order.
///
/// Probabilities keep their sum of 1 (in units of the last digit that is kept) and, unless noise may change it, the
/// class that is ahead. A label that was not the class ahead, as of a model with a threshold of its own, stays.
public struct ScoreHardening: Sendable, Hashable {
    /// What is told of the classes.
    public enum Output: String, Sendable, Hashable, CaseIterable {
        /// The label alone: 1 for its class, 0 for the others.
        case labels
        /// The scores of the classes ahead; the others share the rest evenly.
        case top
        /// The scores of all classes.
        case scores
    }
    /// What is told of the classes.
    public var output = Output.scores
    /// Number of classes that `top` tells.
    public var k = 1
    /// Decimal digits of scores.
    public var digits = 3
    /// Highest probability that is told; `nil` for all.
    public var clip: Float?
    /// Largest noise on a score; a share of the value for a regression.
    public var noise: Float = 0
    /// Whether noise leaves the label.
    public var keepsLabel = true
    /// Significant digits of a regression's value; `nil` leaves it.
    public var valueDigits: Int?

    /// Makes one that only rounds to three digits.
    public init() {}

    /// Scores and labels as they go out.
    /// - Parameter digests: Gives the keyed bits of each row; asked for when there is noise.
    public func apply(_ old: Predictions, digests: () -> [RowDigest]) -> (scores: [Float], labels: [Int32]) {
        var (scores, labels) = (old.scores, old.labels)
        let seeds = noise > 0 && output != .labels ? digests() : []
        if old.task == .regression {
            for row in scores.indices { scores[row] = value(scores[row], seeds.isEmpty ? nil : seeds[row]) }
            return (scores, labels)
        }
        let width = old.classes.count
        guard width > 0, scores.count == labels.count * width else { return (scores, labels) }
        for row in labels.indices {
            var part = Array(scores[row * width..<(row + 1) * width])
            var label = Int(labels[row])
            if old.kind == .decisionValues {
                decision(&part, &label, seeds.isEmpty ? nil : seeds[row])
            } else {
                probabilities(&part, &label, seeds.isEmpty ? nil : seeds[row])
            }
            scores.replaceSubrange(row * width..<(row + 1) * width, with: part)
            labels[row] = Int32(label)
        }
        return (scores, labels)
    }

    private func value(_ value: Float, _ seed: RowDigest?) -> Float {
        var result = Double(value)
        if let seed {
            var stream = KeyedStream(seed)
            result *= 1 + Double(noise * stream.symmetric())
        }
        guard let valueDigits, result != 0, result.isFinite else { return Float(result) }
        let unit = pow(10, (log10(abs(result))).rounded(.down) - Double(valueDigits - 1))
        return Float((result / unit).rounded() * unit)
    }

    private func probabilities(_ scores: inout [Float], _ label: inout Int, _ seed: RowDigest?) {
        let isAhead = label == Self.ahead(scores)
        if output == .labels {
            for index in scores.indices { scores[index] = index == label ? 1 : 0 }
            return
        }
        if output == .top { Self.level(&scores, beyond: k) }
        if let clip { Self.cut(&scores, at: clip) }
        if let seed { blur(&scores, &label, isAhead, seed) }
        Self.round(&scores, digits: digits, ahead: isAhead ? label : nil)
    }

    /// Noise, and the sum made 1 again.
    private func blur(_ scores: inout [Float], _ label: inout Int, _ isAhead: Bool, _ seed: RowDigest) {
        var stream = KeyedStream(seed)
        for index in scores.indices { scores[index] = max(0, scores[index] + noise * stream.symmetric()) }
        let sum = scores.reduce(0, +)
        if sum > 0 { for index in scores.indices { scores[index] /= sum } } else { scores[label] = 1 }
        let best = Self.ahead(scores)
        guard isAhead, best != label else { return }
        if keepsLabel { scores.swapAt(best, label) } else { label = best }
    }

    /// Margins: no sum to keep, and no scale to clip.
    private func decision(_ scores: inout [Float], _ label: inout Int, _ seed: RowDigest?) {
        let isAhead = label == Self.ahead(scores)
        let isOpposed = scores.count == 2 && scores[0] == -scores[1]
        if output == .labels {
            for index in scores.indices { scores[index] = index == label ? 1 : isOpposed ? -1 : 0 }
            return
        }
        if let seed {
            var stream = KeyedStream(seed)
            for index in scores.indices { scores[index] += noise * stream.symmetric() }
            if isOpposed { scores[0] = -scores[1] }
            let best = Self.ahead(scores)
            if isAhead, best != label { if keepsLabel { scores.swapAt(best, label) } else { label = best } }
        }
        let unit = Float(pow(10, Double(-digits)))
        for index in scores.indices { scores[index] = (scores[index] / unit).rounded() * unit }
        guard isAhead, scores.indices.contains(where: { $0 != label && scores[$0] >= scores[label] }) else { return }
        scores[label] += unit
        if isOpposed { scores[1 - label] -= unit }
    }

    /// The class with the highest score; the first of several.
    static func ahead(_ scores: [Float]) -> Int {
        var best = 0
        for index in scores.indices.dropFirst() where scores[index] > scores[best] { best = index }
        return best
    }

    /// Gives every class behind the first `k` the same share of what they have together.
    static func level(_ scores: inout [Float], beyond k: Int) {
        guard k < scores.count else { return }
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        let rest = order[k...]
        let mean = rest.reduce(Float(0)) { $0 + scores[$1] } / Float(rest.count)
        for index in rest { scores[index] = mean }
    }

    /// Lowers the highest score to `limit` and gives the others what that frees, in proportion.
    static func cut(_ scores: inout [Float], at limit: Float) {
        let best = ahead(scores)
        guard scores.count > 1, scores[best] > limit else { return }
        let rest = scores.reduce(0, +) - scores[best]
        let free = 1 - limit
        for index in scores.indices where index != best {
            scores[index] = rest > 1e-6 ? scores[index] / rest * free : free / Float(scores.count - 1)
        }
        scores[best] = limit
    }

    /// Rounds by largest remainders, so that the units add up; `ahead` stays alone in front.
    static func round(_ scores: inout [Float], digits: Int, ahead label: Int?) {
        let whole = Int(pow(10, Double(digits)).rounded())
        let sum = scores.reduce(0.0) { $0 + Double(max(0, $1)) }
        guard sum > 0, sum.isFinite else { return }
        let exact = scores.map { Double(max(0, $0)) / sum * Double(whole) }
        var units = exact.map { Int($0) }
        let missing = max(0, whole - units.reduce(0, +))
        if missing > 0 {
            let order = exact.indices.sorted {
                (exact[$0] - Double(units[$0]), scores[$0]) > (exact[$1] - Double(units[$1]), scores[$1])
            }
            for index in order.prefix(missing) { units[index] += 1 }
        }
        if let label, let rival = units.indices.filter({ $0 != label }).max(by: { units[$0] < units[$1] }),
            units[rival] >= units[label], units[rival] > 0
        {
            // why: two classes that round alike would leave the order of columns to decide.
            units[rival] -= 1
            units[label] += 1
        }
        for index in scores.indices { scores[index] = Float(Double(units[index]) / Double(whole)) }
    }
}
