import CHnsw
import CasemateCore

/// A graph over points in which near ones are found without looking at all, by hnswlib; in memory only.
///
/// Source: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable
/// small world graphs", IEEE PAMI, 2020.
// why: built once on one thread; afterwards it is only searched, which hnswlib allows on any number of threads.
final class HnswIndex: @unchecked Sendable {
    private let index: OpaquePointer

    /// Adds points of `stride` numbers in their order, so that the same points give the same graph.
    /// - Throws: `engineFailed` when memory ends; `Cancelled`.
    init(_ points: [Float], stride: Int, seed: UInt64, cancellation: Cancellation) throws {
        let count = stride == 0 ? 0 : points.count / stride
        guard let index = chnsw_create(stride, max(1, count), 16, 200, 96, seed) else { throw Self.failed }
        self.index = index
        try points.withUnsafeBufferPointer { points in
            guard let base = points.baseAddress else { return }
            for row in 0..<count {
                if row.isMultiple(of: 256) { try cancellation.check() }
                guard chnsw_add(index, base + row * stride, UInt64(row)) == 0 else { throw Self.failed }
            }
        }
    }

    deinit { chnsw_free(index) }

    /// Neighbours of a point with their squared distances, the nearest first.
    func nearest(_ count: Int, to point: UnsafePointer<Float>) throws -> [(row: Int, distance: Float)] {
        try withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { rows in
            try withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { distances in
                guard let first = rows.baseAddress, let other = distances.baseAddress else { return [] }
                let found = chnsw_search(index, point, count, first, other)
                guard found >= 0 else { throw Self.failed }
                return (0..<Int(found)).map { (Int(clamping: rows[$0]), distances[$0]) }
            }
        }
    }

    private static var failed: CasemateError {
        CasemateError(.engineFailed, at: "hnswlib", "ran out of memory", help: "free some memory")
    }
}
