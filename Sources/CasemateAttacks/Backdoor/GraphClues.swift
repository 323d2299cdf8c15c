import CasemateData
package import CasemateModels
import Foundation

/// Reads from an ONNX graph where single columns, or a few of them, are compared with constants or with each other:
/// what exporters of trees, linear models and networks hardly ever write.
///
/// Values are followed forward from the inputs as vectors of elements; each element knows the columns that it is made
/// from and, as long as it is one, the linear function of them. Nothing is run. A clue proves nothing: the search asks
/// the model what it does.
package struct GraphClues {
    /// One element of a value's last axis.
    struct Element {
        /// Columns that it is made from.
        var sources: Set<Int>
        /// Coefficients and constant, as long as it is linear in at most three columns.
        var linear: (weights: [Int: Double], constant: Double)?
        /// Level of a column for which it is 1, and 0 otherwise.
        static func column(_ index: Int) -> Element { Element(sources: [index], linear: ([index: 1], 0)) }
        static func constant(_ value: Double) -> Element { Element(sources: [], linear: ([:], value)) }
    }
    let features: [Feature]
    var values: [String: [Element]] = [:]
    var constants: [String: [Double]] = [:]
    var clues: [BranchClue] = []
    /// Operators of the graph that hold trees.
    var treeOperators = 0
    /// Elements beyond this many are joined into one.
    static let widest = 4_096
    /// Most columns of a clue.
    static let most = 5

    /// The clues of a model that takes these features; none for what is no ONNX graph of a table.
    package static func find(_ model: TableModel) -> [BranchClue] {
        guard let onnx = model.model as? OnnxModel,
            [.matrix, .columns].contains(onnx.signature.layout)
        else { return [] }
        var reader = GraphClues(features: model.features)
        let inputs = onnx.signature.inputs.map(\.name)
        if onnx.signature.layout == .columns {
            for (index, name) in inputs.enumerated() where index < model.features.count {
                reader.values[name] = [.column(index)]
            }
        } else if let name = inputs.first {
            reader.values[name] = model.features.indices.map { .column($0) }
        }
        // why: a loaded model keeps the facts about its file and lets the decoded graph go.
        guard let file = try? OnnxFile(path: onnx.file.path), let graph = try? GraphImport.graph(of: file) else {
            return []
        }
        for (name, tensor) in graph.constants { reader.constants[name] = tensor.numbers }
        reader.treeOperators = graph.nodes.count { $0.opType.hasPrefix("TreeEnsemble") }
        for node in graph.nodes { reader.follow(node) }
        return reader.joined()
    }

    private init(features: [Feature]) { self.features = features }

    /// Clues over the same columns made one, the widest sets first.
    private func joined() -> [BranchClue] {
        var order: [[Int]] = []
        var known: [[Int]: BranchClue] = [:]
        for clue in clues {
            if known[clue.features] == nil { order.append(clue.features) }
            let values = (known[clue.features]?.values ?? [:]).merging(clue.values) { $0 + $1 }
            known[clue.features] = BranchClue(
                features: clue.features, values: values.mapValues { Array(Set($0).sorted().prefix(24)) },
                isOrder: clue.isOrder || known[clue.features]?.isOrder ?? false,
                node: known[clue.features]?.node ?? clue.node)
        }
        return order.compactMap { known[$0] }.enumerated()
            .sorted { ($1.element.features.count, $0.offset) < ($0.element.features.count, $1.offset) }.map(\.element)
    }

    // MARK: Following

    func input(_ node: OnnxNodeProto, _ index: Int) -> [Element] {
        guard index < node.input.count, !node.input[index].isEmpty else { return [] }
        let name = node.input[index]
        if let known = values[name] { return known }
        return constants[name].map { $0.prefix(Self.widest).map { .constant($0) } } ?? []
    }
    func numbers(_ node: OnnxNodeProto, _ index: Int) -> [Double]? {
        index < node.input.count ? constants[node.input[index]] : nil
    }

    private mutating func follow(_ node: OnnxNodeProto) {
        let inputs = node.input.indices.map { input(node, $0) }
        let first = inputs.first ?? []
        let made: [Element]
        switch node.opType {
        case "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Dropout", "Imputer", "Expand":
            made = first
        case "Gather", "ArrayFeatureExtractor": made = picked(first, numbers(node, 1))
        case "Slice": made = sliced(node, first)
        case "Split":
            split(node, first)
            return
        case "Concat", "FeatureVectorizer": made = Array(inputs.joined().prefix(Self.widest))
        case "Scaler": made = scaled(node, first)
        case "Add", "Sub", "Mul", "Div": made = arithmetic(node, inputs)
        case "Neg": made = first.map { Self.combined([$0], [-1]) }
        case "MatMul", "Gemm": made = product(node, inputs)
        case "OneHotEncoder", "LabelEncoder", "Abs", "Sqrt", "Log", "Exp", "Pow", "Reciprocal", "Normalizer":
            made = first.map { Element(sources: $0.sources, linear: nil) }
        case "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal": made = compared(node, inputs)
        case "Sigmoid", "HardSigmoid", "Sign", "Floor", "Ceil", "Round", "Relu", "Tanh", "Clip", "Erf", "Softplus",
            "Binarizer", "ThresholdedRelu", "HardSwish", "IsNaN":
            made = bent(node, first)
        case "And", "Or", "Xor", "Not", "Where", "Min", "Max", "Sum", "Mean", "Mod":
            made = joined(node, inputs)
        case "TreeEnsembleClassifier", "TreeEnsembleRegressor":
            noteTrees(node, first)
            fallthrough
        default:
            let all = inputs.joined().reduce(into: Set<Int>()) { $0.formUnion($1.sources) }
            made = [Element(sources: all, linear: nil)]
        }
        if node.opType == "Mul" { note(made.filter { $0.linear == nil && $0.sources.count > 1 }, node) }
        for output in node.output where !output.isEmpty { values[output] = made }
    }

    private func picked(_ elements: [Element], _ indices: [Double]?) -> [Element] {
        guard let indices else { return Self.all(elements) }
        return indices.map { index in
            let place = Int(index) < 0 ? elements.count + Int(index) : Int(index)
            return elements.indices.contains(place) ? elements[place] : Self.all(elements)[0]
        }
    }
    private static func all(_ elements: [Element]) -> [Element] {
        [Element(sources: elements.reduce(into: Set<Int>()) { $0.formUnion($1.sources) }, linear: nil)]
    }

    private func sliced(_ node: OnnxNodeProto, _ elements: [Element]) -> [Element] {
        guard let starts = numbers(node, 1) ?? integers(node, "starts"),
            let ends = numbers(node, 2) ?? integers(node, "ends"), starts.count == 1, ends.count == 1
        else { return Self.all(elements) }
        let steps = numbers(node, 4) ?? [1]
        let axes = numbers(node, 3) ?? integers(node, "axes") ?? [0]
        guard steps == [1], axes == [1] || axes == [-1] else { return elements }
        func place(_ value: Double) -> Int {
            let whole = Int(max(-1e9, min(1e9, value)))
            return max(0, min(elements.count, whole < 0 ? elements.count + whole : whole))
        }
        let (from, to) = (place(starts[0]), place(ends[0]))
        return from < to ? Array(elements[from..<to]) : []
    }

    private mutating func split(_ node: OnnxNodeProto, _ elements: [Element]) {
        let count = max(1, node.output.count)
        let given = (numbers(node, 1) ?? integers(node, "split"))?.map { max(0, Int($0)) }
        let sizes = given ?? [Int](repeating: (elements.count + count - 1) / count, count: count)
        var start = 0
        for (index, output) in node.output.enumerated() {
            let end = min(elements.count, start + (index < sizes.count ? sizes[index] : 0))
            values[output] = start < end ? Array(elements[start..<end]) : Self.all(elements)
            start = end
        }
    }

    func integers(_ node: OnnxNodeProto, _ name: String) -> [Double]? {
        node.attribute.first { $0.name == name }.map { $0.ints.map(Double.init) }
    }
    private func floats(_ node: OnnxNodeProto, _ name: String) -> [Double] {
        node.attribute.first { $0.name == name }?.floats.map(Double.init) ?? []
    }

    // MARK: Numbers

    /// Elements of several values side by side, the shorter ones repeated.
    static func zipped(_ lists: [[Element]]) -> [[Element]] {
        let width = lists.map(\.count).max() ?? 0
        guard !lists.contains(where: \.isEmpty) else { return [] }
        return (0..<width).map { index in lists.map { $0[$0.count == width ? index : index % $0.count] } }
    }

    /// A sum with weights.
    static func combined(_ parts: [Element], _ weights: [Double]) -> Element {
        let sources = parts.reduce(into: Set<Int>()) { $0.formUnion($1.sources) }
        var (sum, constant) = ([Int: Double](), 0.0)
        for (part, weight) in zip(parts, weights) {
            guard let linear = part.linear else { return Element(sources: sources, linear: nil) }
            constant += weight * linear.constant
            for (feature, value) in linear.weights { sum[feature, default: 0] += weight * value }
        }
        sum = sum.filter { $0.value != 0 }
        return Element(sources: sources, linear: sum.count <= 3 && constant.isFinite ? (sum, constant) : nil)
    }

    private func scaled(_ node: OnnxNodeProto, _ elements: [Element]) -> [Element] {
        let (offsets, scales) = (floats(node, "offset"), floats(node, "scale"))
        return elements.indices.map { index in
            let offset = offsets.isEmpty ? 0 : offsets[index % offsets.count]
            let scale = scales.isEmpty ? 1 : scales[index % scales.count]
            return Self.combined([elements[index], .constant(-offset)], [scale, scale])
        }
    }

    private func arithmetic(_ node: OnnxNodeProto, _ inputs: [[Element]]) -> [Element] {
        Self.zipped(inputs).map { pair in
            guard pair.count == 2 else { return Self.all(pair)[0] }
            func isConstant(_ element: Element) -> Double? {
                element.sources.isEmpty ? element.linear?.constant : nil
            }
            switch node.opType {
            case "Add": return Self.combined(pair, [1, 1])
            case "Sub": return Self.combined(pair, [1, -1])
            case "Mul":
                if let by = isConstant(pair[1]) { return Self.combined([pair[0]], [by]) }
                if let by = isConstant(pair[0]) { return Self.combined([pair[1]], [by]) }
            default: if let by = isConstant(pair[1]), by != 0 { return Self.combined([pair[0]], [1 / by]) }
            }
            return Element(sources: pair[0].sources.union(pair[1].sources), linear: nil)
        }
    }

    private func product(_ node: OnnxNodeProto, _ inputs: [[Element]]) -> [Element] {
        guard inputs.count > 1, let weights = numbers(node, 1), !inputs[0].isEmpty,
            weights.count.isMultiple(of: inputs[0].count), weights.count <= 1 << 20
        else { return Self.all(Array(inputs.joined())) }
        let (rows, columns) = (inputs[0].count, weights.count / inputs[0].count)
        let isTurned = node.opType == "Gemm" && integer(node, "transB") == 1
        return (0..<min(columns, Self.widest)).map { column in
            let used = (0..<rows).filter { weights[isTurned ? column * rows + $0 : $0 * columns + column] != 0 }
            let parts = used.map { inputs[0][$0] }
            guard used.count <= 3 else { return Self.all(parts)[0] }
            let sum = Self.combined(parts, used.map { weights[isTurned ? column * rows + $0 : $0 * columns + column] })
            guard inputs.count > 2, !inputs[2].isEmpty else { return sum }
            return Self.combined([sum, inputs[2][column % inputs[2].count]], [1, 1])
        }
    }
    private func integer(_ node: OnnxNodeProto, _ name: String) -> Int64? {
        node.attribute.first { $0.name == name }.map(\.i)
    }

    // MARK: Noting

    private mutating func compared(_ node: OnnxNodeProto, _ inputs: [[Element]]) -> [Element] {
        let differences = Self.zipped(inputs).map { Self.combined($0, [1, -1]) }
        note(differences, node)
        return differences.map { Element(sources: $0.sources, linear: nil) }
    }

    private mutating func bent(_ node: OnnxNodeProto, _ elements: [Element]) -> [Element] {
        let cuts = node.opType == "Binarizer" ? floats(node, "threshold") : []
        let shifted = cuts.isEmpty ? elements : elements.map { Self.combined([$0, .constant(cuts[0])], [1, -1]) }
        note(shifted, node)
        return elements.map { Element(sources: $0.sources, linear: nil) }
    }

    private mutating func joined(_ node: OnnxNodeProto, _ inputs: [[Element]]) -> [Element] {
        let made = Self.zipped(inputs).map { Self.all($0)[0] }
        // why: in a `Where` the condition is the branch; what it chooses between are whole rows or scores.
        note(node.opType == "Where" ? inputs.first ?? [] : made, node)
        return made
    }

    /// Operator and name, as far as both can be printed.
    private static func label(_ node: OnnxNodeProto) -> String {
        func plain(_ text: String) -> String {
            String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value > 32 && $0.value < 127 }.prefix(60)))
        }
        return plain(node.opType) + (node.name.isEmpty ? "" : " '\(plain(node.name))'")
    }

    /// A handful of comparisons in a tree operator of their own, beside the one that holds the model.
    private mutating func noteTrees(_ node: OnnxNodeProto, _ elements: [Element]) {
        let modes = node.attribute.first { $0.name == "nodes_modes" }?.strings ?? []
        let (columns, cuts) = (integers(node, "nodes_featureids") ?? [], floats(node, "nodes_values"))
        guard treeOperators > 1, modes.count <= 64, columns.count == modes.count, cuts.count == modes.count else {
            return
        }
        let tests = modes.indices.filter { modes[$0] != Data("LEAF".utf8) }
        let parts = tests.compactMap { test -> Element? in
            let column = Int(columns[test])
            guard elements.indices.contains(column) else { return nil }
            return Self.combined([elements[column], .constant(cuts[test])], [1, -1])
        }
        note(parts, node)
        note(Self.all(parts), node)
    }

    /// Keeps elements that are made from few columns, with the values at which they turn.
    private mutating func note(_ elements: [Element], _ node: OnnxNodeProto) {
        let most = min(Self.most, features.count - 1)
        let few = elements.filter { !$0.sources.isEmpty && $0.sources.count <= most }
        // why: a layer that treats all columns alike, each by itself, is a transformer and no branch.
        guard few.count <= 8, clues.count < 256 else { return }
        for element in few {
            var turns: [Int: [Float]] = [:]
            if let linear = element.linear, linear.weights.count == 1, let only = linear.weights.first {
                let root = Float(-linear.constant / only.value)
                if root.isFinite { turns[only.key] = [root] }
            }
            let weights = element.linear?.weights.values.sorted() ?? []
            let isOrder = weights.count == 2 && weights[0] < 0 && weights[1] > 0
            clues.append(
                BranchClue(
                    features: element.sources.sorted(), values: turns, isOrder: isOrder, node: Self.label(node)))
        }
    }
}
