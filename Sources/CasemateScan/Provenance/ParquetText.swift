import CasemateCore
import CasemateData
import Dispatch
import Foundation
import Synchronization

/// Rows of a Parquet file as text with one spelling, written by DuckDB through a pipe, out of core and in order: all
/// values quoted, nothing for NULL, a comma between them, LF behind a row; times with a zone in UTC.
struct ParquetText {
    private let path: String, source: String
    private let search: EngineSearch, threads: Int

    init(file: OpenFile, search: EngineSearch, threads: Int) {
        (path, self.search, self.threads) = (file.path, search, max(1, threads))
        source = "read_parquet('/dev/fd/\(file.descriptor)', binary_as_string = false, hive_partitioning = false)"
    }

    /// DuckDB with its version.
    func engine() throws(CasemateError) -> String { "DuckDB \(try DataEngine(search).version)" }

    /// Names of the columns, and the leaf over their names and types, written as rows are.
    func header() throws -> (leaf: Hash256, columns: [String]) {
        var bytes: [UInt8] = []
        try copy("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM \(source))") { bytes += $0 }
        var batch = RecordBatch(), splitter = RecordSplitter(.delimited(UInt8(ascii: ","), keepsBlankLines: true))
        let leaf = bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { MerkleTree.leaf(bytes, scratch: $0) }
        }
        let columns = bytes.withUnsafeBufferPointer { bytes -> [String] in
            _ = splitter.scan(bytes, isLast: true, into: &batch)
            return zip(batch.starts, batch.lengths).map { start, length in
                Self.name(bytes[start..<start + length])
            }
        }
        return (leaf, columns)
    }

    /// The first cell of `"name","TYPE"`.
    private static func name(_ record: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        let text = String(decoding: record, as: UTF8.self)
        guard let end = text.range(of: "\",\"", options: .backwards) else { return text }
        return String(text[..<end.lowerBound].dropFirst()).replacing("\"\"", with: "\"")
    }

    /// Hands over the text of all rows in order.
    func rows(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try copy("SELECT * FROM \(source)", body)
    }

    private func copy(_ query: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let database = try DuckDatabase(search, threads: threads)
        // why try?: without the extension for time zones such times are in UTC anyway.
        try? database.execute("SET TimeZone = 'UTC'", for: path)
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CasemateError(.engineFailed, at: path, "no pipe can be made", help: "close other programs")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (reading, writing) = (ends[0], ends[1])
        let statement = """
            COPY (\(query)) TO '/dev/fd/\(writing)' (FORMAT csv, HEADER false, DELIMITER ',', QUOTE '"', ESCAPE '"', \
            NULLSTR '', FORCE_QUOTE *, USE_TMP_FILE false, COMPRESSION none)
            """
        let failure = Mutex<(any Error)?>(nil)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) { [path] in
            do { try database.execute(statement, for: path) } catch { failure.withLock { $0 = error } }
            // why: the reader sees the end once nobody holds this end any more.
            close(writing)
        }
        var problem: (any Error)?
        do { try Self.drain(reading, body) } catch {
            problem = error
            // why read on: closing a pipe that is written to would be a signal to the whole process.
            try? Self.drain(reading) { _ in }
        }
        group.wait()
        close(reading)
        if let problem { throw problem }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private static func drain(_ descriptor: Int32, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let got = read(descriptor, buffer.baseAddress, buffer.count)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
        }
    }
}
