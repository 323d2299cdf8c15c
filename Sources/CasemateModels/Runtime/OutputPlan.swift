import CasemateCore
import Foundation

/// Which outputs of a graph hold the class and the scores, by their types and names.
struct OutputPlan {
    /// Output that holds the class.
    let label: String?
    /// Output that holds the scores, or one output a class.
    let scores: [String]
    /// Whether graph and output names are to be replaced because the scores pass through a ZipMap.
    let zipMap: (output: String, node: Int, input: String)?
    /// Outputs to ask the engine for: the class first.
    var fetched: [String] {
        (label.map { [$0] } ?? []) + scores.map { $0 == zipMap?.output ? zipMap?.input ?? $0 : $0 }
    }

    private enum Role { case label, scores(isWide: Bool?), other }

    /// Chooses by types, overruled by the caller.
    /// - Throws: `unsupported` with all that the graph has when nothing fits; `invalidSetting` for unknown names.
    init(_ file: OnnxFile, _ overrides: ModelOverrides) throws(CasemateError) {
        var seen: Set<String> = []
        let outputs = file.outputs.filter { seen.insert($0.name).inserted }
        for name in (overrides.scoreOutputs ?? []) + [overrides.labelOutput].compactMap({ $0 })
        where !seen.contains(name) {
            throw CasemateError(
                .invalidSetting, at: file.path,
                "has no output '\(OnnxLook.printable(name))'\(Suggestion.clause(for: name, among: seen))",
                help: "its outputs are \(Self.list(outputs))")
        }
        let roles = outputs.map { ($0.name, Self.role($0, file.proto.graph)) }
        var label = overrides.labelOutput
        var scores = overrides.scoreOutputs ?? []
        if scores.isEmpty {
            scores = try Self.scores(roles.filter { $0.0 != label }, outputs, file.path)
        }
        if label == nil, !scores.isEmpty || overrides.scoreOutputs == nil {
            label = Self.label(roles.filter { !scores.contains($0.0) })
        }
        let isSilent =
            label == nil
            || (overrides.labelOutput == nil && roles.contains { if case .other = $0.1 { true } else { false } })
        if scores.isEmpty, isSilent { throw Self.unknown(outputs, file.path) }
        if overrides.task == .regression, scores.isEmpty, let name = label { (label, scores) = (nil, [name]) }
        (self.label, self.scores) = (label, scores)
        zipMap = scores.count == 1 ? Self.zipMap(scores[0], file.proto.graph) : nil
    }

    /// Chooses among the outputs that hold numbers.
    private static func scores(
        _ roles: [(String, Role)], _ outputs: [OnnxFile.Value], _ path: String
    ) throws(CasemateError) -> [String] {
        var wide: [String] = []
        var narrow: [String] = []
        for (name, role) in roles {
            guard case .scores(let isWide) = role else { continue }
            if isWide ?? true { wide.append(name) } else { narrow.append(name) }
        }
        if wide.count == 1 { return wide }
        if wide.isEmpty { return narrow }
        let named = wide.filter { $0.lowercased().contains("prob") }
        if named.count == 1 { return named }
        throw CasemateError(
            .unsupported, at: path, "several outputs could be the scores: \(list(outputs))",
            help: "name one of them as model.output.scores")
    }

    private static func label(_ roles: [(String, Role)]) -> String? {
        let found = roles.filter { if case .label = $0.1 { true } else { false } }.map(\.0)
        if found.count == 1 { return found[0] }
        let named = found.filter { $0.lowercased().contains("label") || $0.lowercased().contains("class") }
        return named.count == 1 ? named[0] : nil
    }

    private static func role(_ output: OnnxFile.Value, _ graph: OnnxGraphProto) -> Role {
        switch output.type {
        case .tensor(let element, let axes):
            let isFlat = axes.map { $0.count <= 1 || $0.dropFirst().allSatisfy { $0.length == 1 } } ?? false
            switch element {
            case "float", "double", "float16", "bfloat16":
                guard let axes else { return .scores(isWide: nil) }
                if isFlat { return .scores(isWide: false) }
                // why: image networks leave axes of length 1 behind the classes.
                return axes.dropFirst(2).allSatisfy { $0.length == 1 } ? .scores(isWide: true) : .other
            case "string", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "bool":
                return isFlat || axes == nil ? .label : .other
            default: return .other
            }
        case .sequence(.map(_, .tensor("float", _))):
            return zipMap(output.name, graph) == nil ? .other : .scores(isWide: true)
        default: return .other
        }
    }

    private static func zipMap(_ name: String, _ graph: OnnxGraphProto) -> (output: String, node: Int, input: String)? {
        guard let index = graph.node.firstIndex(where: { $0.output.contains(name) }),
            graph.node[index].opType == "ZipMap", let input = graph.node[index].input.first
        else { return nil }
        return (name, index, input)
    }

    private static func list(_ outputs: [OnnxFile.Value]) -> String {
        let shown = outputs.prefix(8).map { "'\(OnnxLook.printable($0.name))' \($0.type)" }
        return shown.joined(separator: ", ") + (outputs.count > 8 ? " and \(outputs.count - 8) more" : "")
    }

    /// The error for outputs that no form fits.
    static func unknown(_ outputs: [OnnxFile.Value], _ path: String) -> CasemateError {
        CasemateError(
            .unsupported, at: path, "its outputs are \(list(outputs)), which is no form of answer that is known",
            help:
                "known are a class with probabilities or a ZipMap, scores [N,K], one score or value [N] or [N,1], and "
                + "a class alone; name the outputs with model.output.label and model.output.scores")
    }

    /// The model with the tensor before the ZipMap as output instead of the dictionaries behind it.
    ///
    /// A ZipMap only writes the same numbers into one dictionary a row, which takes longer than most models.
    func rewritten(_ model: OnnxModelProto) throws(CasemateError) -> Data? {
        guard let zipMap else { return nil }
        var copy = model
        copy.graph.node.remove(at: zipMap.node)
        var value = OnnxValueInfoProto()
        value.name = zipMap.input
        value.type.tensorType.elemType = 1
        copy.graph.output = copy.graph.output.filter { $0.name != zipMap.output && $0.name != zipMap.input } + [value]
        return try copy.fileBytes()
    }
}
