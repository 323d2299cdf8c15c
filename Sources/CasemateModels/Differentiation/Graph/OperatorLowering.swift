import CasemateCore

/// Brings a graph to canonical form: operators of opset 21 or later, old forms rewritten, compound operators taken
/// apart into ones that have rules, operators that do nothing at run time removed.
enum OperatorLowering {
    /// The version of `ai.onnx` that a canonical graph has at least.
    static let opset = 21

    /// Rewrites every node of the graph.
    /// - Parameter values: The trace of the graph as it is.
    static func lower(_ graph: inout WorkGraph, values: [String: TracedValue]) throws(CasemateError) {
        let version = graph.opsets[""] ?? opset
        var builder = GraphBuilder(graph, values: values)
        builder.graph.nodes = []
        for node in graph.nodes {
            let view = LoweredNode(node: node, version: version, constants: graph.constants)
            guard let rewrite = rewrites[node.qualifiedOperator], try rewrite(view, &builder) else {
                builder.graph.nodes.append(node)
                continue
            }
        }
        builder.graph.opsets[""] = max(version, opset)
        graph = builder.graph
        graph.prune()
    }

    /// Rewrites a node into the builder; false leaves it as it is.
    typealias Rewrite = @Sendable (LoweredNode, inout GraphBuilder) throws(CasemateError) -> Bool

    private static let rewrites: [String: Rewrite] = {
        var all: [String: Rewrite] = [:]
        for table in [versionRewrites, compoundRewrites, normRewrites, recurrentRewrites, classifierRewrites] {
            all.merge(table) { first, _ in first }
        }
        return all
    }()
}

/// A node on its way to canonical form.
struct LoweredNode: Sendable {
    /// The node.
    let node: OnnxNodeProto
    /// The version of `ai.onnx` that the file asks for.
    let version: Int
    /// Constants of the graph.
    let constants: [String: OnnxTensorProto]
    /// The constant that an input is.
    func constant(_ index: Int) -> OnnxTensorProto? { node.given(index).flatMap { constants[$0] } }
    /// The error for a form that is not served.
    func unsupported(_ what: String) -> CasemateError {
        CasemateError(
            .unsupported, at: "node \(OnnxGraphCheck.label(node))", "\(node.qualifiedOperator): \(what)",
            help: "no gradient goes through it; black-box attacks (--access scores or labels) still work")
    }
}

extension GraphBuilder {
    /// Adds a node with given outputs, for rewrites that end in the names that the graph knows.
    mutating func append(_ node: OnnxNodeProto) { graph.nodes.append(node) }
    /// Gives a value the name that the graph knows it by.
    mutating func alias(_ value: GraphValue, as name: String) {
        append(OnnxNodeProto("Identity", [value.name], [name]))
    }
}
