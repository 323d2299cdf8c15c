/// One way to meet a property: a box of inputs, and linear inequalities that must all hold.
public struct VnnCase: Hashable, Sendable {
    /// Smallest and largest value of each input, finite, `[inputCount]`; cases of one box share their memory.
    public let low: [Double], high: [Double]
    /// What must hold besides; over outputs, seldom over inputs.
    public let inequalities: [VnnInequality]

    /// Makes a case.
    public init(low: [Double], high: [Double], inequalities: [VnnInequality]) {
        (self.low, self.high, self.inequalities) = (low, high, inequalities)
    }

    /// Whether all inequalities are over outputs alone.
    public var isOutputOnly: Bool { inequalities.allSatisfy(\.isOutputOnly) }

    /// Whether `input` lies in the box, compared in float64 with no tolerance.
    public func contains(_ input: [Float]) -> Bool {
        precondition(input.count == low.count, "\(input.count) values for \(low.count) inputs")
        for index in input.indices {
            let value = Double(input[index])
            guard value >= low[index], value <= high[index] else { return false }
        }
        return true
    }

    /// Whether input and output meet the case, with no tolerance.
    public func isMet(input: [Float], output: [Float]) -> Bool {
        contains(input) && inequalities.allSatisfy { $0.holds(input: input, output: output) }
    }

    /// The largest amount by which an inequality fails, whatever the box says: an attack has reached its goal at 0 or
    /// less, and makes this smaller until then. `-infinity` without inequalities, `infinity` where a value is NaN.
    public func violation(input: [Float], output: [Float]) -> Double {
        worst(input: input, output: output).excess
    }

    /// The inequality that fails most, or holds with the least room, and its excess; `nil` without inequalities.
    public func worst(input: [Float], output: [Float]) -> (index: Int?, excess: Double) {
        var result: (index: Int?, excess: Double) = (nil, -.infinity)
        for (index, inequality) in inequalities.enumerated() {
            let excess = inequality.excess(input: input, output: output)
            if excess.isNaN { return (index, .infinity) }
            if excess > result.excess || result.index == nil { result = (index, excess) }
        }
        return result
    }

    /// The box in float32, rounded inwards, so that each float32 between its ends lies in the exact box.
    ///
    /// `nil` when an input has no float32 between its ends: then no float32 input meets the case.
    public var floatBox: (low: [Float], high: [Float])? {
        var (lows, highs): ([Float], [Float]) = ([], [])
        lows.reserveCapacity(low.count)
        highs.reserveCapacity(high.count)
        for index in low.indices {
            guard let ends = floatEnds(index) else { return nil }
            lows.append(ends.low)
            highs.append(ends.high)
        }
        return (lows, highs)
    }

    /// The first input that has no float32 between its ends, as one that is fixed at 0.1.
    public var inputWithoutFloat: Int? { low.indices.first { floatEnds($0) == nil } }

    private func floatEnds(_ index: Int) -> (low: Float, high: Float)? {
        var (bottom, top) = (Float(low[index]), Float(high[index]))
        if Double(bottom) < low[index] { bottom = bottom.nextUp }
        if Double(top) > high[index] { top = top.nextDown }
        return bottom <= top && bottom.isFinite && top.isFinite ? (bottom, top) : nil
    }
}
