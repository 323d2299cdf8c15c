import CasemateCore

extension DataTable {
    /// Refuses numeric columns that hold a written-out NaN or infinity, or a number beyond float32; an empty cell is
    /// a missing value and allowed. Columns of texts are passed over.
    /// - Throws: `CasemateError` with code `unusableData` naming column, first row and count; `Cancelled`.
    public func rejectNonFinite(_ columns: [String]) throws {
        let numeric = try columns.map { name throws(CasemateError) in try column(name) }
            .filter { $0.type == .number || $0.type == .integer }
        for start in stride(from: 0, to: numeric.count, by: 64) {
            let block = Array(numeric[start..<min(start + 64, numeric.count)])
            guard let found = try survey(block).first else { continue }
            let cell = "CAST(\(quoted(found.column.name)) AS DOUBLE)"
            let row = try database.firstRow(found.problem.condition(cell), of: reference, for: path) ?? 1
            throw CasemateError(
                .unusableData, at: "\(path):row \(row)",
                "column '\(found.column.name.shortened(to: 60))' holds \(found.problem.what)"
                    + Self.others(found.count - 1), help: found.problem.help)
        }
    }

    /// ` (and n other rows)`, or nothing.
    static func others(_ count: Int) -> String {
        count < 1 ? "" : count == 1 ? " (and 1 other row)" : " (and \(count) other rows)"
    }

    private struct Problem {
        let condition: (String) -> String, what: String, help: String
    }

    /// What is looked for, the first that holds is told.
    private static var problems: [Problem] {
        let help = "leave the cell empty, or declare the marker as missing"
        return [
            Problem(condition: { "isnan(\($0))" }, what: "a written-out NaN", help: help),
            Problem(condition: { "isinf(\($0))" }, what: "an infinity or a number beyond float64", help: help),
            Problem(
                condition: { "isfinite(\($0)) AND abs(\($0)) >= \(Self.floatOverflow)" },
                what: "a number beyond float32",
                help: "scale the column"),
        ]
    }

    /// The smallest double that rounds to infinity as float32: halfway from its largest number to the next step.
    private static let floatOverflow = "3.4028235677973366e38"

    private func survey(_ columns: [Column]) throws -> [(column: Column, problem: Problem, count: Int)] {
        let problems = Self.problems
        let selected = columns.indices.map { "CAST(\(quoted(columns[$0].name)) AS DOUBLE) AS c\($0)" }
        let counts = columns.indices.flatMap { index in
            problems.map { "CAST(count(*) FILTER (WHERE \($0.condition("c\(index)"))) AS DOUBLE)" }
        }
        let sql = """
            SELECT \(counts.joined(separator: ", ")) FROM (SELECT \(selected.joined(separator: ", ")) FROM \(reference))
            """
        var figures: [Double] = []
        try database.read(sql, for: path) { chunk in
            for vector in chunk.columns { try vector.forEachDouble { figures.append($1 ?? 0) } }
        }
        guard figures.count == columns.count * problems.count else { throw DuckFailure.inconsistent(path) }
        return columns.enumerated().flatMap { index, column in
            problems.enumerated().compactMap { order, problem in
                let count = Int(figures[index * problems.count + order])
                return count > 0 ? (column, problem, count) : nil
            }
        }
    }
}
