import CasemateCore
import Foundation

/// Makes small networks as ONNX graphs, ready to train: float32, the batch axis free, input `input`, output `output`.
///
/// Weights and biases are drawn from the seed as PyTorch does by default.
public struct NetworkBuilder: Hashable, Sendable {
    /// What stands between layers.
    public enum Activation: String, Hashable, Sendable, CaseIterable { case relu, tanh, sigmoid, elu }

    /// A convolution with an activation and, above 1, a maximum over `pool × pool` places behind it; the padding keeps
    /// the picture's size at a stride of 1 and an odd kernel.
    public struct Convolution: Hashable, Sendable {
        /// Number of channels out.
        public var channels: Int
        /// Side of the kernel.
        public var kernel: Int
        /// Step between windows.
        public var stride: Int
        /// Side of the window of the pool; 1 leaves it out.
        public var pool: Int
        /// Makes a convolution.
        public init(channels: Int, kernel: Int = 3, stride: Int = 1, pool: Int = 1) {
            (self.channels, self.kernel, self.stride, self.pool) = (channels, kernel, stride, pool)
        }
    }

    /// What stands between layers.
    public var activation: Activation
    /// Seed of the weights.
    public var seed: UInt64

    /// Makes a builder.
    public init(activation: Activation = .relu, seed: UInt64 = 0) { (self.activation, self.seed) = (activation, seed) }

    /// Dense layers from rows of `inputs` numbers to `outputs` logits or values.
    /// - Throws: `invalidSetting` for sizes below 1.
    public func mlp(inputs: Int, hidden: [Int], outputs: Int) throws -> OnnxFile {
        var layers = NetworkLayers(shape: [inputs])
        try check([inputs] + hidden + [outputs])
        for width in hidden {
            layers.dense(width)
            layers.activate(activation)
        }
        layers.dense(outputs)
        return try layers.file(seed: seed)
    }

    /// Convolutions over pictures of `shape` `[channels, height, width]`, then dense layers.
    /// - Throws: `invalidSetting` for sizes below 1 and for pictures that pools or strides use up.
    public func cnn(shape: [Int], convolutions: [Convolution], hidden: [Int] = [], outputs: Int) throws -> OnnxFile {
        guard shape.count == 3 else { throw impossible("\(shape) is no [channels, height, width]") }
        try check(shape + convolutions.flatMap { [$0.channels, $0.kernel, $0.stride, $0.pool] } + hidden + [outputs])
        var layers = NetworkLayers(shape: shape)
        for convolution in convolutions {
            layers.convolve(convolution)
            layers.activate(activation)
            layers.pool(convolution.pool)
            guard layers.shape.allSatisfy({ $0 > 0 }) else {
                throw impossible("nothing is left of a picture of \(shape)")
            }
        }
        layers.flatten()
        for width in hidden {
            layers.dense(width)
            layers.activate(activation)
        }
        layers.dense(outputs)
        return try layers.file(seed: seed)
    }

    /// Dense layers that narrow to the last of `hidden` and widen again to the inputs.
    /// - Parameter isBounded: Whether a sigmoid ends it, for inputs in 0…1.
    /// - Throws: `invalidSetting` for sizes below 1 and without a hidden layer.
    public func autoencoder(inputs: Int, hidden: [Int], isBounded: Bool = false) throws -> OnnxFile {
        guard !hidden.isEmpty else { throw impossible("an autoencoder needs a hidden layer") }
        try check([inputs] + hidden)
        var layers = NetworkLayers(shape: [inputs])
        for width in hidden + hidden.dropLast().reversed() {
            layers.dense(width)
            layers.activate(activation)
        }
        layers.dense(inputs)
        if isBounded { layers.activate(.sigmoid) }
        return try layers.file(seed: seed)
    }

    private func check(_ sizes: [Int]) throws(CasemateError) {
        guard let size = sizes.first(where: { !(1...1 << 20).contains($0) }) else { return }
        throw impossible("a size of \(size) is not possible")
    }

    private func impossible(_ what: String) -> CasemateError {
        CasemateError(.invalidSetting, at: "network", what, help: "use sizes of 1 to 1048576 that fit each other")
    }
}
