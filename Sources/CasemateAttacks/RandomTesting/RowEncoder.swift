import CasemateData
import CasemateModels

/// Turns rows into the named tensors of a model, in the element types of its graph.
///
/// Nothing is sent that the types cannot hold: the engine sees well-formed tensors only, whatever the values are.
struct RowEncoder: Sendable {
    let signature: ModelSignature
    /// Element type of each feature.
    let types: [ModelSignature.ElementType]

    init(_ signature: ModelSignature, features: Int) {
        self.signature = signature
        types =
            signature.layout == .columns
            ? signature.inputs.prefix(features).map(\.type)
            : [ModelSignature.ElementType](repeating: signature.inputs.first?.type ?? .float, count: features)
    }

    /// Numbers up to this size are ordinary.
    var ordinary: Double { types.contains(.float16) ? 1e3 : 1e9 }

    /// Whether a feature can hold the value.
    func canHold(_ cell: GeneratedRow.Cell, feature: Int) -> Bool {
        let type = types[feature]
        guard case .number(let number) = cell else { return type == .string }
        switch type {
        case .string: return false
        case .float, .bfloat16: return number.isNaN || number.isInfinite || Float(number).isFinite
        case .float16: return number.isNaN || number.isInfinite || abs(number) <= 65_504
        case .double: return true
        case .bool: return number == 0 || number == 1
        case .int8: return Int8(exactly: number) != nil
        case .int16: return Int16(exactly: number) != nil
        case .int32: return Int32(exactly: number) != nil
        case .int64: return Int64(exactly: number) != nil
        case .uint8: return UInt8(exactly: number) != nil
        case .uint16: return UInt16(exactly: number) != nil
        case .uint32: return UInt32(exactly: number) != nil
        case .uint64: return UInt64(exactly: number) != nil
        }
    }

    /// The tensors of some rows; every value must be one that its feature can hold.
    func tensors(_ rows: [[GeneratedRow.Cell]]) -> [NamedTensor] {
        switch signature.layout {
        case .columns:
            return signature.inputs.enumerated().map { feature, input in
                let shape = input.shape.count == 1 ? [rows.count] : [rows.count, 1]
                return NamedTensor(
                    input.name, Tensor(shape: shape, storage(rows.map { $0[feature] }, input.type)))
            }
        case .matrix, .image, .text:
            guard let input = signature.inputs.first else { return [] }
            let axes = input.shape.dropFirst()
            let known = axes.compactMap { $0 }
            let isKnown = known.count == axes.count && known.reduce(1, *) == types.count && input.shape.count > 1
            let isVector = signature.layout == .text && input.shape.count == 1
            let shape = [rows.count] + (isVector ? [] : isKnown ? known : [types.count])
            return [NamedTensor(input.name, Tensor(shape: shape, storage(rows.flatMap { $0 }, input.type)))]
        }
    }

    private func storage(_ cells: [GeneratedRow.Cell], _ type: ModelSignature.ElementType) -> Tensor.Storage {
        func number(_ cell: GeneratedRow.Cell) -> Double { if case .number(let value) = cell { value } else { .nan } }
        switch type {
        case .string:
            return .string(cells.map { if case .text(let text) = $0 { text } else { "" } })
        case .float: return .float(cells.map { Float(number($0)) })
        case .int64: return .int64(cells.map { Int64(exactly: number($0)) ?? 0 })
        default: return .double(cells.map(number))
        }
    }
}
