public import CasemateCore

/// A share with what it rests on.
public struct PoisoningRate: Hashable, Sendable {
    /// Samples for which something holds, and all of them.
    public let successes: Int, trials: Int
    /// Makes a rate.
    public init(_ successes: Int, of trials: Int) { (self.successes, self.trials) = (successes, trials) }
    /// The share; `nil` of nothing.
    public var value: Double? { trials > 0 ? Double(successes) / Double(trials) : nil }
    /// Wilson's interval of it.
    public var interval: Interval? { Intervals.wilson(successes: successes, trials: trials) }
}

/// How a victim decides.
public struct PoisoningMeasure: Hashable, Sendable {
    /// Test rows as they are that are decided rightly.
    public let accuracy: PoisoningRate
    /// Unfavourable test rows decided favourably (bad let through), and favourable ones decided unfavourably (good turned
    /// away); `nil` without a favourable class.
    public let falsePositives: PoisoningRate?, falseNegatives: PoisoningRate?
    /// Attacked samples decided as the attacker wants.
    public let success: PoisoningRate

    init(decisions: [Int32], labels: [Int32], favourable: Int32?, success: PoisoningRate) {
        accuracy = PoisoningRate(zip(decisions, labels).count { $0 == $1 }, of: labels.count)
        self.success = success
        guard let favourable else {
            (falsePositives, falseNegatives) = (nil, nil)
            return
        }
        let pairs = zip(decisions, labels)
        let good = labels.count { $0 == favourable }
        falsePositives = PoisoningRate(
            pairs.count { $0 == favourable && $1 != favourable }, of: labels.count - good)
        falseNegatives = PoisoningRate(pairs.count { $0 != favourable && $1 == favourable }, of: good)
    }
}

/// What became of poisoning.
public struct PoisoningResult: Sendable {
    /// What became of the samples that came before one training in rounds.
    public struct Round: Hashable, Sendable {
        /// Samples planted, and those of them that carry the class that the attacker wants; of all trials.
        public let sent: Int, accepted: Int
    }
    /// One attack at one share, once.
    public struct Point: Sendable {
        /// Share of the training rows that was asked for, and which repeat it is, from 0.
        public let share: Double, repeated: Int
        /// Rows of the data handed to the victim that differ from the clean ones, counted there; of the first trial.
        public let rows: Int
        /// Of these, rows whose label says what the attacker wants; fewer than `rows` only where the victim labelled them.
        public let accepted: Int
        /// How the victim decides.
        public let measure: PoisoningMeasure
        /// Round by round what was planted; one round for attacks that do not wait for the victim.
        public let rounds: [Round]
        /// What was planted in the first trial; kept for the first repeat only, empty for the others.
        public let plants: [Plant]
    }
    /// One attack.
    public struct Attack: Sendable {
        /// Name and heading.
        public let identifier: String, title: String
        /// What it is after.
        public let violation: Taxonomy.Violation
        /// What it was aimed at in each repeat.
        public let aims: [PoisoningAim]
        /// The victim of clean data, by repeat.
        public let baselines: [PoisoningMeasure]
        /// The curve: shares ascending, repeats within a share.
        public let points: [Point]
    }
    /// Attacks that applied.
    public let attacks: [Attack]
    /// Attacks that did not, by name, with the reason.
    public let skipped: [(identifier: String, reason: String)]
    /// Whether points are missing because time ran out.
    public let isPartial: Bool
    /// The victim and its settings in words.
    public let victim: String

    /// How the victim of clean data decides on the test data; `nil` where no attack applied.
    public var clean: PoisoningMeasure? { attacks.lazy.compactMap(\.baselines.first).first }
}

extension PoisoningResult.Attack {
    /// Shares of the curve, ascending.
    public var shares: [Double] { Set(points.map(\.share)).sorted() }
    /// Points of a share, by repeat.
    public func points(at share: Double) -> [PoisoningResult.Point] { points.filter { $0.share == share } }
    /// What an attack of this aim breaks: the direction of a target class where one is known to be favourable or not,
    /// else what the attack is for.
    public func direction(favourable: Int32?) -> Taxonomy.Violation {
        guard let target = aims.first?.target, let favourable else { return violation }
        return target == favourable ? .integrity : .availability
    }
}
