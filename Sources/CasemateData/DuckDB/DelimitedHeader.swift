package import CasemateCore

/// The delimiter and the column names of a delimited file, read from its first records. RFC 4180 quoting.
package struct DelimitedHeader: Hashable, Sendable {
    /// What stands between cells: a comma, semicolon, tab or vertical bar.
    package let delimiter: UInt8
    /// Column names in order; each one there once, none empty.
    package let names: [String]
    /// Whether lines end with a carriage return alone, as on very old computers.
    package let endsWithCarriageReturn: Bool
    /// The most columns a table may have.
    package static let columnLimit = 10_000

    /// Reads the header.
    /// - Throws: `CasemateError` that says what is wrong with the first line.
    package init(_ prefix: [UInt8], isWhole: Bool, path: String) throws(CasemateError) {
        let bytes = prefix.starts(with: [0xef, 0xbb, 0xbf]) ? prefix.dropFirst(3) : prefix[...]
        let isNamedTab = path.lowercased().split(separator: ".").suffix(2).contains { $0 == "tsv" || $0 == "tab" }
        let candidates = (isNamedTab ? "\t,;|" : ",;\t|").utf8
        var best: (delimiter: UInt8, records: [[ArraySlice<UInt8>]], score: Int)?
        for delimiter in candidates {
            let records = DelimitedScanner(bytes, delimiter: delimiter, isWhole: isWhole).records(limit: 10)
            guard let width = records.first?.count else { continue }
            let agrees = records.dropFirst().allSatisfy { $0.count == width || $0.count == 1 && $0[0].isEmpty }
            let score = width == 1 ? 0 : agrees ? width + Self.columnLimit * 10 : width
            if score > best?.score ?? -1 { best = (delimiter, records, score) }
        }
        guard let best, let header = best.records.first else {
            throw CasemateError(
                .limitExceeded, at: path + ":1", "the first line is longer than \(SourceFile.prefixLimit) bytes",
                help: "give a file with a header line")
        }
        guard header.count <= Self.columnLimit else {
            throw CasemateError(
                .limitExceeded, at: path + ":1", "more than \(Self.columnLimit) columns", help: "leave columns out")
        }
        delimiter = best.delimiter
        let end = header.last?.endIndex ?? bytes.endIndex
        endsWithCarriageReturn =
            end + 1 < bytes.endIndex && bytes[end] == UInt8(ascii: "\r") && bytes[end + 1] != UInt8(ascii: "\n")
        names = try header.map { cell throws(CasemateError) in try Self.text(cell, path) }
        // why refused: DuckDB takes the mark for a part of the name and the quote for the middle of a cell.
        if bytes.startIndex > prefix.startIndex, names[0].contains(where: { $0 == "\"" || $0.isNewline }) {
            throw CasemateError(
                .unsupported, at: path + ":1", "a byte order mark before a name that holds a quote or a line end",
                help: "save the file as UTF-8 without byte order mark")
        }
        if names.count == 1 { try Self.checkSingle(best.records, path) }
        try Self.check(names, path)
        try Self.checkIsNoData(names, path)
    }

    private static func text(_ cell: ArraySlice<UInt8>, _ path: String) throws(CasemateError) -> String {
        guard let text = String(validating: cell, as: UTF8.self) else {
            throw CasemateError(.malformed, at: path + ":1", "is not UTF-8 text", help: "save the file as UTF-8")
        }
        guard !text.unicodeScalars.contains(where: { $0.value == 0 }) else {
            throw CasemateError(.malformed, at: path + ":1", "a column name holds NUL", help: "rename the column")
        }
        guard text.utf8.count >= 2, text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\"") else {
            return text
        }
        var inner = String.UnicodeScalarView(), isSecond = false
        for scalar in text.unicodeScalars.dropFirst().dropLast() {
            isSecond = scalar == "\"" && !isSecond
            if !isSecond { inner.append(scalar) }
        }
        return String(inner)
    }

    /// Column names must be there, be different, and differ in more than case; DuckDB knows no case.
    static func check(_ names: [String], _ path: String) throws(CasemateError) {
        var seen: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            guard !name.trimmed.isEmpty else {
                throw CasemateError(
                    .malformed, at: path + ":1", "column \(index + 1) of \(names.count) has no name",
                    help: "name it; a row index need not be written (pandas: index=False)")
            }
            guard let other = seen.updateValue(index, forKey: name.lowercased()) else { continue }
            let shown = name.shortened(to: 60)
            let what =
                names[other] == name
                ? "columns \(other + 1) and \(index + 1) are both named '\(shown)'"
                : "columns '\(names[other].shortened(to: 60))' and '\(shown)' differ in case only"
            throw CasemateError(.malformed, at: path + ":1", what, help: "give every column a name of its own")
        }
    }

    private static func checkIsNoData(_ names: [String], _ path: String) throws(CasemateError) {
        let numbers = names.compactMap { Double($0.trimmed) }
        guard numbers.count == names.count else { return }
        let isCount = [0.0, 1].contains { start in numbers.indices.allSatisfy { numbers[$0] == Double($0) + start } }
        guard isCount && names.count > 1 else {
            throw CasemateError(
                .malformed, at: path + ":1", "there is no header: every column name is a number",
                help: "put a line with the column names first")
        }
    }

    /// A single column is taken for a file with another delimiter when each record holds that equally often.
    private static func checkSingle(_ records: [[ArraySlice<UInt8>]], _ path: String) throws(CasemateError) {
        let others = [(":", "colons"), ("^", "carets"), ("~", "tildes"), ("\u{1}", "U+0001"), (" ", "spaces")]
        for (delimiter, name) in others {
            let counts = records.map { record in record[0].count { $0 == delimiter.utf8.first } }
            guard let first = counts.first, first > 0, counts.count > 1, counts.allSatisfy({ $0 == first }) else {
                continue
            }
            throw CasemateError(
                .malformed, at: path + ":1", "one column only; cells seem to be divided by \(name)",
                help: "divide cells by comma, semicolon, tab or vertical bar")
        }
    }
}
