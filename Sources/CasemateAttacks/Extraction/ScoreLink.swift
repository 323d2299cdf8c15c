import CasemateCore

/// Turns probabilities into logarithms of ratios and back.
enum ScoreLink {
    /// Smallest probability that a logarithm is taken of when answers are not rounded: what float32 resolves below 1.
    static let floor = 0x1p-24

    /// `[count, columns]`: for two classes ln(p1/p0) alone, else each ln p less the mean of the row.
    ///
    /// Both probabilities of a pair are used, because the small one keeps digits that the one near 1 has lost.
    static func logits(_ probabilities: [Double], classes: Int, floor: Double) -> [Double] {
        let count = classes == 0 ? 0 : probabilities.count / classes
        let columns = columns(classes)
        var logits = [Double](repeating: 0, count: count * columns)
        for row in 0..<count {
            let own = (0..<classes).map { max(probabilities[row * classes + $0], floor).logarithm }
            if columns == 1 {
                logits[row] = own[1] - own[0]
            } else {
                let mean = own.reduce(0, +) / Double(classes)
                for column in 0..<columns { logits[row * columns + column] = own[column] - mean }
            }
        }
        return logits
    }

    /// The inverse: `[count, classes]` probabilities.
    static func probabilities(_ logits: [Double], classes: Int) -> [Double] {
        let columns = columns(classes)
        let count = logits.count / columns
        var result = [Double](repeating: 0, count: count * classes)
        for row in 0..<count {
            let own = columns == 1 ? [0, logits[row]] : Array(logits[row * columns..<(row + 1) * columns])
            let top = own.max() ?? 0
            let powers = own.map { ($0 - top).exponential }
            let sum = powers.reduce(0, +)
            for (index, power) in powers.enumerated() { result[row * classes + index] = power / sum }
        }
        return result
    }

    /// Columns of logits for so many classes.
    static func columns(_ classes: Int) -> Int { classes == 2 ? 1 : classes }
}
