public import CasemateCore

extension WhiteBoxAttack {
    /// The attack with another number of steps, for those that count their work in steps of one kind.
    /// - Throws: `CasemateError` with `invalid-setting` for a number that makes no sense, or an attack whose steps are
    ///   fixed by its publication.
    public func withSteps(_ steps: Int) throws(CasemateError) -> any WhiteBoxAttack {
        guard (1...1_000_000).contains(steps) else {
            throw CasemateError(
                .invalidSetting, at: "steps", "\(steps) steps make no sense", help: "give 1 to 1000000")
        }
        switch self {
        case var attack as ProjectedGradientDescent: return set(&attack) { $0.steps = steps }
        case var attack as MomentumIterative: return set(&attack) { $0.steps = steps }
        case var attack as AutoPGDCrossEntropy: return set(&attack) { $0.steps = steps }
        case var attack as AutoPGDLogitsRatio: return set(&attack) { $0.steps = steps }
        case var attack as AutoPGDTargeted: return set(&attack) { $0.steps = steps }
        case var attack as FastAdaptiveBoundary: return set(&attack) { $0.configuration.iterations = steps }
        case var attack as TargetedFastAdaptiveBoundary: return set(&attack) { $0.configuration.iterations = steps }
        case var attack as SquareAttack: return set(&attack) { $0.queries = steps }
        case var attack as DeepFool: return set(&attack) { $0.iterations = steps }
        case var attack as DecoupledDirection: return set(&attack) { $0.iterations = steps }
        case var attack as FastMinimumNorm: return set(&attack) { $0.iterations = steps }
        case var attack as CarliniWagner: return set(&attack) { $0.iterations = steps }
        default:
            throw CasemateError(
                .invalidSetting, at: "steps", "'\(Self.identifier)' has no number of steps to choose",
                help: "leave --steps out, or choose an attack such as pgd or apgd-ce")
        }
    }

    private func set<Attack: WhiteBoxAttack>(_ attack: inout Attack, _ change: (inout Attack) -> Void) -> Attack {
        change(&attack)
        return attack
    }
}
