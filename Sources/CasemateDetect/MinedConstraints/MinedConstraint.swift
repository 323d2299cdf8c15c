import CasemateCore

/// Something that holds in nearly every row.
public struct MinedConstraint: Hashable, Sendable {
    /// What kind of statement it is.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// One column is never above another.
        case ordering
        /// A column is the sum of others, or 0/1 columns of which exactly one is 1.
        case sum
        /// A value of one column fixes or limits another.
        case implication
        /// A column is a function of another.
        case dependency = "functional dependency"
        /// Texts are written in one way.
        case shape
    }
    /// What kind of statement it is.
    public let kind: Kind
    /// The rule in the language of `constraints:`; `nil` where that has no words for it.
    public let rule: String?
    /// The statement for people: `age <= limit`, `branch decides region`.
    public let statement: String
    /// Columns that it speaks of; of a dependency the deciding one first.
    public let columns: [String]
    /// Share of rows that would break it if the columns had nothing to do with each other; for a shape, the share of
    /// random texts over the same signs is not known and this is 1.
    public let chance: Double
    /// Rows of the data it was mined from to which it applies, and those of them that break it.
    public var applicable = 0, broken = 0
    /// The same of the training data where it was mined from a reference; equal to the above where not.
    public var trainApplicable = 0, trainBroken = 0

    /// Makes a statement that nobody has counted yet.
    init(_ kind: Kind, rule: String?, statement: String, columns: [String], chance: Double) {
        (self.kind, self.rule, self.statement) = (kind, rule, statement)
        (self.columns, self.chance) = (columns, chance)
    }

    /// Share of the rows that break it, where it was mined.
    public var brokenShare: Double { applicable > 0 ? Double(broken) / Double(applicable) : 0 }
}

/// How the rule language spells names, texts and numbers.
enum RuleText {
    /// `row.age`, `row["loan number"]`.
    static func member(_ name: String) -> String {
        let scalars = name.unicodeScalars
        let isWord =
            scalars.first.map { !("0"..."9").contains($0) } ?? false
            && scalars.allSatisfy {
                $0 == "_" || ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
            }
        return isWord && !["true", "false", "null", "in"].contains(name) ? "row.\(name)" : "row[\(text(name))]"
    }
    /// A text literal.
    static func text(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if scalar.value < 32 || scalar.value == 127 {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\x" + (digits.count < 2 ? "0" : "") + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }
}
