package import CasemateCore
package import Foundation

extension GraphSession {
    /// An array that owns its bytes.
    package struct Array: Hashable, Sendable {
        /// ONNX's number of the element type.
        package let element: Int32
        /// Length of each axis.
        package let shape: [Int]
        /// The values, little-endian and row-major.
        package let bytes: Data
        /// Makes an array.
        package init(element: Int32, shape: [Int], bytes: Data) {
            (self.element, self.shape, self.bytes) = (element, shape, bytes)
        }
        /// The values as float64; empty for types that hold no numbers.
        package var numbers: [Double] {
            OnnxTensorProto(name: "", shape: shape, type: element, raw: bytes).numbers ?? []
        }
    }

    /// Runs the graph on arrays; slower than `run`, which copies nothing.
    /// - Throws: `engineFailed`; `Cancelled` when the token is cancelled.
    package func arrays(_ feeds: [Array], cancellation: Cancellation = Cancellation()) throws -> [Array] {
        try lend(feeds, []) { feeds in
            try run(feeds, cancellation: cancellation) { results in
                try outputs.indices.map { index in
                    let facts = try results.facts(index)
                    let bits = OnnxElement.table[facts.type]?.bits ?? 0
                    let bytes = try results.bytes(index, count: facts.count * bits / 8)
                    return Array(element: facts.type, shape: facts.shape, bytes: bytes)
                }
            }
        }
    }

    private func lend<Result>(_ arrays: [Array], _ feeds: [Feed], _ body: ([Feed]) throws -> Result) throws -> Result {
        guard feeds.count < arrays.count else { return try body(feeds) }
        let next = arrays[feeds.count]
        return try next.bytes.withUnsafeBytes { bytes in
            try lend(arrays, feeds + [Feed(type: next.element, shape: next.shape, bytes: bytes)], body)
        }
    }
}
