import CasemateModels

/// Writes an answer in the form that was asked for.
struct OpenInferenceAnswer {
    let call: OpenInferenceCall
    let model: ModelDescription

    /// The response.
    /// - Throws: `GuardRefusal` with `upstreamFailed` for values that are no numbers, and shapes that do not fit them.
    func response(_ answer: InferenceAnswer) throws -> WireResponse {
        var writer = JSONWriter(capacity: 256 + size(answer))
        var tail: [UInt8] = []
        var hasTail = false
        writer.raw("{\"model_name\":")
        writer.text(model.name)
        writer.raw(",\"model_version\":")
        writer.text(model.version)
        if let id = call.id {
            writer.raw(",\"id\":")
            writer.text(id)
        }
        writer.raw(",\"outputs\":")
        try writer.list(try selected(answer)) { writer, choice in
            hasTail = hasTail || choice.isBinary
            try write(choice.output, isBinary: choice.isBinary, &writer, &tail)
        }
        writer.raw("}")
        guard hasTail else {
            return WireResponse(
                status: 200, headers: [.init("content-type", "application/json")], body: writer.bytes)
        }
        return WireResponse(
            status: 200,
            headers: [
                .init("content-type", "application/octet-stream"),
                .init("inference-header-content-length", "\(writer.bytes.count)"),
            ], body: writer.bytes + tail)
    }

    /// What goes out: the outputs that were named, in that order, or all.
    private func selected(_ answer: InferenceAnswer) throws -> [(output: NamedTensor, isBinary: Bool)] {
        guard !call.outputs.isEmpty else { return answer.outputs.map { ($0, call.isBinary) } }
        return try call.outputs.enumerated().map { index, wanted in
            guard let output = answer.outputs.first(where: { $0.name == wanted.name }) else {
                throw OpenInferenceCall.refusal("has a name that no output of the model has", "outputs[\(index)].name")
            }
            return (output, wanted.isBinary ?? call.isBinary)
        }
    }

    private func size(_ answer: InferenceAnswer) -> Int {
        answer.outputs.reduce(0) { $0 + 96 + min(1 << 22, $1.tensor.storage.count * 12) }
    }

    private func write(
        _ output: NamedTensor, isBinary: Bool, _ writer: inout JSONWriter, _ tail: inout [UInt8]
    ) throws {
        let storage = output.tensor.storage
        guard output.tensor.shape.reduce(1, &*) == storage.count else { throw GuardRefusal.oddAnswer }
        let type = TensorDatatype.type(storage, port: model.outputs.first { $0.name == output.name })
        writer.raw("{\"name\":")
        writer.text(output.name)
        writer.raw(",\"datatype\":")
        writer.text(TensorDatatype.name(type))
        writer.raw(",\"shape\":")
        writer.list(output.tensor.shape) { $0.integer($1) }
        if isBinary {
            let start = tail.count
            try TensorBytes.write(storage, type, to: &tail)
            writer.raw(",\"parameters\":{\"binary_data_size\":")
            writer.integer(tail.count - start)
            writer.raw("}}")
        } else {
            writer.raw(",\"data\":")
            try writer.values(storage)
            writer.raw("}")
        }
    }
}

extension JSONWriter {
    /// All values of a tensor as a flat list.
    /// - Throws: `GuardRefusal` with `upstreamFailed` for NaN and infinities.
    mutating func values(_ storage: Tensor.Storage) throws {
        switch storage {
        case .float(let values): try finite(values) { $0.number($1) }
        case .double(let values): try finite(values) { $0.number($1) }
        case .float16(let values): try finite(values) { $0.number(HalfPrecision.float($1)) }
        case .int8(let values): list(values) { $0.integer($1) }
        case .int16(let values): list(values) { $0.integer($1) }
        case .int32(let values): list(values) { $0.integer($1) }
        case .int64(let values): list(values) { $0.integer($1) }
        case .uint8(let values): list(values) { $0.integer($1) }
        case .uint16(let values): list(values) { $0.integer($1) }
        case .uint32(let values): list(values) { $0.integer($1) }
        case .uint64(let values): list(values) { $0.integer($1) }
        case .bool(let values): list(values) { $0.flag($1) }
        case .string(let values): list(values) { $0.text($1) }
        }
    }

    private mutating func finite<Value>(_ values: [Value], _ write: (inout JSONWriter, Value) -> Bool) throws {
        try list(values) { writer, value in
            guard write(&writer, value) else { throw GuardRefusal.notFiniteAnswer }
        }
    }
}
