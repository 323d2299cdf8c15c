import CasemateCore

/// Finds out why the engine cannot read a delimited file, in one bounded pass over it.
struct DelimitedDoctor {
    /// What the bytes above ASCII say.
    private(set) var census = EncodingCensus()
    /// Line, from 1, of the first record that is too long.
    private(set) var longLine: Int?
    private var line = 1, start = 1, length = 0, isQuoted = false
    /// Longest record that the engine takes, in bytes.
    static let recordLimit = 16 << 20

    /// Reads the whole file.
    init(_ file: SourceFile, cancellation: Cancellation?) throws {
        try file.forEachBlock { block in
            try cancellation?.check()
            census.add(block)
            if longLine == nil { follow(block) }
        }
    }

    /// The error that says what is wrong, where it is one of these; `found` is the engine's own.
    func explain(_ found: CasemateError, path: String) -> CasemateError {
        if let longLine {
            return CasemateError(
                .limitExceeded, at: "\(path):\(longLine)",
                "a line is longer than 16 MiB, or a double quote is not closed",
                help: "check the quotes, or shorten the line")
        }
        if !census.isUTF8, found.what.contains("UTF-8") {
            return CasemateError(
                found.code, at: found.place, "is not UTF-8 text", help: "save the file as UTF-8")
        }
        return found
    }

    private mutating func follow(_ block: ArraySlice<UInt8>) {
        block.withUnsafeBufferPointer { buffer in
            for byte in buffer {
                length += 1
                // why any quote: two in a row close and open again, and others are refused by the engine.
                if byte == 0x22 { isQuoted.toggle() }
                if byte == 0x0a {
                    line += 1
                    if !isQuoted { (start, length) = (line, 0) }
                }
                if length > Self.recordLimit {
                    longLine = start
                    return
                }
            }
        }
    }
}
