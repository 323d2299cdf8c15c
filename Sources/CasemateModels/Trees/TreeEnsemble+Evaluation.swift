public import CasemateCore
import Foundation

extension TreeEnsemble {
    /// The leaf that each row ends in, tree by tree: `[count, trees]` indices into `nodes`.
    /// - Parameters:
    ///   - rows: `[count, width]` row-major values of the trees' input, NaN for missing.
    ///   - width: Values a row.
    ///   - cancellation: Looked at every few thousand rows.
    /// - Throws: `mismatch` when the values make no whole rows or a row is too short, `Cancelled`.
    public func leaves(_ rows: [Float], width: Int, cancellation: Cancellation = Cancellation()) throws -> [Int32] {
        let count = try count(of: rows, width: width)
        // why: laying out the trees for many rows costs about as much as walking sixteen rows.
        if count >= 64 { return try TreeScorer(self).leaves(rows, width: width, cancellation: cancellation) }
        var result = [Int32](repeating: 0, count: count * trees)
        try cancellation.check()
        result.withUnsafeMutableBufferPointer { result in
            rows.withUnsafeBufferPointer { rows in walk(rows, width: width, 0..<count, into: result) }
        }
        return result
    }

    private func walk(
        _ rows: UnsafeBufferPointer<Float>, width: Int, _ range: Range<Int>,
        into result: UnsafeMutableBufferPointer<Int32>
    ) {
        nodes.withUnsafeBufferPointer { nodes in
            for row in range {
                let base = row * width
                for (tree, root) in roots.enumerated() {
                    var index = root
                    while true {
                        let node = nodes[Int(index)]
                        if node.mode == .leaf { break }
                        index = holds(node, rows[base + Int(node.column)]) ? node.whenTrue : node.whenFalse
                    }
                    result[row * roots.count + tree] = index
                }
            }
        }
    }

    /// Whether a value goes the way of a node's `whenTrue`; the node is one of this ensemble.
    @inline(__always)
    public func holds(_ node: Node, _ value: Float) -> Bool {
        if node.mode != .member || (value.isNaN && node.isMissingTrue) { return node.holds(value) }
        return Self.isMember(value, of: sets[Int(node.set)])
    }

    /// Whether a value, cut to a whole number, is in a set; NaN and what is below 0 is not.
    public static func isMember(_ value: Float, of set: [UInt32]) -> Bool {
        guard value >= 0, value < Float(set.count * 32) else { return false }
        let number = Int(value)
        return set[number >> 5] >> UInt32(number & 31) & 1 == 1
    }

    /// The numbers of each row before base values and transform, `[count, form.outputs]`, from what `leaves` gave;
    /// by the convention `boosting` the base values are in them.
    ///
    /// Added in the order of the trees; an output that no leaf of the row has a weight for is 0.
    public func sums(_ leaves: [Int32]) -> [Double] { joined(leaves).values }

    /// The answers as the engine gives them that `form.convention` names: scores, one a class or target, and, for a
    /// classifier, the class of each row.
    ///
    /// What ONNX Runtime leaves undefined (a probit of a single score of two classes, a single base value where only
    /// some leaves have both classes) is NaN here.
    public func answers(_ leaves: [Int32]) -> (scores: [Double], labels: [Int32]) {
        let (sums, known) = joined(leaves)
        if form.convention == .boosting { return boosted(sums) }
        let width = form.outputs
        let count = trees > 0 ? leaves.count / trees : 0
        var scores = [Double](repeating: 0, count: count * width)
        var labels: [Int32] = []
        // why: ONNX Runtime reads two classes in two ways, by what weights there are in all trees.
        let isOne = form.outputs == 2 && weights.allSatisfy { $0.output == weights[0].output }
        let pair = Pair(hasOneColumn: isOne, isPositive: weights.allSatisfy { $0.value >= 0 })
        for row in 0..<count {
            let part = row * width..<(row + 1) * width
            let (values, label) = finished(Array(sums[part]), known: Array(known[part]), pair)
            scores.replaceSubrange(part, with: values)
            if let label { labels.append(label) }
        }
        return (scores, labels)
    }

    // MARK: Joining

    func rounded(_ value: Double) -> Double { form.isDouble ? value : Double(Float(value)) }

    private func joined(_ leaves: [Int32]) -> (values: [Double], known: [Bool]) {
        let width = form.outputs
        let count = leaves.count / max(1, trees)
        var values = [Double](repeating: 0, count: count * width)
        if form.convention == .boosting, !form.base.isEmpty {
            for cell in values.indices { values[cell] = rounded(form.base[cell % width]) }
        }
        var known = [Bool](repeating: false, count: count * width)
        for row in 0..<count {
            for leaf in leaves[row * trees..<(row + 1) * trees] {
                for weight in weights(ofNode: Int(leaf)) {
                    let cell = row * width + Int(weight.output)
                    switch form.aggregate {
                    // why: the sum of two float32 in float64, rounded once, is their float32 sum.
                    case .sum, .average: values[cell] = rounded(values[cell] + weight.value)
                    case .minimum: values[cell] = known[cell] ? min(values[cell], weight.value) : weight.value
                    case .maximum: values[cell] = known[cell] ? max(values[cell], weight.value) : weight.value
                    }
                    known[cell] = true
                }
            }
            if form.aggregate == .average {
                for cell in row * width..<(row + 1) * width { values[cell] = rounded(values[cell] / Double(trees)) }
            }
        }
        return (values, known)
    }

