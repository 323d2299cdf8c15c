/// Numbers at a fixed place in memory, aligned for vector instructions.
// why: whoever writes does so in ranges of his own, and callers wait for all writers before they read.
final class FloatBuffer: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    /// Makes zeros.
    init(count: Int) {
        let whole = max(16, (count + 15) & ~15)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: whole * 4, alignment: 64)
        base = memory.bindMemory(to: Float.self, capacity: whole)
        base.initialize(repeating: 0, count: whole)
        self.count = count
    }

    deinit { base.deallocate() }

    /// Values of a vector.
    static let width = 8

    /// The values as vectors; the memory ends with a whole one.
    var vectors: UnsafeMutablePointer<SIMD8<Float>> {
        UnsafeMutableRawPointer(base).assumingMemoryBound(to: SIMD8<Float>.self)
    }

    /// The bytes of a part.
    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count * 4)
    }

    /// A copy of a part.
    func array(_ range: Range<Int>) -> [Float] {
        Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
    }
}

/// Parameters one behind the other, with a gradient of the same layout.
final class ParameterStore: Sendable {
    let parameters: [TrainableNetwork.Parameter]
    /// Where each parameter lies, by position in `parameters`.
    let ranges: [Range<Int>]
    /// Length of the buffers, gaps included, which stay 0.
    let count: Int
    let values: FloatBuffer
    let gradient: FloatBuffer

    init(_ parameters: [TrainableNetwork.Parameter]) {
        self.parameters = parameters
        var next = 0
        ranges = parameters.map { parameter in
            defer { next = (next + parameter.count + 15) & ~15 }
            return next..<next + parameter.count
        }
        count = next
        (values, gradient) = (FloatBuffer(count: next), FloatBuffer(count: next))
    }

    func index(_ name: String) -> Int? { parameters.firstIndex { $0.name == name } }
}
