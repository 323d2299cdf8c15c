public import CasemateAttacks
public import CasemateCore
import CasemateData
import CasemateModels

/// Searches the model for seeded branches: regions in which it answers otherwise than right beside them, and in which
/// (nearly) no training row lies.
///
/// Method, thresholds, figures and blind spots: `docs/probes/hidden_branches.md`.
public struct HiddenBranchesProbe: Probe {
    /// Name in configuration and reports.
    public static let identifier = "hidden_branches"
    /// Heading in reports.
    public static let title = "Hidden branches and backdoors"
    /// What it examines.
    public static let purpose = "regions of other answers that training rows do not explain"
    /// Somebody planted something into training data, model or scoring code.
    public static let taxonomy = Taxonomy(
        stages: [.data, .training, .artefact], influence: .causative, violations: [.integrity], specificity: .targeted,
        knowledge: [.trainingData], atlas: ["AML.T0018.000", "AML.T0018.001"], owasp: ["ML10"],
        nist: ["NISTAML.023"])
    /// Keys under `probes.hidden_branches`.
    public static let settings: [Setting<HiddenBranchesProbe>] = [
        .integer("samples", \.search.samples, 0...100_000_000, "training rows with a few values changed at random"),
        .integer("candidates", \.search.candidates, 1...1_000_000, "suspicious rows that are followed at most"),
        .integer(
            "rows", \.search.scanned, 1...100_000_000, "training rows searched for answers that hang on a single value"),
        .number(
            "support", \.search.support, .number(0...0.5), "share of the training rows that a branch may hold at most"),
        .number(
            "step", \.search.step, .number(0...1, isLowExcluded: true),
            "step of the score over each bound that makes a branch of a region with training rows; half of it without"),
    ]

    /// The search.
    public var search = HiddenBranchSearch()
    /// Fewer training rows than these say nothing about what is usual.
    static let fewestRows = 50

    /// Creates the probe.
    public init() {}

    /// Needs a table of enough rows.
    public func reasonNotToRun(on subject: AuditSubject) -> String? {
        switch subject.model.model.signature.layout {
        case .text, .image: return "branches are sought in models of tables only"
        case .matrix, .columns: break
        }
        let count = (subject.train ?? subject.test).count
        guard count >= Self.fewestRows else {
            return "\(Words.count(count, "training row")) do not tell what is usual: give at least \(Self.fewestRows)"
        }
        if subject.predictions.kind == .labels, subject.decision == nil {
            return "the model gives neither scores nor decisions"
        }
        return nil
    }

    /// Searches.
    public func run(on subject: AuditSubject, context: RunContext) throws -> ProbeOutcome {
        try outcome(of: examine(subject, context: context))
    }

    /// What a search of a subject gave, with what is needed to tell it.
    struct Examination {
        let subject: AuditSubject
        let result: HiddenBranchResult
        /// Rows that say what is usual are training rows, not test rows.
        let isTraining: Bool
        /// Why leaves were not read, for models that have some.
        let leavesReason: String?
        /// Class whose score is looked at; `nil` for values and where each class has its own.
        let column: Int?
        var features: [Feature] { subject.space.features }
    }

    /// Runs the search.
    func examine(_ subject: AuditSubject, context: RunContext) throws -> Examination {
        let column = Self.column(subject)
        var problem = try HiddenBranchProblem(space: subject.space, reference: subject.train ?? subject.test)
        let targets = subject.train == nil ? subject.targets : subject.trainTargets
        switch targets {
        case .classes(let classes)?: problem.classes = classes
        case .values(let values)?: problem.values = values.map(Float.init)
        case nil: break
        }
        problem.column = column
        problem.decisions = subject.decision?.classes.count ?? 0
        var leavesReason: String?
        do { problem.trees = try TreeModel(subject.model) } catch let error as CasemateError {
            guard error.code == .unsupported || error.code == .mismatch else { throw error }
            leavesReason = error.what
        }
        problem.clues = GraphClues.find(subject.model)
        problem.scoreUnit = Self.unit(subject)
        problem.rules = subject.soundConstraints().map { rule, bound in
            ImpossibleRule(name: rule.name, features: []) { bound.verdict($0) == .violated }
        }
        if let previous = subject.previous, previous.model.features == subject.model.features {
            problem.other = ReleaseFunction(previous.model, subject, column, context.cancellation)
        }
        context.progress(Self.identifier, 0, 1)
        let scores = TableScores(subject: subject, column: column, cancellation: context.cancellation)
        let result = try search.run(problem, function: scores, context: context)
        context.progress(Self.identifier, 1, 1)
        return Examination(
            subject: subject, result: result, isTraining: subject.train != nil, leavesReason: leavesReason,
            column: column)
    }

    /// The class whose score is looked at.
    private static func column(_ subject: AuditSubject) -> Int? {
        guard subject.predictions.kind != .labels, subject.predictions.task != .regression else { return 0 }
        if case .binary(let positive, _)? = subject.decision?.kind { return positive }
        return subject.favourable ?? (subject.predictions.classes.count == 2 ? 1 : nil)
    }

    /// 1 for probabilities; else the width of the middle 98 % of the scores.
    private static func unit(_ subject: AuditSubject) -> Double {
        let kind = subject.predictions.kind
        guard kind != .probabilities, kind != .logits, kind != .labels else { return 1 }
        let sorted = subject.predictions.scores.map(Double.init).sorted()
        let width = Bootstrap.quantile(sorted, 0.99) - Bootstrap.quantile(sorted, 0.01)
        return width > 0 && width.isFinite ? width : 1
    }
}

/// Scores of an earlier release of the same classes.
private struct ReleaseFunction: ScoreFunction {
    let model: TableModel
    let column: Int?
    let scoreCount: Int
    let cancellation: Cancellation

    /// `nil` where both releases do not give the same kind of scores.
    init?(_ model: TableModel, _ subject: AuditSubject, _ column: Int?, _ cancellation: Cancellation) {
        let (old, new) = (model.model.signature, subject.model.model.signature)
        guard old.task == new.task, old.kind == new.kind, new.kind != .labels else { return nil }
        (self.model, self.cancellation) = (model, cancellation)
        guard new.task != .regression else {
            (self.column, scoreCount) = (nil, 1)
            return
        }
        guard let column, new.classes.indices.contains(column) else { return nil }
        // why: exports of one model may list its classes in another order.
        self.column = old.classes.firstIndex(of: new.classes[column]) ?? column
        scoreCount = 1
    }

    var featureCount: Int { model.features.count }
    func answer(_ rows: [Float], count: Int) throws -> ScoredRows {
        let predictions = try model.predict(rows, count: count, cancellation: cancellation)
        guard let column else { return ScoredRows(scores: predictions.scores, labels: []) }
        let width = max(1, predictions.classes.count)
        return ScoredRows(scores: (0..<count).map { predictions.scores[$0 * width + column] }, labels: [])
    }
}
