import CasemateCore
import Foundation

extension TableLoader {
    /// The function that reads the Parquet file.
    var parquetReader: String {
        "read_parquet(\(literal(file.enginePath)), binary_as_string = false, hive_partitioning = false)"
    }

    /// Reads a file that states the types of its values: JSON or Parquet.
    func stageTyped() throws -> [ColumnPlan] {
        let path = literal(file.enginePath)
        let reader: String
        switch file.format {
        case .parquet: reader = parquetReader
        case .jsonLines, .jsonArray, .delimited:
            let format = file.format == .jsonArray ? "array" : "newline_delimited"
            reader = """
                read_json(\(path), format = '\(format)', records = 'true', sample_size = -1, \
                dateformat = '%Y-%m-%d', timestampformat = '%Y-%m-%d %H:%M:%S', \
                maximum_object_size = 16777216, compression = '\(file.isCompressed ? "gzip" : "uncompressed")', \
                hive_partitioning = false, ignore_errors = false)
                """
        }
        do {
            if file.format == .parquet { try checkParquetNames(path) }
            try database.execute("CREATE \(kind) \(staging) AS SELECT * FROM \(reader)", for: file.path)
        } catch let error as CasemateError where error.code == .malformed {
            throw jsonFailure() ?? error
        }
        let found = try columns()
        guard found.count <= DelimitedHeader.columnLimit else {
            throw CasemateError(
                .limitExceeded, at: file.path, "more than \(DelimitedHeader.columnLimit) columns",
                help: "leave columns out")
        }
        try DelimitedHeader.check(found.map(\.name), file.path)
        return try found.map { column in
            ColumnPlan(
                name: column.name, staged: quoted(column.name), engineType: try settle(column.name, column.type),
                declared: source.types[column.name], missing: source.missing)
        }
    }

    /// The engine renames a column whose name stands twice in a Parquet file; such a file is refused like others.
    private func checkParquetNames(_ path: String) throws {
        var names: [String] = [], children: [Int] = []
        let sql = "SELECT name, CAST(coalesce(num_children, 0) AS DOUBLE) FROM parquet_schema(\(path))"
        try database.read(sql, for: file.path) { chunk in
            try chunk.columns[0].forEachText { names.append($1 ?? "") }
            try chunk.columns[1].forEachDouble { children.append(Int($1 ?? 0)) }
        }
        // The schema is a tree in depth-first order; only the children of the root are columns.
        var top: [String] = [], open: [Int] = []
        for (name, count) in zip(names, children) {
            while let last = open.last, last == 0 { open.removeLast() }
            if open.count == 1 { top.append(name) }
            if !open.isEmpty { open[open.count - 1] -= 1 }
            if open.isEmpty || count > 0 { open.append(count) }
        }
        try DelimitedHeader.check(top, file.path)
    }

    private func columns() throws -> [(name: String, type: String)] {
        var names: [String] = [], types: [String] = []
        try database.read("SELECT column_name, column_type FROM (DESCRIBE \(staging))", for: file.path) { chunk in
            try chunk.columns[0].forEachText { names.append($1 ?? "") }
            try chunk.columns[1].forEachText { types.append($1 ?? "") }
        }
        return Array(zip(names, types))
    }

    /// A type that depends on the values: wide integers that fit 64 bits, JSON values that are all
    /// scalars, JSON texts that are all moments.
    private func settle(_ name: String, _ type: String) throws -> String {
        let column = quoted(name)
        let isWide =
            ["UBIGINT", "HUGEINT", "UHUGEINT"].contains(type) || type.hasPrefix("DECIMAL(") && type.hasSuffix(",0)")
        if isWide {
            let wide = "\(column) IS NOT NULL AND TRY_CAST(\(column) AS BIGINT) IS NULL"
            return try count(where: wide) == 0 ? "BIGINT" : "HUGEINT"
        }
        if type == "JSON" {
            let nested = "json_type(\(column)) IN ('ARRAY', 'OBJECT')"
            return try count(where: nested) == 0 ? "JSON" : "JSON arrays or objects"
        }
        if type == "VARCHAR", file.format != .parquet {
            let pattern = ColumnPattern(cell: column)
            let isEmpty = "\(column) IS NOT NULL AND \(pattern.isMissing)"
            guard try count(where: pattern.misfits(.timestamp)) == 0, try count(where: isEmpty) == 0,
                try count(where: pattern.fits(.timestamp)) > 0
            else { return type }
            return ColumnPlan.momentText
        }
        return type
    }

    /// The first line that is no JSON object, found without the engine, whose line numbers are off by one.
    private func jsonFailure() -> CasemateError? {
        guard file.format == .jsonLines, let bytes = file.content(limit: 1 << 30) else { return nil }
        var number = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            guard line.contains(where: { !" \t\r".utf8.contains($0) }) else { continue }
            let text = line.starts(with: [0xef, 0xbb, 0xbf]) ? line.dropFirst(3) : line
            let place = "\(file.path):\(number)"
            guard String(validating: text, as: UTF8.self) != nil else {
                return CasemateError(.malformed, at: place, "is not UTF-8 text", help: "save the file as UTF-8")
            }
            let value = try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
            guard value is [String: Any] else {
                let what = value == nil ? "is not JSON" : "is not a JSON object"
                return CasemateError(.malformed, at: place, what, help: "write one JSON object a line")
            }
        }
        return nil
    }
}