    // MARK: Finishing

    /// How the weights of two classes are laid out.
    private struct Pair {
        /// Whether all weights are for the same class.
        let hasOneColumn: Bool
        /// Whether no weight is negative.
        let isPositive: Bool
        /// Whether the single number of a row is the share of class 1.
        var isShare: Bool { hasOneColumn && isPositive }
    }

    private func finished(_ sums: [Double], known: [Bool], _ pair: Pair) -> ([Double], Int32?) {
        if form.classes.isEmpty {
            var values = sums
            for (index, base) in form.base.enumerated() { values[index] = rounded(values[index] + base) }
            // why: with one target the engine applies no transform but the probit.
            if values.count == 1 { return ([form.transform == .probit ? Self.probit(values[0]) : values[0]], nil) }
            return (transformed(values), nil)
        }
        return form.outputs == 2 ? ofTwo(sums, known, pair) : ofSeveral(sums, known)
    }

    private func ofSeveral(_ sums: [Double], _ known: [Bool]) -> ([Double], Int32?) {
        var (values, known) = (sums, known)
        for (index, base) in form.base.enumerated() {
            values[index] = rounded(values[index] + base)
            known[index] = true
        }
        var best: Int?
        for index in values.indices where known[index] {
            if best.map({ values[index] > values[$0] }) ?? true { best = index }
        }
        return (transformed(values), Int32(best ?? 0))
    }

    /// Two classes: ONNX Runtime takes the score of the one that has weights for both.
    private func ofTwo(_ sums: [Double], _ known: [Bool], _ pair: Pair) -> ([Double], Int32?) {
        var (zero, one) = (sums[0], sums[1])
        switch form.base.count {
        case 2 where known[1]:
            one = rounded(form.base[1] + zero)
            zero = -one
        case 2: (zero, one) = (rounded(zero + form.base[0]), rounded(one + form.base[1]))
        case 1: zero = rounded(zero + form.base[0])
        default: break
        }
        let positive = known[1] ? one : known[0] ? zero : 0
        let cut = pair.isShare ? 0.5 : 0
        let label: Int32 = positive > cut ? 1 : 0
        guard !known[1], form.base.count < 2 else {
            return (transformed([known[0] ? zero : 0, known[1] ? one : 0]), label)
        }
        // why: where some leaves know both classes and this row's know one, the engine reads memory it never wrote.
        if form.base.count == 1, !pair.hasOneColumn { return ([.nan, .nan], label) }
        switch form.transform {
        case .probit: return ([Self.probit(zero), .nan], label)
        case .logistic: return ([Self.logistic(-zero), Self.logistic(zero)], label)
        default: return (pair.isShare ? [1 - zero, zero] : [-zero, zero], label)
        }
    }

    /// Answers by the convention `boosting`, from sums with their base values.
    private func boosted(_ sums: [Double]) -> (scores: [Double], labels: [Int32]) {
        let finisher = TreeFinisher(form)
        let count = sums.count / form.outputs
        var scores = [Double](repeating: 0, count: count * finisher.scores)
        var labels: [Int32] = []
        sums.withUnsafeBufferPointer { sums in
            guard let base = sums.baseAddress else { return }
            for row in 0..<count {
                let label = finisher.finish(base + row * form.outputs, step: 1) {
                    scores[row * finisher.scores + $0] = $1
                }
                if !form.classes.isEmpty { labels.append(label) }
            }
        }
        return (scores, labels)
    }

    /// ONNX Runtime's transform of the numbers of a row.
    private func transformed(_ values: [Double]) -> [Double] {
        switch form.transform {
        case .logistic: return values.map(Self.logistic)
        case .probit: return values.map(Self.probit)
        case .softmax, .softmaxZero:
            let top = values.max() ?? 0
            let isKept = { (value: Double) in form.transform == .softmax || abs(value) > 1e-7 }
            let powers = values.map { isKept($0) ? exp($0 - top) : 0 }
            let sum = powers.reduce(0, +)
            return powers.map { $0 / sum }
        // why: ONNX has no others.
        case .none, .exponential, .softplus, .step, .signedSquare: return values
        }
    }
    private static func logistic(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
    /// The quantile of the normal distribution by the approximation that ONNX Runtime uses.
    ///
    /// Source: Winitzki, "A handy approximation for the error function and its inverse", 2008; within 0.002.
    static func probit(_ value: Double) -> Double {
        let x = 2 * value - 1
        let (a, power) = (0.147, log((1 - x) * (1 + x)))
        let v = 2 / (.pi * a) + power / 2
        let size = (-v + (v * v - power / a).squareRoot()).squareRoot()
        return 2.0.squareRoot() * (x < 0 ? -size : size)
    }
}

extension TreeEnsemble.Node {
    /// Whether a value goes the way of `whenTrue`; for `member` ask the ensemble, which has the sets.
    @inline(__always)
    public func holds(_ value: Float) -> Bool {
        if value.isNaN, isMissingTrue { return true }
        return switch mode {
        case .lessOrEqual: value <= threshold
        case .less: value < threshold
        case .greaterOrEqual: value >= threshold
        case .greater: value > threshold
        case .equal: value == threshold
        case .notEqual, .leaf: value != threshold
        case .member: false
        }
    }
}
