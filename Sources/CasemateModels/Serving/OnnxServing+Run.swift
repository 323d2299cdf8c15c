import COnnxRuntime
package import CasemateCore
import Foundation

extension OnnxServing {
    /// Runs the engine once; see `ServedModel`.
    package func run(_ inputs: [NamedTensor], rows: Int, cancellation: Cancellation?) throws -> ServedAnswer {
        let padded = facts.fixedBatch ?? rows
        guard rows > 0, rows <= padded else {
            throw mismatch("takes at most \(padded) rows, got \(rows)")
        }
        let tensors = try facts.inputs.enumerated().map { index, input in
            let tensor = try self.tensor(input.name, index, inputs)
            return rows < padded ? tensor.padded(to: padded) : tensor
        }
        var values: [OpaquePointer?] = []
        values.reserveCapacity(tensors.count)
        defer { for value in values { cort_value_release(session.runtime.library, value) } }
        return try withValues(tensors, from: 0, &values) { values in
            guard let cancellation else { return try run(values, rows: rows, padded: padded, options: nil) }
            let options = try session.makeRunOptions()
            return try cancellation.whileRunning(onCancel: { options.terminate() }) {
                try cancellation.check()
                return try run(values, rows: rows, padded: padded, options: options.pointer)
            }
        }
    }

    private func run(
        _ values: [OpaquePointer?], rows: Int, padded: Int, options: OpaquePointer?
    ) throws -> ServedAnswer {
        let answer = try session.run(values, options: options) { outputs in
            var tensors: [NamedTensor] = []
            tensors.reserveCapacity(order.count)
            for (place, index) in order.enumerated() {
                let tensor = try outputs.tensor(index)
                guard tensor.storage.isFinite else { throw notNumber(facts.outputs[place].name) }
                let isCut = rows < padded && tensor.shape.first == padded
                tensors.append(NamedTensor(facts.outputs[place].name, isCut ? tensor.rows(0..<rows) : tensor))
            }
            return ServedAnswer(
                outputs: tensors, predictions: try reading.map { try predictions(outputs, $0, rows, padded) })
        }
        guard let answer else { throw Cancelled(reason: .interrupted) }
        return answer
    }

    private func predictions(
        _ outputs: OnnxOutputs, _ reading: OutputReading, _ rows: Int, _ padded: Int
    ) throws(CasemateError) -> Predictions {
        let isRegression = reading.task == .regression
        var labels = [Int32](repeating: 0, count: isRegression ? 0 : rows)
        var scores = [Float](repeating: 0, count: rows * reading.width)
        try scores.withUnsafeMutableBufferPointer { (buffer) throws(CasemateError) in
            guard let base = buffer.baseAddress else { return }
            try labels.withUnsafeMutableBufferPointer { (labels) throws(CasemateError) in
                let decoder = OutputDecoder(
                    reading: reading, path: file.path, names: session.outputs, scores: base,
                    labels: isRegression ? nil : labels.baseAddress, raw: nil)
                try decoder.decode(outputs, start: 0, rows: rows, padded: padded)
            }
        }
        return Predictions(
            task: reading.task, classes: reading.classes, kind: reading.kind, scores: scores, labels: labels)
    }

    private func tensor(_ name: String, _ index: Int, _ inputs: [NamedTensor]) throws -> Tensor {
        if inputs.indices.contains(index), inputs[index].name == name { return inputs[index].tensor }
        guard let found = inputs.first(where: { $0.name == name })?.tensor else {
            throw mismatch("input '\(OnnxLook.printable(name))' was not given")
        }
        return found
    }

    private func mismatch(_ what: String) -> CasemateError {
        CasemateError(.mismatch, at: file.path, what, help: "compare with the model's inputs")
    }
    private func notNumber(_ output: String) -> CasemateError {
        CasemateError(
            .unusableData, at: file.path, "output '\(OnnxLook.printable(output))' is not a number",
            help: "look for missing or extreme values that the model was not made for")
    }

