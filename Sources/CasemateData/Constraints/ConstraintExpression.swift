public import CasemateCore

/// A value computed from a row, such as `row.loan / row.price`: a CEL expression that gives a number, a truth value
/// (1 or 0), or a text.
public struct ConstraintExpression: Hashable, Sendable {
    /// What it gives.
    enum Root: Hashable, Sendable { case real(RealTerm), truth(TruthTerm), text(TextTerm) }
    /// The expression as it was written.
    public let text: String
    /// Columns that it reads, in the order of their first use; terms name them by position.
    let inputs: [Column]
    /// The typed expression.
    let root: Root

    /// Parses an expression and checks it against columns.
    ///
    /// `name` is what it computes and `place` where it stands; a message adds the position in the text, in code points
    /// from 1.
    /// - Throws: as `ConstraintRule` does; `mismatch` for an expression that gives a date.
    public init(_ text: String, name: String, columns: [Column], at place: String) throws(CasemateError) {
        self.text = text
        do throws(ConstraintFault) {
            let syntax = try ConstraintParser.parse(text)
            let checked = try ConstraintChecker.value(syntax, columns: columns)
            (inputs, root) = (checked.inputs, try Self.root(checked.term, at: syntax.offset))
        } catch {
            throw CasemateError(
                error.code, at: "\(place): expression of '\(name.shortened(to: 60))', column \(error.offset + 1)",
                error.what, help: error.help)
        }
    }

    private static func root(_ term: ConstraintChecker.Term, at offset: Int) throws(ConstraintFault) -> Root {
        switch term {
        case .truth(let term): return .truth(term)
        case .text(let term): return .text(term)
        case .whole, .real: return .real(term.widened ?? .literal(.nan))
        case .moment:
            throw ConstraintFault(
                .mismatch, at: offset, "the expression gives a moment, not a number or a text",
                help: "compare it with something, or choose: row.day > date(\"2024-01-01\") ? 1 : 0")
        }
    }

    /// Names of the columns that it reads, in the order of their first use.
    public var columns: [String] { inputs.map(\.name) }
    /// Whether it gives a text.
    public var isText: Bool { if case .text = root { true } else { false } }
}
