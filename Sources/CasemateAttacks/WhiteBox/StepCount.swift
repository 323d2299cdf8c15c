public import CasemateCore

/// An attack that counts its work in steps of one kind.
protocol StepwiseAttack: WhiteBoxAttack {
    /// Where it keeps the number of steps.
    static var stepCount: WritableKeyPath<Self, Int> { get }
}

extension StepwiseAttack {
    /// The same attack with another number of steps, made from its own.
    func stepping(_ change: (Int) -> Int) -> any WhiteBoxAttack {
        var copy = self
        copy[keyPath: Self.stepCount] = change(self[keyPath: Self.stepCount])
        return copy
    }
}

extension WhiteBoxAttack {
    /// The attack with another number of steps, for those that count their work in steps of one kind.
    /// - Throws: `CasemateError` with `invalid-setting` for a number that makes no sense, or an attack whose steps are
    ///   fixed by its publication.
    public func withSteps(_ steps: Int) throws(CasemateError) -> any WhiteBoxAttack {
        guard (1...1_000_000).contains(steps) else {
            throw CasemateError(
                .invalidSetting, at: "steps", "\(steps) steps make no sense", help: "give 1 to 1000000")
        }
        guard let attack = self as? any StepwiseAttack else {
            throw CasemateError(
                .invalidSetting, at: "steps", "'\(Self.identifier)' has no number of steps to choose",
                help: "leave --steps out, or choose an attack such as pgd or apgd-ce")
        }
        return attack.stepping { _ in steps }
    }
}

extension ProjectedGradientDescent: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.steps } }
extension MomentumIterative: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.steps } }
extension AutoPGDCrossEntropy: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.steps } }
extension AutoPGDLogitsRatio: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.steps } }
extension AutoPGDTargeted: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.steps } }
extension FastAdaptiveBoundary: StepwiseAttack {
    static var stepCount: WritableKeyPath<Self, Int> { \.configuration.iterations }
}
extension SquareAttack: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.queries } }
extension DeepFool: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.iterations } }
extension DecoupledDirection: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.iterations } }
extension FastMinimumNorm: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.iterations } }
extension CarliniWagner: StepwiseAttack { static var stepCount: WritableKeyPath<Self, Int> { \.iterations } }
extension TargetedFastAdaptiveBoundary: StepwiseAttack {
    static var stepCount: WritableKeyPath<Self, Int> { \.configuration.iterations }
}
