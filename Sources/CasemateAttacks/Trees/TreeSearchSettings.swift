public import CasemateData

/// What an exact search over trees is asked, and how long it may take.
public struct TreeSearchSettings: Hashable, Sendable {
    /// Measure of a change: `linf`, `l1` or `l2`.
    public var norm: FeatureSpace.Norm
    /// With a number, only whether a change of at most this size exists is decided: the search ends as soon as `lower`
    /// is above it or `upper` is not.
    public var epsilon: Double?
    /// Most boxes looked at for one row.
    public var mostNodes: Int
    /// Most seconds for one row; `nil` leaves it to the context's deadline.
    public var seconds: Double?

    /// Makes settings; without more, L∞ is searched to the end or to a million boxes, about half a minute.
    public init(
        norm: FeatureSpace.Norm = .linf, epsilon: Double? = nil, mostNodes: Int = 1_000_000, seconds: Double? = nil
    ) {
        (self.norm, self.epsilon, self.mostNodes, self.seconds) = (norm, epsilon, mostNodes, seconds)
    }
}
