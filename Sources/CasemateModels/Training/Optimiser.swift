import Foundation

/// How parameters move along gradients; the formulas are those of PyTorch's optimisers of the same names.
public enum Optimiser: Hashable, Sendable {
    /// Stochastic gradient descent; weight decay is added to the gradient. Source for `isNesterov`: Sutskever et al.,
    /// ICML 2013, in the form that looks ahead with the present momentum.
    case sgd(rate: Double = 0.01, momentum: Double = 0, isNesterov: Bool = false, weightDecay: Double = 0)
    /// Adam; weight decay is added to the gradient. Source: Kingma and Ba, ICLR 2015.
    case adam(
        rate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0)
    /// Adam with weight decay apart from the gradient. Source: Loshchilov and Hutter, ICLR 2019.
    case adamW(
        rate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01)

    /// The learning rate before the schedule.
    public var rate: Double {
        switch self {
        case .sgd(let rate, _, _, _), .adam(let rate, _, _, _, _), .adamW(let rate, _, _, _, _): rate
        }
    }
    /// The weight decay.
    public var decay: Double {
        switch self {
        case .sgd(_, _, _, let decay), .adam(_, _, _, _, let decay), .adamW(_, _, _, _, let decay): decay
        }
    }
    /// Numbers a parameter that it remembers.
    var momentCount: Int {
        switch self {
        case .sgd(_, let momentum, _, _): momentum > 0 ? 1 : 0
        case .adam, .adamW: 2
        }
    }
}

/// An optimiser on its way: what it remembers of former steps.
public final class OptimiserState {
    /// The formula.
    public let optimiser: Optimiser
    /// Number of updates done.
    public private(set) var steps = 0
    private let moments: [FloatBuffer]

    /// Starts anew for a network.
    public init(_ optimiser: Optimiser, for network: TrainableNetwork) {
        self.optimiser = optimiser
        moments = (0..<optimiser.momentCount).map { _ in FloatBuffer(count: network.store.count) }
    }

    /// Values of one update that all parameters share.
    struct Step: Sendable {
        let optimiser: Optimiser
        let number: Int
        let rate: Double
    }

    /// Moves the parameters of the network along its gradient.
    /// - Parameter rate: The learning rate of this step; `nil` for the optimiser's own.
    public func update(_ network: TrainableNetwork, rate: Double? = nil) throws {
        steps += 1
        let step = Step(optimiser: optimiser, number: steps, rate: rate ?? optimiser.rate)
        let (values, gradient, moments) = (network.store.values, network.store.gradient, moments)
        let count = network.store.count / FloatBuffer.width
        // why: each value is moved by itself, so that any division into chunks gives the same bytes.
        let chunk = 1 << 12
        try network.workers.run((count + chunk - 1) / chunk) { index in
            let part = StepPart(
                start: index * chunk, count: min(count - index * chunk, chunk), values: values, gradient: gradient,
                moments: moments)
            step.apply(part)
        }
    }
}

/// A part of all buffers of an update, in vectors.
struct StepPart {
    typealias Vectors = UnsafeMutablePointer<SIMD8<Float>>
    let count: Int
    /// Parameters, gradient, and what is remembered; where nothing is, the parameters, which are not touched then.
    let p: Vectors, g: Vectors, first: Vectors, second: Vectors

    init(start: Int, count: Int, values: FloatBuffer, gradient: FloatBuffer, moments: [FloatBuffer]) {
        self.count = count
        (p, g) = (values.vectors + start, gradient.vectors + start)
        (first, second) = ((moments.first ?? values).vectors + start, (moments.last ?? values).vectors + start)
    }
}

extension OptimiserState.Step {
    func apply(_ part: StepPart) {
        switch optimiser {
        case .sgd(_, let momentum, let isNesterov, let decay):
            if momentum > 0 {
                descend(part, Float(momentum), isNesterov: isNesterov, Float(decay))
            } else {
                descend(part, Float(decay))
            }
        case .adam(_, let beta1, let beta2, let epsilon, let decay):
            adapt(part, beta1, beta2, epsilon, added: Float(decay), kept: 1)
        case .adamW(_, let beta1, let beta2, let epsilon, let decay):
            adapt(part, beta1, beta2, epsilon, added: 0, kept: Float(1 - rate * decay))
        }
    }

    private func descend(_ part: StepPart, _ decay: Float) {
        let (p, g, rate) = (part.p, part.g, Float(rate))
        for i in 0..<part.count { p[i] -= rate * (g[i] + decay * p[i]) }
    }

    private func descend(_ part: StepPart, _ momentum: Float, isNesterov: Bool, _ decay: Float) {
        let (p, g, m, rate) = (part.p, part.g, part.first, Float(rate))
        // why: PyTorch's first step takes the gradient whole; so does this one, the buffer holds zeros then.
        for i in 0..<part.count {
            let slope = g[i] + decay * p[i]
            let moved = momentum * m[i] + slope
            m[i] = moved
            p[i] -= rate * (isNesterov ? slope + momentum * moved : moved)
        }
    }

    private func adapt(
        _ part: StepPart, _ beta1: Double, _ beta2: Double, _ epsilon: Double, added: Float, kept: Float
    ) {
        let (p, g, m, v) = (part.p, part.g, part.first, part.second)
        let size = Float(rate / (1 - pow(beta1, Double(number))))
        let scale = Float(1 / (1 - pow(beta2, Double(number))).squareRoot())
        let (new1, old2, new2, epsilon) = (Float(1 - beta1), Float(beta2), Float(1 - beta2), Float(epsilon))
        for i in 0..<part.count {
            let slope = g[i] + added * p[i]
            let mean = m[i] + new1 * (slope - m[i])
            let square = old2 * v[i] + new2 * (slope * slope)
            m[i] = mean
            v[i] = square
            p[i] = kept * p[i] - size * mean / (square.squareRoot() * scale + epsilon)
        }
    }
}
