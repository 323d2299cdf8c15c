import CasemateCore

/// Reverse-mode differentiation from graph to graph.
///
/// Source: Griewank and Walther, "Evaluating Derivatives", 2nd edition, 2008, chapter 3 (the reverse mode); the graph
/// form is ours.
struct Differentiator {
    /// What stands in for the derivative of steps.
    let steps: StepGradient

    /// Adds the nodes that compute gradients.
    /// - Parameters:
    ///   - seeds: Values with the gradients to start from, each in the value's shape.
    ///   - targets: Names of inputs, constants or inner values.
    /// - Returns: The gradient of each target that has one; a target that nothing depends on has none.
    /// - Throws: `unsupported` for an operator without a rule on the way, with its node and what still works.
    func backward(
        _ builder: inout GraphBuilder, seeds: [(value: GraphValue, gradient: GraphValue)], to targets: [String]
    ) throws(CasemateError) -> [String: GraphValue] {
        let nodes = builder.graph.nodes
        let active = active(nodes, from: Set(targets), builder)
        var parts: [String: [GraphValue]] = [:]
        for seed in seeds { parts[seed.value.name, default: []].append(seed.gradient) }
        var done: [String: GraphValue] = [:]
        for node in nodes.reversed() where node.output.contains(where: { parts[$0] != nil && active.contains($0) }) {
            let gradients = node.output.map { name -> GraphValue? in
                guard let list = parts.removeValue(forKey: name) else { return nil }
                let total = builder.total(list)
                done[name] = total
                return total
            }
            let results = try apply(node, gradients, active, &builder)
            for (name, result) in zip(node.input, results) where active.contains(name) {
                if let result { parts[name, default: []].append(result) }
            }
        }
        var answer: [String: GraphValue] = [:]
        for target in targets {
            answer[target] = done[target] ?? parts[target].flatMap { builder.total($0) }
        }
        return answer
    }

    private func apply(
        _ node: OnnxNodeProto, _ gradients: [GraphValue?], _ active: Set<String>, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue?] {
        guard let rule = Self.rules[node.qualifiedOperator] else { throw Self.missing(node, builder.graph.path) }
        let view = DifferentiatedNode(
            node: node, inputs: node.input.map { builder.value($0) }, outputs: node.output.map { builder.value($0) },
            needs: node.input.map(active.contains), steps: steps, constants: builder.graph.constants)
        do {
            return try rule.backward(view, gradients, &builder)
        } catch {
            throw CasemateError(error.code, at: "\(builder.graph.path): \(error.place)", error.what, help: error.help)
        }
    }

    /// Values of real numbers that depend on a target; whole numbers too, where gradients go straight through steps.
    private func active(_ nodes: [OnnxNodeProto], from targets: Set<String>, _ builder: GraphBuilder)
        -> Set<String>
    {
        var active = targets
        for node in nodes where node.input.contains(where: active.contains) {
            if Self.stopping.contains(node.qualifiedOperator) { continue }
            let isStep = steps == .straightThrough && node.opType == "Cast"
            for name in node.output {
                guard let value = builder.values[name] else { continue }
                if value.isReal || isStep && value.isWhole { active.insert(name) }
            }
        }
        return active
    }

    /// Operators whose answers do not change with the values that go in.
    private static let stopping: Set<String> = [
        "Shape", "Size", "ConstantOfShape", "EyeLike", "RandomNormalLike", "RandomUniformLike", "ZerosLike",
    ]

    private static let rules: [String: any DifferentiationRule.Type] = {
        var result: [String: any DifferentiationRule.Type] = [:]
        for rule in differentiationRules { for name in rule.operators { result[name] = rule } }
        return result
    }()

    /// Operators that have a rule, in order.
    package static var operators: [String] { rules.keys.sorted() }

    private static func missing(_ node: OnnxNodeProto, _ path: String) -> CasemateError {
        CasemateError(
            .unsupported, at: "\(path): node \(OnnxGraphCheck.label(node))",
            "operator '\(node.qualifiedOperator)' has no differentiation rule",
            help: "gradient attacks cannot go through it; attacks by scores or labels (--access scores, --access "
                + "labels) still work")
    }
}
