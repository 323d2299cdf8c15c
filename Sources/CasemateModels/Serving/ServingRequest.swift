/// Bodies of requests to an upstream.
package enum ServingRequest {
    /// A body and, with the binary extension, the number of its bytes that are JSON.
    package struct Body: Sendable {
        /// All bytes.
        package let bytes: [UInt8]
        /// Bytes of JSON in front; `nil` where all of it is JSON.
        package let header: Int?
    }

    /// A request of the Open Inference Protocol, REST. Source: kserve/open-inference-protocol, inference_rest.md, and
    /// Triton's extension for binary tensor data.
    /// - Parameters:
    ///   - outputs: Outputs to ask for; empty takes what the server gives by itself.
    ///   - isBinary: Sends values as they stand in memory, little-endian, and asks for the same.
    package static func openInference(_ inputs: [NamedTensor], outputs: [String], isBinary: Bool) -> Body {
        let cells = inputs.reduce(0) { $0 + $1.tensor.storage.count }
        var writer = RemoteJSONWriter(capacity: 160 + (isBinary ? 64 * inputs.count : cells * 10))
        var raw: [UInt8] = []
        writer.raw("{\"inputs\":")
        writer.list(inputs.count) { writer, index in
            let tensor = inputs[index].tensor
            writer.raw("{\"name\":")
            writer.text(inputs[index].name)
            writer.raw(",\"shape\":")
            writer.list(tensor.shape.count) { $0.integer(tensor.shape[$1]) }
            writer.raw(",\"datatype\":\"")
            writer.raw(ServingDatatype.name(of: tensor.storage))
            if isBinary {
                let start = raw.count
                append(tensor.storage, to: &raw)
                writer.raw("\",\"parameters\":{\"binary_data_size\":")
                writer.integer(raw.count - start)
                writer.raw("}}")
            } else {
                writer.raw("\",\"data\":")
                values(tensor.storage, &writer)
                writer.raw("}")
            }
        }
        if !outputs.isEmpty {
            writer.raw(",\"outputs\":")
            writer.list(outputs.count) { writer, index in
                writer.raw("{\"name\":")
                writer.text(outputs[index])
                writer.raw("}")
            }
        }
        if isBinary { writer.raw(",\"parameters\":{\"binary_data_output\":true}") }
        writer.raw("}")
        let head = writer.bytes
        return Body(bytes: isBinary ? head + raw : head, header: isBinary ? head.count : nil)
    }

    /// A request of MLflow's scoring server: rows under the names of their columns.
    ///
    /// - Parameters:
    ///   - inputs: One tensor `[N, F]`, or one `[N]` or `[N, 1]` a column.
    ///   - columns: Names of the columns.
    package static func mlflow(_ inputs: [NamedTensor], columns: [String], rows: Int) -> Body {
        var writer = RemoteJSONWriter(capacity: 160 + rows * columns.count * 10)
        writer.raw("{\"dataframe_split\":{\"columns\":")
        writer.list(columns.count) { $0.text(columns[$1]) }
        writer.raw(",\"data\":")
        let isMatrix = inputs.count == 1
        writer.list(rows) { writer, row in
            writer.list(columns.count) { writer, column in
                let storage = inputs[isMatrix ? 0 : column].tensor.storage
                cell(storage, isMatrix ? row * columns.count + column : row, &writer)
            }
        }
        writer.raw("}}")
        return Body(bytes: writer.bytes, header: nil)
    }

    /// One value; a missing number and an empty text are `null`, which a data frame reads as missing.
    private static func cell(_ storage: Tensor.Storage, _ index: Int, _ writer: inout RemoteJSONWriter) {
        switch storage {
        case .float(let values): writer.number(values[index])
        case .double(let values): writer.number(values[index])
        case .float16(let values): writer.number(HalfPrecision.float(values[index]))
        case .int8(let values): writer.integer(Int(values[index]))
        case .int16(let values): writer.integer(Int(values[index]))
        case .int32(let values): writer.integer(Int(values[index]))
        case .int64(let values): writer.integer(Int(values[index]))
        case .uint8(let values): writer.integer(Int(values[index]))
        case .uint16(let values): writer.integer(Int(values[index]))
        case .uint32(let values): writer.integer(Int(values[index]))
        case .uint64(let values):
            if let small = Int(exactly: values[index]) { writer.integer(small) } else { writer.large(values[index]) }
        case .bool(let values): if values[index] { writer.raw("true") } else { writer.raw("false") }
        case .string(let values):
            if values[index].isEmpty { writer.raw("null") } else { writer.text(values[index]) }
        }
    }

    private static func values(_ storage: Tensor.Storage, _ writer: inout RemoteJSONWriter) {
        if case .string(let texts) = storage { return writer.list(texts.count) { $0.text(texts[$1]) } }
        writer.list(storage.count) { cell(storage, $1, &$0) }
    }

    /// Values as they stand in memory, little-endian; texts behind their lengths of four bytes.
    private static func append(_ storage: Tensor.Storage, to raw: inout [UInt8]) {
        func add<Value: BitwiseCopyable>(_ values: [Value]) { values.withUnsafeBytes { raw += $0 } }
        switch storage {
        case .float(let values): add(values)
        case .double(let values): add(values)
        case .float16(let values), .uint16(let values): add(values)
        case .int8(let values): add(values)
        case .int16(let values): add(values)
        case .int32(let values): add(values)
        case .int64(let values): add(values)
        case .uint8(let values): add(values)
        case .uint32(let values): add(values)
        case .uint64(let values): add(values)
        case .bool(let values): add(values.map { $0 ? UInt8(1) : 0 })
        case .string(let texts):
            for text in texts {
                add([UInt32(clamping: text.utf8.count).littleEndian])
                raw += text.utf8
            }
        }
    }
}

extension RemoteJSONWriter {
    /// A whole number beyond `Int`.
    mutating func large(_ value: UInt64) {
        var digits: [UInt8] = []
        var rest = value
        repeat {
            digits.append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        for digit in digits.reversed() { integer(Int(digit - 0x30)) }
    }
}
