/// What the hot loops need of a rule, without anything that is counted by reference.
struct FeatureSpacePlainRule: BitwiseCopyable, Sendable {
    enum Kind: Sendable { case continuous, integer, ordinal, category }
    let kind: Kind
    let low: Float, high: Float, scale: Float
    let isImmutable: Bool
    let mayIncrease: Bool, mayDecrease: Bool
    /// Cost of each scale unit, or of a move that is not listed, and of any change.
    let increase: Double, decrease: Double, fixed: Double
    /// Whether moves of a category have costs of their own.
    let hasMoveCosts: Bool

    init(_ rule: FeatureSpace.Rule) {
        kind =
            switch rule.domain {
            case .continuous: .continuous
            case .integer: .integer
            case .ordinal: .ordinal
            case .categorical: .category
            }
        (low, high, scale, isImmutable) = (rule.low, rule.high, rule.scale, rule.isImmutable)
        (mayIncrease, mayDecrease) = (rule.direction != .decrease, rule.direction != .increase)
        let cost = rule.cost ?? FeatureSpace.Cost()
        (increase, decrease, fixed, hasMoveCosts) = (cost.increase, cost.decrease, cost.fixed, !cost.moves.isEmpty)
    }

    /// Smallest and largest value that a number can have beside its original one.
    @inline(__always)
    func limits(from original: Float) -> (bottom: Float, top: Float) {
        (mayDecrease ? low : max(low, original), mayIncrease ? high : min(high, original))
    }

    /// What `FeatureSpace.Rule.nearest` says, for a continuous feature or one of whole numbers.
    @inline(__always)
    func nearestNumber(to value: Float, from original: Float) -> Float {
        if isImmutable || original.isNaN || value == original || value.isNaN { return original }
        let (bottom, top) = limits(from: original)
        guard bottom <= top else { return original }
        let found: Float
        if kind == .integer {
            let (first, last) = (bottom.rounded(.up), top.rounded(.down))
            guard first <= last else { return original }
            found = min(max(value.rounded(), first), last)
        } else {
            found = min(max(value, bottom), top)
        }
        guard found.isFinite else { return original }
        if value.isInfinite { return (value > 0 ? high : low).isFinite ? found : original }
        return abs(found - value) < abs(original - value) ? found : original
    }
}
