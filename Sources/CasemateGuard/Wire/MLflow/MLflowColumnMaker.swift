import CasemateModels

/// Makes columns of the types that a model declares.
struct MLflowColumnMaker {
    /// A column as the model knows it.
    struct Field {
        let name: String
        /// Names of its levels, for a categorical feature.
        let levels: [String]?
    }
    let takesMissing: Bool
    private(set) var buffers: [any MLflowBuffer] = []
    private(set) var columns: [any MLflowColumn] = []

    init(takesMissing: Bool) { self.takesMissing = takesMissing }

    /// Makes one buffer for columns of a type, a row of it for each row of the body.
    mutating func add(_ type: ModelSignature.ElementType, _ fields: [Field]) {
        switch type {
        case .float, .bfloat16: numbers(type, fields, Float(0), .nan, { Float($0) }, { .float($0) })
        case .float16:
            numbers(type, fields, Float(0), .nan, { Float($0) }, { .float16($0.map(HalfPrecision.bits)) })
        case .double: numbers(type, fields, Double(0), .nan, { Double($0) }, { .double($0) })
        case .int8: whole(type, fields) { .int8($0) }
        case .int16: whole(type, fields) { .int16($0) }
        case .int32: whole(type, fields) { .int32($0) }
        case .int64: whole(type, fields) { .int64($0) }
        case .uint8: whole(type, fields) { .uint8($0) }
        case .uint16: whole(type, fields) { .uint16($0) }
        case .uint32: whole(type, fields) { .uint32($0) }
        case .uint64: whole(type, fields) { .uint64($0) }
        case .bool:
            let buffer = MLflowValues(false, stride: fields.count) { .bool($0) }
            buffers.append(buffer)
            for (offset, field) in fields.enumerated() {
                columns.append(MLflowFlags(cell: .init(name: field.name), buffer: buffer, offset: offset))
            }
        case .string:
            let buffer = MLflowValues("", stride: fields.count) { .string($0) }
            buffers.append(buffer)
            for (offset, field) in fields.enumerated() {
                columns.append(MLflowTexts(cell: .init(name: field.name), buffer: buffer, offset: offset))
            }
        }
    }

    private mutating func whole<Value: JSONNumeric & FixedWidthInteger>(
        _ type: ModelSignature.ElementType, _ fields: [Field], _ wrap: @escaping ([Value]) -> Tensor.Storage
    ) {
        numbers(type, fields, 0, nil, { Value(exactly: $0) }, wrap)
    }

    private mutating func numbers<Value: JSONNumeric>(
        _ type: ModelSignature.ElementType, _ fields: [Field], _ zero: Value, _ missing: Value?,
        _ level: (Int) -> Value?, _ wrap: @escaping ([Value]) -> Tensor.Storage
    ) {
        let buffer = MLflowValues(zero, stride: fields.count, wrap)
        buffers.append(buffer)
        for (offset, field) in fields.enumerated() {
            var levels: [String: Value] = [:]
            for (index, name) in (field.levels ?? []).enumerated() { levels[name] = level(index) }
            columns.append(
                MLflowNumbers(
                    cell: MLflowCell(name: field.name), buffer: buffer, offset: offset,
                    missing: takesMissing ? missing : nil, wanted: "a number of \(TensorDatatype.name(type))",
                    levels: levels))
        }
    }
}
