import CasemateAttacks
import CasemateCore
import CasemateData
import CasemateModels

/// What an attacker sees of a text classifier: decisions and, where it has them, scores.
struct TextModelOracle: TextOracle {
    let classes: Int
    let scale: TextAnswers.Scale
    private let model: any Model
    private let decision: DecisionRule
    private let cancellation: Cancellation

    /// `nil` without a decision.
    init?(_ subject: AuditSubject, _ cancellation: Cancellation) {
        guard let decision = subject.decision else { return nil }
        (self.decision, self.cancellation) = (decision, cancellation)
        model = subject.model.model
        classes = decision.classes.count
        scale =
            switch subject.predictions.kind {
            case .probabilities, .logits: .probabilities
            case .decisionValues, .value: .values
            case .labels: .none
            }
    }

    func answer(_ texts: [String]) throws -> TextAnswers {
        guard !texts.isEmpty, let input = model.signature.inputs.first else {
            return TextAnswers(labels: [], scores: [])
        }
        let shape = input.shape.count == 1 ? [texts.count] : [texts.count, 1]
        let answers = try model.predict(
            [NamedTensor(input.name, Tensor(shape: shape, .string(texts)))], cancellation: cancellation)
        try answers.rejectNonFinite("a changed text")
        let labels = decision.decide(answers)
        guard scale != .none else { return TextAnswers(labels: labels, scores: []) }
        // why: a regression has one value a row, and two decisions.
        let scores = answers.task == .regression ? answers.scores.flatMap { [-$0, $0] } : answers.scores
        return TextAnswers(labels: labels, scores: scores)
    }
}

/// The texts that are attacked, and those that the attacker knows.
struct TextRows {
    /// Test rows in file order; of equal texts the first.
    let indices: [Int]
    /// Their texts and right decisions.
    let texts: [String], labels: [Int32]
    /// Texts of the attacker, none of them attacked.
    let known: [String], knownLabels: [Int32]
    /// Test rows on which accuracy is measured, with and without normalisation.
    let judged: [Int]
    /// Equal copies that were left out, and test texts that stand in the training data, too.
    let copies: Int, leaked: Int
    /// Whether known texts are half of the test texts.
    let isHalved: Bool
    /// Known texts and judged rows at most.
    static let most = 20_000

    init(_ subject: AuditSubject, samples: Int, seed: UInt64) {
        let all = Self.texts(subject.test)
        let right = EvasionRows.labels(subject)
        var generator = SeededGenerator(seed: seed, stream: 0x74_65_78_74)
        var places: [String: Int] = [:]
        for (row, text) in all.enumerated() where places[text] == nil { places[text] = row }
        copies = all.count - places.count
        judged = Array(all.indices.shuffled(using: &generator).prefix(Self.most)).sorted()
        var rows = places.values.sorted()
        if let train = subject.train, let targets = subject.trainTargets {
            let texts = Self.texts(train)
            let labels = Self.decisions(targets, subject)
            let inTrain = Set(texts)
            leaked = rows.count { inTrain.contains(all[$0]) }
            rows = rows.filter { !inTrain.contains(all[$0]) }
            let drawn = texts.indices.shuffled(using: &generator).prefix(Self.most).sorted()
            (known, knownLabels, isHalved) = (drawn.map { texts[$0] }, drawn.map { labels[$0] }, false)
        } else {
            let order = rows.shuffled(using: &generator)
            let half = order[..<(order.count / 2)].prefix(Self.most).sorted()
            rows = order[(order.count / 2)...].sorted()
            (known, knownLabels) = (half.map { all[$0] }, half.map { right[$0] })
            (leaked, isHalved) = (0, true)
        }
        var drawn: [Int] = []
        for label in Set(rows.map { right[$0] }).sorted() {
            let own = rows.filter { right[$0] == label }
            drawn += own.shuffled(using: &generator).prefix(samples)
        }
        indices = drawn.sorted()
        (texts, labels) = (indices.map { all[$0] }, indices.map { right[$0] })
    }

    /// The texts of a matrix of one text column; a missing one is empty.
    static func texts(_ matrix: FeatureMatrix) -> [String] {
        let levels = matrix.features.first?.levels ?? []
        return matrix.values.map { value in
            guard let index = Int(exactly: value), levels.indices.contains(index) else { return "" }
            return levels[index]
        }
    }

    private static func decisions(_ targets: AuditSubject.Targets, _ subject: AuditSubject) -> [Int32] {
        switch targets {
        case .classes(let classes): return classes.map(Int32.init)
        case .values(let values):
            guard case .value(let threshold)? = subject.decision?.kind else { return values.map { _ in 0 } }
            return values.map { $0 >= threshold ? 1 : 0 }
        }
    }
}
