import CasemateCore
import Foundation

extension PlotScale {
    /// Ends of a logarithmic axis: the declared ones where they are positive, else whole decades around the values.
    static func decades(_ axis: Plot.Axis, values: [Double]) -> (low: Double, high: Double) {
        let positive = values.filter { $0 >= 1e-300 }
        let declared = { (end: Double?) in end.flatMap { $0 >= 1e-300 && $0 <= 1e300 ? $0 : nil } }
        let high = declared(axis.high) ?? decade(positive.max() ?? 1, rounded: .up)
        let least = positive.min() ?? high / 1000
        let low = declared(axis.low) ?? decade(least < high ? least : high / 10, rounded: .down)
        return low < high * (1 - 1e-9) ? (low, high) : (low, low * 10)
    }

    private static func decade(_ value: Double, rounded rule: FloatingPointRoundingRule) -> Double {
        let power = log10(value)
        let nudge = rule == .down ? 1e-9 : -1e-9
        return pow(10, max(-299, min(299, (power + nudge).rounded(rule))))
    }

    /// Ticks at powers of ten, every so many that about `count` remain; at 1, 2 and 5 of each where few are there.
    static func decadeTicks(low: Double, high: Double, count: Int) -> [Double] {
        let first = Int((log10(low) - 1e-9).rounded(.up)), last = Int((log10(high) + 1e-9).rounded(.down))
        let most = max(2, count + 1)
        if last - first < 2 {
            let bottom = low * (1 - 1e-9), top = high * (1 + 1e-9)
            var fine: [Double] = []
            for exponent in (first - 1)...(first + 2) {
                fine += [1.0, 2.0, 5.0].map { power($0, exponent) }.filter { $0 >= bottom && $0 <= top }
            }
            if fine.count >= 2, fine.count <= most { return fine }
            if last <= first { return fine.count > most ? [fine[0], fine[fine.count - 1]] : [low, high] }
        }
        let stride = max(1, ((last - first) + most - 1) / most)
        return Swift.stride(from: first, through: last, by: stride).map { power(1, $0) }
    }

    /// Digit times a power of ten, exact for small powers, so that 0.001 is 0.001.
    private static func power(_ digit: Double, _ exponent: Int) -> Double {
        exponent < 0 ? digit / pow(10, Double(-exponent)) : digit * pow(10, Double(exponent))
    }
}

extension Plot.Axis {
    /// The title, and that the axis is logarithmic where it is, in at most `limit` characters.
    func titleInWords(limit: Int = 4096) -> String {
        let note = isLogarithmic ? " (logarithmic)" : ""
        return title.inert.shortened(to: limit - note.count) + note
    }

    /// A value of this axis in a table.
    func inWords(_ value: Double) -> String {
        switch (isPercent, isLogarithmic) {
        case (true, true): Numerals.smallPercent(value)
        case (true, false): Numerals.percent(value)
        case (false, true): Numerals.distance(value)
        case (false, false): Numerals.number(value)
        }
    }
}
