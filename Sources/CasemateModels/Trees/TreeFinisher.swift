import CasemateCore
import Foundation

/// Makes scores and labels of sums by the convention `boosting`.
struct TreeFinisher: Sendable {
    private let form: TreeEnsemble.Form
    /// Scores of a row: one a class or target.
    let scores: Int

    init(_ form: TreeEnsemble.Form) {
        self.form = form
        scores = max(form.outputs, form.classes.count)
    }

    /// Gives the scores of one row to `write` and answers its class, 0 for a regression.
    /// - Parameters:
    ///   - sums: The sum of output `n` stands at `n * step`.
    @inline(__always)
    func finish(_ sums: UnsafePointer<Double>, step: Int, _ write: (Int, Double) -> Void) -> Int32 {
        if form.outputs == 1 {
            let value = transformed(sums[0])
            guard scores == 2 else {
                write(0, value)
                return 0
            }
            write(0, form.transform == .none ? -value : 1 - value)
            write(1, value)
            return sums[0] > 0 ? 1 : 0
        }
        var best = 0
        for output in 1..<form.outputs where sums[output * step] > sums[best * step] { best = output }
        if form.transform == .softmax || form.transform == .softmaxZero {
            softmax(sums, step, top: sums[best * step], write)
        } else {
            for output in 0..<form.outputs { write(output, transformed(sums[output * step])) }
        }
        return Int32(best)
    }

    private func softmax(_ sums: UnsafePointer<Double>, _ step: Int, top: Double, _ write: (Int, Double) -> Void) {
        func power(_ output: Int) -> Double {
            let value = sums[output * step]
            return form.transform == .softmaxZero && abs(value) <= 1e-7 ? 0 : exp(value - top)
        }
        var total = 0.0
        for output in 0..<form.outputs { total += power(output) }
        for output in 0..<form.outputs { write(output, power(output) / total) }
    }

    /// A transform that looks at one number alone.
    private func transformed(_ value: Double) -> Double {
        switch form.transform {
        case .none, .softmax, .softmaxZero: value
        case .logistic: 1 / (1 + exp(-form.slope * value))
        case .probit: TreeEnsemble.probit(value)
        case .exponential: exp(value)
        // why: the second form is the same number, and does not overflow.
        case .softplus: value < 30 ? log1p(exp(value)) : value + exp(-value)
        case .step: value > 0 ? 1 : 0
        case .signedSquare: value * abs(value)
        }
    }
}
