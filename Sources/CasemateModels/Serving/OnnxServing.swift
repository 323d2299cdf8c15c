import CasemateCore
package import Foundation

/// An ONNX file as a server runs it.
///
/// The file passes `OnnxFile` before the engine sees it. Outputs keep the graph's names, types and shapes; a ZipMap is
/// taken off, so that its output is the tensor behind the dictionaries. Where the graph says which output is the class
/// and which the scores, they are read besides; where it does not, the outputs are passed on as they are. Any number of
/// threads may call `run` at a time.
package final class OnnxServing: ServedModel {
    /// What it is.
    package let facts: ServedFacts
    /// Facts about the file.
    package let file: OnnxFile
    let session: OnnxSession
    /// ONNX's number of each input's element type.
    let types: [Int32]
    /// Whether the one input is a lone `[F]`, which callers see as `[1, F]`.
    let addsBatch: Bool
    /// What the outputs say; `nil` where that is unknown.
    let reading: OutputReading?
    /// Position among the fetched outputs of each output of the graph.
    let order: [Int]

    /// Checks, loads and tries a file.
    /// - Throws: what `OnnxFile` throws; `unsupported` for inputs or outputs that are no tensors; `invalidSetting`;
    ///   `malformed` when the engine does not load it.
    package init(bytes: Data, path: String, runtime: () throws -> OnnxRuntime, overrides: ModelOverrides) throws {
        let file = try OnnxFile(bytes: bytes, path: path)
        let ports = try OnnxPorts(file)
        var form = try OnnxForm(file, overrides)
        let fetched = form.plan?.fetched ?? []
        let names = ports.outputs.map { output in
            output.name == form.plan?.zipMap?.output ? form.plan?.zipMap?.input ?? output.name : output.name
        }
        let all = fetched + names.filter { !fetched.contains($0) }
        let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
        session = try OnnxSession(
            runtime(), bytes: form.plan?.rewritten(file.proto) ?? bytes, path: path, folder: folder,
            options: ExecutionOptions(), inputs: ports.inputs.map(\.name), outputs: all)
        order = names.map { all.firstIndex(of: $0) ?? 0 }
        types = ports.types
        reading = try form.read(session, file, overrides)
        addsBatch = form.inputs.map { !$0.hasBatchAxis } ?? false
        self.file = file.withoutProto()
        let trial = try OnnxTrial(form, file, session, order)
        facts = Self.facts(form, ports, reading, trial, file)
    }

    private static func facts(
        _ form: OnnxForm, _ ports: OnnxPorts, _ reading: OutputReading?, _ trial: OnnxTrial, _ file: OnnxFile
    ) -> ServedFacts {
        let layout = form.inputs?.layout ?? .image
        let fixed = form.inputs.map(\.fixedBatch) ?? ports.inputs.lazy.compactMap { $0.shape.first ?? nil }.first
        let tail = OnnxTail(file.proto.graph)
        let hasBatch = form.inputs?.hasBatchAxis ?? true
        let inputs = ports.inputs.enumerated().map { index, input in
            let open = hasBatch ? Array(input.shape.dropFirst()) : input.shape
            let known = form.inputs.map { $0.rowShapes[index].map { Optional($0) } }
            // why: a row's axes that the graph leaves open were found by looking at what stands behind them.
            let axes = open.contains(nil) && known?.count == open.count ? known ?? open : open
            return ModelSignature.Input(
                name: input.name, type: input.type,
                shape: input.shape.isEmpty ? [nil] : [hasBatch ? input.shape[0] : 1] + axes)
        }
        let levels = inputs.map { input in input.type == .string ? tail.words(for: input.name) : nil }
        return ServedFacts(
            platform: "onnxruntime_onnx", inputs: inputs, outputs: ports.outputs(trial, form.plan), layout: layout,
            task: reading?.task ?? .regression, kind: reading?.kind ?? .value, classes: reading?.classes ?? [],
            label: reading == nil ? nil : form.plan?.label,
            scores: reading == nil || form.plan?.scores.count != 1 ? nil : form.plan?.scores.first,
            fixedBatch: fixed, isJoinable: trial.isJoinable && fixed == nil,
            rowSize: layout == .matrix || layout == .image ? form.inputs?.rowShapes.first?.reduce(1, *) : nil,
            columnNames: nil, levels: layout == .columns ? levels : [], notes: form.notes + trial.notes)
    }
}

