import CasemateCore
import CasemateModels
import Foundation

/// A network that tells classes apart, with the activations of its last hidden layer.
struct ClassNetwork {
    /// Logits or scores, `[count, classes]`, and activations, `[count, width]`.
    struct Answer {
        let scores: [Double], activations: [Float]
        let classes: Int, width: Int
        let count: Int
        /// The class of largest score of each row.
        var labels: [Int32] {
            (0..<count).map { row in
                var best = 0
                for label in 0..<classes where scores[row * classes + label] > scores[row * classes + best] {
                    best = label
                }
                return Int32(best)
            }
        }
        /// Probability of a class by softmax.
        func probability(_ row: Int, _ label: Int) -> Double {
            let top = (0..<classes).map { scores[row * classes + $0] }.max() ?? 0
            let sum = (0..<classes).reduce(0) { $0 + exp(scores[row * classes + $1] - top) }
            return exp(scores[row * classes + label] - top) / sum
        }
    }
    private let session: GraphSession
    private let rowShape: [Int]

    /// Trains dense layers on rows `[count, width]` that are scaled already.
    init(
        training rows: [Float], width: Int, labels: [Int32], classes: Int, settings: SpectralSettings,
        runtime: OnnxRuntime, context: RunContext
    ) throws {
        let file = try NetworkBuilder(seed: context.seed).mlp(inputs: width, hidden: settings.hidden, outputs: classes)
        var quiet = context
        quiet.progress = { _, _, _ in }
        let trainer = try Trainer(
            file, runtime: runtime,
            settings: TrainingSettings(
                optimiser: .adamW(rate: 2e-3), schedule: .cosine(), epochs: settings.epochs, batchSize: 64),
            context: quiet)
        let trained = try trainer.train(TrainingData(rows: rows, count: labels.count, labels: labels))
        try self.init(OnnxFile(bytes: trained.bytes, path: "network.onnx"), rowShape: [width], runtime: runtime)
    }

    /// Takes a file apart: what goes into its last dense layer, and its last output.
    /// - Throws: `unsupported` when there is no dense layer behind a hidden one.
    init(_ file: OnnxFile, rowShape: [Int], runtime: OnnxRuntime) throws {
        var graph = try GraphImport.graph(of: file)
        guard graph.inputs.count == 1, graph.inputs[0].element == 1, let hidden = Self.hidden(graph) else {
            throw CasemateError(
                .unsupported, at: file.path, "has no dense layer behind a hidden one",
                help: "give a network, or none, so that one is trained here")
        }
        let scores = graph.nodes.last { $0.opType == "Gemm" || $0.opType == "MatMul" }?.output.first
        // why the scores before a softmax: they are the same choice, and probabilities follow from them.
        graph.outputs = [hidden] + [Self.biased(graph, scores ?? "")]
        session = try GraphSession(graph, runtime: runtime)
        self.rowShape = rowShape
    }

    /// The value that goes into the last dense layer with constant weights; `nil` when that is the input itself.
    private static func hidden(_ graph: WorkGraph) -> String? {
        let last = graph.nodes.last {
            ($0.opType == "Gemm" || $0.opType == "MatMul") && $0.input.count > 1
                && graph.constants[$0.input[1]] != nil && graph.constants[$0.input[0]] == nil
        }
        guard let name = last?.input.first, !graph.inputs.contains(where: { $0.name == name }) else { return nil }
        var source = name
        // why: a reshaped input is no hidden layer either.
        while let node = graph.nodes.first(where: { $0.output.contains(source) }) {
            guard ["Flatten", "Reshape", "Identity", "Cast", "Squeeze", "Dropout"].contains(node.opType),
                let input = node.input.first
            else { return name }
            source = input
        }
        return nil
    }

    /// A product with the bias that is added behind it.
    private static func biased(_ graph: WorkGraph, _ name: String) -> String {
        let next = graph.nodes.first { $0.opType == "Add" && $0.input.contains(name) }
        return next?.output.first ?? name
    }

    /// Activations and scores of rows `[count] + rowShape`.
    func answer(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> Answer {
        let size = rowShape.reduce(1, *)
        var (scores, activations): ([Double], [Float]) = ([], [])
        for first in stride(from: 0, to: count, by: 1_024) {
            let number = min(1_024, count - first)
            let part = Array(rows[first * size..<(first + number) * size])
            let bytes = part.withUnsafeBytes { Data($0) }
            let results = try session.arrays(
                [GraphSession.Array(element: 1, shape: [number] + rowShape, bytes: bytes)], cancellation: cancellation)
            activations += results[0].numbers.map { Float($0) }
            scores += results[1].numbers
        }
        guard count > 0, scores.count.isMultiple(of: count), activations.count.isMultiple(of: count) else {
            throw CasemateError(
                .unsupported, at: "network", "its outputs do not count rows", help: "give a network with a free batch")
        }
        return Answer(
            scores: scores, activations: activations, classes: scores.count / count,
            width: activations.count / count, count: count)
    }
}
