import COnnxRuntime
import CasemateCore
import Foundation
import Synchronization

extension OnnxModel {
    /// Rows of one run: small enough to end soon when it is cancelled, the same for every number of threads.
    var pieceRows: Int {
        if let fixed = inputs.fixedBatch { return fixed }
        let size = inputs.rowShapes.reduce(0) { $0 + max(1, $1.reduce(1, *)) }
        return signature.layout == .image ? min(1_024, max(1, 262_144 / size)) : min(4_096, max(16, 1 << 20 / size))
    }

    /// Runs the pieces of a batch on as many threads as the options allow.
    func predict(_ feeds: [OnnxFeed], count: Int, cancellation: Cancellation) throws -> Predictions {
        try cancellation.check()
        let isRegression = reading.task == .regression
        let width = reading.width
        var labels = [Int32](repeating: 0, count: isRegression ? 0 : count)
        let rawWidth = reading.shape == .single ? 1 : width
        var raw = [Float](repeating: 0, count: includesRawScores && reading.shape != .none ? count * rawWidth : 0)
        let scores = try [Float](unsafeUninitializedCapacity: count * width) { buffer, done in
            guard count > 0, let base = buffer.baseAddress else { return }
            base.initialize(repeating: 0, count: count * width)
            try labels.withUnsafeMutableBufferPointer { labels in
                try raw.withUnsafeMutableBufferPointer { raw in
                    let decoder = OutputDecoder(
                        reading: reading, path: file.path, names: session.outputs, scores: base,
                        labels: isRegression ? nil : labels.baseAddress,
                        raw: raw.isEmpty ? nil : raw.baseAddress)
                    try run(feeds, count: count, decoder, cancellation)
                }
            }
            done = count * width
        }
        let shape = rawWidth == 1 ? [count] : [count, rawWidth]
        let name = session.outputs.last ?? ""
        return Predictions(
            task: reading.task, classes: reading.classes, kind: reading.kind, scores: scores, labels: labels,
            outputs: raw.isEmpty ? [] : [NamedTensor(name, Tensor(shape: shape, .float(raw)))])
    }

    private func run(_ feeds: [OnnxFeed], count: Int, _ decoder: OutputDecoder, _ cancellation: Cancellation) throws {
        let pieces = (count + pieceRows - 1) / pieceRows
        let workers = min(options.threads, pieces)
        if workers <= 1 {
            let worker = OnnxWorker(model: self, feeds: feeds, count: count, decoder: decoder)
            return try worker.run(cancellation) { piece in piece < pieces ? piece : nil }
        }
        let work = OnnxWorker(model: self, feeds: feeds, count: count, decoder: decoder)
        let next = Atomic<Int>(0)
        let failure = Mutex<(piece: Int, error: any Error)?>(nil)
        let part = { @Sendable in
            var current = 0
            do {
                try work.run(cancellation) { _ in
                    current = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    return current < pieces && failure.withLock { $0 == nil } ? current : nil
                }
            } catch {
                // why: of several failures the one in the first rows is told, whichever thread was faster.
                failure.withLock { if current < $0?.piece ?? Int.max { $0 = (current, error) } }
            }
        }
        // why: threads of our own, because work on the shared queues would keep a timer that cancels from running.
        let others = DispatchGroup()
        for _ in 1..<workers {
            others.enter()
            Thread.detachNewThread {
                part()
                others.leave()
            }
        }
        part()
        others.wait()
        if let error = failure.withLock({ $0?.error }) { throw error }
    }
}

/// Runs pieces of a batch, one after the other, on the thread it is called from.
// why: the pointers in feeds and decoder outlive the call that made them, and every piece has rows of its own.
struct OnnxWorker: @unchecked Sendable {
    let model: OnnxModel
    let feeds: [OnnxFeed]
    let count: Int
    let decoder: OutputDecoder

    /// Runs the pieces that `next` gives, from the number of those done before, until it gives none.
    func run(_ cancellation: Cancellation, _ next: (Int) -> Int?) throws {
        let options = try model.session.makeRunOptions()
        try cancellation.whileRunning(onCancel: { options.terminate() }) {
            var done = 0
            while let piece = next(done) {
                try cancellation.check()
                guard try run(piece, options.pointer) else {
                    try cancellation.check()
                    throw CasemateError(
                        .engineFailed, at: model.file.path, "ONNX Runtime ended a run by itself", help: "run it again")
                }
                done += 1
            }
        }
    }

    private func run(_ piece: Int, _ options: OpaquePointer) throws -> Bool {
        let rows = model.pieceRows
        let start = piece * rows
        let real = min(rows, count - start)
        let padded = model.inputs.fixedBatch ?? real
        return try model.session.withValues(feeds, model.inputs, start: start, rows: padded, count: count) { values in
            try model.session.run(values, options: options) { outputs in
                try decoder.decode(outputs, start: start, rows: real, padded: padded)
            } != nil
        }
    }
}

extension OnnxSession {
    /// Makes tensors of a piece of the feeds and frees them after `body`.
    func withValues<Result>(
        _ feeds: [OnnxFeed], _ inputs: OnnxInputs, start: Int, rows: Int, count: Int,
        _ body: ([OpaquePointer?]) throws -> Result
    ) throws -> Result {
        var values: [OpaquePointer?] = []
        var scratch: [UnsafeMutableRawPointer] = []
        defer {
            for value in values { cort_value_release(runtime.library, value) }
            for copy in scratch { copy.deallocate() }
        }
        for (index, feed) in feeds.enumerated() {
            let row = inputs.rowShapes[index].map { Int64($0) }
            values.append(
                try feed.value(
                    library: runtime.library, start: start, rows: rows, count: count,
                    shape: inputs.hasBatchAxis ? [Int64(rows)] + row : row, scratch: &scratch))
        }
        return try body(values)
    }
}
