public import CasemateCore
import CasemateData

/// Rows and sources that make a model worse on trusted rows than known-good rows do.
public struct RoniCheck: DataCheck {
    /// Name.
    public static let identifier = "data_roni"
    /// Heading.
    public static let title = "Reject on negative impact"
    /// Where the threat stands.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.availability, .integrity],
        specificity: .indiscriminate, knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"],
        nist: ["NISTAML.013"])

    /// Draws from the trusted pool that effects are averaged over.
    public var pairs = 5
    /// Rows trained on and judged by in a pair; `nil` takes 20 and 50 for texts, 60 and 200 for tables.
    public var training: Int?, validation: Int?
    /// Most single rows that are tested; those that the trusted rows contradict come first.
    public var mostTables = 2_000, mostTexts = 20_000
    /// Rows of a source that make its batch.
    public var batch = 40
    /// Suspects and sources are named up to this false discovery rate.
    public var falseDiscoveryRate = 0.1

    /// Makes it with the defaults.
    public init() {}

    /// Needs labels of two classes and a trusted pool.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        guard let labels = subject.labels else { return "there are no labels: name a target" }
        guard labels.classes.count == 2 else {
            return "it judges two classes, and the target has \(labels.classes.count)"
        }
        guard subject.reference != nil, let trusted = subject.referenceLabels else {
            return "there is no trusted pool: name data known to be good with `--reference`, with labels"
        }
        let counts = (0...1).map { label in trusted.count { $0 == Int32(label) } }
        guard counts.allSatisfy({ $0 >= 30 }) else {
            return "the reference has \(counts[0]) and \(counts[1]) rows of the two classes, and 30 of each are needed"
        }
        return subject.features.isEmpty && subject.texts.isEmpty ? "there is no feature" : nil
    }

    /// Tests rows, then sources.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let trusted = try subject.referenceRows(context: context),
            let trustedAll = subject.referenceLabels, let labels = subject.labels
        else { return DataCheckResult(outcome: outcome(status: .notTested, reason: "there is no trusted pool")) }
        if let text = textColumn(subject) {
            let pool = trustedAll.indices.filter { trustedAll[$0] >= 0 }
            let rows = labels.values.indices.filter { labels.values[$0] >= 0 }
            let known = try subject.reference?.texts(text) ?? []
            let all = try subject.train?.texts(text) ?? []
            let victim = TokenVictim(
                trusted: pool.map { known[$0] ?? "" }, trustedLabels: pool.map { Int(trustedAll[$0]) },
                suspects: rows.map { all[$0] ?? "" }, suspectLabels: rows.map { Int(labels.values[$0]) })
            let draw = RoniDraw(training: training ?? 20, validation: validation ?? 50, pairs: pairs)
            return try RoniRun(
                check: self, subject: subject, victim: victim, rows: rows, labels: victim.suspectLabels,
                trustedLabels: victim.trustedLabels, draw: draw, most: mostTexts, words: "a token filter over '\(text)'"
            ).run(context)
        }
        let pool = (trusted.labels ?? []).indices.filter { trusted.labels?[$0] ?? -1 >= 0 }
        let own = try subject.rows(context: context)
        let places = (own.labels ?? []).indices.filter { own.labels?[$0] ?? -1 >= 0 }
        let victim = LogisticVictim(
            trusted: trusted.matrix.rows(pool), trustedLabels: pool.map { Int(trusted.labels?[$0] ?? 0) },
            suspects: own.matrix.rows(places), suspectLabels: places.map { Int(own.labels?[$0] ?? 0) },
            cancellation: context.cancellation)
        let draw = RoniDraw(training: training ?? 60, validation: validation ?? 200, pairs: pairs)
        return try RoniRun(
            check: self, subject: subject, victim: victim, rows: places.map { own.indices[$0] },
            labels: victim.suspectLabels, trustedLabels: victim.trustedLabels, draw: draw, most: mostTables,
            words: "logistic regression"
        ).run(context)
    }

    /// The column of texts where a table is about a text: there is one, and few numbers beside it.
    private func textColumn(_ subject: DataSubject) -> String? {
        guard let text = subject.texts.first, subject.train != nil else { return nil }
        return subject.features.count <= 3 ? text : nil
    }
}
