/// What a sensitivity analysis found. Parts that were not finished in time are empty and named in `unfinished`.
public struct SensitivityResult: Sendable {
    /// Parts of the analysis.
    public enum Part: String, Hashable, Sendable, CaseIterable {
        case sweeps, flips, pairs, combinations
    }
    /// Swept units, in model order.
    public internal(set) var responses: [SweepResponse] = []
    /// How far each moves the score, in the same order; empty for models that tell labels only.
    public internal(set) var swings: [Swing] = []
    /// The smallest flip of each row by each unit that has one.
    public internal(set) var flips: [SingleFlip] = []
    /// Flips that the search found and the re-check refused.
    public internal(set) var discarded = 0
    /// Pairs of the most influential units.
    public internal(set) var pairs: [PairResponse] = []
    /// Rows that no single move flips and a joint one does.
    public internal(set) var jointFlips: [JointFlip] = []
    /// Places where the score jumps.
    public internal(set) var cliffs: [Cliff] = []
    /// Declared directions.
    public internal(set) var monotone: [MonotonicityResult] = []
    /// Rows that cannot be.
    public internal(set) var impossible: [ImpossibleResult] = []
    /// Decision on each row as it is; empty without decisions.
    public internal(set) var labels: [Int32] = []
    /// Score of each row as it is.
    public internal(set) var scores: [Float] = []
    /// Rows, from the first, on which averages and shares rest.
    public internal(set) var profiled = 0
    /// Names of units that were left out since there are too many: those that move the score least.
    public internal(set) var leftOut: [String] = []
    /// Rows that the model was asked.
    public internal(set) var queries = 0
    /// Parts that the time did not suffice for.
    public internal(set) var unfinished: [Part] = []

    /// Indices of `swings`, the largest first, equal ones in model order.
    public var ranking: [Int] { swings.indices.sorted { (-swings[$0].value, $0) < (-swings[$1].value, $1) } }
    /// The smallest flip of each row that has one, by row.
    public var smallestFlips: [SingleFlip] {
        var best: [Int: SingleFlip] = [:]
        for flip in flips where flip.distance < best[flip.sample]?.distance ?? .infinity { best[flip.sample] = flip }
        return best.keys.sorted().compactMap { best[$0] }
    }
}
