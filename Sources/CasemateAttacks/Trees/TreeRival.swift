import CasemateModels

/// A class that a row may move to, as a linear condition on the leaves that it ends in.
///
/// Every row that the model puts into the class fulfils the condition; rows within the rounding error of the sums may
/// fulfil it without being put there, so the model judges what a search finds.
struct TreeRival: Sendable {
    /// The class.
    let label: Int32
    /// What a weight counts, by output.
    let coefficients: [Double]
    /// The sum of the counted weights of all leaves is at least this.
    let needed: Double
}

/// Bounds of the rounding error of sums, output by output.
struct TreeRounding: Sendable {
    /// Largest difference between the sum as evaluated and the sum of the weights; 0 where all sums are exact.
    let errors: [Double]
    /// Largest absolute value of a partial sum.
    let sizes: [Double]

    /// Looks at the weights of all leaves; `bases` are added to each output first or last.
    init(_ ensemble: TreeEnsemble, bases: [Double]) {
        let outputs = ensemble.form.outputs
        let (unit, digits) = ensemble.form.isDouble ? (0x1p-53, 53) : (0x1p-24, 24)
        var errors = bases.map { abs($0) * unit }
        var sizes = bases.map(abs)
        var lowest = bases.map(Self.lowestBit)
        var largest = [Double](repeating: 0, count: outputs)
        for tree in 0..<ensemble.trees {
            for output in 0..<outputs { largest[output] = 0 }
            for node in ensemble.range(ofTree: tree) {
                for weight in ensemble.weights(ofNode: node) {
                    let output = Int(weight.output)
                    largest[output] = max(largest[output], abs(weight.value))
                    lowest[output] = min(lowest[output], Self.lowestBit(weight.value))
                }
            }
            for output in 0..<outputs where largest[output] > 0 {
                sizes[output] += largest[output]
                errors[output] += sizes[output] * unit
            }
        }
        for output in 0..<outputs {
            // why: two more roundings (of a base or an average) and the float64 sums of the search itself.
            errors[output] = 1.02 * (errors[output] + 2 * unit * sizes[output])
            let isExact = sizes[output] == 0 || Int(sizes[output].exponent) - lowest[output] < digits
            if isExact, ensemble.form.aggregate == .sum { errors[output] = 0 }
        }
        (self.errors, self.sizes) = (errors, sizes)
    }

    /// Exponent of the lowest bit that is set.
    private static func lowestBit(_ value: Double) -> Int {
        value == 0 || !value.isFinite ? .max : Int(value.exponent) - value.significandWidth
    }
}
