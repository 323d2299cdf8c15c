/// A dense layer `max(0, W x + b)` or `W x + b`, evaluated one row at a time.
struct DenseLayer: Hashable, Sendable {
    /// Numbers in and out.
    let inputs: Int, outputs: Int
    /// Whether negative results become 0.
    let isRectified: Bool
    /// Weights `[outputs, stride]`, zeros behind the inputs of each row.
    private let weights: [Float]
    private let biases: [Float]
    private var blocks: Int { (inputs + 7) / 8 }

    /// Takes weights `[outputs, inputs]` and biases `[outputs]`.
    init(weights: [Float], biases: [Float], inputs: Int, isRectified: Bool) {
        (self.inputs, outputs, self.biases, self.isRectified) = (inputs, biases.count, biases, isRectified)
        let stride = (inputs + 7) / 8 * 8
        var padded = [Float](repeating: 0, count: biases.count * stride)
        for row in 0..<biases.count {
            for column in 0..<inputs { padded[row * stride + column] = weights[row * inputs + column] }
        }
        self.weights = padded
    }

    /// Reads and writes rows that are zero behind their end up to a multiple of 8.
    func run(_ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>) {
        let row = UnsafeRawPointer(input)
        weights.withUnsafeBytes { weights in
            guard let base = weights.baseAddress else { return }
            for unit in 0..<outputs {
                var sum = SIMD8<Float>.zero
                let start = unit * blocks * 32
                for block in 0..<blocks {
                    sum +=
                        base.loadUnaligned(fromByteOffset: start + block * 32, as: SIMD8<Float>.self)
                        * row.loadUnaligned(fromByteOffset: block * 32, as: SIMD8<Float>.self)
                }
                let value = sum.sum() + biases[unit]
                output[unit] = isRectified ? max(0, value) : value
            }
        }
        for unit in outputs..<(outputs + 7) / 8 * 8 { output[unit] = 0 }
    }
}
