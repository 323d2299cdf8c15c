import CasemateCore
import Crypto
import Foundation

/// Rows on their way to an endpoint: one matrix, or one column an input.
struct RemoteRows: Sendable {
    /// One input's values.
    enum Column: Sendable {
        case floats([Float]), doubles([Double]), texts([String])
    }
    /// The values.
    enum Storage: Sendable {
        /// `[count, width]` row-major, NaN for missing.
        case matrix([Float], width: Int)
        case columns([Column])
    }
    let count: Int
    let storage: Storage

    /// Rows of one matrix.
    init(matrix: [Float], count: Int, width: Int) { (self.count, storage) = (count, .matrix(matrix, width: width)) }
    /// Rows of columns; each must have `count` values.
    init(columns: [Column], count: Int) { (self.count, storage) = (count, .columns(columns)) }

    /// Values of a row.
    var width: Int {
        switch storage {
        case .matrix(_, let width): width
        case .columns(let columns): columns.count
        }
    }

    /// The rows with the given indices, in that order.
    func rows(_ indices: some Collection<Int>) -> RemoteRows {
        switch storage {
        case .matrix(let values, let width):
            var chosen: [Float] = []
            chosen.reserveCapacity(indices.count * width)
            for row in indices { chosen += values[row * width..<(row + 1) * width] }
            return RemoteRows(matrix: chosen, count: indices.count, width: width)
        case .columns(let columns):
            let chosen = columns.map { column -> Column in
                switch column {
                case .floats(let values): .floats(indices.map { values[$0] })
                case .doubles(let values): .doubles(indices.map { values[$0] })
                case .texts(let values): .texts(indices.map { values[$0] })
                }
            }
            return RemoteRows(columns: chosen, count: indices.count)
        }
    }

    /// The row of the first value that has no JSON form: an infinity.
    var firstInfinite: Int? {
        switch storage {
        case .matrix(let values, let width): return values.firstIndex(where: \.isInfinite).map { $0 / max(1, width) }
        case .columns(let columns):
            return columns.compactMap { column in
                switch column {
                case .floats(let values): values.firstIndex(where: \.isInfinite)
                case .doubles(let values): values.firstIndex(where: \.isInfinite)
                case .texts: nil
                }
            }.min()
        }
    }

    /// Texts of these rows, for taking them out of what a server echoes.
    var texts: [String] {
        guard case .columns(let columns) = storage else { return [] }
        return columns.flatMap { column -> [String] in if case .texts(let texts) = column { texts } else { [] } }
    }

    /// A key for each row: SHA-256 of salt and values. Equal rows have equal keys; every NaN is one value, as are the
    /// two zeros.
    func keys(salt: [UInt8]) -> [RowKey] {
        var bytes = salt
        var keys: [RowKey] = []
        keys.reserveCapacity(count)
        for row in 0..<count {
            bytes.removeSubrange(salt.count...)
            switch storage {
            case .matrix(let values, let width):
                for value in values[row * width..<(row + 1) * width] { Self.append(value, to: &bytes) }
            case .columns(let columns):
                for column in columns { Self.append(column, row, to: &bytes) }
            }
            keys.append(RowKey(SHA256.hash(data: bytes)))
        }
        return keys
    }

    private static func append(_ value: Float, to bytes: inout [UInt8]) {
        let plain: Float = value.isNaN ? .nan : value == 0 ? 0 : value
        withUnsafeBytes(of: plain.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func append(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        switch column {
        case .floats(let values):
            bytes.append(1)
            append(values[row], to: &bytes)
        case .doubles(let values):
            bytes.append(2)
            let plain: Double = values[row].isNaN ? .nan : values[row] == 0 ? 0 : values[row]
            withUnsafeBytes(of: plain.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        case .texts(let values):
            bytes.append(3)
            let text = Array(values[row].utf8)
            withUnsafeBytes(of: UInt64(text.count).littleEndian) { bytes.append(contentsOf: $0) }
            bytes += text
        }
    }
}

/// The key of a row: 256 bits that do not tell its values.
struct RowKey: Hashable, Sendable {
    private let a: UInt64, b: UInt64, c: UInt64, d: UInt64

    init(_ digest: SHA256.Digest) {
        (a, b, c, d) = digest.withUnsafeBytes { bytes in
            func word(_ index: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self) }
            return (word(0), word(1), word(2), word(3))
        }
    }
    /// The 32 bytes as they are stored.
    var data: Data {
        var data = Data(capacity: 32)
        for word in [a, b, c, d] { withUnsafeBytes(of: word) { data.append(contentsOf: $0) } }
        return data
    }
}

extension RemoteRows {
    /// Takes the tensors of a batch.
    /// - Throws: `mismatch` for other inputs than the model's, or tensors of different lengths.
    init(_ tensors: [NamedTensor], for signature: ModelSignature, place: String) throws(CasemateError) {
        func mismatch(_ what: String) -> CasemateError {
            CasemateError(.mismatch, at: place, what, help: "give one tensor for each input, in any order")
        }
        var columns: [Column] = []
        var count: Int?
        for input in signature.inputs {
            let name = OnnxLook.printable(input.name)
            guard let tensor = tensors.first(where: { $0.name == input.name })?.tensor else {
                throw mismatch("no tensor for the input '\(name)'")
            }
            let rows = tensor.shape.first ?? 0
            guard rows == count ?? rows, tensor.shape.reduce(1, *) == tensor.storage.count else {
                throw mismatch("the tensor for '\(name)' has \(tensor.storage.count) values, not \(count ?? rows) rows")
            }
            count = rows
            if signature.layout == .matrix || signature.layout == .image {
                guard rows > 0, let values = tensor.storage.doubles else {
                    guard rows == 0 else { throw mismatch("the input '\(name)' takes numbers, not texts") }
                    break
                }
                self.init(matrix: values.map { Float($0) }, count: rows, width: values.count / rows)
                return
            }
            guard tensor.storage.count == rows else { throw mismatch("the input '\(name)' takes one value a row") }
            columns.append(Self.column(tensor.storage))
        }
        self.init(columns: columns, count: count ?? 0)
    }

    private static func column(_ storage: Tensor.Storage) -> Column {
        switch storage {
        case .float(let values): .floats(values)
        case .string(let texts): .texts(texts)
        default: .doubles(storage.doubles ?? [])
        }
    }
}
