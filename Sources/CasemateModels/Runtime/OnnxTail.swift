import CasemateCore
import Foundation

/// The end of a graph: which operator makes an output, what the classes are called, where a ZipMap stands.
struct OnnxTail {
    let graph: OnnxGraphProto
    private let makers: [String: Int]
    private let constants: [String: OnnxTensorProto]

    /// Operators that change neither the order nor the values of scores.
    private static let transparent: Set<String> = [
        "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout",
    ]
    /// Operators that end a network without an activation.
    static let linear: Set<String> = [
        "Gemm", "MatMul", "FusedMatMul", "Add", "Sub", "Mul", "Div", "Sum", "Conv", "Einsum", "GlobalAveragePool",
        "AveragePool", "ReduceMean", "ReduceSum", "Mean", "BatchNormalization", "QLinearMatMul", "QGemm",
        "DequantizeLinear", "MatMulInteger",
    ]

    /// Prepares for a checked graph.
    init(_ graph: OnnxGraphProto) {
        self.graph = graph
        var makers: [String: Int] = [:]
        var constants = Dictionary(graph.initializer.map { ($0.name, $0) }) { first, _ in first }
        for (index, node) in graph.node.enumerated() {
            for output in node.output { makers[output] = index }
            if node.opType == "Constant", let name = node.output.first,
                let value = node.attribute.first(where: { $0.name == "value" && $0.hasT })
            {
                constants[name] = value.t
            }
        }
        (self.makers, self.constants) = (makers, constants)
    }

    /// The node that makes a value, behind nodes that pass it on; `nil` for an input or a constant.
    func maker(of name: String) -> OnnxNodeProto? {
        var name = name
        for _ in 0..<1_000 {
            guard let index = makers[name] else { return nil }
            let node = graph.node[index]
            guard Self.transparent.contains(node.opType), let next = node.input.first else { return node }
            name = next
        }
        return nil
    }

    /// A constant by its name.
    func constant(_ name: String) -> OnnxTensorProto? { constants[name] }

    /// The node right at a value.
    func node(at name: String) -> OnnxNodeProto? { makers[name].map { graph.node[$0] } }

    /// Class names in column order, found on the way back from the outputs; `nil` where the graph does not tell.
    func classes(label: String?, scores: [String], count: Int?) -> [String]? {
        for name in scores {
            guard let node = node(at: name), node.opType == "ZipMap" else { continue }
            if let names = Self.listed(node), count == nil || names.count == count { return names }
        }
        for start in [label].compactMap({ $0 }) + scores {
            if let names = search(from: start, count: count) { return names }
        }
        return nil
    }

    private func search(from start: String, count: Int?) -> [String]? {
        var open = [start]
        var seen: Set<String> = [start]
        var index = 0
        while index < open.count, index < 400 {
            defer { index += 1 }
            guard let node = node(at: open[index]) else { continue }
            if let names = Self.listed(node) ?? picked(node), count == nil || names.count == count, names.count > 1 {
                return names
            }
            // why: behind an arg max stand the scores, and what is listed further up belongs to the inputs.
            if node.opType == "ArgMax" || OnnxTail.linear.contains(node.opType) && node.opType != "Mul" { continue }
            for input in node.input where !input.isEmpty && seen.insert(input).inserted { open.append(input) }
        }
        return nil
    }

    /// Class names in a classifier's attributes.
    private static func listed(_ node: OnnxNodeProto) -> [String]? {
        for attribute in node.attribute {
            switch attribute.name {
            case "classlabels_ints", "classlabels_int64s":
                if !attribute.ints.isEmpty { return attribute.ints.map { String($0) } }
            case "classlabels_strings":
                if !attribute.strings.isEmpty { return attribute.strings.map { String(decoding: $0, as: UTF8.self) } }
            default: break
            }
        }
        return nil
    }

    /// Class names that an index picks from, or that a table gives for indices.
    private func picked(_ node: OnnxNodeProto) -> [String]? {
        switch node.opType {
        case "ArrayFeatureExtractor", "Gather":
            return node.input.first.flatMap { constants[$0] }.flatMap(OnnxConstant.texts)
        case "LabelEncoder":
            func ints(_ name: String) -> [Int64]? { node.attribute.first { $0.name == name }.map(\.ints) }
            guard let keys = ints("keys_int64s"), keys.sorted() == (0..<keys.count).map(Int64.init) else { return nil }
            let texts =
                ints("values_int64s").map { $0.map { String($0) } }
                ?? node.attribute.first { $0.name == "values_strings" }
                .map { $0.strings.map { String(decoding: $0, as: UTF8.self) } }
            guard let texts, texts.count == keys.count else { return nil }
            return zip(keys, texts).sorted { $0.0 < $1.0 }.map(\.1)
        default: return nil
        }
    }

    /// Words that an input's first encoder knows, for a probe with strings; empty where there is none.
    func words(for input: String) -> [String] {
        var names: Set<String> = [input]
        for node in graph.node where node.input.contains(where: names.contains) {
            for key in ["cats_strings", "keys_strings", "classes_strings"] {
                guard let attribute = node.attribute.first(where: { $0.name == key }), !attribute.strings.isEmpty else {
                    continue
                }
                return attribute.strings.map { String(decoding: $0, as: UTF8.self) }
            }
            names.formUnion(node.output)
        }
        return []
    }
}
