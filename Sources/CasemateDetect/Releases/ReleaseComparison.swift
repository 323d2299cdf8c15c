public import CasemateCore
public import CasemateData

/// What two releases of a model say about the same rows: which decisions changed, and in which segments scores moved
/// although no row did.
///
/// Two trainings of one model differ a little everywhere. A segment is reported when its scores moved by much more than
/// those of other rows did, on rows that the search did not see. Deterministic in the seed.
public struct ReleaseComparison: Sendable {
    /// What both releases answered; all lists have one entry a row.
    public struct Answers: Sendable {
        /// Scores of each release, the higher the better for the person; `nil` where they cannot be compared.
        public var scores: (old: [Double], new: [Double])?
        /// Decisions of each release.
        public var decisions: (old: [Int32], new: [Int32])
        /// The decision that is good for the person; `nil` where none is declared.
        public var favourable: Int32?
        /// The right decision of each row.
        public var labels: [Int32]
        /// Makes answers.
        public init(
            scores: (old: [Double], new: [Double])?, decisions: (old: [Int32], new: [Int32]), favourable: Int32?,
            labels: [Int32]
        ) {
            (self.scores, self.decisions, self.favourable, self.labels) = (scores, decisions, favourable, labels)
        }
    }
    /// How it is tested.
    public struct Settings: Hashable, Sendable {
        /// Smallest difference of mean score change between a segment and the rest, on the scale of the scores, …
        public var minimumChange = 0.1
        /// … and in standard deviations of the change of the other rows.
        public var minimumDeviations = 2.0
        /// Fewest rows of a segment, most conditions, most segments.
        public var minimumRows = 30, conditions = 3, segments = 5
        /// Level of significance.
        public var alpha = 0.01
        /// Makes the defaults.
        public init() {}
    }
    /// Whether labels bear a change out.
    public enum Support: String, Hashable, Sendable { case better, worse, undecided }
    /// A segment whose scores moved.
    public struct Moved: Hashable, Sendable {
        /// Where, with the mean changes inside and outside on rows that the search did not see.
        public let found: FoundSegment
        /// 95 % interval of the mean change over all rows of the segment; not adjusted for the search.
        public let interval: Interval?
        /// Mean score of the old and the new release in it.
        public let old: Double, new: Double
        /// Decisions that became favourable and unfavourable, over all its rows.
        public let gained: Int, lost: Int
        /// p-value, on unseen rows and adjusted, that decisions in it changed in this direction no more than elsewhere;
        /// `nil` where they did not.
        public let decisionsPValue: Double?
        /// Rows that only the old and only the new release decides rightly.
        public let onlyOldRight: Int, onlyNewRight: Int
        /// Whether the labels bear the change out.
        public let support: Support
    }
    /// Agreement of decisions.
    public let decisions: PairedDecisions
    /// Decisions that became favourable and unfavourable; all changed ones are in `gained` without a favourable one.
    public let gained: Int, lost: Int
    /// Rows that only the old and only the new release decides rightly, and the exact p-value that both are as likely.
    public let onlyOldRight: Int, onlyNewRight: Int, performancePValue: Double
    /// The change of scores, where they can be compared.
    public let scores: ScoreShift?
    /// Areas under the ROC curve, for two classes with comparable scores.
    public let areas: PairedAreas?
    /// Segments whose scores moved, the clearest first.
    public let segments: [Moved]

    /// Compares two releases over the rows of `matrix`.
    /// - Throws: `Cancelled`.
    public init(
        _ answers: Answers, over matrix: FeatureMatrix, settings: Settings = .init(), seed: UInt64,
        cancellation: Cancellation
    ) throws {
        let (old, new) = answers.decisions
        precondition(old.count == matrix.count && new.count == matrix.count && answers.labels.count == matrix.count)
        decisions = PairedDecisions(old, new)
        let flips = Self.flips(answers)
        (gained, lost) = (flips.count { $0 > 0 }, flips.count { $0 < 0 })
        let right = Self.right(answers, rows: old.indices)
        (onlyOldRight, onlyNewRight) = right
        performancePValue = PairedDecisions.mcNemar(right.old, right.new)
        guard let scores = answers.scores, matrix.count > 0 else {
            (self.scores, areas, segments) = (nil, nil, [])
            return
        }
        self.scores = try ScoreShift(old: scores.old, new: scores.new, seed: seed, cancellation: cancellation)
        let positive = answers.favourable ?? 1
        areas =
            Set(answers.labels).union(old).union(new).count > 2
            ? nil : PairedAreas(labels: answers.labels.map { $0 == positive }, old: scores.old, new: scores.new)
        segments = try SegmentChanges(answers, scores, flips, matrix, settings, seed: seed).run(cancellation)
    }

    /// 1 where a decision became favourable, -1 where it became unfavourable, 0 where it stayed.
    static func flips(_ answers: Answers) -> [Double] {
        zip(answers.decisions.old, answers.decisions.new).map { old, new in
            if old == new { return 0 }
            guard let good = answers.favourable else { return 1 }
            return new == good ? 1 : old == good ? -1 : 0
        }
    }
    /// Rows that only one release decides rightly.
    static func right(_ answers: Answers, rows: some Sequence<Int>) -> (old: Int, new: Int) {
        var counts = (old: 0, new: 0)
        for row in rows {
            let (old, new) = (answers.decisions.old[row], answers.decisions.new[row])
            if old == answers.labels[row], new != old { counts.old += 1 }
            if new == answers.labels[row], new != old { counts.new += 1 }
        }
        return counts
    }
}
