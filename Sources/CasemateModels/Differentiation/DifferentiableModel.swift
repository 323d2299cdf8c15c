public import CasemateCore
import Foundation
import Synchronization

/// An ONNX classifier with gradients of losses by its input, computed by ONNX Runtime on a graph derived from its own.
///
/// Takes models with one numeric input of float32 or float64. The logits are looked for before a final softmax or
/// sigmoid, so that gradients do not vanish in them. Rows are spread over threads in pieces of a fixed size, so that
/// answers are the same for every number of threads.
public final class DifferentiableModel: Sendable {
    /// Facts about the file.
    public let file: OnnxFile
    /// Axes of one sample.
    public let sampleShape: [Int]
    /// Number of logits, at least 2; a network with one logit `z` answers `[0, z]`.
    public let classCount: Int
    /// Operators that were cut off behind the logits, such as `Softmax`; `nil` when the outputs are logits.
    public let removedTail: String?
    /// Whether the logits are logarithms of probabilities because the graph shows none.
    public let usesLogarithms: Bool
    /// What stands in for the derivative of steps.
    public let steps: StepGradient
    /// The number of rows that the graph is fixed to; `nil` when it takes any.
    public let fixedBatch: Int?
    /// Operators of the graph that move in steps or at random, with the number of nodes.
    public let roughOperators: [String: Int]

    let prepared: PreparedGraph
    private let logits: GraphValue
    private let base: GraphBuilder
    private let input: WorkGraph.Input
    private let workers: WorkerThreads
    private let plans = Mutex<[String: GradientPlan]>([:])

    /// Loads and differentiates a file.
    /// - Parameters:
    ///   - rowShape: Axes of one row, for a graph that leaves them open.
    ///   - steps: What stands in for the derivative of rounding and other steps.
    /// - Throws: what `OnnxFile` throws; `unsupported` for models that no gradient goes through, with the node and
    ///   what still works.
    public convenience init(
        path: String, runtime: OnnxRuntime, options: ExecutionOptions = .init(), overrides: ModelOverrides = .init(),
        steps: StepGradient = .zero, cancellation: Cancellation = Cancellation()
    ) throws {
        try self.init(
            OnnxModel(path: path, runtime: runtime, options: options, overrides: overrides), runtime: runtime,
            overrides: overrides, steps: steps, cancellation: cancellation)
    }

    /// Differentiates the file of a loaded model.
    public init(
        _ model: OnnxModel, runtime: OnnxRuntime, overrides: ModelOverrides = .init(), steps: StepGradient = .zero,
        cancellation: Cancellation = Cancellation()
    ) throws {
        let file = try OnnxFile(path: model.file.path)
        let source = try LogitSource(file, model, runtime, overrides, cancellation)
        (prepared, input, sampleShape) = (source.prepared, source.input, source.sampleShape)
        workers = WorkerThreads(threads: model.options.threads)
        var builder = GraphBuilder(source.prepared.graph, values: source.prepared.values)
        logits = try source.logits(&builder)
        base = builder
        classCount = logits.axes[1].length ?? 2
        removedTail = source.finding.removed
        usesLogarithms = source.finding.form == .probabilities || source.finding.form == .singleProbability
        fixedBatch = source.prepared.fixedBatch
        roughOperators = RoughOperators.count(in: source.prepared.graph)
        self.steps = steps
        self.file = file.withoutProto()
    }

    /// Values of one sample.
    public var rowSize: Int { sampleShape.reduce(1, *) }

    /// Logits of `count` rows, `[count, classCount]`: one forward pass.
    public func logits(_ rows: [Float], count: Int, cancellation: Cancellation) throws -> [Float] {
        let plan = try plan("logits", cancellation) { builder throws(CasemateError) in [logits] }
        var result = [Float](repeating: 0, count: count * classCount)
        try result.withUnsafeMutableBufferPointer { result in
            try run(
                plan, rows, count, labels: [], targets: [], outputs: [(result, classCount)], cancellation: cancellation)
        }
        return result
    }

