public import CasemateCore
import Foundation

extension TrainableNetwork {
    /// Outputs of samples with the present parameters, `[count, outputSize]`: logits, or the output as it is.
    public func outputs(
        of rows: [Float], count: Int, cancellation: Cancellation = Cancellation()
    ) throws -> [Float] {
        guard rows.count == count * rowSize else {
            throw CasemateError(
                .mismatch, at: path, "\(rows.count) values do not make \(count) samples of \(rowSize)",
                help: "the network takes samples of shape \(sampleShape)")
        }
        let data = TrainingData(rows: rows, count: count, labels: [])
        let (result, width) = (FloatBuffer(count: count * outputSize), outputSize)
        try program(.outputs).run(data, Array(0..<count), scale: 1, workers: workers, cancellation: cancellation) {
            _, range, outputs in
            try outputs.copy(0, to: result.base + range.lowerBound * width, count: range.count * width)
        }
        return result.array(0..<count * width)
    }

    /// Takes the gradient of `Σ weight · loss / count` of samples by all parameters; `gradient(of:)` gives it.
    /// - Parameters:
    ///   - indices: Samples, by position in `data`, which must have passed `check`; `nil` for all.
    ///   - clip: Largest norm of the gradient of one sample (all parameters together), to which longer ones are
    ///     shortened before they are added. Source: Abadi et al., CCS 2016. One run a sample: slower.
    /// - Returns: The loss of each sample, without its weight.
    @discardableResult public func takeGradient(
        _ data: TrainingData, at indices: [Int]? = nil, clip: Double? = nil, cancellation: Cancellation = Cancellation()
    ) throws -> [Float] {
        let indices = indices ?? Array(0..<data.count)
        let losses = FloatBuffer(count: indices.count)
        let sum = GradientSum(store)
        let scale = 1 / Float(max(1, indices.count))
        try program(.parameterGradient).run(
            data, indices, rows: clip == nil ? nil : 1, scale: clip == nil ? scale : 1, workers: workers,
            cancellation: cancellation, onFailure: sum.fail
        ) { piece, range, outputs in
            try outputs.copy(0, to: losses.base + range.lowerBound, count: range.count)
            let factor = try clip.map { scale * Float(min(1, $0 / (try sum.norm(outputs)))) } ?? 1
            try sum.inOrder(piece) { try sum.add(outputs, factor: factor, isFirst: piece == 0) }
        }
        return losses.array(0..<indices.count)
    }

    /// The gradients of each sample's own loss by its own values, `[count, rowSize]`, with the present parameters, for
    /// adversarial training; weights count.
    public func inputGradients(
        _ data: TrainingData, at indices: [Int]? = nil, cancellation: Cancellation = Cancellation()
    ) throws -> (losses: [Float], gradients: [Float]) {
        let indices = indices ?? Array(0..<data.count)
        let (losses, size) = (FloatBuffer(count: indices.count), rowSize)
        let gradients = FloatBuffer(count: indices.count * size)
        try program(.inputGradient).run(data, indices, scale: 1, workers: workers, cancellation: cancellation) {
            _, range, outputs in
            try outputs.copy(0, to: losses.base + range.lowerBound, count: range.count)
            try outputs.copy(1, to: gradients.base + range.lowerBound * size, count: range.count * size)
        }
        return (losses.array(0..<indices.count), gradients.array(0..<indices.count * size))
    }
}

/// Adds the gradients of pieces in their order, whichever thread is faster.
// why: the condition guards `next` and `broken`; only the piece whose turn it is touches the sum.
private final class GradientSum: @unchecked Sendable {
    private let store: ParameterStore
    private let condition = NSCondition()
    private var next = 0
    private var broken = Int.max

    init(_ store: ParameterStore) { self.store = store }

    /// Waits until all pieces before this one are added, adds it and lets the next one in.
    func inOrder(_ piece: Int, _ body: () throws -> Void) throws {
        condition.lock()
        while next < piece, piece < broken { condition.wait() }
        let isMine = next == piece && piece < broken
        condition.unlock()
        guard isMine else { throw Cancelled(reason: .interrupted) }
        try body()
        condition.lock()
        next = piece + 1
        condition.broadcast()
        condition.unlock()
    }

    /// Lets pieces behind a failed one end.
    func fail(_ piece: Int) {
        condition.lock()
        broken = min(broken, piece)
        condition.broadcast()
        condition.unlock()
    }

    /// The length of the gradient of a piece.
    func norm(_ outputs: OnnxOutputs) throws -> Double {
        var total = 0.0
        for index in store.ranges.indices {
            total += try outputs.withFloats(index + 1) { part in
                var sum = 0.0
                for value in part { sum += Double(value) * Double(value) }
                return sum
            }
        }
        return max(total.squareRoot(), .leastNormalMagnitude)
    }

    /// Adds the gradient of a piece.
    func add(_ outputs: OnnxOutputs, factor: Float, isFirst: Bool) throws {
        for (index, range) in store.ranges.enumerated() {
            let target = store.gradient.base + range.lowerBound
            if isFirst, factor == 1 {
                try outputs.copy(index + 1, to: target, count: range.count)
                continue
            }
            try outputs.withFloats(index + 1) { part in
                guard part.count == range.count, let source = part.baseAddress else {
                    throw OnnxOutputs.unfit(part.count)
                }
                if isFirst {
                    for place in 0..<range.count { target[place] = factor * source[place] }
                } else if factor == 1 {
                    for place in 0..<range.count { target[place] += source[place] }
                } else {
                    for place in 0..<range.count { target[place] += factor * source[place] }
                }
            }
        }
    }
}

extension OnnxOutputs {
    /// Copies the first `count` float32 values of an output.
    func copy(_ index: Int, to target: UnsafeMutablePointer<Float>, count: Int) throws {
        try withFloats(index) { values in
            guard values.count >= count, let source = values.baseAddress else { throw Self.unfit(values.count) }
            target.update(from: source, count: count)
        }
    }

    static func unfit(_ count: Int) -> CasemateError {
        CasemateError(
            .engineFailed, at: "training", "a gradient came back with \(count) values",
            help: "the rows of this network do not stay apart; export it with a free batch axis")
    }
}
