/// What is known about the smallest change that moves one row into another class.
public struct TreeCertificate: Hashable, Sendable {
    /// Class of the row: an index of the model's classes, or 0 and 1 for a threshold.
    public let predicted: Int32
    /// The infimum of the distances to allowed rows of another class is at least `lower` and at most `upper`. Both are
    /// infinite where no allowed row is of another class; `upper` alone is where none was found in time.
    public let lower: Double, upper: Double
    /// A row of another class, checked with the model's own arithmetic, at distance `upper` up to the last digit of its
    /// values: a move down across `x < t` has to end below `t`. `nil` where `upper` is infinite.
    public let witness: [Float]?
    /// Class of the witness.
    public let witnessLabel: Int32?
    /// Boxes looked at.
    public let nodes: Int

    /// Whether the smallest change is known exactly.
    public var isExact: Bool { lower == upper }
}
