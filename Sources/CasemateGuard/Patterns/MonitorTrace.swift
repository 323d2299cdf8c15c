public import CasemateCore
import CasemateData
import Foundation

/// A trace of requests and the reference to judge it by, read from files of comma-separated values.
public struct MonitorTrace: Sendable {
    /// Columns that are no features.
    public static let answers = (prediction: "pred", top: "p1", second: "p2")
    private static let otherNames: Set<String> = ["seq", "t_ms", "client", "owner", "network", "pred", "p1", "p2"]
    /// The requests in the order of the file, or of `seq` where there is one.
    public let rows: AnsweredRows
    /// The client of each row, its owner and network where the trace says them, and the number of the request.
    public let clients: [String], owners: [String], networks: [String], sequence: [Int]
    /// The reference.
    public let reference: AnsweredRows
    /// Names of the columns.
    public let columns: [String]
    /// What cannot be seen with this trace, a clause each.
    public let blind: [String]

    /// Reads both files.
    /// - Throws: `CasemateError` for files that cannot be read, columns that are missing or do not fit, values that are
    ///   no finite numbers, with the place; `Cancelled`.
    public init(
        trace: String, reference: String, clientColumn: String = "client", search: EngineSearch, context: RunContext
    ) throws {
        let engine = try DataEngine(search, threads: max(1, context.threads), cancellation: context.cancellation)
        let known = try engine.open(reference, name: "reference")
        let features = try Self.features(of: known, besides: clientColumn)
        // why declared: a type that is known need not be searched for, and a client's number is no number.
        var types = [clientColumn: ColumnType.text]
        for feature in features where try known.column(feature.name).type.isFloatable { types[feature.name] = .number }
        let asked = try Self.opened(trace, types, engine)
        columns = features.map(\.name)
        let classes = try Self.classes(known)
        self.reference = AnsweredRows(
            width: features.count, values: try known.matrix(features).values,
            predictions: try Self.predictions(known, classes), top: try Self.numbers(known, Self.answers.top),
            second: try Self.numbers(known, Self.answers.second))
        for column in asked.columns where !Self.otherNames.contains(column.name) && column.name != clientColumn {
            guard !columns.contains(column.name) else { continue }
            throw CasemateError(
                .mismatch, at: trace, "column '\(column.name.prefix(60))' is not in the reference",
                help: "give trace and reference the same features; reference: \(reference)")
        }
        let order = try Self.order(asked)
        let unsorted = AnsweredRows(
            width: features.count, values: try asked.matrix(features, allowUnseen: true).values,
            predictions: try Self.predictions(asked, classes), top: try Self.numbers(asked, Self.answers.top),
            second: try Self.numbers(asked, Self.answers.second))
        rows =
            order.indices == order[...].indices && order.map(\.row) == Array(0..<order.count)
            ? unsorted : unsorted.rows(order.map(\.row))
        sequence = order.map(\.number)
        let names = try asked.texts(clientColumn)
        if let row = names.firstIndex(where: { $0 == nil }) {
            throw CasemateError(
                .unusableData, at: "\(trace):row \(row + 1)", "column '\(clientColumn.prefix(60))' is empty",
                help: "say of each request who asked")
        }
        clients = order.map { names[$0.row] ?? "" }
        owners = try Self.texts(asked, "owner", order)
        networks = try Self.texts(asked, "network", order)
        blind = Self.blind(asked, rows)
    }

    /// Opens the trace. Types are declared for speed and not by the user, so an error does not speak of them.
    private static func opened(_ path: String, _ types: [String: ColumnType], _ engine: DataEngine) throws -> DataTable
    {
        do {
            return try engine.open(path, name: "trace", types: types)
        } catch let error as CasemateError where error.code == .notFound && error.what.hasPrefix("no column") {
            throw CasemateError(
                .mismatch, at: error.place,
                error.what.replacingOccurrences(of: ", for which a type is declared", with: ""),
                help: "give the trace the features of the reference, and say of each request who asked")
        }
    }

    private static func features(of table: DataTable, besides client: String) throws -> [Feature] {
        let found = try table.columns.filter { !otherNames.contains($0.name) && $0.name != client }.map { column in
            column.type.isNumeric
                ? Feature(column.name) : Feature(column.name, .categorical(levels: try table.levels(column.name)))
        }
        guard !found.isEmpty else {
            throw CasemateError(
                .unusableData, at: table.path, "no feature columns", help: "give the columns that the model takes")
        }
        return found
    }

    private static func has(_ table: DataTable, _ column: String) -> Bool {
        table.columns.contains { $0.name == column && $0.missing < table.count }
    }

    /// Names of classes where predictions are texts.
    private static func classes(_ table: DataTable) throws -> [String]? {
        guard has(table, answers.prediction), try !table.column(answers.prediction).type.isNumeric else { return nil }
        return try table.levels(answers.prediction)
    }

    private static func predictions(_ table: DataTable, _ classes: [String]?) throws -> [Double] {
        guard has(table, answers.prediction) else { return [] }
        guard let classes else { return try numbers(table, answers.prediction) }
        let places = Dictionary(uniqueKeysWithValues: zip(classes, 0...))
        return try table.texts(answers.prediction).map { text in
            text.map { places[$0].map(Double.init) ?? Double(classes.count) } ?? .nan
        }
    }

    /// A column of numbers; empty where the table has none. Missing values are NaN.
    private static func numbers(_ table: DataTable, _ column: String) throws -> [Double] {
        guard has(table, column) else { return [] }
        let values = try table.numbers(column)
        if let row = values.firstIndex(where: { $0.isInfinite || abs($0) > 1e30 }) {
            throw CasemateError(
                .unusableData, at: "\(table.path):row \(row + 1)", "column '\(column)' is no finite number",
                help: "correct the row")
        }
        return values
    }

    private static func texts(_ table: DataTable, _ column: String, _ order: [(row: Int, number: Int)]) throws
        -> [String]
    {
        guard has(table, column) else { return [] }
        let values = try table.texts(column)
        return order.map { values[$0.row] ?? "" }
    }

    /// Rows by `seq`; as in the file where there is none.
    private static func order(_ table: DataTable) throws -> [(row: Int, number: Int)] {
        guard has(table, "seq") else { return (0..<table.count).map { ($0, $0) } }
        let numbers = try table.numbers("seq")
        if let row = numbers.firstIndex(where: { $0 != $0.rounded() || !(abs($0) < 1e15) }) {
            throw CasemateError(
                .unusableData, at: "\(table.path):row \(row + 1)", "column 'seq' is no whole number",
                help: "number the requests, or leave the column out")
        }
        return numbers.enumerated().map { ($0.offset, Int($0.element)) }
            .sorted { $0.number == $1.number ? $0.row < $1.row : $0.number < $1.number }
    }

    private static func blind(_ table: DataTable, _ rows: AnsweredRows) -> [String] {
        var blind: [String] = []
        if rows.predictions.isEmpty { blind.append("boundary_straddling: the trace has no column 'pred'") }
        if rows.top.isEmpty {
            blind.append("low_margin, similar_predictions: the trace has no column 'p1'")
        } else if rows.second.isEmpty {
            blind.append("low_margin: the trace has no column 'p2'; the largest probability alone is used")
        }
        return blind
    }
}

extension ColumnType {
    /// Whether every value of the type can be read as a number.
    fileprivate var isFloatable: Bool { self == .integer || self == .number }
}