    /// Logits, losses and gradients of `count` rows: one forward and one backward pass.
    /// - Throws: `invalidSetting` for a loss that needs more classes.
    public func evaluate(
        _ loss: ClassificationLoss, rows: [Float], count: Int, labels: [Int32], targets: [Int32],
        cancellation: Cancellation
    ) throws -> LossEvaluation {
        let plan = try plan(loss.rawValue, cancellation) { builder throws(CasemateError) in
            try self.differentiated(loss, &builder)
        }
        try check(loss, rows, count, labels, targets)
        let size = rowSize
        var result = LossEvaluation(
            logits: [Float](repeating: 0, count: count * classCount), losses: [Float](repeating: 0, count: count),
            gradients: [Float](unsafeUninitializedCapacity: count * size) { buffer, done in
                buffer.initialize(repeating: 0)
                done = count * size
            })
        try result.logits.withUnsafeMutableBufferPointer { logits in
            try result.losses.withUnsafeMutableBufferPointer { losses in
                try result.gradients.withUnsafeMutableBufferPointer { gradients in
                    try run(
                        plan, rows, count, labels: labels, targets: targets,
                        outputs: [(logits, classCount), (losses, 1), (gradients, size)], cancellation: cancellation)
                }
            }
        }
        return result
    }

    private func differentiated(
        _ loss: ClassificationLoss, _ builder: inout GraphBuilder
    ) throws(CasemateError) -> [GraphValue] {
        guard classCount >= loss.fewestClasses else {
            throw CasemateError(
                .invalidSetting, at: file.path,
                "loss '\(loss.rawValue)' needs \(loss.fewestClasses) classes, the "
                    + "model has \(classCount)", help: "use the margin or cross-entropy loss")
        }
        let terms = LossGraph(loss, of: logits, &builder)
        let found = try Differentiator(steps: steps).backward(
            &builder, seeds: [(logits, terms.slope)], to: [input.name])
        let value = builder.value(input.name) ?? logits
        let gradient = found[input.name] ?? builder.filled(0, like: value)
        return [logits, terms.losses, gradient]
    }

    private func check(
        _ loss: ClassificationLoss, _ rows: [Float], _ count: Int, _ labels: [Int32], _ targets: [Int32]
    ) throws(CasemateError) {
        func refuse(_ what: String) -> CasemateError {
            CasemateError(.mismatch, at: file.path, what, help: "give each row its values, one label and one target")
        }
        guard rows.count == count * rowSize else {
            throw refuse("\(rows.count) values for \(count) rows of \(rowSize)")
        }
        guard labels.count == count, !loss.isTargeted || targets.count == count else {
            throw refuse("\(count) rows with \(labels.count) labels and \(targets.count) targets")
        }
        for label in labels + (loss.isTargeted ? targets : []) where label < 0 || label >= classCount {
            throw refuse("class \(label) of a model with \(classCount) classes")
        }
    }

    /// The compiled graph for a name; made once.
    private func plan(
        _ name: String, _ cancellation: Cancellation,
        _ outputs: (inout GraphBuilder) throws(CasemateError) -> [GraphValue]
    ) throws -> GradientPlan {
        if let known = plans.withLock({ $0[name] }) { return known }
        var builder = base
        let values = try outputs(&builder)
        let made = try GradientPlan(builder, outputs: values, input: input.name, runtime: prepared.runtime)
        plans.withLock { $0[name] = made }
        return made
    }

    private func run(
        _ plan: GradientPlan, _ rows: [Float], _ count: Int, labels: [Int32], targets: [Int32],
        outputs: [(UnsafeMutableBufferPointer<Float>, Int)], cancellation: Cancellation
    ) throws {
        try plan.run(
            GradientBatch(
                rows: rows, rowShape: sampleShape, element: input.element, labels: labels, targets: targets,
                count: count), pieceRows: fixedBatch ?? pieceRows, isFixed: fixedBatch != nil, workers: workers,
            outputs: outputs, cancellation: cancellation)
    }

    /// Rows of one run: large enough for the engine's matrix products, small enough to spread and to stay in the cache.
    private var pieceRows: Int { sampleShape.count > 1 && rowSize > 64 ? 32 : 128 }
}

/// Counts operators that move in steps or at random.
enum RoughOperators {
    private static let names: Set<String> = [
        "Round", "Floor", "Ceil", "Sign", "ArgMax", "ArgMin", "TopK", "OneHot", "Binarizer", "Bernoulli", "Multinomial",
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "QuantizeLinear", "Equal", "Greater",
        "Less", "GreaterOrEqual", "LessOrEqual", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor",
    ]
    static func count(in graph: WorkGraph) -> [String: Int] {
        var result: [String: Int] = [:]
        for node in graph.nodes {
            let isWholeCast = node.opType == "Cast" && ![1, 10, 11, 16].contains(Int32(node.int("to", 1)))
            if names.contains(node.opType) || isWholeCast { result[node.opType, default: 0] += 1 }
        }
        return result
    }
}
