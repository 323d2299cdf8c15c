/// A segment in which the mean of some value differs from the rest of the rows.
public struct FoundSegment: Hashable, Sendable {
    /// Where.
    public let segment: Segment
    /// Rows of the data in it.
    public let count: Int
    /// Rows of it among those it was tested on.
    public let tested: Int
    /// Mean of the values in it and outside of it, on the rows it was tested on: the search did not see them, so that
    /// neither is flattered by it.
    public let inside: Double, outside: Double
    /// Two-sided p-value, adjusted by Holm over the segments that were tested.
    public let pValue: Double
    /// Makes a result.
    public init(segment: Segment, count: Int, tested: Int, inside: Double, outside: Double, pValue: Double) {
        (self.segment, self.count, self.tested) = (segment, count, tested)
        (self.inside, self.outside, self.pValue) = (inside, outside, pValue)
    }
}
