import CasemateModels

/// Makes tensors of JSON, flat or nested.
struct TensorText {
    /// What the model declares.
    let port: ModelDescription.Port
    /// Axes as the caller gives them, checked against the port.
    let shape: [Int]
    /// Their product.
    let count: Int

    /// The values in the port's type.
    /// - Throws: `GuardRefusal` with `malformed`.
    func storage(_ data: JSONValue) throws -> Tensor.Storage {
        let leaves = try leaves(data)
        switch port.type {
        case .float: return .float(try numbers(leaves))
        case .bfloat16: return .float(try narrow(leaves) { BrainFloat.bits($0) & 0x7FFF == 0x7F80 })
        case .double: return .double(try numbers(leaves))
        case .float16:
            let halves = try narrow(leaves) { HalfPrecision.bits($0) & 0x7FFF == 0x7C00 }
            return .float16(halves.map(HalfPrecision.bits))
        case .int8: return .int8(try numbers(leaves))
        case .int16: return .int16(try numbers(leaves))
        case .int32: return .int32(try numbers(leaves))
        case .int64: return .int64(try numbers(leaves))
        case .uint8: return .uint8(try numbers(leaves))
        case .uint16: return .uint16(try numbers(leaves))
        case .uint32: return .uint32(try numbers(leaves))
        case .uint64: return .uint64(try numbers(leaves))
        case .bool: return .bool(try scalars(leaves, "true or false") { $0.flag })
        case .string: return .string(try texts(leaves))
        }
    }

    private func refusal(_ what: String) -> GuardRefusal {
        GuardRefusal(.malformed, what, field: port.name, reason: "tensor")
    }

    // MARK: Structure

    /// The lists whose items are values: the data themselves, or the innermost lists of nested data.
    private func leaves(_ data: JSONValue) throws -> [JSONValue] {
        guard data.isList else { throw refusal("the data are no list") }
        let isNested = shape.count > 1 && (data.first?.isList ?? false)
        guard isNested else {
            guard data.count == count else { throw refusal("the data do not have as many values as the shape says") }
            return [data]
        }
        var leaves: [JSONValue] = []
        leaves.reserveCapacity(min(data.count, count))
        try descend(data, 0, &leaves)
        return leaves
    }

    private func descend(_ list: JSONValue, _ axis: Int, _ leaves: inout [JSONValue]) throws {
        guard list.isList, list.count == shape[axis] else {
            throw refusal("the nested data do not have the form that the shape says")
        }
        guard axis < shape.count - 1 else { return leaves.append(list) }
        guard list.token.kind == .list else {
            throw refusal("the nested data do not have the form that the shape says")
        }
        try list.forEachItem { _, item in try descend(item, axis + 1, &leaves) }
    }

    // MARK: Values

    private func numbers<Value: JSONNumeric>(_ leaves: [JSONValue]) throws -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for leaf in leaves {
            let start = values.count
            guard leaf.token.kind == .numbers else { throw odd(leaf, start) }
            if let index = leaf.append(to: &values) { throw unfit(start + index) }
        }
        return values
    }

    private func unfit(_ index: Int) -> GuardRefusal {
        let type = TensorDatatype.name(port.type)
        return refusal("value \(index) is out of the range of \(type), or no whole number where one is needed")
    }

    /// What to say of a list that is not one of numbers.
    private func odd(_ leaf: JSONValue, _ start: Int) -> GuardRefusal {
        var found = 0
        leaf.forEachItem { index, item in if found == 0, item.token.kind != .number { found = index } }
        return refusal("value \(start + found) is no number, and \(TensorDatatype.name(port.type)) takes numbers")
    }

    /// Numbers of a type narrower than float32, which rounds the largest of them to infinity.
    private func narrow(_ leaves: [JSONValue], _ isInfinite: (Float) -> Bool) throws -> [Float] {
        let values: [Float] = try numbers(leaves)
        if let index = values.firstIndex(where: isInfinite) { throw unfit(index) }
        return values
    }

    private func texts(_ leaves: [JSONValue]) throws -> [String] {
        try scalars(leaves, "a text without zero bytes") { value in
            value.text.flatMap { $0.utf8.contains(0) ? nil : $0 }
        }
    }

    private func scalars<Value>(
        _ leaves: [JSONValue], _ wanted: String, _ make: (JSONValue) -> Value?
    ) throws -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for leaf in leaves {
            guard leaf.token.kind == .list else { throw refusal("value \(values.count) is not \(wanted)") }
            try leaf.forEachItem { _, item in
                guard let value = make(item) else { throw refusal("value \(values.count) is not \(wanted)") }
                values.append(value)
            }
        }
        return values
    }
}
