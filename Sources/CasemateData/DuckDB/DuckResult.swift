import CDuckDB
import CasemateCore

/// The rows of a statement, taken chunk by chunk while the statement is open.
final class DuckResult {
    private let library: DuckLibrary, handle: OpaquePointer, place: String, isQuery: Bool
    /// Column names.
    let names: [String]
    private let types: [Int32]
    var cancellation: Cancellation?

    init(_ library: DuckLibrary, _ handle: OpaquePointer, place: String, isQuery: Bool) {
        (self.library, self.handle, self.place, self.isQuery) = (library, handle, place, isQuery)
        let count = cduck_result_column_count(library.handle, handle)
        names = (0..<count).map { column in
            cduck_result_column_name(library.handle, handle, column).map { String(cString: $0) } ?? ""
        }
        types = (0..<count).map { cduck_result_column_type(library.handle, handle, $0) }
    }

    /// The next rows; they live until the chunk is released.
    func next() throws -> DuckChunk? {
        try cancellation?.check()
        var chunk: OpaquePointer?
        let (code, message) = DuckMessage.capture { cduck_result_next(library.handle, handle, &chunk, $0, $1) }
        guard code == 0 else { throw DuckFailure.error(message, at: place, isQuery: isQuery) }
        return chunk.map { DuckChunk(library, $0, types: types) }
    }

    /// The type of a column.
    func type(_ column: Int) -> Int32 { types[column] }
}

/// Some rows of a result.
final class DuckChunk {
    private let library: DuckLibrary, handle: OpaquePointer
    /// Number of rows.
    let count: Int
    /// Columns; they must not outlive the chunk.
    let columns: [DuckVector]

    init(_ library: DuckLibrary, _ handle: OpaquePointer, types: [Int32]) {
        (self.library, self.handle) = (library, handle)
        let count = cduck_chunk_size(library.handle, handle)
        self.count = count
        columns = types.enumerated().map { column, type in
            let vector = cduck_chunk_column(library.handle, handle, column)
            return DuckVector(
                type: type, data: cduck_vector_data(library.handle, vector),
                validity: cduck_vector_validity(library.handle, vector), count: count)
        }
    }

    deinit { cduck_chunk_free(library.handle, handle) }
}

/// One column of a chunk. Valid while the chunk lives.
struct DuckVector {
    let type: Int32
    private let data: UnsafeRawPointer?
    private let validity: UnsafePointer<UInt64>?
    let count: Int

    init(type: Int32, data: UnsafeRawPointer?, validity: UnsafePointer<UInt64>?, count: Int) {
        (self.type, self.data, self.validity, self.count) = (type, data, validity, count)
    }

    @inline(__always) func isPresent(_ row: Int) -> Bool {
        guard let validity else { return true }
        return validity[row >> 6] >> UInt64(row & 63) & 1 == 1
    }

    /// Hands over each row as a value of the fixed-width type `Value`, which must be the vector's.
    @inline(__always) func forEach<Value: BitwiseCopyable>(
        _ type: Value.Type, _ body: (Int, Value?) throws -> Void
    ) rethrows {
        guard let data else { return }
        for row in 0..<count {
            try body(row, isPresent(row) ? data.load(fromByteOffset: row * MemoryLayout<Value>.stride, as: type) : nil)
        }
    }

    /// One row as a number, NaN where null; the vector must hold floating-point numbers.
    @inline(__always) func double(at row: Int) throws -> Double {
        guard let data, isPresent(row) else { return .nan }
        switch UInt32(type) {
        case CDUCK_TYPE_DOUBLE.rawValue: return data.load(fromByteOffset: row * 8, as: Double.self)
        case CDUCK_TYPE_FLOAT.rawValue: return Double(data.load(fromByteOffset: row * 4, as: Float.self))
        default: throw DuckFailure.inconsistent("")
        }
    }

    /// One row as text, as `forEachText` writes it.
    func text(at row: Int) throws -> String? {
        guard isPresent(row), let data else { return nil }
        switch UInt32(type) {
        case CDUCK_TYPE_DOUBLE.rawValue: return CanonicalText.of(data.load(fromByteOffset: row * 8, as: Double.self))
        case CDUCK_TYPE_FLOAT.rawValue: return CanonicalText.of(data.load(fromByteOffset: row * 4, as: Float.self))
        case CDUCK_TYPE_VARCHAR.rawValue:
            let string = data.assumingMemoryBound(to: cduck_string.self) + row
            let bytes = UnsafeRawBufferPointer(start: cduck_string_bytes(string), count: Int(string.pointee.length))
            return String(decoding: bytes, as: UTF8.self)
        default: throw DuckFailure.inconsistent("")
        }
    }

    /// Copies the rows as doubles, NaN where null; the vector must hold doubles and `target` have room.
    func copyDoubles(to target: UnsafeMutableBufferPointer<Double>) throws {
        guard UInt32(type) == CDUCK_TYPE_DOUBLE.rawValue, let data, target.count >= count else {
            throw DuckFailure.inconsistent("")
        }
        let source = data.assumingMemoryBound(to: Double.self)
        for row in 0..<count { target[row] = source[row] }
        guard validity != nil else { return }
        for row in 0..<count where !isPresent(row) { target[row] = .nan }
    }

    /// Hands over each row as a number; the vector must hold floating-point numbers.
    @inline(__always) func forEachDouble(_ body: (Int, Double?) throws -> Void) throws {
        switch UInt32(type) {
        case CDUCK_TYPE_DOUBLE.rawValue: try forEach(Double.self, body)
        case CDUCK_TYPE_FLOAT.rawValue: try forEach(Float.self) { try body($0, $1.map(Double.init)) }
        default: throw DuckFailure.inconsistent("")
        }
    }

    /// Hands over each row as text; floating-point numbers in canonical form.
    func forEachText(_ body: (Int, String?) throws -> Void) throws {
        switch UInt32(type) {
        case CDUCK_TYPE_DOUBLE.rawValue: try forEach(Double.self) { try body($0, $1.map { CanonicalText.of($0) }) }
        case CDUCK_TYPE_FLOAT.rawValue: try forEach(Float.self) { try body($0, $1.map { CanonicalText.of($0) }) }
        case CDUCK_TYPE_VARCHAR.rawValue:
            guard let strings = data?.assumingMemoryBound(to: cduck_string.self) else { return }
            for row in 0..<count {
                guard isPresent(row) else {
                    try body(row, nil)
                    continue
                }
                let bytes = UnsafeRawBufferPointer(
                    start: cduck_string_bytes(strings + row), count: Int(strings[row].length))
                try body(row, String(decoding: bytes, as: UTF8.self))
            }
        default: throw DuckFailure.inconsistent("")
        }
    }
}