/// The inputs and outputs that a graph declares, as far as they are tensors.
struct OnnxPorts {
    let inputs: [ModelSignature.Input]
    let types: [Int32]
    /// Outputs; a ZipMap's stands with the tensor that it hides.
    let outputs: [ModelSignature.Input]
    /// Whether an output states its axes.
    private let isStated: [Bool]

    /// Element types by ONNX's number.
    static let served: [String: (type: ModelSignature.ElementType, number: Int32)] = [
        "float": (.float, 1), "uint8": (.uint8, 2), "int8": (.int8, 3), "uint16": (.uint16, 4), "int16": (.int16, 5),
        "int32": (.int32, 6), "int64": (.int64, 7), "string": (.string, 8), "bool": (.bool, 9),
        "float16": (.float16, 10), "double": (.double, 11), "uint32": (.uint32, 12), "uint64": (.uint64, 13),
        // why: bfloat16 has no form in JSON and hardly any client; its values go out as float32, which holds them.
        "bfloat16": (.float, 16),
    ]

    /// Looks at a checked file.
    /// - Throws: `unsupported` for an input that is no tensor of a known type, and where no output is one.
    init(_ file: OnnxFile) throws(CasemateError) {
        var (inputs, types) = ([ModelSignature.Input](), [Int32]())
        for input in file.inputs {
            guard case .tensor(let element, let axes) = input.type, let found = Self.served[element], found.number != 16
            else { throw Self.unsupported(file, "input '\(OnnxLook.printable(input.name))' is \(input.type)") }
            inputs.append(.init(name: input.name, type: found.type, shape: axes?.map(\.length) ?? [nil, nil]))
            types.append(found.number)
        }
        guard !inputs.isEmpty else { throw Self.unsupported(file, "the graph has no input, its answer is a constant") }
        var (outputs, stated, seen) = ([ModelSignature.Input](), [Bool](), Set<String>())
        for output in file.outputs where seen.insert(output.name).inserted {
            switch output.type {
            case .tensor(let element, let axes):
                guard let found = Self.served[element] else { continue }
                outputs.append(
                    .init(name: output.name, type: found.type, shape: axes?.map(\.length) ?? [nil]))
                stated.append(axes != nil)
            case .sequence(.map(_, .tensor("float", _))):
                guard
                    file.proto.graph.node.contains(where: { $0.opType == "ZipMap" && $0.output.contains(output.name) })
                else { continue }
                outputs.append(.init(name: output.name, type: .float, shape: [nil, nil]))
                stated.append(false)
            default: continue
            }
        }
        guard !outputs.isEmpty else { throw Self.unsupported(file, "none of its outputs is a tensor") }
        (self.inputs, self.types, self.outputs, isStated) = (inputs, types, outputs, stated)
    }

    /// The outputs with the axes that a trial run showed where the graph does not state them.
    func outputs(_ trial: OnnxTrial, _ plan: OutputPlan?) -> [ModelSignature.Input] {
        outputs.enumerated().map { index, output in
            guard trial.shapes.indices.contains(index) else { return output }
            let seen = trial.shapes[index]
            let isTrue = isStated[index] && output.shape.count == seen.count
            let axes: [Int?] = isTrue ? output.shape : seen.map { Optional($0) }
            guard let first = seen.first, first == trial.rows else { return output }
            let type = trial.types[index] ?? output.type
            // why: the graph's own open axes are closed where every run gives the same length.
            let rest = zip(axes.dropFirst(), seen.dropFirst()).map { $0 ?? $1 }
            return .init(name: output.name, type: type, shape: [nil] + rest)
        }
    }

    private static func unsupported(_ file: OnnxFile, _ what: String) -> CasemateError {
        CasemateError(
            .unsupported, at: file.path, what, help: "served are tensors of numbers, truth values and strings")
    }
}
