import CasemateAttacks
import Testing

/// Minimum-norm attacks on linear models, where the smallest perturbation is known exactly, also at the border of the
/// box. Nothing may be closer than the exact distance, up to the rounding of floats.
@Suite struct MinimumNormLinearTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let attack: any WhiteBoxAttack, norm: PerturbationSet.Norm
        /// Most that found over exact distance may be in the median and at all: samples in the middle of the box, all
        /// over it.
        let middle: (median: Double, largest: Double), border: (median: Double, largest: Double)
        var classes: Int?
        var testDescription: String { "\(type(of: attack).identifier) \(norm)" }
    }
    static let cases: [Case] =
        [PerturbationSet.Norm.linf, .l2, .l1].flatMap { norm in
            [FastAdaptiveBoundary() as any WhiteBoxAttack, TargetedFastAdaptiveBoundary()].map {
                Case(attack: $0, norm: norm, middle: (1.001, 1.006), border: (1.001, 1.01))
            }
        }
        + [PerturbationSet.Norm.linf, .l2, .l1].map {
            Case(attack: FastMinimumNorm(), norm: $0, middle: (1.001, 1.002), border: (1.001, 1.01))
        }
        + [PerturbationSet.Norm.linf, .l2].map {
            // why: its overshoot of 2 %, and the constant that every step is longer
            Case(attack: DeepFool(), norm: $0, middle: (1.022, 1.05), border: (1.022, 1.06))
        }
        + [
            Case(attack: FastMinimumNorm(), norm: .l0, middle: (1, 2), border: (1, 2)),
            // why: the cross-entropy's gradient leads to the nearest boundary only when there is but one
            Case(attack: DecoupledDirection(), norm: .l2, middle: (1.01, 1.01), border: (1.01, 1.05), classes: 2),
            Case(attack: CarliniWagner(), norm: .l2, middle: (1.002, 1.02), border: (1.01, 1.05)),
        ]

    @Test(arguments: cases)
    func comesCloseToTheExactDistance(_ one: Case) throws {
        for (inner, limit) in [(0.4, one.middle), (1, one.border)] as [(Float, (median: Double, largest: Double))] {
            let found = try LinearComparison(one.attack, one.norm, inner: inner, classes: one.classes)
            #expect(found.ratios.count >= 30 && found.smallest >= 1 - 1e-6)
            #expect(found.median <= limit.median, "inner part \(inner)")
            #expect(found.largest <= limit.largest, "inner part \(inner)")
        }
    }

    /// Sizes of steps are in units of the box: data in 0...255 or around 0 are served as well as those in 0...1.
    @Test(arguments: cases)
    func servesOtherBoxes(_ one: Case) throws {
        for (low, high) in [(0, 255), (-2, 2)] as [(Float, Float)] {
            let found = try LinearComparison(
                one.attack, one.norm, low: low, high: high, classes: 2, models: 3, samples: 4)
            #expect(found.ratios.count >= 8 && found.smallest >= 1 - 1e-5)
            #expect(found.median <= one.middle.median + 0.01)
        }
    }
}
