import CasemateModels

/// Asks the model's own arithmetic what sums would be answered with.
struct TreeAnswerProbe {
    /// What is answered.
    struct Answer {
        let scores: [Double]
        let label: Int32
    }
    private let ensemble: TreeEnsemble

    init(_ ensemble: TreeEnsemble) { self.ensemble = ensemble }

    /// Whether all weights are for the same output.
    static func hasOneColumn(_ ensemble: TreeEnsemble) -> Bool {
        guard let first = ensemble.weights.first else { return true }
        return ensemble.weights.allSatisfy { $0.output == first.output }
    }

    /// Whether every row ends in a leaf with a weight for an output: some tree has one in all of its leaves.
    static func isAlwaysThere(_ output: Int, _ ensemble: TreeEnsemble) -> Bool {
        (0..<ensemble.trees).contains { tree in
            ensemble.range(ofTree: tree).allSatisfy { node in
                ensemble.nodes[node].mode != .leaf
                    || ensemble.weights(ofNode: node).contains { $0.output == Int32(output) }
            }
        }
    }

    /// The answer for a sum of one output, the sums of the others being 0.
    ///
    /// A tree of two leaves is made for it: one that is reached, and one that is not and that shows the rules of the
    /// form what signs and outputs the weights of the whole ensemble have.
    func answer(_ sum: Double, _ output: Int) -> Answer {
        var form = ensemble.form
        form.aggregate = .sum
        if form.convention == .boosting { form.base = [] }
        let isOne = Self.hasOneColumn(ensemble)
        let outputs = isOne ? [output] : Array(0..<form.outputs)
        let reached = outputs.map { TreeEnsemble.Weight(output: Int32($0), value: $0 == output ? sum : 0) }
        let isPositive = ensemble.weights.allSatisfy { $0.value >= 0 }
        let other = outputs.map { TreeEnsemble.Weight(output: Int32($0), value: isPositive ? 1 : -1) }
        let root = TreeEnsemble.Node(
            column: 0, mode: .less, threshold: 0, whenTrue: 1, whenFalse: 2, isMissingTrue: false)
        guard
            let small = try? TreeEnsemble(
                nodes: [root, .leaf, .leaf], roots: [0], weights: [[], reached, other], form: form, at: "trees")
        else { return Answer(scores: [], label: 0) }
        let answer = small.answers([1])
        return Answer(scores: answer.scores, label: answer.labels.first ?? 0)
    }

    /// The smallest sum of an output whose answer fulfils a condition that only grows more likely with the sum;
    /// infinite where none does.
    func cut(_ output: Int, _ isFulfilled: (Answer) -> Bool) -> Double {
        // why: shares of votes are never negative, and the rules for them hold for no other weights.
        let isPositive = ensemble.weights.allSatisfy { $0.value >= 0 } && ensemble.form.classes.count == 2
        if ensemble.form.isDouble {
            var (low, high) = (
                Self.key(isPositive ? 0 : -Double.greatestFiniteMagnitude), Self.key(.greatestFiniteMagnitude)
            )
            if isFulfilled(answer(Self.double(low), output)) { return -.infinity }
            if !isFulfilled(answer(Self.double(high), output)) { return .infinity }
            while high > low + 1 {
                let middle = (low >> 1) + (high >> 1) + (low & high & 1)
                if isFulfilled(answer(Self.double(middle), output)) { high = middle } else { low = middle }
            }
            return Self.double(high)
        }
        var low = TreeNumber.key(isPositive ? 0 : -Float.greatestFiniteMagnitude)
        var high = TreeNumber.key(.greatestFiniteMagnitude)
        if isFulfilled(answer(Double(TreeNumber.float(low)), output)) { return -.infinity }
        if !isFulfilled(answer(Double(TreeNumber.float(high)), output)) { return .infinity }
        while high > low + 1 {
            let middle = low + (high - low) / 2
            if isFulfilled(answer(Double(TreeNumber.float(middle)), output)) { high = middle } else { low = middle }
        }
        return Double(TreeNumber.float(high))
    }

    private static func key(_ value: Double) -> Int64 {
        let bits = Int64(bitPattern: value.bitPattern)
        return bits >= 0 ? bits : Int64.min &- bits
    }
    private static func double(_ key: Int64) -> Double {
        Double(bitPattern: UInt64(bitPattern: key >= 0 ? key : Int64.min &- key))
    }
}

/// float32 numbers in order, as whole numbers without gaps.
enum TreeNumber {
    /// Position of a number; not for NaN. Both zeros are 0.
    static func key(_ value: Float) -> Int64 {
        let bits = Int32(bitPattern: value.bitPattern)
        return Int64(bits >= 0 ? bits : Int32.min &- bits)
    }
    /// The number at a position.
    static func float(_ key: Int64) -> Float {
        let bits = Int32(truncatingIfNeeded: key)
        return Float(bitPattern: UInt32(bitPattern: bits >= 0 ? bits : Int32.min &- bits))
    }
}
