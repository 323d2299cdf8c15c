import CasemateCore

/// The target of a classification: its classes, the class of every row, and which outcome is favourable.
public struct LabelColumn: Hashable, Sendable {
    /// Name of the column.
    public let name: String
    /// What its values are.
    public let type: ColumnType
    /// Canonical texts of the classes: numbers ascending, `false` before `true`, texts by code point.
    public let classes: [String]
    /// Number of rows by class.
    public let counts: [Int]
    /// Index of the class, by row.
    public let labels: [Int32]
    /// Index of the favourable class, where one was named.
    public let favourable: Int?
    /// The most classes a target may have.
    public static let classLimit = 1000

    /// Reads a target.
    ///
    /// `favourable` is compared in canonical form, so that `1`, `1.0` and `true` name the same class of a column of
    /// ones and zeros, of 1.0 and 0.0, and of true and false.
    /// - Throws: `CasemateError`: `notFound` for a column that is not there, `unusableData` for a target with missing
    ///   values, a single value or more than `classLimit`, `mismatch` for a favourable value that does not occur.
    public init(_ table: DataTable, target: String, favourable: String? = nil) throws {
        let column = try table.column(target)
        let shown = column.name.shortened(to: 60)
        guard column.missing == 0 else {
            let row = try Self.firstMissing(table, column)
            throw CasemateError(
                .unusableData, at: "\(table.path):row \(row)",
                "target '\(shown)' is missing in \(column.missing) of \(table.count) rows",
                help: "drop these rows, or fill in the outcome")
        }
        try table.rejectNonFinite([target])
        let classes: [String]
        do { classes = try table.levels(target, limit: Self.classLimit) } catch let error as CasemateError {
            guard error.code == .limitExceeded else { throw error }
            throw CasemateError(
                .unusableData, at: table.path, "target '\(shown)' has more than \(Self.classLimit) different values",
                help: "name the column that holds the class; a number to be predicted is no class")
        }
        guard classes.count > 1 else {
            throw CasemateError(
                .unusableData, at: table.path,
                "target '\(shown)' is '\(classes.first?.shortened(to: 60) ?? "")' in every row",
                help: "give rows of both outcomes")
        }
        (name, type, self.classes) = (column.name, column.type, classes)
        self.favourable = try favourable.map { value throws(CasemateError) in
            try Self.index(of: value, in: classes, column, table)
        }
        let indices = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, Int32($0)) })
        labels = try table.texts(target).map { $0.flatMap { indices[$0] } ?? 0 }
        var counts = [Int](repeating: 0, count: classes.count)
        for label in labels { counts[Int(label)] += 1 }
        self.counts = counts
    }

    /// Whether each row has the favourable outcome; `nil` when none was named.
    public var isFavourable: [Bool]? {
        favourable.map { favourable in labels.map { Int($0) == favourable } }
    }

    private static func index(
        of value: String, in classes: [String], _ column: Column, _ table: DataTable
    ) throws(CasemateError) -> Int {
        let canonical = CanonicalText.of(value, as: column.type)
        if let index = classes.firstIndex(of: canonical) ?? classes.firstIndex(of: truth(canonical, column.type)) {
            return index
        }
        let listed = classes.prefix(10).map { "'\($0.shortened(to: 40))'" }.joined(separator: ", ")
        throw CasemateError(
            .mismatch, at: table.path,
            "favourable value '\(value.shortened(to: 60))' does not occur in target '\(column.name.shortened(to: 60))'",
            help: "its values: \(listed)" + (classes.count > 10 ? " and \(classes.count - 10) more" : ""))
    }

    /// `true` and `false` name 1 and 0 of a numeric column.
    private static func truth(_ text: String, _ type: ColumnType) -> String {
        guard type == .integer || type == .number else { return text }
        switch text.lowercased() {
        case "true": return "1"
        case "false": return "0"
        default: return text
        }
    }

    private static func firstMissing(_ table: DataTable, _ column: Column) throws -> Int {
        try table.database.firstRow("\(quoted(column.name)) IS NULL", of: table.reference, for: table.path) ?? 1
    }
}
