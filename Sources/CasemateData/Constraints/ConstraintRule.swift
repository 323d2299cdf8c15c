public import CasemateCore

/// A rule that rows keep, such as `row.years_on_job <= row.age - 14`: an expression of the Common Expression Language
/// (CEL), parsed whole and checked against the columns.
///
/// One parse gives SQL for a table (`count(in:)`), and closures for single rows (`bound(to:)`, `bound(toValues:)`); all
/// give the same verdicts. The subset, its types, missing values and the differences from CEL:
/// `docs/reference/constraints.md`. Source: "Common Expression Language", language definition, github.com/google/cel-spec.
public struct ConstraintRule: Hashable, Sendable {
    /// What a rule says of a row.
    public enum Verdict: UInt8, Hashable, Sendable {
        /// The row breaks the rule.
        case violated
        /// The row keeps the rule.
        case holds
        /// The rule touches a missing value, or its arithmetic has no result: it says nothing about the row.
        case notApplicable
    }
    /// Name in messages and reports; the text where none was given.
    public let name: String
    /// The expression as it was written.
    public let text: String
    /// Columns that it reads, in the order of their first use; terms name them by position.
    let inputs: [Column]
    /// The typed expression.
    let root: TruthTerm
    /// The same with columns of whole numbers read as numbers, for rows that hold fractions there; `nil` where the
    /// rule makes no sense so, and where it reads no whole numbers.
    let widened: TruthTerm?

    /// The longest text, in bytes.
    public static let lengthLimit = 16_384

    /// Parses a rule and checks it against columns.
    ///
    /// `place` is where the text stands, such as `casemate.yaml:12`; a message adds the name of the rule and the position
    /// in the text, counted in code points from 1.
    /// - Throws: `CasemateError`: `malformed` for what is no expression, `unsupported` for the rest of CEL, `notFound` for
    ///   unknown names, `mismatch` for types that do not go together, `limitExceeded` for a rule that is too long or
    ///   nests too deep.
    public init(_ text: String, name: String? = nil, columns: [Column], at place: String) throws(CasemateError) {
        let name = name ?? text
        (self.name, self.text) = (name, text)
        do {
            let syntax = try ConstraintParser.parse(text)
            let checked = try ConstraintChecker.check(syntax, columns: columns)
            (root, inputs) = (checked.root, checked.inputs)
            widened = Self.widened(syntax, columns: columns, inputs: checked.inputs)
            try ConstraintSQL.checkSize(root, inputs: inputs)
        } catch {
            let rule = name.shortened(to: 60)
            throw CasemateError(
                error.code, at: "\(place): rule '\(rule)', column \(error.offset + 1)", error.what, help: error.help)
        }
    }

    /// Names of the columns that it reads, in the order of their first use.
    public var columns: [String] { inputs.map(\.name) }

    /// A condition in DuckDB's SQL over a table with these columns: true, false, and null where the rule does not apply.
    ///
    /// Nothing that a name or a literal holds can end it.
    public var sql: String {
        ConstraintSQL(columns: inputs.map { ConstraintSQL.value(of: $0) }).truth(root)
    }

    private static func widened(_ syntax: ConstraintNode, columns: [Column], inputs: [Column]) -> TruthTerm? {
        guard inputs.contains(where: { $0.type == .integer }) else { return nil }
        let wide = columns.map { column in
            column.type == .integer ? Column(name: column.name, type: .number, missing: column.missing) : column
        }
        return (try? ConstraintChecker.check(syntax, columns: wide))?.root
    }
}

/// What is wrong with a rule, and where in its text.
struct ConstraintFault: Error {
    let code: CasemateError.Code
    /// Code points before the place.
    let offset: Int
    let what: String, help: String

    init(_ code: CasemateError.Code, at offset: Int, _ what: String, help: String) {
        (self.code, self.offset, self.what, self.help) = (code, offset, what, help)
    }
    /// CEL has it, this subset does not.
    static func unsupported(_ what: String, at offset: Int, help: String) -> ConstraintFault {
        ConstraintFault(.unsupported, at: offset, "not supported: \(what)", help: help)
    }
}
