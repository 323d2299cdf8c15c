import CasemateCore

/// Turns what DuckDB says into one clause without a value of the data.
enum DuckFailure {
    /// DuckDB answered with another shape than asked for.
    static func inconsistent(_ path: String) -> CasemateError {
        CasemateError(.engineFailed, at: path, "DuckDB answered with unexpected rows", help: "report this as a bug")
    }

    /// The error for a message that came up over the file or the query named `path`.
    ///
    /// `isQuery` says that the SQL is the user's, so that what is wrong with it may be shown.
    static func error(_ message: String, at path: String, isQuery: Bool) -> CasemateError {
        let first = message.split(whereSeparator: \.isNewline).first.map(String.init) ?? "no message"
        let kind = first.prefix { $0 != ":" }
        switch kind {
        case "Out of Memory Error":
            return CasemateError(
                .limitExceeded, at: path, "does not fit the memory that DuckDB may use", help: "raise the memory limit")
        case "Permission Error":
            return CasemateError(
                .refused, at: path, "SQL reaches for a file or an extension", help: "query the opened tables only")
        case _ where !isQuery: break
        case "Parser Error", "Binder Error", "Catalog Error", "Syntax Error", "Not implemented Error":
            let text = first.dropFirst(kind.count + 1).drop { $0 == " " }
            return CasemateError(
                .invalidSetting, at: path, "SQL cannot be understood: \(clause(String(text)))",
                help: "see the SQL reference of DuckDB")
        case "Conversion Error":
            return CasemateError(
                .invalidSetting, at: path, "SQL converts a value that does not fit the type", help: "use TRY_CAST")
        default:
            let what =
                first.contains("multiple statements") || first.contains("No statement")
                ? "SQL must be one statement" : "SQL fails: \(kind.lowercased())"
            return CasemateError(.invalidSetting, at: path, what, help: "see the SQL reference of DuckDB")
        }
        return delimited(message, at: path) ?? structured(message, at: path)
            ?? CasemateError(
                .engineFailed, at: path, "DuckDB: \(kind.lowercased())", help: "check the file or the query")
    }

    /// A clause without the engine's position marker, at most 160 characters.
    private static func clause(_ text: String) -> String {
        let bare = text.hasSuffix("!") || text.hasSuffix(".") ? String(text.dropLast()) : text
        return (bare.prefix(1).lowercased() + bare.dropFirst()).shortened(to: 160)
    }

    /// Errors of the CSV reader.
    private static func delimited(_ message: String, at path: String) -> CasemateError? {
        let line = number(after: "CSV Error on Line: ", in: message)
        let place = line.map { "\(path):\($0)" } ?? path
        if let expected = number(after: "Expected Number of Columns: ", in: message),
            let found = number(after: " Found: ", in: message)
        {
            return CasemateError(
                .malformed, at: place, "\(found) cells, the header has \(expected)",
                help: "correct the line; a cell that holds the delimiter must stand in double quotes")
        }
        let known: [(part: String, what: String, help: String)] = [
            ("unterminated quote", "a double quote is not closed, or text follows it", "double a quote inside a cell"),
            ("Invalid unicode", "is not UTF-8 text", "save the file as UTF-8"),
            ("not utf-8 encoded", "is not UTF-8 text", "save the file as UTF-8"),
            ("Maximum line size", "a line is longer than 16 MiB", "check the quotes, or shorten the line"),
            ("does not support a full read", "a line is longer than 16 MiB", "check the quotes, or shorten the line"),
            ("state machine", "quotes or line ends do not follow RFC 4180", "use the same line ends all through"),
        ]
        for item in known where message.contains(item.part) {
            let code: CasemateError.Code = item.what.hasPrefix("a line is longer") ? .limitExceeded : .malformed
            return CasemateError(code, at: place, item.what, help: item.help)
        }
        guard line != nil || message.contains("CSV") else { return nil }
        return CasemateError(.malformed, at: place, "is not the table its header promises", help: "correct the line")
    }

    /// Errors of the Parquet and JSON readers.
    private static func structured(_ message: String, at path: String) -> CasemateError? {
        let again = "fetch or write the file again"
        if message.lowercased().contains("json") || message.contains("maximum_object_size") {
            if message.contains("maximum_object_size") {
                return CasemateError(.limitExceeded, at: path, "an object is larger than 16 MiB", help: "split it up")
            }
            let place = number(after: "in line ", in: message).map { "\(path):\($0)" } ?? path
            let isTwice = message.contains("duplicate key")
            return CasemateError(
                .malformed, at: place, isTwice ? "a key stands twice in one object" : "is not the JSON it should be",
                help: "write one JSON object a line")
        }
        for part in [
            "magic bytes", "Footer", "footer", "Parquet", "parquet", "decompress", "don't know what type", "Thrift",
        ]
        where message.contains(part) {
            return CasemateError(.malformed, at: path, "is damaged Parquet", help: again)
        }
        return nil
    }

    private static func number(after marker: String, in message: String) -> Int? {
        guard let range = message.firstRange(of: marker) else { return nil }
        return Int(message[range.upperBound...].prefix { $0.isASCII && $0.isNumber })
    }
}
