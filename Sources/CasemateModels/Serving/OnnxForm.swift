import CasemateCore

/// How a graph takes rows and gives decisions, as far as that can be told.
struct OnnxForm {
    /// How the inputs take rows; `nil` for inputs that make none, such as sequences of tokens.
    let inputs: OnnxInputs?
    /// Which outputs hold class and scores; `nil` where that is open.
    private(set) var plan: OutputPlan?
    /// Why something is open.
    private(set) var notes: [String] = []

    /// Looks at a checked file.
    /// - Throws: what the caller set and does not fit; nothing for what is only unknown.
    init(_ file: OnnxFile, _ overrides: ModelOverrides) throws(CasemateError) {
        var (inputs, plan, notes) = (OnnxInputs?.none, OutputPlan?.none, [String]())
        do throws(CasemateError) {
            inputs = try OnnxInputs(file, overrides)
            plan = try OutputPlan(file, overrides)
        } catch {
            guard error.code == .unsupported, overrides.classes == nil else { throw error }
            notes.append(error.what)
        }
        // why: with a fixed output plan and unknown rows nothing could be tried.
        (self.inputs, self.plan, self.notes) = (inputs, inputs == nil ? nil : plan, notes)
    }

    /// Reads what the outputs mean off a probe; what cannot be told is noted.
    mutating func read(
        _ session: OnnxSession, _ file: OnnxFile, _ overrides: ModelOverrides
    ) throws -> OutputReading? {
        guard let inputs, let plan else { return nil }
        do {
            let tail = OnnxTail(file.proto.graph)
            let probe = try OnnxProbe(session, inputs, plan, tail)
            return try OutputReading(plan, probe, tail, overrides, path: file.path)
        } catch let error as CasemateError {
            let isOpen = [.unsupported, .mismatch, .engineFailed].contains(error.code)
            guard isOpen, overrides.classes == nil else { throw error }
            notes.append(error.what)
            return nil
        }
    }
}

/// What some made-up rows showed, run together and one by one.
struct OnnxTrial {
    /// Rows of the run together; 0 where none was made.
    private(set) var rows = 0
    /// Shapes and types of the graph's outputs in that run.
    private(set) var shapes: [[Int]] = []
    private(set) var types: [ModelSignature.ElementType?] = []
    /// Whether rows gave the same answers together as alone, so that calls may share a run.
    private(set) var isJoinable = false
    private(set) var notes: [String] = []

    /// Runs the rows.
    init(_ form: OnnxForm, _ file: OnnxFile, _ session: OnnxSession, _ order: [Int]) throws {
        guard let inputs = form.inputs, inputs.hasBatchAxis else { return }
        let tail = OnnxTail(file.proto.graph)
        let count = inputs.fixedBatch ?? 5
        for (usesWords, isWild) in [(true, true), (true, false), (false, false)] {
            let tensors = OnnxProbe.tensors(inputs, tail, rows: count, usesWords: usesWords, isWild: isWild)
            guard let together = try? Self.run(tensors, inputs, session, order, rows: count) else { continue }
            rows = count
            shapes = together.map(\.shape)
            types = together.map { $0.storage.elementType }
            try Self.check(together, file)
            guard inputs.fixedBatch == nil else { return }
            let alone = (0..<count).map { row in
                try? Self.run(
                    tensors.map { NamedTensor($0.name, $0.tensor.rows(row..<row + 1)) }, inputs, session, order, rows: 1
                )
            }
            isJoinable = together.indices.allSatisfy { output in
                guard together[output].shape.first == count else { return false }
                return (0..<count).allSatisfy { row in
                    guard let lone = alone[row]?[output], lone.shape.first == 1 else { return false }
                    return ServedStorage.isClose(lone.storage, together[output].rows(row..<row + 1).storage)
                }
            }
            if !isJoinable {
                notes.append("rows are not answered by themselves, so that calls are never run together")
            }
            return
        }
    }

    /// Refuses a model that answers no row with a number.
    private static func check(_ outputs: [Tensor], _ file: OnnxFile) throws(CasemateError) {
        for output in outputs where output.storage.count > 0 {
            guard let numbers = output.storage.doubles, !numbers.contains(where: \.isFinite) else { continue }
            throw CasemateError(
                .unsupported, at: file.path, "no answer is a number, whatever goes in",
                help: "check the export: compare with the source library on one row")
        }
    }

    private static func run(
        _ tensors: [NamedTensor], _ inputs: OnnxInputs, _ session: OnnxSession, _ order: [Int], rows: Int
    ) throws -> [Tensor] {
        let checked = try OnnxTensors(tensors, for: inputs, path: session.path)
        return try checked.withFeeds { feeds in
            try session.withValues(feeds, inputs, start: 0, rows: rows, count: rows) { values in
                try session.run(values, options: nil) { outputs in
                    try order.map { try outputs.tensor($0) }
                } ?? []
            }
        }
    }
}
