import CasemateModels
import Foundation

/// Changes answers as the key says, within bounds on what that costs.
///
/// Every score moves a little by the input's own sign and the shared signs: the log-odds between the two classes ahead
/// by `strength` where both are as likely, and by less the surer the model is (in proportion to 4p(1 - p)), because that
/// is where a changed order costs the most. That never changes a label. Besides, a label that the model itself is not
/// sure of is changed to the runner-up with a chance of `share` over what the change costs in expected accuracy, so that
/// the whole of it costs at most `share`.
///
/// Networks of many classes are sure of nearly everything; their scores move by at least 0.13 `strength` radians on the
/// arcsine scale, such as from 0.9999 to 0.9991, which hardly changes any order between classes.
struct WatermarkPen: Sendable, Hashable {
    /// Size of the moves where two classes are as likely, log-odds: 0.15 moves 0.5 to 0.537, 0.9 to 0.905.
    var strength: Float = 0.15
    /// Bound on the expected accuracy that is given up.
    var share: Float = 0.005
    /// Labels stay where the class ahead has more than this of what it and the runner-up have together.
    static let surest: Float = 0.7
    private static let edge: Float = 0.002

    /// What a model said before it was changed, as the verification needs it.
    struct Clean: Hashable, Sendable {
        /// The two classes ahead, the lower index first; the label twice for a model without scores, -1 for a regression.
        var low: Int32 = -1, high: Int32 = -1
        /// Where the answer stands between the two, 0…π/2 towards `high`; the value of a regression.
        var position: Float = 0
        /// Chance that the label is changed.
        var chance: Float = 0
    }

    /// The middle between two classes.
    static let middle = Float.pi / 4

    /// How far answers at a position move, radians.
    static func reach(_ position: Float, strength: Float, task: ModelTask) -> Float {
        guard task != .regression else { return strength / 15 }
        let sine = max(0, sin(2 * position))
        let reach = strength / 4 * sine * sine * sine
        return task == .binary ? reach : max(reach, strength * 0.13)
    }

    /// Position of a share in 0…1.
    static func position(_ share: Float) -> Float { asin(max(0, min(1, share)).squareRoot()) }

    /// What the model said of a row, and what goes out. `scores` are those of the row.
    func write(
        _ scores: inout [Float], _ label: inout Int32, task: ModelTask, kind: ScoreKind, _ mark: WatermarkKey.Mark
    ) -> Clean {
        if task == .regression {
            let clean = Clean(position: scores[0])
            scores[0] *= 1 + Self.reach(0, strength: strength, task: task) * Self.move(mark)
            return clean
        }
        guard kind != .labels, scores.count > 1 else { return relabel(&scores, &label, mark) }
        let first = ScoreHardening.ahead(scores)
        var second = first == 0 ? 1 : 0
        for index in scores.indices where index != first && scores[index] > scores[second] { second = index }
        let (low, high) = (min(first, second), max(first, second))
        let isMargin = kind == .decisionValues
        let (total, difference) = (scores[low] + scores[high], scores[high] - scores[low])
        guard total.isFinite, isMargin || total > 0 else { return Clean(low: label, high: label) }
        let share = isMargin ? 1 / (1 + exp(-difference)) : scores[high] / total
        let isAhead = label == Int32(first)
        var clean = Clean(low: Int32(low), high: Int32(high), position: Self.position(share))
        if isAhead { clean.chance = chance(share, weight: isMargin ? 1 : total) }
        let moved = moved(clean, isHighAhead: first == high, isLabelKept: isAhead, task, mark)
        if isMargin {
            let change = (log(moved / (1 - moved)) - difference) / 2
            (scores[low], scores[high]) = (scores[low] - change, scores[high] + change)
        } else {
            (scores[low], scores[high]) = (total * (1 - moved), total * moved)
        }
        if Self.isChanged(clean, mark) { label = Int32(second) }
        return clean
    }

    static func isChanged(_ clean: Clean, _ mark: WatermarkKey.Mark) -> Bool { mark.draw < Double(clean.chance) }

    private static func move(_ mark: WatermarkKey.Mark) -> Float { (mark.own + mark.shared) * 0.707_106_8 }

    /// The chance of another label, from the share of `high` and what both have together.
    private func chance(_ share: Float, weight: Float) -> Float {
        guard self.share > 0, max(share, 1 - share) < Self.surest else { return 0 }
        let cost = abs(2 * share - 1) * weight
        return min(0.5, self.share / max(cost, 1e-6))
    }

    /// The share of `high` that goes out.
    private func moved(
        _ clean: Clean, isHighAhead: Bool, isLabelKept: Bool, _ task: ModelTask, _ mark: WatermarkKey.Mark
    ) -> Float {
        // why: a changed label goes just across the middle, which costs the order of scores the least.
        if Self.isChanged(clean, mark) { return isHighAhead ? 0.49 : 0.51 }
        let reach = Self.reach(clean.position, strength: strength, task: task)
        let (lowest, highest) = (min(clean.position, Self.edge), max(clean.position, Float.pi / 2 - Self.edge))
        let sine = sin(max(lowest, min(highest, clean.position + reach * Self.move(mark))))
        let share = sine * sine
        guard isLabelKept else { return share }
        return isHighAhead ? max(share, 0.501) : min(share, 0.499)
    }

    /// A model without scores: the label of a keyed share of inputs becomes another.
    private func relabel(_ scores: inout [Float], _ label: inout Int32, _ mark: WatermarkKey.Mark) -> Clean {
        let clean = Clean(low: label, high: label, chance: scores.count > 1 ? share : 0)
        guard Self.isChanged(clean, mark) else { return clean }
        label = Self.other(than: label, of: scores.count, mark)
        for index in scores.indices { scores[index] = index == Int(label) ? 1 : 0 }
        return clean
    }

    /// The class that a model without scores answers instead.
    static func other(than label: Int32, of classes: Int, _ mark: WatermarkKey.Mark) -> Int32 {
        guard classes > 1 else { return label }
        return (label + 1 + Int32(mark.choice % UInt64(classes - 1))) % Int32(classes)
    }
}
