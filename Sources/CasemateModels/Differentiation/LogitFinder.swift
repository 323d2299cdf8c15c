import CasemateCore

/// Where a classifier's logits stand in its graph: before a final softmax or sigmoid, or before a label.
struct LogitFinder {
    /// What was found.
    struct Finding: Hashable, Sendable {
        /// How the value becomes logits.
        enum Form: Hashable, Sendable {
            /// One logit a class.
            case logits
            /// One logit of the second of two classes.
            case singleLogit
            /// One probability a class: its logarithm serves.
            case probabilities
            /// One probability, of the second of two classes.
            case singleProbability
        }
        /// Name of the value.
        let name: String
        /// How it is read.
        let form: Form
        /// The operator that was cut off, such as `Softmax`; `nil` when the scores are the logits.
        let removed: String?
    }

    private let nodes: [OnnxNodeProto]
    private let makers: [String: Int]
    private let values: [String: TracedValue]
    private let constants: [String: OnnxTensorProto]

    /// Prepares for a canonical graph.
    init(_ prepared: PreparedGraph) {
        nodes = prepared.graph.nodes
        makers = prepared.graph.makers
        values = prepared.values
        constants = prepared.graph.constants
    }

    private static let transparent: Set<String> = [
        "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Dropout", "ZipMap", "Transpose",
    ]
    private static let behindLabels: Set<String> = [
        "ArrayFeatureExtractor", "Gather", "LabelEncoder", "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze",
        "Flatten",
    ]

    /// Follows the graph back from the scores, or from the label when there are none.
    func find(scores: String?, label: String?, isProbability: Bool) -> Finding? {
        if let scores {
            if let found = fromScores(scores, isProbability: isProbability) { return found }
            let single = isSingle(scores)
            if isProbability {
                return Finding(name: scores, form: single ? .singleProbability : .probabilities, removed: nil)
            }
            return Finding(name: scores, form: single ? .singleLogit : .logits, removed: nil)
        }
        return label.flatMap(fromLabel)
    }

    private func maker(_ name: String) -> OnnxNodeProto? { makers[name].map { nodes[$0] } }

    private func isSingle(_ name: String) -> Bool {
        guard let axes = values[name]?.axes else { return false }
        return axes.dropFirst().allSatisfy(\.isOne)
    }

    private func fromScores(_ start: String, isProbability: Bool = true) -> Finding? {
        var name = start
        for _ in 0..<64 {
            guard let node = maker(name), let input = node.input.first else { return nil }
            switch node.opType {
            case "Softmax", "LogSoftmax": return Finding(name: input, form: .logits, removed: node.opType)
            case "Sigmoid":
                return Finding(name: input, form: isSingle(input) ? .singleLogit : .logits, removed: "Sigmoid")
            case "Log" where maker(input)?.opType == "Softmax": name = input
            case "Concat": return complement(node, isProbability: isProbability)
            case _ where Self.transparent.contains(node.opType): name = input
            default: return nil
            }
        }
        return nil
    }

    /// `[1 - p, p]`, as exporters write a binary answer.
    private func complement(_ node: OnnxNodeProto, isProbability: Bool) -> Finding? {
        guard node.input.count == 2, let first = maker(node.input[0]), first.opType == "Sub", first.input.count == 2,
            source(first.input[1]) == source(node.input[1]),
            constants[first.input[0]]?.numbers?.allSatisfy({ $0 == 1 }) ?? false
        else { return nil }
        guard let found = fromScores(node.input[1]), found.form == .singleLogit else {
            // why: a linear classifier without a link writes `[1 - z, z]` and decides by the sign of `z`.
            let form: Finding.Form = isProbability ? .singleProbability : .singleLogit
            return Finding(name: node.input[1], form: form, removed: nil)
        }
        return found
    }

    /// The value behind operators that pass it on.
    private func source(_ name: String) -> String {
        var name = name
        while let node = maker(name), Self.transparent.contains(node.opType), let input = node.input.first {
            name = input
        }
        return name
    }

    private func fromLabel(_ start: String) -> Finding? {
        var name = start
        for _ in 0..<64 {
            guard let node = maker(name), let input = node.input.first else { return nil }
            if node.opType == "ArgMax" {
                return fromScores(input) ?? Finding(name: input, form: .logits, removed: "ArgMax")
            }
            guard Self.behindLabels.contains(node.opType) else { return nil }
            let computed = node.input.first { !$0.isEmpty && constants[$0] == nil }
            name = node.opType == "Gather" || node.opType == "ArrayFeatureExtractor" ? computed ?? input : input
        }
        return nil
    }
}
