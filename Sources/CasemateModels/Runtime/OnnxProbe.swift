import CasemateCore
import Foundation

extension OnnxProbe {
    /// Runs a few made-up rows: zeros, ones, and random numbers of several sizes.
    /// - Throws: `unsupported` when no answer is a number, `mismatch` when rows do not stay rows.
    init(_ session: OnnxSession, _ inputs: OnnxInputs, _ plan: OutputPlan, _ tail: OnnxTail) throws {
        let size = inputs.rowShapes.reduce(0) { $0 + $1.reduce(1, *) }
        let rows = inputs.fixedBatch ?? (size > 20_000 ? 2 : 16)
        var found: OnnxProbe?
        var problem: CasemateError?
        // why: a graph may look values up in a table, so that wild ones or unknown words stop it.
        for (usesWords, isWild) in [(true, true), (true, false), (false, false)] where found == nil {
            do {
                found = try Self.run(session, inputs, plan, tail, rows: rows, usesWords: usesWords, isWild: isWild)
            } catch let error as CasemateError { problem = problem ?? error }
        }
        guard let found else { throw Self.failure(problem, session, rows: rows) }
        let values = found.scores.joined()
        guard values.isEmpty || values.contains(where: \.isFinite) else {
            throw CasemateError(
                .unsupported, at: session.path, "no answer is a number, whatever goes in",
                help: "check the export: compare with the source library on one row")
        }
        self = found
    }

    private static func failure(_ problem: CasemateError?, _ session: OnnxSession, rows: Int) -> CasemateError {
        guard let problem, problem.code == .engineFailed else {
            return problem ?? CasemateError(.engineFailed, at: session.path, "gives no answer", help: "run it again")
        }
        return CasemateError(
            .engineFailed, at: session.path, "does not run on \(rows) made-up rows: \(problem.what)",
            help: "export it with a dynamic batch axis or a batch of 1, and check it with its source library")
    }

    private static func run(
        _ session: OnnxSession, _ inputs: OnnxInputs, _ plan: OutputPlan, _ tail: OnnxTail, rows: Int, usesWords: Bool,
        isWild: Bool
    ) throws -> OnnxProbe? {
        let tensors = Self.tensors(inputs, tail, rows: rows, usesWords: usesWords, isWild: isWild)
        let checked = try OnnxTensors(tensors, for: inputs, path: session.path)
        return try checked.withFeeds { feeds in
            try session.withValues(feeds, inputs, start: 0, rows: rows, count: rows) { values in
                try session.run(values, options: nil) { outputs in
                    try read(outputs, plan, rows: rows, path: session.path)
                }
            }
        }
    }

    /// Made-up rows for every input.
    static func tensors(
        _ inputs: OnnxInputs, _ tail: OnnxTail, rows: Int, usesWords: Bool, isWild: Bool
    ) -> [NamedTensor] {
        inputs.inputs.enumerated().map { index, input in
            let width = inputs.rowShapes[index].reduce(1, *)
            let words = usesWords && input.type == .string ? tail.words(for: input.name) : []
            let storage = made(
                input.type, rows: rows, width: width, isImage: inputs.layout == .image, words: words,
                isWild: isWild, stream: UInt64(index))
            return NamedTensor(input.name, Tensor(shape: [rows] + inputs.rowShapes[index], storage))
        }
    }

    private static func read(_ outputs: OnnxOutputs, _ plan: OutputPlan, rows: Int, path: String) throws -> OnnxProbe {
        var facts: [OnnxOutputs.Facts] = []
        var scores: [[Float]] = []
        var labels: Set<String> = []
        for (index, name) in plan.fetched.enumerated() {
            let fact = try outputs.facts(index)
            guard fact.shape.first ?? rows == rows, fact.count.isMultiple(of: rows), fact.count > 0 else {
                let shown = fact.shape.map { String($0) }.joined(separator: ",")
                throw CasemateError(
                    .mismatch, at: path, "output '\(OnnxLook.printable(name))' is [\(shown)] for \(rows) rows",
                    help: "the model must answer each row by itself; export it with a dynamic batch axis")
            }
            facts.append(fact)
            if index == 0, plan.label != nil {
                labels = try texts(outputs, fact)
            } else {
                var values = [Float](repeating: 0, count: fact.count)
                try values.withUnsafeMutableBufferPointer { buffer in
                    guard let base = buffer.baseAddress else { return }
                    try outputs.floats(index, type: fact.type, count: fact.count, to: base)
                }
                scores.append(values)
            }
        }
        return OnnxProbe(rows: rows, facts: facts, scores: scores, labels: labels)
    }

    private static func texts(_ outputs: OnnxOutputs, _ fact: OnnxOutputs.Facts) throws -> Set<String> {
        var result: Set<String> = []
        if fact.type == 8 {
            try outputs.strings(0, count: fact.count) { _, text in result.insert(String(decoding: text, as: UTF8.self))
            }
        } else {
            let numbers =
                try outputs.integers(0, type: fact.type, count: fact.count)
                ?? outputs.wholes(0, type: fact.type, count: fact.count)
            result = Set(numbers.map { String($0) })
        }
        return result
    }

    private static func made(
        _ type: ModelSignature.ElementType, rows: Int, width: Int, isImage: Bool, words: [String],
        isWild: Bool, stream: UInt64
    ) -> Tensor.Storage {
        var generator = SeededGenerator(seed: 0x0CA5E, stream: stream)
        if type == .string {
            return .string((0..<rows * width).map { words.isEmpty ? "a" : words[$0 / max(1, width) % words.count] })
        }
        let scales: [Float] = [1, 0.1, 10, 3, 100]
        let isReal = [.float, .double, .float16].contains(type)
        var values: [Float] = []
        for row in 0..<rows {
            for _ in 0..<width {
                let random = generator.uniform()
                switch (row, isReal) {
                case (0, _): values.append(0)
                case (1, _): values.append(1)
                case _ where !isWild: values.append(random < 0.5 ? 0 : 1)
                case (_, false): values.append((random * (isImage ? 255 : 4)).rounded(.down))
                case (_, true): values.append(isImage ? random : (random * 2 - 1) * scales[row % scales.count])
                }
            }
        }
        return .float(values)
    }
}
