import CasemateData

/// What a feature space says about whole rows, in the form in which attacks use it: the one door to it.
struct EvasionRules: Sendable {
    let space: FeatureSpace
    /// Whether rows have to be repaired: features that follow from others, relations, a limit of changes or of cost.
    let areNeeded: Bool
    /// The most features that may change; `nil` for no limit.
    var maxChanges: Int? { space.maxChanges }

    init(_ space: FeatureSpace) { (self.space, areNeeded) = (space, space.hasRules) }

    /// Makes a lawful row of a proposal; false where there is none to be had.
    func repair(_ row: UnsafeMutableBufferPointer<Float>, around original: UnsafeBufferPointer<Float>) -> Bool {
        space.repair(row, around: original)
    }

    /// What a change costs.
    func cost(from original: UnsafeBufferPointer<Float>, to row: UnsafeBufferPointer<Float>) -> Double {
        space.cost(from: original, to: row)
    }
}
