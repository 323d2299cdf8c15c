/// How an attacker turns scores into decisions: learnt from the answers that he has.
///
/// For two decisions a threshold between the largest score decided 0 and the smallest decided 1: 0.5 (for values 0)
/// where the answers allow it, else the middle. For several the largest score wins.
struct DecisionCut: Hashable, Sendable {
    private let form: AnswerForm
    /// Decision 1 from here on.
    private let threshold: Double

    /// Learns the cut.
    /// - Parameters:
    ///   - scores: Scores as seen, `[count, form.outputs]`.
    ///   - decisions: One a row.
    init(form: AnswerForm, scores: [Double], decisions: [Int32]) {
        self.form = form
        guard form.decisions == 2, form.scores != .none else {
            threshold = 0.5
            return
        }
        var (low, high) = (-Double.infinity, Double.infinity)
        for (row, decision) in decisions.enumerated() {
            let score = scores[(row + 1) * form.outputs - 1]
            if decision == 0 { low = max(low, score) } else { high = min(high, score) }
        }
        let usual = form.scores == .probabilities ? 0.5 : 0
        if low < usual, usual <= high {
            threshold = usual
        } else if low.isFinite, high.isFinite {
            threshold = (low + high) / 2
        } else {
            // why: with one decision seen, nothing says where the other one begins.
            threshold = low.isFinite ? .infinity : -.infinity
        }
    }

    /// The decision for each row of scores in the same form.
    func decide(_ scores: [Double]) -> [Int32] {
        guard form.decisions > 1, form.outputs > 0 else { return [] }
        let count = scores.count / form.outputs
        if form.decisions == 2 {
            return (0..<count).map { scores[($0 + 1) * form.outputs - 1] >= threshold ? 1 : 0 }
        }
        return Self.largest(scores, columns: form.outputs)
    }

    /// Index of the largest of each row, the first of equal ones.
    static func largest(_ scores: [Double], columns: Int) -> [Int32] {
        (0..<scores.count / columns).map { row in
            var best = 0
            for column in 1..<max(columns, 1) where scores[row * columns + column] > scores[row * columns + best] {
                best = column
            }
            return Int32(best)
        }
    }
}
