import Foundation

extension OnnxNodeProto {
    /// Makes a node; the name is that of its first output.
    package init(
        _ op: String, _ inputs: [String], _ outputs: [String], domain: String = "",
        _ attributes: [OnnxAttributeProto] = []
    ) {
        self.init()
        (opType, input, output, self.domain, attribute) = (op, inputs, outputs, domain, attributes)
        name = outputs.first ?? op
    }
    /// The attribute of this name.
    package func attribute(_ name: String) -> OnnxAttributeProto? { attribute.first { $0.name == name } }
    /// A whole number.
    func int(_ name: String) -> Int? { attribute(name).map { Int(clamping: $0.i) } }
    /// A whole number, with its default.
    func int(_ name: String, _ value: Int) -> Int { int(name) ?? value }
    /// A list of whole numbers; `nil` when it is not there.
    func ints(_ name: String) -> [Int]? { attribute(name).map { $0.ints.map { Int(clamping: $0) } } }
    /// A number, with its default.
    func float(_ name: String, _ value: Float) -> Float { attribute(name).map(\.f) ?? value }
    /// A list of numbers; `nil` when it is not there.
    func floats(_ name: String) -> [Float]? { attribute(name).map(\.floats) }
    /// A text, with its default.
    func text(_ name: String, _ value: String = "") -> String {
        attribute(name).map { String(decoding: $0.s, as: UTF8.self) } ?? value
    }
    /// The input at a place; `nil` where it is left out.
    func given(_ index: Int) -> String? { index < input.count && !input[index].isEmpty ? input[index] : nil }
    /// The operator with its domain, as rules name it.
    package var qualifiedOperator: String {
        let domain = OnnxOperators.canonical(domain)
        return domain.isEmpty ? opType : "\(domain).\(opType)"
    }
    /// The same node without some attributes.
    func without(_ names: String...) -> OnnxNodeProto {
        var copy = self
        copy.attribute.removeAll { names.contains($0.name) }
        return copy
    }
}

extension OnnxAttributeProto {
    /// A whole number.
    package static func int(_ name: String, _ value: Int) -> OnnxAttributeProto {
        make(name, .int) { $0.i = Int64(value) }
    }
    /// Whole numbers.
    package static func ints(_ name: String, _ values: [Int]) -> OnnxAttributeProto {
        make(name, .ints) { $0.ints = values.map { Int64($0) } }
    }
    /// A number.
    package static func float(_ name: String, _ value: Float) -> OnnxAttributeProto {
        make(name, .float) { $0.f = value }
    }
    /// A text.
    package static func text(_ name: String, _ value: String) -> OnnxAttributeProto {
        make(name, .string) { $0.s = Data(value.utf8) }
    }
    /// A constant.
    package static func tensor(_ name: String, _ value: OnnxTensorProto) -> OnnxAttributeProto {
        make(name, .tensor) { $0.t = value }
    }
    private static func make(
        _ name: String, _ type: AttributeType, _ fill: (inout OnnxAttributeProto) -> Void
    ) -> OnnxAttributeProto {
        var result = OnnxAttributeProto()
        (result.name, result.type) = (name, type)
        fill(&result)
        return result
    }
}
