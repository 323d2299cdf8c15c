import CasemateCore

/// Which constants of a file are trained, and the graph in which they stay as they are.
struct ParameterChoice: Sendable {
    /// The imported graph with the trained output alone.
    let graph: WorkGraph
    /// That output.
    let output: String
    /// Names in the order of the file; some may turn out not to reach the output.
    let candidates: [String]
    /// Whether the caller named them.
    let isNamed: Bool
    /// Statistics of batch normalisation that start anew with the parameters.
    let replaced: [OnnxTensorProto]

    /// Largest sum of all constants in bytes, so that the file with the results can be written.
    private static let mostBytes = 2_000_000_000

    init(_ file: OnnxFile, _ settings: TrainingSettings) throws(CasemateError) {
        var graph = try GraphImport.graph(of: file)
        guard graph.constants.values.reduce(0, { $0 + $1.rawData.count }) <= Self.mostBytes else {
            throw CasemateError(
                .limitExceeded, at: file.path, "its constants take more than 2 GB, more than one file can hold",
                help: "train a smaller network")
        }
        output = try Self.output(file, settings)
        graph.outputs = [output]
        graph.prune()
        let statistics = Self.statistics(graph)
        let usable = file.proto.graph.initializer.map(\.name).filter { name in
            graph.constants[name].map { $0.dataType == 1 && !$0.dims.isEmpty && $0.elementCount > 0 } ?? false
        }
        isNamed = settings.parameters != nil
        if let names = settings.parameters {
            try Self.check(names, usable, statistics, file)
            candidates = usable.filter(Set(names).contains)
        } else {
            candidates = usable.filter { statistics[$0] == nil }
        }
        graph.parameters = Set(candidates)
        var replaced: [OnnxTensorProto] = []
        // why: statistics of the old weights would neither fit new ones nor keep what the old training data were.
        if settings.initialisation != .file, settings.parameters == nil {
            for name in usable {
                guard let start = statistics[name], let old = graph.constants[name] else { continue }
                let values = [Float](repeating: start, count: old.elementCount)
                replaced.append(OnnxTensorProto(name: name, shape: old.dims.map { Int($0) }, floats: values))
            }
        }
        for tensor in replaced { graph.constants[tensor.name] = tensor }
        (self.graph, self.replaced) = (graph, replaced)
    }

    /// Statistics of batch normalisation, with what they start from.
    private static func statistics(_ graph: WorkGraph) -> [String: Float] {
        var result: [String: Float] = [:]
        for node in graph.nodes where node.qualifiedOperator == "BatchNormalization" {
            if let mean = node.given(3) { result[mean] = 0 }
            if let variance = node.given(4) { result[variance] = 1 }
        }
        return result
    }

    private static func output(_ file: OnnxFile, _ settings: TrainingSettings) throws(CasemateError) -> String {
        if let name = settings.output {
            guard file.outputs.contains(where: { $0.name == name }) else {
                let known = Set(file.outputs.map(\.name))
                throw CasemateError(
                    .invalidSetting, at: file.path,
                    "has no output '\(OnnxLook.printable(name))'\(Suggestion.clause(for: name, among: known))",
                    help: "name one of its outputs")
            }
            return name
        }
        if settings.loss.isAtLogits, let plan = try? OutputPlan(file, .init()), plan.scores.count == 1,
            let scores = plan.fetched.last
        {
            return scores
        }
        let first = file.outputs.first { value in
            if case .tensor("float", _) = value.type { true } else { false }
        }
        guard let first else {
            throw CasemateError(
                .unsupported, at: file.path, "has no output of float32", help: "export the network's scores")
        }
        return first.name
    }

    private static func check(
        _ names: [String], _ usable: [String], _ statistics: [String: Float], _ file: OnnxFile
    ) throws(CasemateError) {
        let known = Set(usable)
        guard let name = names.first(where: { !known.contains($0) || statistics[$0] != nil }) else {
            if !names.isEmpty { return }
            throw CasemateError(
                .invalidSetting, at: file.path, "no parameters are named", help: "leave them out to train all")
        }
        let isStatistic = statistics[name] != nil
        throw CasemateError(
            .invalidSetting, at: file.path,
            isStatistic
                ? "'\(OnnxLook.printable(name))' is a statistic of batch normalisation, which stays as it is"
                : "has no float32 initialiser '\(OnnxLook.printable(name))' with axes on the way to the output"
                    + Suggestion.clause(for: name, among: known),
            help: "name weights or biases")
    }
}
