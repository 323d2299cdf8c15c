public import CasemateCore
public import CasemateData

/// What a user chose of an attack; what is left out is found or has its published default.
public struct PoisoningChoices: Hashable, Sendable {
    /// Rows of an insider's group, over training and test rows.
    public struct Group: Hashable, Sendable {
        /// Column and value that say who belongs to it.
        public let column: String, value: String
        /// Whether each training and each test row belongs to it.
        public let train: [Bool], test: [Bool]
        /// Makes a group.
        public init(column: String, value: String, train: [Bool], test: [Bool]) {
            (self.column, self.value, self.train, self.test) = (column, value, train, test)
        }
    }
    /// The class that attacks bring about.
    public var target: Int32?
    /// The class whose labels are flipped.
    public var source: Int32?
    /// Segment whose labels are flipped.
    public var segment: [PoisoningCondition]?
    /// Values that together are the trigger of a table.
    public var trigger: [PoisoningCondition]?
    /// The insider's group.
    public var group: Group?
    /// Word that is the trigger of texts.
    public var token: String?
    /// Place and size of the trigger of pictures.
    public var patch: DataPattern.Patch?
    /// Share of the pattern in a blended picture. Source of the default: Chen et al. 2017.
    public var blend: Float = 0.2
    /// Rounds of retraining of the attack with good words.
    public var rounds = 5
    /// Good words in each of its messages in the first round.
    public var goodWords = 60
    /// Most words of a dictionary message.
    public var dictionary = 20_000
    /// Messages that the focused attack and the one with good words are aimed at, one after the other.
    public var messages = 20
    /// Probability that the focused attacker knows a word of the message.
    public var guess = 0.5
    /// Makes choices of nothing.
    public init() {}
}

/// Training and test data, and what is known about them.
public struct PoisoningProblem: Sendable {
    /// What is poisoned, and what victims are judged by.
    public let train: PoisoningData, test: PoisoningData
    /// Names of the classes.
    public let classes: [String]
    /// The class that people want; `nil` where none is named.
    public let favourable: Int32?
    /// What an attacker may write into a row; `nil` leaves everything within what the data hold.
    public var space: FeatureSpace?
    /// Score of a class from which it is decided; `nil` takes the class of the highest score.
    public var threshold: (positive: Int32, value: Double)?
    /// What the user chose.
    public var choices = PoisoningChoices()

    /// Makes a problem.
    /// - Throws: `mismatch` for data of two kinds and labels beyond the classes, `unusableData` where training or test
    ///   data are empty or have one class.
    public init(
        train: PoisoningData, test: PoisoningData, classes: [String], favourable: Int32? = nil,
        space: FeatureSpace? = nil
    ) throws(CasemateError) {
        guard train.medium == test.medium, train.width == test.width, train.features == test.features else {
            throw CasemateError(
                .mismatch, at: "test data", "the test data are not like the training data",
                help: "give both with the same columns, or in the same shape")
        }
        let known = 0..<Int32(clamping: classes.count)
        guard (train.labels + test.labels).allSatisfy(known.contains), favourable.map(known.contains) ?? true else {
            throw CasemateError(
                .mismatch, at: "labels", "a label is none of the \(classes.count) classes",
                help: "number the classes from 0")
        }
        guard Set(train.labels).count > 1, test.count > 0 else {
            throw CasemateError(
                .unusableData, at: "training data",
                test.count == 0 ? "there are no test rows" : "all rows have the same label",
                help: "give labelled rows of two classes at least, and test rows")
        }
        (self.train, self.test, self.classes, self.favourable) = (train, test, classes, favourable)
        self.space = space
    }

    /// The class that integrity attacks bring about: the one chosen, else the favourable one, else class 0.
    public var wanted: Int32 { choices.target ?? favourable ?? 0 }

    /// The class that availability attacks bring about: the most frequent unfavourable one; `nil` without a favourable.
    public var unwanted: Int32? {
        guard let favourable else { return nil }
        var counts = [Int](repeating: 0, count: classes.count)
        for label in train.labels where label != favourable { counts[Int(label)] += 1 }
        return counts.indices.max { (counts[$0], $1) < (counts[$1], $0) }.map { Int32($0) }
    }

    /// Name of a class.
    public func name(_ label: Int32) -> String { classes[Int(label)] }

    /// Decisions of scores, `[count, classes]`: the highest, the first of equals, or by the threshold.
    public func decisions(_ scores: [Double]) -> [Int32] {
        let width = classes.count
        return (0..<scores.count / max(1, width)).map { row in
            if let threshold, width == 2 {
                return scores[row * 2 + Int(threshold.positive)] >= threshold.value
                    ? threshold.positive : 1 - threshold.positive
            }
            var best = 0
            for index in 1..<max(1, width) where scores[row * width + index] > scores[row * width + best] {
                best = index
            }
            return Int32(best)
        }
    }
}
