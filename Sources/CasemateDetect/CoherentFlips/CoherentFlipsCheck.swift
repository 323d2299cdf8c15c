public import CasemateCore
import CasemateData
import CasemateModels

/// Labels of a segment or of a source that were changed together.
///
/// A model learns such a lie, so nothing in the data contradicts it: it shows beside a reference, the release before, or
/// other sources.
public struct CoherentFlipsCheck: DataCheck {
    /// Name.
    public static let identifier = "data_flips"
    /// Heading.
    public static let title = "Coherent flips"
    /// Where the threat stands.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training], influence: .causative, violations: [.integrity, .availability],
        specificity: .targeted, knowledge: [.trainingData], atlas: ["AML.T0020"], owasp: ["ML02"],
        nist: ["NISTAML.024"])
    /// Classes that are looked at one by one where there are more than two.
    public var mostClasses = 10

    /// Makes it with the defaults.
    public init() {}

    /// What is said where there is nothing to compare with.
    static let unseen =
        "coherent flips of a segment cannot be seen in the data alone, because the model learns the lie: name data "
        + "known to be good (`--reference`) or the release before (`--previous`)"

    /// Needs labels, features, LightGBM, and something to compare with.
    public func reasonNotToRun(on subject: DataSubject) -> String? {
        if subject.labels == nil { return "there are no labels: name a target" }
        if subject.features.isEmpty { return "there is no feature to describe segments by" }
        if subject.referenceLabels == nil, subject.previous == nil, subject.roles.source == nil { return Self.unseen }
        return subject.boosting == nil ? "LightGBM is not installed: run `make setup`" : nil
    }

    /// Compares labels with each expectation that there is.
    public func run(on subject: DataSubject, context: RunContext) throws -> DataCheckResult {
        guard let labels = subject.labels, let engine = subject.boosting else {
            return DataCheckResult(outcome: outcome(status: .notTested, reason: Self.unseen))
        }
        let all = try subject.rows(context: context)
        let places = all.indices.indices.filter { all.labels?[$0] ?? -1 >= 0 }
        let own = DataRows(
            indices: places.map { all.indices[$0] }, matrix: all.matrix.rows(places),
            labels: places.map { all.labels?[$0] ?? 0 }, total: all.total)
        var story = FlipStory(check: self, subject: subject, rows: own)
        let answers = try answers(subject, own, context)
        let names = try subject.roles.source.flatMap { try subject.train?.texts($0) }
        let classes = labels.classes.count == 2 ? [1] : Array(labels.classes.indices.prefix(mostClasses))
        for label in classes {
            try context.cancellation.check()
            if context.deadline.map({ ContinuousClock.now >= $0 }) ?? false { story.isLate = true; break }
            try reference(label, subject, own, engine, &story, context)
            try previous(label, subject, own, answers, &story, context)
            try sources(label, subject, own, names, engine, &story, context)
        }
        return story.result
    }

    private func search(
        _ label: Int, _ subject: DataSubject, _ rows: DataRows, _ expectation: FlipExpectation
    ) -> FlipSearch {
        let classes = subject.labels?.classes ?? []
        return FlipSearch(
            matrix: rows.matrix, isClass: (rows.labels ?? []).map { Int($0) == label }, expectation: expectation,
            name: classes[label], otherName: classes.count == 2 ? classes[1 - label] : nil)
    }

    private func reference(
        _ label: Int, _ subject: DataSubject, _ rows: DataRows, _ engine: LightGBM, _ story: inout FlipStory,
        _ context: RunContext
    ) throws {
        guard let known = try subject.referenceRows(context: context), subject.referenceLabels != nil else { return }
        let labelled = known.indices.indices.filter { known.labels?[$0] ?? -1 >= 0 }
        let isClass = labelled.map { Int(known.labels?[$0] ?? -1) == label }
        let rare = min(isClass.count { $0 }, isClass.count { !$0 })
        guard rare >= 20 else {
            story.skip("the reference has \(rare) rows of one outcome, and 20 are needed")
            return
        }
        let matrix = known.matrix.rows(labelled)
        let expectation = try FlipExpectation.reference(
            matrix, isClass: isClass, of: rows.matrix, engine: engine, context: context)
        let search = search(label, subject, rows, expectation)
        let found = try search.segments(reference: matrix, isReferenceClass: isClass, context: context)
        story.take(found, expectation, label, against: .reference)
    }

    /// What the release before says of the rows; `nil` without one.
    private func answers(_ subject: DataSubject, _ rows: DataRows, _ context: RunContext) throws -> Predictions? {
        guard let model = subject.previous, let table = subject.train else { return nil }
        let matrix = try table.matrix(model.features, rows: rows.indices, isLenient: true)
        return try model.predict(matrix, cancellation: context.cancellation)
    }

    private func previous(
        _ label: Int, _ subject: DataSubject, _ rows: DataRows, _ answers: Predictions?, _ story: inout FlipStory,
        _ context: RunContext
    ) throws {
        guard let answers else { return }
        let name = subject.labels?.classes[label] ?? ""
        guard let column = answers.classes.firstIndex(of: name),
            answers.scores.count == rows.count * answers.classes.count
        else {
            story.skip("the release before answers no class '\(name.clipped())'")
            return
        }
        let scores = (0..<rows.count).map { Double(answers.scores[$0 * answers.classes.count + column]) }
        let isClass = (rows.labels ?? []).map { Int($0) == label }
        let expectation = FlipExpectation.model(scores, isClass: isClass)
        var search = search(label, subject, rows, expectation)
        // why twice: a model that never fitted a segment well is no flip.
        search.leastDifference = 0.2
        let found = try search.segments(reference: nil, isReferenceClass: [], context: context)
        story.take(found, expectation, label, against: .previous)
    }

    private func sources(
        _ label: Int, _ subject: DataSubject, _ rows: DataRows, _ names: [String?]?, _ engine: LightGBM,
        _ story: inout FlipStory, _ context: RunContext
    ) throws {
        guard let column = subject.roles.source, let names else { return }
        let isClass = (rows.labels ?? []).map { Int($0) == label }
        guard min(isClass.count { $0 }, isClass.count { !$0 }) >= 20 else { return }
        let probabilities = try OutOfFold().probabilities(
            of: rows.matrix, outcomes: isClass, engine: engine, context: context)
        let expectation = FlipExpectation(train: probabilities, reference: [])
        let found = search(label, subject, rows, expectation).sources(rows.indices.map { names[$0] }, column: column)
        story.take(found, expectation, label, against: .sources)
    }
}
