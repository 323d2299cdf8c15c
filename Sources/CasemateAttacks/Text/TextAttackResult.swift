/// What attacks on texts achieved, after every changed text was asked about and counted anew.
public struct TextAttackResult: Hashable, Sendable {
    /// What became of one text.
    public enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        /// The model decided wrongly before anything was changed.
        case alreadyReached
        /// A changed text was found and survived the re-check.
        case found
        /// The search ended without one. This says nothing about whether one exists.
        case notFound
        /// A text was found and did not survive the re-check.
        case discarded
        /// The search was stopped before it had found one.
        case unfinished
        /// The text is longer than the settings allow.
        case tooLong
    }
    /// One text under one attack.
    public struct Sample: Hashable, Sendable {
        /// As given in the problem.
        public let identifier: Int
        /// What became of it.
        public let outcome: Outcome
        /// The changed text; `nil` without a success.
        public let text: String?
        /// What the model says to the changed text; `nil` without a success.
        public let label: Int32?
        /// Edits and words, recounted; 0 without a success.
        public let edits: Int, words: Int
        /// Operators that it took, in the order of `TextOperator`.
        public let operators: [TextOperator]
        /// Texts that the model was asked about for this one, without the re-check.
        public let queries: Int
        /// Whether the model is still wrong once the changed text is normalised.
        public let survivesNormalisation: Bool
        /// Whether any changed text that was found for this one survives normalisation: what is left to an attacker who
        /// knows of it.
        public let hasSurvivor: Bool
        /// Whether the text was attacked.
        public var isAttacked: Bool { outcome != .alreadyReached && outcome != .tooLong }
    }
    /// One attack over all texts.
    public struct Attack: Hashable, Sendable {
        /// The operator; `nil` for all of them together, the cheapest success of any.
        public let by: TextOperator?
        /// One entry a text of the problem, in its order.
        public let samples: [Sample]
        /// How many have this outcome.
        public func count(_ outcome: Outcome) -> Int { samples.count { $0.outcome == outcome } }
        /// What reports call it.
        public var name: String { by?.rawValue ?? "combined" }
        /// The successes.
        public var found: [Sample] { samples.filter { $0.outcome == .found } }
    }
    /// One attack an operator, in the order of `TextOperator`, then all together.
    public let attacks: [Attack]
    /// Lists of good words, one for each decision that was attacked.
    public let lists: [GoodWordList]
    /// Decision on each text of the problem once it is normalised.
    public let normalisedLabels: [Int32]
    /// Queries of the re-check and of all measurements that no attacker needs.
    public let checkQueries: Int
    /// Whether the search was stopped by its deadline.
    public let isPartial: Bool

    /// All texts that the model was asked about.
    public var queries: Int {
        let single = attacks.flatMap { $0.by == nil ? [] : $0.samples }.reduce(0) { $0 + $1.queries }
        return single + mixedQueries + checkQueries + lists.reduce(0) { $0 + $1.queries }
    }
    /// Queries of the search with all operators mixed; the combined attack's samples count those of all.
    let mixedQueries: Int
    /// The attack with all operators.
    public var combined: Attack? { attacks.last { $0.by == nil } }
}

/// Words that push texts away from one decision.
public struct GoodWordList: Hashable, Sendable {
    /// One word.
    public struct Word: Hashable, Sendable {
        /// The word.
        public let word: String
        /// Mean fall of the score (or share of border texts turned) on the attacker's own texts.
        public let effect: Double
        /// Place among the good words in the order in which they were tested, from 1.
        public let found: Int
        /// Texts of the attacker that the word alone turned, of `carriers`.
        public let chosenFlips: Int
        /// Texts attacked that the word alone turns, measured apart; `nil` for words that were not measured.
        public var flips: Int?
        /// Texts attacked that it turns together with all words before it in the list.
        public var flipsTogether: Int?
    }
    /// The decision from which words push away.
    public let label: Int32
    /// The best first.
    public internal(set) var words: [Word]
    /// Texts of the attacker on which words were tested.
    public let carriers: Int
    /// Texts on which the list was measured: those attacked with this decision.
    public internal(set) var measured = 0
    /// Queries that finding the list took.
    public let queries: Int
}
