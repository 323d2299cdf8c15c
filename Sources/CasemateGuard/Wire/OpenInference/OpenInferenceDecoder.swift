import CasemateModels

/// Holds a call against a model and makes its tensors.
struct OpenInferenceDecoder {
    let model: ModelDescription
    let body: [UInt8]

    /// The checked request, tensors in the model's order.
    /// - Throws: `GuardRefusal` with `malformed`, or `unprocessable` for NaN and infinities.
    func request(_ call: OpenInferenceCall) throws -> InferenceRequest {
        if call.isRaw { return try raw() }
        try checkOutputs(call.outputs)
        let inputs = try ordered(call.inputs)
        var rows: Int?
        var tensors: [NamedTensor] = []
        tensors.reserveCapacity(inputs.count)
        for (port, input) in zip(model.inputs, inputs) {
            guard input.datatype == TensorDatatype.name(port.type) else {
                throw refusal("takes the datatype \(TensorDatatype.name(port.type))", port.name)
            }
            let count = try count(input.shape, port)
            let found = input.shape.first ?? 1
            guard rows ?? found == found else {
                throw refusal("has another number of rows than the inputs before", port.name)
            }
            rows = found
            tensors.append(NamedTensor(port.name, Tensor(shape: input.shape, try storage(input, port, count))))
        }
        return InferenceRequest(
            inputs: tensors, rows: rows ?? 1, outputs: call.outputs.map(\.name), model: model)
    }

    private func refusal(_ what: String, _ field: String) -> GuardRefusal {
        GuardRefusal(.malformed, what, field: field, reason: "tensor")
    }

    private var takesMissing: Bool { model.takesMissing }

    private func storage(
        _ input: OpenInferenceCall.Input, _ port: ModelDescription.Port, _ count: Int
    ) throws -> Tensor.Storage {
        switch input.data {
        case .json(let data): return try TensorText(port: port, shape: input.shape, count: count).storage(data)
        case .bytes(let range):
            guard range.upperBound <= body.count else {
                throw refusal("the body ends before the binary data do", port.name)
            }
            return try body.withUnsafeBytes {
                try TensorBytes(port: port, count: count, takesMissing: takesMissing)
                    .storage(UnsafeRawBufferPointer(rebasing: $0[range]))
            }
        }
    }

    // MARK: Names

    /// The inputs in the order of the model.
    private func ordered(_ inputs: [OpenInferenceCall.Input]) throws -> [OpenInferenceCall.Input] {
        if inputs.count == model.inputs.count, zip(inputs, model.inputs).allSatisfy({ $0.name == $1.name }) {
            return inputs
        }
        var positions: [String: Int] = [:]
        for (index, input) in inputs.enumerated() {
            guard positions.updateValue(index, forKey: input.name) == nil else {
                throw refusal("has the name of another input", "inputs[\(index)]")
            }
        }
        let ordered = try model.inputs.map { port in
            guard let index = positions.removeValue(forKey: port.name) else {
                throw refusal("this input is missing", port.name)
            }
            return inputs[index]
        }
        if let odd = positions.values.min() {
            throw refusal("has a name that no input of the model has", "inputs[\(odd)].name")
        }
        return ordered
    }

    private func checkOutputs(_ outputs: [OpenInferenceCall.Output]) throws {
        guard !outputs.isEmpty else { return }
        let known = Set(model.outputs.map(\.name))
        var named: Set<String> = []
        for (index, output) in outputs.enumerated() {
            // why: what a server gives that declares nothing is only seen in its answer.
            guard known.isEmpty || known.contains(output.name) else {
                throw refusal("has a name that no output of the model has", "outputs[\(index)].name")
            }
            guard named.insert(output.name).inserted else {
                throw refusal("has the name of another output", "outputs[\(index)].name")
            }
        }
    }

    // MARK: Shapes

    /// The number of values of a shape that fits the port.
    private func count(_ shape: [Int], _ port: ModelDescription.Port) throws -> Int {
        let field = port.name
        guard shape.count == port.shape.count else {
            throw refusal("the shape has another number of axes than \(port.shape.count)", field)
        }
        var count = 1
        for (axis, (length, wanted)) in zip(shape, port.shape).enumerated() {
            guard length > 0 else { throw refusal("axis \(axis) of the shape is not above 0", field) }
            if axis == 0 {
                try checkBatch(length, wanted, field)
            } else if let wanted, length != wanted {
                throw refusal("axis \(axis) of the shape is not \(wanted)", field)
            }
            let (product, isOver) = count.multipliedReportingOverflow(by: length)
            guard !isOver else { throw refusal("the shape has more values than can be", field) }
            count = product
        }
        return count
    }

    private func checkBatch(_ length: Int, _ declared: Int?, _ field: String) throws {
        if let most = model.fixedBatch {
            guard length <= most else { throw refusal("one call may carry at most \(most) rows", field) }
        } else if let declared, length != declared {
            throw refusal("axis 0 of the shape is not \(declared)", field)
        }
    }

    // MARK: The body as one tensor

    /// A request whose header length is 0: all of the body are the values of the only input.
    private func raw() throws -> InferenceRequest {
        guard model.inputs.count == 1, let port = model.inputs.first else {
            throw refusal("this model has more than one input", "inference-header-content-length")
        }
        var shape = port.shape.map { $0 ?? 0 }
        guard let width = TensorDatatype.width(port.type) else { return try rawText(port, shape) }
        var open = shape.indices.filter { shape[$0] == 0 }
        // why: where another axis is open as well, the batch is one row; more than that cannot be told from a length.
        if open.count == 2, open.first == 0 { (shape[0], open) = (1, [open[1]]) }
        guard open.count < 2 else { throw refusal("more than one axis of the input is open", port.name) }
        var unit = width
        for length in shape where length > 0 {
            let (product, isOver) = unit.multipliedReportingOverflow(by: length)
            guard !isOver else { throw refusal("the input has more values than can be", port.name) }
            unit = product
        }
        if let axis = open.first {
            guard !body.isEmpty, body.count.isMultiple(of: unit) else {
                throw refusal("the body is no multiple of the size of a row", port.name)
            }
            shape[axis] = body.count / unit
        }
        let count = try count(shape, port)
        let storage = try body.withUnsafeBytes {
            try TensorBytes(port: port, count: count, takesMissing: takesMissing).storage($0)
        }
        return InferenceRequest(
            inputs: [NamedTensor(port.name, Tensor(shape: shape, storage))], rows: shape.first ?? 1, model: model)
    }

    /// One text, as the body holds it.
    private func rawText(_ port: ModelDescription.Port, _ shape: [Int]) throws -> InferenceRequest {
        guard shape.allSatisfy({ $0 < 2 }) else {
            throw refusal("the input takes more than one text", port.name)
        }
        let text = try body.withUnsafeBytes {
            try TensorBytes(port: port, count: 1, takesMissing: false).text($0, 0)
        }
        let tensor = Tensor(shape: shape.map { _ in 1 }, .string([text]))
        return InferenceRequest(inputs: [NamedTensor(port.name, tensor)], rows: 1, model: model)
    }
}

extension ModelDescription {
    /// Whether NaN stands for a missing value. Tree files say how each split treats one; of no other model it is known.
    var takesMissing: Bool { platform == "casemate_trees" }
}
