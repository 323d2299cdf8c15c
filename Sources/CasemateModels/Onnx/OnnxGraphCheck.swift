import CasemateCore

/// Walks a decoded model: names, operators, constants, graphs inside nodes; counts what it meets.
struct OnnxGraphCheck {
    /// An operator of a family.
    struct Operator: Hashable {
        let domain: String
        let name: String
    }
    let model: OnnxModelProto
    let path: String
    let limits: OnnxLimits
    let tensors: OnnxTensorCheck
    /// Operators with their number of nodes.
    private(set) var operators: [Operator: Int] = [:]
    private(set) var nodeCount = 0
    private(set) var subgraphCount = 0
    private(set) var parameterCount = 0
    private(set) var warnings: [String] = []
    private(set) var external: OnnxExternalData
    /// Names of the main graph's constants.
    private(set) var constants: Set<String> = []
    private var functions: Set<Operator> = []
    /// Small integer constants of the main graph, which may be shapes.
    private var shapes: [String: [Int64]] = [:]

    /// Prepares the walk.
    init(_ model: OnnxModelProto, path: String, limits: OnnxLimits) {
        (self.model, self.path, self.limits) = (model, path, limits)
        tensors = OnnxTensorCheck(path: path, limits: limits)
        external = OnnxExternalData(path: path)
        functions = Set(model.functions.map { Operator(domain: OnnxOperators.canonical($0.domain), name: $0.name) })
    }

    /// Walks everything.
    mutating func run() throws(CasemateError) {
        let domains = try OnnxOpsetCheck(path: path).run(model)
        try inputsAndOutputs()
        _ = try walk(
            model.graph.node, given: given(of: model.graph), results: model.graph.output.map(\.name), outer: [],
            domains: domains, depth: 0, in: "graph")
        for tensor in model.graph.initializer { parameterCount += try constant(tensor, of: "") }
        for sparse in model.graph.sparseInitializer { parameterCount += try self.sparse(sparse, of: "") }
        for function in model.functions {
            let own =
                function.opsetImport.isEmpty
                ? domains
                : Set(
                    function.opsetImport.map { OnnxOperators.canonical($0.domain) })
            let name = "function '\(OnnxLook.printable(function.name))'"
            _ = try walk(
                function.node, given: function.input, results: function.output, outer: [], domains: own, depth: 0,
                in: name)
            for attribute in function.attributeProto {
                _ = try values(of: attribute, owner: name, outer: [], domains: own, depth: 0)
            }
        }
        try OnnxFunctionCheck(model: model, path: path, limits: limits).run()
        if !model.trainingInfo.isEmpty { warnings.append("graphs for training are in the file; they are not used") }
    }

    private mutating func inputsAndOutputs() throws(CasemateError) {
        let graph = model.graph
        guard !graph.output.isEmpty else {
            throw malformed("", "the graph has no output", help: "export the model with its outputs")
        }
        constants = Set(graph.initializer.map(\.name) + graph.sparseInitializer.map(\.values.name))
        for tensor in graph.initializer where tensor.dataType == 7 && tensor.dims.count == 1 {
            guard let length = tensor.dims.first, length <= limits.axes else { continue }
            shapes[tensor.name] = tensor.hasRawData ? OnnxConstant.int64(raw: tensor.rawData) : tensor.int64Data
        }
        let listed = graph.input.filter { constants.contains($0.name) }.count
        if listed > 0 {
            warnings.append(
                "\(listed) constants are also listed as inputs"
                    + (model.irVersion < 4 ? "" : ": a caller can replace them"))
        }
        if Set(graph.output.map(\.name)).count < graph.output.count { warnings.append("an output is listed twice") }
    }

    /// Names that a graph has before its nodes run.
    private func given(of graph: OnnxGraphProto) -> [String] {
        let constants = graph.initializer.map(\.name) + graph.sparseInitializer.map(\.values.name)
        let known = Set(constants)
        return constants + graph.input.map(\.name).filter { !known.contains($0) }
    }

    /// Checks one list of nodes; gives the names it reads from graphs around it.
    private mutating func walk(
        _ nodes: [OnnxNodeProto], given: [String], results: [String], outer: Set<String>, domains: Set<String>,
        depth: Int, in owner: String
    ) throws(CasemateError) -> Set<String> {
        guard depth <= limits.graphDepth else {
            throw exceeded("graphs are nested deeper than \(limits.graphDepth)")
        }
        nodeCount += nodes.count
        guard nodeCount <= limits.nodes else { throw exceeded("more than \(limits.nodes) nodes") }
        var order = OnnxNodeOrder(path: path, owner: owner)
        try order.define(given)
        for (index, node) in nodes.enumerated() { try order.define(node.output, by: index, node) }
        let visible = depth < 1 && !nodes.contains(where: Self.hasGraph) ? [] : outer.union(order.names)
        for (index, node) in nodes.enumerated() {
            try checkOperator(node, domains: domains)
            var reads = Set(node.input)
            let place = "node \(Self.label(node))"
            for attribute in node.attribute {
                reads.formUnion(
                    try values(of: attribute, owner: place, outer: visible, domains: domains, depth: depth))
            }
            try order.read(reads, by: index, node, outer: outer)
            try constantShape(node, place)
        }
        let missing = results.first { !order.names.contains($0) && !outer.contains($0) }
        if let missing { throw malformed(owner, "output '\(OnnxLook.printable(missing))' is made by no node") }
        if try order.check(nodes) { warnings.append("nodes of the \(owner) are not in order") }
        return order.free
    }

