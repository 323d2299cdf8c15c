package import CasemateCore
import Foundation

/// Maps values of one axis to positions in the drawing, with ticks at round numbers.
package struct PlotScale {
    /// Ends of the axis in values.
    package let low: Double, high: Double
    /// Values at which ticks stand, and their distance; the distance is that of the ends on a logarithmic axis.
    package let ticks: [Double], step: Double
    /// Positions of the ends in the drawing.
    package let start: Double, end: Double
    /// Whether equal ratios take equal room.
    package let isLogarithmic: Bool
    private let isPercent: Bool

    /// Fits an axis to values; declared ends win.
    /// - Parameters:
    ///   - values: every value to be shown, finite
    ///   - start: position of the low end
    ///   - end: position of the high end
    ///   - count: how many ticks there should be at about
    package init(
        _ axis: Plot.Axis, values: [Double], start: Double, end: Double, count: Int, includesZero: Bool = false
    ) {
        let bounded = values.filter { $0.isFinite }.map { max(-1e300, min(1e300, $0)) }
        (self.start, self.end, isPercent, isLogarithmic) = (start, end, axis.isPercent, axis.isLogarithmic)
        if axis.isLogarithmic {
            (low, high) = Self.decades(axis, values: bounded)
            ticks = Self.decadeTicks(low: low, high: high, count: count)
            step = high - low
            return
        }
        var (low, high) = (axis.low ?? bounded.min() ?? 0, axis.high ?? bounded.max() ?? 1)
        if includesZero || (axis.isPercent && low > 0 && axis.low == nil) { (low, high) = (min(0, low), max(0, high)) }
        if !(low < high) { (low, high) = axis.low != nil ? (low, low + 1) : (high - 1, high) }
        if !(high - low).isFinite || high - low < max(abs(high) * 1e-12, 1e-290) { (low, high) = (low - 1, high + 1) }
        let step = Self.niceStep((high - low) / Double(max(1, count)), isPercent: axis.isPercent)
        if axis.low == nil { low = (low / step + 1e-9).rounded(.down) * step }
        if axis.high == nil { high = (high / step - 1e-9).rounded(.up) * step }
        let first = (low / step - 1e-9).rounded(.up)
        let shown = (0..<24).map { (first + Double($0)) * step }
        let top = high
        (self.low, self.high, self.step) = (low, high, step)
        ticks = shown.filter { $0 <= top + step * 1e-6 }
    }

    /// Position of a value; on a logarithmic axis what lies below the low end, as 0 does, stands on it.
    package func position(_ value: Double) -> Double {
        let share = isLogarithmic ? logarithmicShare(value) : (max(-1e300, min(1e300, value)) - low) / (high - low)
        return start + max(-4, min(5, share)) * (end - start)
    }

    private func logarithmicShare(_ value: Double) -> Double {
        log10(max(low, min(1e300, value)) / low) / log10(high / low)
    }

    /// Whether the value stands between the ends.
    func holds(_ value: Double) -> Bool {
        isLogarithmic
            ? value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)
            : value >= low - step * 1e-6 && value <= high + step * 1e-6
    }

    /// The value at a share of the way from the low to the high end.
    func value(at share: Double) -> Double {
        isLogarithmic ? low * pow(high / low, share) : low + (high - low) * share
    }

    /// The text at a tick.
    package func label(_ tick: Double) -> String {
        isLogarithmic
            ? Numerals.decade(tick, isPercent: isPercent) : Numerals.tick(tick, step: step, isPercent: isPercent)
    }

    /// A value beside the drawing, such as at the end of a bar.
    func value(_ value: Double) -> String {
        switch (isPercent, isLogarithmic) {
        case (true, true): Numerals.smallPercent(value)
        case (true, false): Numerals.percent(value)
        case (false, _): Numerals.number(value)
        }
    }

    /// The smallest of 1, 2, 5 times a power of ten that is not below `raw`.
    static func niceStep(_ raw: Double, isPercent: Bool = false) -> Double {
        guard raw.isFinite, raw > 1e-300 else { return raw.isFinite ? 1 : 1e300 }
        let unit = pow(10, log10(raw).rounded(.down))
        let choices: [Double] = isPercent && unit > 0.09 ? [1, 2, 2.5, 5] : [1, 2, 5]
        return unit * (choices.first { $0 * unit >= raw * (1 - 1e-9) } ?? 10)
    }
}
