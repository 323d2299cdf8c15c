import CasemateCore

/// Finds the optimum of a logistic problem: Newton's method, or limited memory BFGS for wide rows.
struct LogisticSolver {
    let problem: LogisticProblem
    let cancellation: Cancellation
    /// Widest rows that Newton's method takes; its matrix grows with the square of this.
    var mostColumns = 1_000
    /// Largest absolute gradient at the optimum, a unit of row weight.
    var tolerance = 1e-10

    private struct State {
        var parameters: [Double], logits: [Double], value: Double
    }

    func solve() throws -> LogisticRegression {
        problem.width <= mostColumns ? try newton() : try limitedMemory()
    }

    // MARK: Newton's method

    private func newton() throws -> LogisticRegression {
        var state = start()
        for iteration in 0..<100 {
            try cancellation.check()
            let (gradient, curvature) = problem.derivatives(state.logits, state.parameters)
            if isSmall(gradient) { return model(state, iteration, isConverged: true) }
            guard let step = try direction(gradient, curvature), move(&state, along: step, gradient) else {
                // why: at the last digits no step lowers the value any more.
                return model(state, iteration, isConverged: isSmall(gradient, slack: 1e4))
            }
        }
        return model(state, 100, isConverged: false)
    }

    /// The solution of H·d = −g; the diagonal is raised where rounding or a missing penalty leaves H singular.
    private func direction(_ gradient: [Double], _ curvature: [Double]) throws -> [Double]? {
        var hessian = try problem.hessian(curvature) { try cancellation.check() }
        let size = problem.size
        let largest = (0..<size).map { hessian[$0 * size + $0] }.max() ?? 1
        var lift = max(largest, 1e-300) * 1e-12
        for _ in 0..<12 {
            if let step = try DenseAlgebra.solve(hessian, gradient.map { -$0 }, check: { try cancellation.check() }) {
                return step
            }
            for index in 0..<size { hessian[index * size + index] += lift }
            lift *= 10
        }
        return nil
    }

    // MARK: Limited memory BFGS

    private func limitedMemory() throws -> LogisticRegression {
        let diagonal = problem.diagonalBound
        var state = start()
        var gradient = problem.derivatives(state.logits, state.parameters).gradient
        var pairs: [(step: [Double], change: [Double])] = []
        for iteration in 0..<1_000 {
            try cancellation.check()
            if isSmall(gradient, slack: 100) { return model(state, iteration, isConverged: true) }
            let before = state.parameters
            guard move(&state, along: twoLoops(gradient, pairs, diagonal), gradient) else {
                return model(state, iteration, isConverged: isSmall(gradient, slack: 1e4))
            }
            let next = problem.derivatives(state.logits, state.parameters).gradient
            let pair = (step: difference(state.parameters, before), change: difference(next, gradient))
            if product(pair.step, pair.change) > 0 { pairs.append(pair) }
            if pairs.count > 10 { pairs.removeFirst() }
            gradient = next
        }
        return model(state, 1_000, isConverged: false)
    }

    private func twoLoops(
        _ gradient: [Double], _ pairs: [(step: [Double], change: [Double])], _ diagonal: [Double]
    ) -> [Double] {
        var direction = gradient.map { -$0 }
        var factors: [Double] = []
        for pair in pairs.reversed() {
            let factor = product(pair.step, direction) / product(pair.step, pair.change)
            factors.append(factor)
            for index in direction.indices { direction[index] -= factor * pair.change[index] }
        }
        var scale = 1.0
        if let last = pairs.last {
            let curved = zip(last.change, diagonal).reduce(0) { $0 + $1.0 * $1.0 / $1.1 }
            scale = product(last.step, last.change) / curved
        }
        for index in direction.indices { direction[index] *= scale / diagonal[index] }
        for (pair, factor) in zip(pairs, factors.reversed()) {
            let other = product(pair.change, direction) / product(pair.step, pair.change)
            for index in direction.indices { direction[index] += (factor - other) * pair.step[index] }
        }
        return direction
    }

    // MARK: Shared

    /// All coefficients 0, the intercept at the share of the positive class.
    private func start() -> State {
        var (share, total) = (0.0, 0.0)
        for row in 0..<problem.count {
            share += (problem.weights?[row] ?? 1) * problem.targets[row]
            total += problem.weights?[row] ?? 1
        }
        var parameters = [Double](repeating: 0, count: problem.size)
        parameters[problem.width] = (share / (total - share)).logarithm
        let logits = problem.logits(parameters)
        return State(parameters: parameters, logits: logits, value: problem.objective(logits, parameters))
    }

    /// Backtracks until the value falls by Armijo's rule; `false` when no step does.
    private func move(_ state: inout State, along step: [Double], _ gradient: [Double]) -> Bool {
        let slope = product(gradient, step)
        guard slope < 0 else { return false }
        let change = problem.logits(step)
        // why: at the last digits rounding hides that the value falls, and the full step still lowers the gradient.
        let rounding = 1e-15 * max(1, abs(state.value))
        var length = 1.0
        for _ in 0..<50 {
            let parameters = zip(state.parameters, step).map { $0 + length * $1 }
            let logits = zip(state.logits, change).map { $0 + length * $1 }
            let value = problem.objective(logits, parameters)
            if value <= state.value + 1e-4 * length * slope + rounding {
                state = State(parameters: parameters, logits: logits, value: value)
                return true
            }
            length /= 2
        }
        return false
    }

    private func isSmall(_ gradient: [Double], slack: Double = 1) -> Bool {
        let bound = tolerance * slack * max(problem.totalWeight, 1e-300)
        return gradient.allSatisfy { abs($0) <= bound }
    }
    private func product(_ one: [Double], _ other: [Double]) -> Double {
        one.withUnsafeBufferPointer { one in
            other.withUnsafeBufferPointer { DenseAlgebra.dot(one, 0, $0, 0, one.count) }
        }
    }
    private func difference(_ one: [Double], _ other: [Double]) -> [Double] { zip(one, other).map { $0 - $1 } }
    private func model(_ state: State, _ iterations: Int, isConverged: Bool) -> LogisticRegression {
        LogisticRegression(
            intercept: state.parameters[problem.width], coefficients: Array(state.parameters[..<problem.width]),
            iterations: iterations, isConverged: isConverged)
    }
}
