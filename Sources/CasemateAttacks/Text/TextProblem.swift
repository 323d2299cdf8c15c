public import CasemateCore

/// Texts to attack, and what the attacker has beside them.
public struct TextProblem: Sendable {
    /// The texts.
    public let texts: [String]
    /// The right decision on each: the attacker wants another one.
    public let labels: [Int32]
    /// What results call each text, and the stream of its random numbers; all different.
    public let identifiers: [Int]
    /// Texts that the attacker knows, from which good words are taken; none of those attacked.
    public let known: [String]
    /// What kind the known texts are, as the attacker knows.
    public let knownLabels: [Int32]
    /// Neighbours of words, for synonyms.
    public let neighbours: WordNeighbours?

    /// Makes a problem.
    /// - Throws: `mismatch` where the lists do not fit each other.
    public init(
        texts: [String], labels: [Int32], identifiers: [Int], known: [String] = [], knownLabels: [Int32] = [],
        neighbours: WordNeighbours? = nil
    ) throws(CasemateError) {
        guard texts.count == labels.count, texts.count == identifiers.count, known.count == knownLabels.count,
            Set(identifiers).count == identifiers.count
        else {
            throw CasemateError(
                .mismatch, at: "texts",
                "\(texts.count) texts, \(labels.count) labels, \(identifiers.count) identifiers; \(known.count) known "
                    + "texts, \(knownLabels.count) labels",
                help: "give every text one label and an identifier of its own")
        }
        (self.texts, self.labels, self.identifiers) = (texts, labels, identifiers)
        (self.known, self.knownLabels, self.neighbours) = (known, knownLabels, neighbours)
    }
}

/// What attacks on texts may do.
public struct TextAttackSettings: Hashable, Sendable {
    /// Operators that are tried, each by itself and all together.
    public var operators = TextOperator.allCases
    /// Most edits of a text: Unicode scalars inserted, deleted or replaced.
    public var edits = 40
    /// Most words of a text that are inserted, deleted or changed.
    public var words = 5
    /// Most queries a text and operator.
    public var queries = 1_000
    /// What the attacker is told of an answer.
    public var access = TextAccess.scores
    /// Words that are tested for the list of good words; texts of the attacker on which they are tested.
    public var dictionary = 1_000, carriers = 20
    /// Good words kept.
    public var goodWords = 100
    /// Longer texts, in Unicode scalars, are not attacked, and counted.
    public var longest = 20_000
    /// What a filter could do to texts before it reads them.
    public var normaliser = TextNormaliser()
    /// Makes the default settings.
    public init() {}
}
