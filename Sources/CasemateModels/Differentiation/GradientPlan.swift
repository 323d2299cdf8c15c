import CasemateCore
import Foundation
import Synchronization

/// The values of one call.
struct GradientBatch: Sendable {
    let rows: [Float], rowShape: [Int], element: Int32
    let labels: [Int32], targets: [Int32]
    let count: Int
    /// More numbers a row, for graphs that have `extraInput`.
    var extra: [Float] = []
    /// How many.
    var extraWidth = 0
    /// Whether the graph's input has no axis for the batch.
    var isFlat = false
    /// Input that holds `extra`, `[N, extraWidth]` of float32.
    static let extraInput = "casemate/extra"
    /// The shape of `rows` rows.
    func shape(rows: Int) -> [Int] { isFlat ? rowShape : [rows] + rowShape }
    /// The extra numbers of a piece, the last row repeated up to `padded`.
    func extra(start: Int, rows: Int, padded: Int) -> [Float] {
        guard extraWidth > 0 else { return [] }
        var part = Array(extra[start * extraWidth..<(start + rows) * extraWidth])
        for _ in rows..<max(rows, padded) { part += part.suffix(extraWidth) }
        return part
    }
}

/// A gradient graph, compiled, run in pieces on several threads.
final class GradientPlan: Sendable {
    private let session: GraphSession

    /// Compiles the graph with the given outputs.
    init(_ builder: GraphBuilder, outputs: [GraphValue], input: String, runtime: OnnxRuntime) throws(CasemateError) {
        var builder = builder
        // why: one value can serve as two outputs, and float64 models answer in float32 here.
        let final = outputs.map { value in
            builder.emit(
                value.traced.element == 1 ? "Identity" : "Cast", [value.name], element: 1, axes: value.axes,
                value.traced.element == 1 ? [] : [.int("to", 1)])
        }
        var graph = builder.graph
        graph.outputs = final.map(\.name)
        graph.prune()
        session = try GraphSession(graph, runtime: runtime)
    }

    /// Runs the batch; output `i` of a row goes to `outputs[i]`, its second member numbers a row.
    func run(
        _ batch: GradientBatch, pieceRows: Int, isFixed: Bool, workers: WorkerThreads,
        outputs: [(UnsafeMutableBufferPointer<Float>, Int)], cancellation: Cancellation
    ) throws {
        try cancellation.check()
        guard batch.count > 0 else { return }
        let targets = GradientTargets(places: outputs.map { ($0.0.baseAddress, $0.1) })
        let pieces = (batch.count + pieceRows - 1) / pieceRows
        try workers.run(pieces) { [session] piece in
            let start = piece * pieceRows
            let real = min(pieceRows, batch.count - start)
            let padded = isFixed ? pieceRows : real
            try Self.run(session, batch, start: start, rows: real, padded: padded, targets, cancellation)
        }
    }

    private static func run(
        _ session: GraphSession, _ batch: GradientBatch, start: Int, rows: Int, padded: Int, _ targets: GradientTargets,
        _ cancellation: Cancellation
    ) throws {
        let size = batch.rowShape.reduce(1, *)
        var labels = [Int64](repeating: 0, count: padded)
        var aims = [Int64](repeating: 0, count: padded)
        for row in 0..<padded {
            let source = start + min(row, rows - 1)
            if source < batch.labels.count { labels[row] = Int64(batch.labels[source]) }
            if source < batch.targets.count { aims[row] = Int64(batch.targets[source]) }
        }
        let extra = batch.extra(start: start, rows: rows, padded: padded)
        try batch.withRows(start: start, rows: rows, padded: padded, size: size) { bytes in
            try labels.withUnsafeBytes { labels in
                try aims.withUnsafeBytes { aims in
                    try extra.withUnsafeBytes { extra in
                        let feeds = session.inputs.map { name -> GraphSession.Feed in
                            switch name {
                            case LossGraph.labels: .init(type: 7, shape: [padded], bytes: labels)
                            case LossGraph.targets: .init(type: 7, shape: [padded], bytes: aims)
                            case GradientBatch.extraInput:
                                .init(type: 1, shape: [padded, batch.extraWidth], bytes: extra)
                            default: .init(type: batch.element, shape: batch.shape(rows: padded), bytes: bytes)
                            }
                        }
                        try session.run(feeds, cancellation: cancellation) { outputs in
                            try targets.take(outputs, start: start, rows: rows, padded: padded)
                        }
                    }
                }
            }
        }
    }
}

/// Where outputs go.
// why: pieces write to places of their own, and the memory outlives the call.
struct GradientTargets: @unchecked Sendable {
    let places: [(base: UnsafeMutablePointer<Float>, width: Int)]
    init(places: [(UnsafeMutablePointer<Float>?, Int)]) {
        self.places = places.compactMap { base, width in base.map { ($0, width) } }
    }

    /// Copies the rows of a piece.
    func take(_ outputs: OnnxOutputs, start: Int, rows: Int, padded: Int) throws {
        for (index, place) in places.enumerated() {
            try outputs.withFloats(index) { values in
                guard values.count == padded * place.width, let from = values.baseAddress else {
                    throw CasemateError(
                        .engineFailed, at: "gradient",
                        "gave \(values.count) values for \(padded) rows of \(place.width)",
                        help: "the rows of this model do not stay apart; export it with a batch of 1")
                }
                (place.base + start * place.width).update(from: from, count: rows * place.width)
            }
        }
    }
}

extension GradientBatch {
    /// Lends the bytes of some rows in the graph's element type; the last row is repeated up to `padded`.
    func withRows(
        start: Int, rows: Int, padded: Int, size: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        if element == 1, rows == padded {
            return try self.rows.withUnsafeBytes { all in
                try body(UnsafeRawBufferPointer(rebasing: all[start * size * 4..<(start + rows) * size * 4]))
            }
        }
        var part = Array(self.rows[start * size..<(start + rows) * size])
        for _ in rows..<max(rows, padded) { part += part[(rows - 1) * size..<rows * size] }
        if element == 1 { return try part.withUnsafeBytes(body) }
        try part.map { Double($0) }.withUnsafeBytes(body)
    }
}
