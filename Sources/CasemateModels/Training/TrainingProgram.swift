import CasemateCore
import Foundation

/// A training graph, compiled, run in pieces of fixed size on several threads.
final class TrainingProgram: Sendable {
    private let session: GraphSession
    private let sources: [Source]
    private let store: ParameterStore
    private let rowShape: [Int], rowSize: Int, width: Int
    private let fixedBatch: Int?

    /// What an input of the graph is fed with.
    private enum Source: Sendable { case rows, labels, targets, weights, parameter(Int) }

    init(_ network: TrainableNetwork, _ graph: WorkGraph, runtime: OnnxRuntime) throws(CasemateError) {
        session = try GraphSession(graph, runtime: runtime)
        let store = network.store
        sources = session.inputs.map { name in
            switch name {
            case LossGraph.labels: .labels
            case TrainingGraph.targets: .targets
            case TrainingGraph.weights: .weights
            default: store.index(name).map { .parameter($0) } ?? .rows
            }
        }
        (self.store, rowShape, width) = (store, network.sampleShape, network.outputSize)
        (rowSize, fixedBatch) = (network.rowSize, network.graph.prepared.fixedBatch)
    }

    /// Samples of one run: enough for the engine's matrix products, few enough to spread over threads.
    var pieceRows: Int { fixedBatch ?? 32 }

    /// Runs samples in pieces; `take` sees the outputs of each, on any thread.
    /// - Parameters:
    ///   - indices: Samples, by position in `data`.
    ///   - rows: Samples a piece; `nil` for the usual number.
    ///   - scale: What the samples' weights are multiplied by.
    ///   - onFailure: Is told of a piece that failed, before its error is thrown.
    ///   - take: Is given the piece, the range of its samples in `indices`, and the outputs.
    func run(
        _ data: TrainingData, _ indices: [Int], rows: Int? = nil, scale: Float, workers: WorkerThreads,
        cancellation: Cancellation, onFailure: @escaping @Sendable (Int) -> Void = { _ in },
        _ take: @escaping @Sendable (Int, Range<Int>, OnnxOutputs) throws -> Void
    ) throws {
        let size = min(rows ?? pieceRows, fixedBatch ?? Int.max)
        try workers.run((indices.count + size - 1) / size) { [self] piece in
            do {
                try cancellation.check()
                let range = piece * size..<min(indices.count, (piece + 1) * size)
                let part = TrainingPiece(
                    data, indices[range], padded: fixedBatch ?? range.count, rowSize: rowSize, width: width,
                    scale: scale)
                try session.run(part.feeds(self), cancellation: cancellation) { outputs in
                    try take(piece, range, outputs)
                }
            } catch {
                onFailure(piece)
                throw error
            }
        }
    }

    /// The feeds of a piece in the order of the session.
    fileprivate func feeds(_ piece: TrainingPiece) -> [GraphSession.Feed] {
        sources.map { source in
            switch source {
            case .rows:
                .init(type: 1, shape: [piece.padded] + rowShape, bytes: piece.rows.bytes(0..<piece.rows.count))
            case .labels: .init(type: 7, shape: [piece.padded], bytes: piece.labels)
            case .targets:
                .init(type: 1, shape: [piece.padded, width], bytes: piece.targets.bytes(0..<piece.targets.count))
            case .weights: .init(type: 1, shape: [piece.padded], bytes: piece.weights.bytes(0..<piece.weights.count))
            case .parameter(let index):
                .init(
                    type: 1, shape: store.parameters[index].shape, bytes: store.values.bytes(store.ranges[index]))
            }
        }
    }
}

/// The samples of one run, side by side.
private final class TrainingPiece {
    let padded: Int
    let rows: FloatBuffer, targets: FloatBuffer, weights: FloatBuffer
    private let labelBuffer: UnsafeMutableBufferPointer<Int64>
    var labels: UnsafeRawBufferPointer { UnsafeRawBufferPointer(labelBuffer) }

    /// Copies the samples; where fewer are there than `padded`, the last one is repeated with weight 0.
    init(
        _ data: TrainingData, _ indices: ArraySlice<Int>, padded: Int, rowSize: Int, width: Int, scale: Float
    ) {
        self.padded = padded
        rows = FloatBuffer(count: padded * rowSize)
        targets = FloatBuffer(count: data.targets.isEmpty ? 0 : padded * width)
        weights = FloatBuffer(count: padded)
        labelBuffer = .allocate(capacity: padded)
        labelBuffer.initialize(repeating: 0)
        let last = indices.endIndex - 1
        data.rows.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            for row in 0..<padded {
                let sample = indices[min(indices.startIndex + row, last)]
                (rows.base + row * rowSize).update(from: base + sample * rowSize, count: rowSize)
            }
        }
        for row in 0..<padded {
            let isReal = row < indices.count
            let sample = indices[min(indices.startIndex + row, last)]
            if sample < data.labels.count { labelBuffer[row] = Int64(data.labels[sample]) }
            weights.base[row] = isReal ? scale * (data.weights?[sample] ?? 1) : 0
            if !data.targets.isEmpty {
                for column in 0..<width { targets.base[row * width + column] = data.targets[sample * width + column] }
            }
        }
    }

    deinit { labelBuffer.deallocate() }

    func feeds(_ program: TrainingProgram) -> [GraphSession.Feed] { program.feeds(self) }
}
