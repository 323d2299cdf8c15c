public import CasemateCore

/// A way of poisoning training data. One file, one catalogue line, one section of `docs/probes/poisoning.md`.
///
/// An attack proposes; `PoisoningRun` disposes: it plants, counts what the victim is given, checks that it is lawful,
/// trains the victim anew and measures.
public protocol PoisoningAttack: Sendable {
    /// Stable name in configuration, reports and on the command line, in snake case.
    static var identifier: String { get }
    /// Heading in reports.
    static var title: String { get }
    /// What it can poison.
    static var media: [PoisoningMedium] { get }
    /// What it is after: bad let through, or good turned away.
    static var violation: Taxonomy.Violation { get }
    /// Creates the attack with its published settings.
    init()
    /// Why it does not apply, with what to add; `nil` when it does.
    func reasonNotToRun(on problem: PoisoningProblem) -> String?
    /// Chooses what the attack is after, once for all shares of a repeat.
    /// - Throws: `unusableData` where the data hold nothing to be after; `Cancelled`.
    func aim(in session: PoisoningSession) throws -> PoisoningAim
    /// The samples to plant: `count` of them, fewer where there are no more to be had. A smaller count gives the first
    /// of a larger one, so that shares nest, unless the attack answers to what the victim does.
    /// - Parameter trial: Which of the aim's trials it is for, from 0.
    func plants(_ count: Int, trial: Int, for aim: PoisoningAim, in session: PoisoningSession) throws -> [Plant]
}

extension PoisoningAttack {
    /// It applies to everything of its media.
    public func reasonNotToRun(on problem: PoisoningProblem) -> String? { nil }
    /// Why the data are of the wrong kind for it.
    func mediumMisfit(_ problem: PoisoningProblem) -> String? {
        if Self.media.contains(problem.train.medium) { return nil }
        return "it poisons \(Self.media.map(\.rawValue).joined(separator: " and ")), these data are "
            + (problem.train.medium == .table ? "a table" : problem.train.medium.rawValue)
    }
}

/// What an attack is after, and what its success is measured on.
public struct PoisoningAim: Sendable {
    /// What an attack carries from its aim to its plants.
    public enum Payload: Hashable, Sendable {
        case none
        /// Conditions of a trigger or segment.
        case conditions([PoisoningCondition])
        /// Words.
        case words([String])
        /// A pattern over pictures, one number a value.
        case pattern([Float])
    }
    /// What is done, a clause: `label 0 on rows with PAY_0 2 and AGE 61`.
    public let words: String
    /// The class that the attack brings about; `nil` when any wrong decision serves.
    public let target: Int32?
    /// The trigger, segment or source to be found; `nil` where it has no such form.
    public var pattern: DataPattern?
    /// Training rows that the pattern describes, before anything is planted; empty without.
    public var patternRows: [Int] = []
    /// Training rows that may be touched, in the order in which they are.
    public var rows: [Int] = []
    /// Test samples as the attacker presents them, none of them of the target class, with their true labels.
    public let attacked: PoisoningData
    /// Samples of `attacked` that each trial is judged by; a trial has plants and a victim of its own.
    public var trials: [Range<Int>]
    /// What plants are made of.
    public var payload: Payload

    /// Makes an aim of one trial.
    public init(
        _ words: String, target: Int32?, attacked: PoisoningData, rows: [Int] = [], payload: Payload = .none,
        pattern: DataPattern? = nil, patternRows: [Int] = []
    ) {
        (self.words, self.target, self.attacked, self.rows) = (words, target, attacked, rows)
        (self.payload, self.pattern, self.patternRows) = (payload, pattern, patternRows)
        trials = [0..<attacked.count]
    }

    /// Whether a decision on a sample is what the attacker wants.
    public func isReached(_ decision: Int32, label: Int32) -> Bool {
        target.map { decision == $0 } ?? (decision != label)
    }
}
