import CDuckDB
import CasemateCore

extension DuckDatabase {
    /// Runs one `SELECT` and keeps its rows as typed columns.
    func answer(_ sql: String, parameters: [QueryParameter], for place: String) throws -> QueryResult {
        try run(sql, parameters: parameters, isQuery: true, for: place) { result in
            var columns = try result.names.enumerated().map { index, name throws(CasemateError) in
                try Self.empty(result.type(index), name: name, place)
            }
            while let chunk = try result.next() {
                for (index, vector) in chunk.columns.enumerated() { try Self.append(vector, to: &columns[index]) }
            }
            return QueryResult(names: result.names, columns: columns)
        }
    }

    private static func empty(_ type: Int32, name: String, _ place: String) throws(CasemateError) -> QueryValues {
        switch UInt32(type) {
        case CDUCK_TYPE_BOOLEAN.rawValue: return .booleans([])
        case CDUCK_TYPE_TINYINT.rawValue, CDUCK_TYPE_SMALLINT.rawValue, CDUCK_TYPE_INTEGER.rawValue,
            CDUCK_TYPE_BIGINT.rawValue, CDUCK_TYPE_UTINYINT.rawValue, CDUCK_TYPE_USMALLINT.rawValue,
            CDUCK_TYPE_UINTEGER.rawValue, CDUCK_TYPE_UBIGINT.rawValue, CDUCK_TYPE_HUGEINT.rawValue:
            return .integers([])
        case CDUCK_TYPE_FLOAT.rawValue, CDUCK_TYPE_DOUBLE.rawValue: return .numbers([])
        case CDUCK_TYPE_VARCHAR.rawValue: return .texts([])
        default:
            throw CasemateError(
                .unsupported, at: place, "SQL answers with a type that is not served in '\(name.shortened(to: 60))'",
                help: "cast it to BIGINT, DOUBLE, BOOLEAN or VARCHAR")
        }
    }

    private static func append(_ vector: DuckVector, to values: inout QueryValues) throws {
        switch values {
        case .booleans(var list):
            values = .booleans([])
            vector.forEach(UInt8.self) { list.append($1.map { $0 != 0 }) }
            values = .booleans(list)
        case .texts(var list):
            values = .texts([])
            try vector.forEachText { list.append($1) }
            values = .texts(list)
        case .numbers(var list):
            values = .numbers([])
            if UInt32(vector.type) == CDUCK_TYPE_HUGEINT.rawValue {
                vector.forEach(Huge.self) { list.append($1.map(\.double)) }
            } else if UInt32(vector.type) == CDUCK_TYPE_UBIGINT.rawValue {
                vector.forEach(UInt64.self) { list.append($1.map(Double.init)) }
            } else {
                try vector.forEachDouble { list.append($1) }
            }
            values = .numbers(list)
        case .integers(var list):
            values = .integers([])
            values = appendIntegers(vector, to: &list) ? .integers(list) : .numbers(list.map { $0.map(Double.init) })
            // why again: a sum that leaves 64 bits turns its column into numbers, this chunk included.
            if case .numbers = values { try append(vector, to: &values) }
        }
    }

    /// Appends a chunk of integers; false, with nothing appended, when one does not fit 64 bits.
    private static func appendIntegers(_ vector: DuckVector, to list: inout [Int?]) -> Bool {
        let before = list.count
        var fits = true
        func add<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) {
            vector.forEach(type) { _, value in
                let whole = value.flatMap { Int(exactly: $0) }
                if value != nil, whole == nil { fits = false }
                list.append(whole)
            }
        }
        switch UInt32(vector.type) {
        case CDUCK_TYPE_TINYINT.rawValue: add(Int8.self)
        case CDUCK_TYPE_SMALLINT.rawValue: add(Int16.self)
        case CDUCK_TYPE_INTEGER.rawValue: add(Int32.self)
        case CDUCK_TYPE_BIGINT.rawValue: add(Int64.self)
        case CDUCK_TYPE_UTINYINT.rawValue: add(UInt8.self)
        case CDUCK_TYPE_USMALLINT.rawValue: add(UInt16.self)
        case CDUCK_TYPE_UINTEGER.rawValue: add(UInt32.self)
        case CDUCK_TYPE_UBIGINT.rawValue: add(UInt64.self)
        default:
            vector.forEach(Huge.self) { _, value in
                if let value, value.whole == nil { fits = false }
                list.append(value.flatMap(\.whole))
            }
        }
        if !fits { list.removeLast(list.count - before) }
        return fits
    }
}

/// A 128-bit integer as DuckDB lays it out.
private struct Huge: BitwiseCopyable {
    let low: UInt64, high: Int64
    var double: Double { Double(high) * 0x1p64 + Double(low) }
    var whole: Int? {
        let value = Int64(bitPattern: low)
        return high == (value < 0 ? -1 : 0) ? Int(value) : nil
    }
}
