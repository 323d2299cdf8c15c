import CasemateCore
import CasemateData

/// How a text is written: runs of capitals, small letters and digits, and other signs as they are.
struct TextShape: Hashable, Sendable {
    /// One part: a class of signs, or a sign.
    enum Part: Hashable, Sendable { case capitals, letters, digits, blanks, sign(Unicode.Scalar) }
    let parts: [Part]

    /// The shape and the text of each run; `nil` beyond 24 runs, which is prose.
    static func of(_ text: String) -> (shape: TextShape, runs: [String])? {
        var parts: [Part] = []
        var runs: [String] = []
        for scalar in text.unicodeScalars {
            let part: Part =
                switch scalar {
                case "A"..."Z": .capitals
                case "a"..."z": .letters
                case "0"..."9": .digits
                case " ": .blanks
                default: .sign(scalar)
                }
            if parts.last == part {
                runs[runs.count - 1].unicodeScalars.append(scalar)
            } else {
                guard parts.count < 24 else { return nil }
                parts.append(part)
                runs.append(String(scalar))
            }
        }
        return (TextShape(parts: parts), runs)
    }
}

extension ConstraintMiner {
    /// Fewest different values, and most shapes, of a column that is written in one way.
    private static let distinctValues = 20, shapeLimit = 3

    /// Columns of texts that follow at most three shapes.
    func shapes() -> [MinedConstraint] {
        sample.texts.prefix(limit).compactMap { column, values in
            guard let pattern = Self.pattern(values.compactMap(\.self), allowed: allowed) else { return nil }
            let name = column.name
            return MinedConstraint(
                .shape, rule: "\(RuleText.member(name)).matches(\(RuleText.text(pattern)))",
                statement: "\(name.clipped(to: 40)) is written \(pattern.clipped(to: 80))", columns: [name], chance: 1)
        }
    }

    /// An anchored pattern that nearly all texts follow.
    static func pattern(_ texts: [String], allowed: (Int) -> Int) -> String? {
        guard texts.count >= 200, Set(texts).count >= distinctValues else { return nil }
        var runs: [TextShape: [[String]]] = [:]
        for text in texts { if let (shape, parts) = TextShape.of(text) { runs[shape, default: []].append(parts) } }
        let ranked = runs.sorted {
            ($1.value.count, "\($0.key)") < ($0.value.count, "\($1.key)")
        }
        var (chosen, covered): ([String], Int) = ([], 0)
        for (shape, rows) in ranked.prefix(shapeLimit) where texts.count - covered > allowed(texts.count) {
            chosen.append(pattern(shape, rows))
            covered += rows.count
        }
        guard texts.count - covered <= allowed(texts.count), let first = chosen.first else { return nil }
        return chosen.count == 1 ? "^\(first)$" : "^(?:\(chosen.joined(separator: "|")))$"
    }

    private static func pattern(_ shape: TextShape, _ rows: [[String]]) -> String {
        var result = ""
        for (index, part) in shape.parts.enumerated() {
            let texts = Set(rows.lazy.map { $0[index] })
            if texts.count == 1, let only = texts.first, rows.count >= 20 {
                result += only.unicodeScalars.map(escaped).joined()
                continue
            }
            let lengths = Set(texts.map { $0.unicodeScalars.count })
            let (least, most) = (lengths.min() ?? 1, lengths.max() ?? 1)
            let letters =
                switch part {
                case .capitals: "[A-Z]"
                case .letters: "[a-z]"
                case .digits: "[0-9]"
                case .blanks: " "
                case .sign(let scalar): escaped(scalar)
                }
            // why +: words and amounts of many lengths have no length of their own.
            result +=
                letters
                + (least == most ? (least == 1 ? "" : "{\(least)}") : lengths.count <= 3 ? "{\(least),\(most)}" : "+")
        }
        return result
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", " ", "-", "_", "/", ":", ",", "@", "#", "%", "&", "=", "'", "\"", "<",
            ">",
            ";", "!", "~":
            return String(scalar)
        default:
            return scalar.isASCII && scalar.value > 32 && scalar.value < 127
                ? "\\\(scalar)" : "\\x{\(String(scalar.value, radix: 16))}"
        }
    }
}