    /// Checks the values of an attribute; gives the names that graphs in it read from outside.
    private mutating func values(
        of attribute: OnnxAttributeProto, owner: String, outer: Set<String>, domains: Set<String>, depth: Int
    ) throws(CasemateError) -> Set<String> {
        if attribute.hasT { _ = try constant(attribute.t, of: owner) }
        for tensor in attribute.tensors { _ = try constant(tensor, of: owner) }
        if attribute.hasSparseTensor { _ = try sparse(attribute.sparseTensor, of: owner) }
        for tensor in attribute.sparseTensors { _ = try sparse(tensor, of: owner) }
        var free: Set<String> = []
        for graph in (attribute.hasG ? [attribute.g] : []) + attribute.graphs {
            subgraphCount += 1
            for tensor in graph.initializer { _ = try constant(tensor, of: owner) }
            for tensor in graph.sparseInitializer { _ = try sparse(tensor, of: owner) }
            free.formUnion(
                try walk(
                    graph.node, given: given(of: graph), results: graph.output.map(\.name), outer: outer,
                    domains: domains, depth: depth + 1, in: "graph in \(owner)"))
        }
        return free
    }

    private mutating func constant(_ tensor: OnnxTensorProto, of owner: String) throws(CasemateError) -> Int {
        let (count, bytes) = try tensors.check(tensor, of: owner)
        if tensor.dataLocation == .external { try external.check(tensor, bytes: bytes) }
        return count
    }

    private mutating func sparse(_ tensor: OnnxSparseTensorProto, of owner: String) throws(CasemateError) -> Int {
        let count = try constant(tensor.values, of: owner)
        _ = try constant(tensor.indices, of: owner)
        let place = "\(path): sparse tensor '\(OnnxLook.printable(tensor.values.name))'"
        let dense = try tensors.count(tensor.dims, at: place)
        guard count <= dense, dense <= limits.tensorBytes / 8 else {
            throw malformed(owner, "a sparse tensor of \(dense) places holds \(count) values")
        }
        return count
    }

    /// Refuses a constant that the graph fills itself when its stated shape is absurd.
    private func constantShape(_ node: OnnxNodeProto, _ place: String) throws(CasemateError) {
        guard node.opType == "ConstantOfShape", let name = node.input.first, let dims = shapes[name] else { return }
        let count = try tensors.count(dims, at: "\(path): \(place)")
        let value = node.attribute.first { $0.name == "value" }?.t.dataType ?? 1
        let bits = OnnxElement.table[value]?.bits ?? 32
        guard count <= limits.tensorBytes / max(1, bits / 8) else {
            throw exceeded("\(place) asks for \(count) values of \(OnnxElement.name(value))")
        }
    }

    private mutating func checkOperator(_ node: OnnxNodeProto, domains: Set<String>) throws(CasemateError) {
        let domain = OnnxOperators.canonical(node.domain)
        let key = Operator(domain: domain, name: node.opType)
        operators[Operator(domain: domain, name: OnnxLook.printable(node.opType)), default: 0] += 1
        if functions.contains(key) { return }
        let name = OnnxLook.printable(node.opType)
        guard OnnxOperators.engineDomains.contains(domain) else {
            let declared = domains.contains(domain) ? "" : ", which the file does not declare"
            throw CasemateError(
                domains.contains(domain) ? .unsupported : .malformed, at: "\(path): node \(Self.label(node))",
                "custom operator '\(name)' of domain '\(OnnxLook.printable(domain))'\(declared)",
                help: "operators of custom libraries are not run: export the model with standard operators only")
        }
        if let known = OnnxOperators.names(of: domain), !known.contains(node.opType) {
            throw CasemateError(
                .unsupported, at: "\(path): node \(Self.label(node))",
                "operator '\(name)' is not in '\(OnnxOperators.shown(domain))'"
                    + Suggestion.clause(for: node.opType, among: known),
                help: "export the model with operators of ONNX opset 26 or older")
        }
        guard domains.contains(domain) else {
            throw malformed(
                "node \(Self.label(node))",
                "operator '\(name)' is of '\(OnnxOperators.shown(domain))', which the file does not declare")
        }
    }

    private static func hasGraph(_ node: OnnxNodeProto) -> Bool {
        node.attribute.contains { $0.hasG || !$0.graphs.isEmpty }
    }
    static func label(_ node: OnnxNodeProto) -> String {
        "'\(OnnxLook.printable(node.name.isEmpty ? node.output.first ?? node.opType : node.name))'"
    }
    private func malformed(_ place: String, _ what: String, help: String = "export the model again") -> CasemateError {
        CasemateError(.malformed, at: place.isEmpty ? path : "\(path): \(place)", what, help: help)
    }
    private func exceeded(_ what: String) -> CasemateError {
        CasemateError(.limitExceeded, at: path, what, help: "no usual model needs this: check where the file is from")
    }
}
