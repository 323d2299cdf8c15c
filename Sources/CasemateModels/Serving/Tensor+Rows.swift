extension Tensor {
    /// Tensors one behind the other along the first axis; `nil` where types or the other axes differ.
    package static func joined(_ parts: [Tensor]) -> Tensor? {
        guard let first = parts.first, !first.shape.isEmpty else { return nil }
        guard parts.count > 1 else { return first }
        var rows = 0
        for part in parts {
            guard part.shape.count == first.shape.count, part.shape.dropFirst().elementsEqual(first.shape.dropFirst())
            else { return nil }
            rows += part.shape[0]
        }
        guard let storage = Storage.joined(parts.map(\.storage)) else { return nil }
        return Tensor(shape: [rows] + first.shape.dropFirst(), storage)
    }

    /// Whether `joined` takes both.
    package func fits(_ other: Tensor) -> Bool {
        shape.count == other.shape.count && !shape.isEmpty && storage.isSameType(as: other.storage)
            && shape.dropFirst().elementsEqual(other.shape.dropFirst())
    }

    /// The rows of a range of the first axis.
    package func rows(_ range: Range<Int>) -> Tensor {
        guard let count = shape.first, count > 0, range != 0..<count else { return self }
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
        let width = storage.count / count
        let part = storage.slice(range.lowerBound * width..<range.upperBound * width)
        return Tensor(shape: [range.count] + shape.dropFirst(), part)
    }

    /// The same with its last row repeated until there are `rows` of them.
    package func padded(to rows: Int) -> Tensor {
        guard let count = shape.first, count > 0, count < rows else { return self }
        let last = self.rows(count - 1..<count)
        return Tensor.joined([self] + [Tensor](repeating: last, count: rows - count)) ?? self
    }
}

extension Tensor.Storage {
    /// Number of the type among the cases.
    private var index: Int {
        switch self {
        case .float: 0
        case .double: 1
        case .float16: 2
        case .int8: 3
        case .int16: 4
        case .int32: 5
        case .int64: 6
        case .uint8: 7
        case .uint16: 8
        case .uint32: 9
        case .uint64: 10
        case .bool: 11
        case .string: 12
        }
    }
    func isSameType(as other: Tensor.Storage) -> Bool { index == other.index }

    /// Values one behind the other; `nil` for different types.
    static func joined(_ parts: [Tensor.Storage]) -> Tensor.Storage? {
        guard let first = parts.first, parts.allSatisfy({ $0.isSameType(as: first) }) else { return nil }
        let count = parts.reduce(0) { $0 + $1.count }
        func all<Value>(_ values: (Tensor.Storage) -> [Value]?) -> [Value] {
            var result: [Value] = []
            result.reserveCapacity(count)
            for part in parts { result += values(part) ?? [] }
            return result
        }
        return switch first {
        case .float: .float(all { if case .float(let values) = $0 { values } else { nil } })
        case .double: .double(all { if case .double(let values) = $0 { values } else { nil } })
        case .float16: .float16(all { if case .float16(let values) = $0 { values } else { nil } })
        case .int8: .int8(all { if case .int8(let values) = $0 { values } else { nil } })
        case .int16: .int16(all { if case .int16(let values) = $0 { values } else { nil } })
        case .int32: .int32(all { if case .int32(let values) = $0 { values } else { nil } })
        case .int64: .int64(all { if case .int64(let values) = $0 { values } else { nil } })
        case .uint8: .uint8(all { if case .uint8(let values) = $0 { values } else { nil } })
        case .uint16: .uint16(all { if case .uint16(let values) = $0 { values } else { nil } })
        case .uint32: .uint32(all { if case .uint32(let values) = $0 { values } else { nil } })
        case .uint64: .uint64(all { if case .uint64(let values) = $0 { values } else { nil } })
        case .bool: .bool(all { if case .bool(let values) = $0 { values } else { nil } })
        case .string: .string(all { if case .string(let values) = $0 { values } else { nil } })
        }
    }

    /// Some of the values.
    func slice(_ range: Range<Int>) -> Tensor.Storage {
        switch self {
        case .float(let values): .float(Array(values[range]))
        case .double(let values): .double(Array(values[range]))
        case .float16(let values): .float16(Array(values[range]))
        case .int8(let values): .int8(Array(values[range]))
        case .int16(let values): .int16(Array(values[range]))
        case .int32(let values): .int32(Array(values[range]))
        case .int64(let values): .int64(Array(values[range]))
        case .uint8(let values): .uint8(Array(values[range]))
        case .uint16(let values): .uint16(Array(values[range]))
        case .uint32(let values): .uint32(Array(values[range]))
        case .uint64(let values): .uint64(Array(values[range]))
        case .bool(let values): .bool(Array(values[range]))
        case .string(let values): .string(Array(values[range]))
        }
    }

    /// Whether every number is finite; true for what can be nothing else.
    package var isFinite: Bool {
        switch self {
        case .float(let values): values.allSatisfy(\.isFinite)
        case .double(let values): values.allSatisfy(\.isFinite)
        case .float16(let bits): bits.allSatisfy { $0 & 0x7C00 != 0x7C00 }
        default: true
        }
    }
}

extension Predictions {
    /// The answers to some of the rows; outputs beside scores and labels are left out.
    package func rows(_ range: Range<Int>) -> Predictions {
        let width = task == .regression ? 1 : classes.count
        return Predictions(
            task: task, classes: classes, kind: kind,
            scores: Array(scores[range.lowerBound * width..<range.upperBound * width]),
            labels: task == .regression ? [] : Array(labels[range]))
    }
}