    /// Makes a value of the engine of each tensor, over the tensor's own memory.
    private func withValues<Result>(
        _ tensors: [Tensor], from index: Int, _ values: inout [OpaquePointer?],
        _ body: ([OpaquePointer?]) throws -> Result
    ) throws -> Result {
        guard index < tensors.count else { return try body(values) }
        let tensor = tensors[index]
        let type = types[index]
        func raw<Value>(_ array: [Value]) throws -> Result {
            try array.withUnsafeBytes { bytes in
                values.append(try value(bytes, type, tensor.shape))
                return try withValues(tensors, from: index + 1, &values, body)
            }
        }
        switch (tensor.storage, type) {
        case (.float(let array), 1): return try raw(array)
        case (.double(let array), 11): return try raw(array)
        case (.float16(let array), 10): return try raw(array)
        case (.int8(let array), 3): return try raw(array)
        case (.int16(let array), 5): return try raw(array)
        case (.int32(let array), 6): return try raw(array)
        case (.int64(let array), 7): return try raw(array)
        case (.uint8(let array), 2): return try raw(array)
        case (.uint16(let array), 4): return try raw(array)
        case (.uint32(let array), 12): return try raw(array)
        case (.uint64(let array), 13): return try raw(array)
        case (.bool(let array), 9): return try raw(array)
        case (.string(let texts), 8):
            let pool = StringPool(texts)
            defer { withExtendedLifetime(pool) {} }
            values.append(try value(pool, tensor.shape))
            return try withValues(tensors, from: index + 1, &values, body)
        default: break
        }
        // why: callers inside the guard may hold rows in another type than the graph's.
        switch try OnnxTensors.convert(tensor.storage, to: type, width: 1, at: file.path) {
        case .bytes(let bytes, _, _): return try raw(Array(bytes))
        case .floats(let floats, _): return try raw(floats)
        case .strings(let texts, _):
            var all = tensors
            all[index] = Tensor(shape: tensor.shape, .string(texts))
            return try withValues(all, from: index, &values, body)
        case .pool: throw mismatch("takes another type")
        }
    }

    private func axes(_ shape: [Int]) -> [Int64] {
        (addsBatch ? shape.dropFirst() : shape[...]).map { Int64($0) }
    }

    private func value(_ bytes: UnsafeRawBufferPointer, _ type: Int32, _ shape: [Int]) throws -> OpaquePointer? {
        var result: OpaquePointer?
        let axes = axes(shape)
        // why: ONNX Runtime takes a mutable pointer for any tensor and never writes to an input.
        let code = cort_tensor_create(
            session.runtime.library, type, axes, axes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress),
            bytes.count, &result, nil, 0)
        guard code == 0, result != nil else { throw mismatch("takes another shape") }
        return result
    }

    private func value(_ pool: StringPool, _ shape: [Int]) throws -> OpaquePointer? {
        var result: OpaquePointer?
        let axes = axes(shape)
        let code = cort_tensor_create_strings(
            session.runtime.library, pool.pointers, pool.pointers.count, axes, axes.count, &result, nil, 0)
        guard code == 0, result != nil else { throw mismatch("takes another shape") }
        return result
    }
}

extension OnnxOutputs {
    /// A copy of an output.
    /// - Throws: `engineFailed` for a type that is not served.
    func tensor(_ index: Int) throws(CasemateError) -> Tensor {
        let facts = try facts(index)
        func all<Value: BitwiseCopyable>(_ type: Value.Type) throws(CasemateError) -> [Value] {
            guard facts.count > 0 else { return [] }
            var data: UnsafeRawPointer?
            guard cort_tensor_data(library, values[index], &data, nil, 0) == 0, let data else {
                throw CasemateError(
                    .engineFailed, at: session.path, "an output cannot be read", help: "export the model again")
            }
            return Array(UnsafeBufferPointer(start: data.assumingMemoryBound(to: type), count: facts.count))
        }
        let storage: Tensor.Storage
        switch facts.type {
        case 1: storage = .float(try all(Float.self))
        case 2: storage = .uint8(try all(UInt8.self))
        case 3: storage = .int8(try all(Int8.self))
        case 4: storage = .uint16(try all(UInt16.self))
        case 5: storage = .int16(try all(Int16.self))
        case 6: storage = .int32(try all(Int32.self))
        case 7: storage = .int64(try all(Int64.self))
        case 8:
            var texts: [String] = []
            texts.reserveCapacity(facts.count)
            try strings(index, count: facts.count) { _, text in texts.append(String(decoding: text, as: UTF8.self)) }
            storage = .string(texts)
        case 9: storage = .bool(try all(UInt8.self).map { $0 != 0 })
        case 10: storage = .float16(try all(UInt16.self))
        case 11: storage = .double(try all(Double.self))
        case 12: storage = .uint32(try all(UInt32.self))
        case 13: storage = .uint64(try all(UInt64.self))
        case 16: storage = .float(try all(UInt16.self).map { Float(bitPattern: UInt32($0) << 16) })
        default:
            throw CasemateError(
                .engineFailed, at: session.path, "an output has a type that is not served",
                help: "export the model without it")
        }
        return Tensor(shape: facts.shape, storage)
    }
}
