import CasemateCore

/// The engine could not read a delimited file.
struct DelimitedFailure: Error {
    let file: SourceFile, error: CasemateError
}

extension TableLoader {
    private static let sampleSize = 2048

    /// Reads every cell as text and finds the type of every column over all of its rows.
    func stageDelimited() throws -> [ColumnPlan] {
        let header = try DelimitedHeader(file.prefix, isWhole: file.isPrefixWhole, path: file.path)
        let columns = header.names.indices.map { "'c\($0)': 'VARCHAR'" }.joined(separator: ", ")
        // why no detection: what the engine guesses (skipped lines, other quotes) would hide a damaged file.
        let options = [
            "auto_detect = false", "header = true", "columns = {\(columns)}",
            "delim = \(literal(String(UnicodeScalar(header.delimiter))))", "quote = '\"'", "escape = '\"'",
            "strict_mode = true", "null_padding = false", "ignore_errors = false", "nullstr = ''",
            header.endsWithCarriageReturn ? "new_line = '\\r'" : nil,
            "compression = '\(file.isCompressed ? "gzip" : "none")'", "max_line_size = 16777216",
            "buffer_size = 33554432",
        ].compactMap(\.self)
        let reader = "read_csv(\(literal(file.enginePath)), \(options.joined(separator: ", ")))"
        do {
            try database.execute("CREATE TABLE \(staging) AS SELECT * FROM \(reader)", for: file.path)
        } catch let error as CasemateError {
            throw DelimitedFailure(file: file, error: error)
        }
        try checkRows(header)
        let types = try survey(header.names)
        return header.names.indices.map { index in
            let name = header.names[index]
            return ColumnPlan(
                name: name, staged: "c\(index)", type: source.types[name] ?? types[index], missing: source.missing,
                isDeclared: source.types[name] != nil)
        }
    }

    /// Counts the rows of a small file a second time, so that no quirk of quotes and line ends loses one unseen.
    private func checkRows(_ header: DelimitedHeader) throws {
        guard file.isPrefixWhole, header.names.count > 1 else { return }
        let expected = DelimitedScanner(file.prefix[...], delimiter: header.delimiter, isWhole: true).count() - 1
        let found = try count(where: "true")
        guard found != expected else { return }
        throw CasemateError(
            .malformed, at: file.path,
            "quotes or line ends do not follow RFC 4180: \(expected) rows stand there, "
                + "\(found) can be read", help: "write the file again with one kind of line end")
    }

    /// The type of every column: the first rows say what it may be, all rows decide.
    private func survey(_ names: [String]) throws -> [ColumnType] {
        var types = [ColumnType](repeating: .text, count: names.count)
        let open = names.indices.filter { source.types[names[$0]] == nil }
        for start in stride(from: 0, to: open.count, by: Self.blockWidth) {
            let block = open[start..<min(start + Self.blockWidth, open.count)]
            var left = try passed(block.map { ($0, Array(ColumnPattern.Test.allCases)) }, limit: Self.sampleSize)
            // why one test a round: nearly every column passes the first that its sample passes.
            while !left.isEmpty {
                let asked = left.map { (column: $0.column, tests: Array($0.tests.prefix(1))) }
                var next: [Survey] = []
                for (survey, result) in zip(left, try passed(asked, limit: nil)) {
                    guard let test = survey.tests.first else { continue }
                    if result.tests.isEmpty {
                        next.append((survey.column, Array(survey.tests.dropFirst()), false))
                    } else if result.isPresent {
                        types[survey.column] = test.type
                    }
                }
                left = next
            }
        }
        return types
    }

    /// Tests that no present cell of a column fails, and whether one passes them.
    private typealias Survey = (column: Int, tests: [ColumnPattern.Test], isPresent: Bool)

    /// Runs tests over the first `limit` rows, or all.
    private func passed(_ asked: [(column: Int, tests: [ColumnPattern.Test])], limit: Int?) throws -> [Survey] {
        let counts = asked.flatMap { column, tests in
            let pattern = ColumnPattern(cell: "c\(column)", markers: source.missing)
            return tests.flatMap { test in
                [pattern.misfits(test), pattern.fits(test)].map { "CAST(count(*) FILTER (WHERE \($0)) AS DOUBLE)" }
            }
        }
        guard !counts.isEmpty else { return asked.map { ($0.column, [], false) } }
        let rows = limit.map { "(SELECT * FROM \(staging) LIMIT \($0))" } ?? staging
        let figures = try figures("SELECT \(counts.joined(separator: ", ")) FROM \(rows)")
        guard figures.count == counts.count else { throw DuckFailure.inconsistent(file.path) }
        var next = 0
        return asked.map { column, tests in
            var survey: Survey = (column, [], false)
            for test in tests {
                if figures[next] == 0 { survey.tests.append(test) }
                survey.isPresent = survey.isPresent || figures[next] == 0 && figures[next + 1] > 0
                next += 2
            }
            return survey
        }
    }
}
