import CasemateCore
import CasemateData
public import CasemateModels

/// Transfer: a copy of the model learnt from its answers is attacked in its place, and what fools the copy is tried on
/// the model.
///
/// Sources: Papernot, McDaniel and Goodfellow, "Transferability in machine learning", 2016 (arXiv 1605.07277); Papernot
/// et al., "Practical black-box attacks against machine learning", AsiaCCS 2017. The copy is a learner of
/// `ModelExtraction`: boosted trees, or a linear model where LightGBM is missing; it learns from known rows, and from rows
/// uniform in the feature space where those do not suffice. Its queries are shared by all samples and count against the
/// limit of each, so that a sample's result does not depend on the others. On the copy, greedy search and HopSkipJump look
/// for the smallest change; their rows, and points up to three times as far on the same line, are tried on the model from
/// the nearest to the farthest. Deterministic for one seed, at any batch size.
public struct TransferAttack: EvasionAttack {
    /// `transfer`.
    public static let identifier = "transfer"
    /// Scores, where they are seen.
    public static let richestAccess = EvasionAccess.scores
    /// Queries that teach the copy; at most half of a sample's limit.
    public var lessons: Int
    /// How far beyond the copy's boundary the model is tried, as factors of the distance.
    public var overshoots: [Double]
    /// LightGBM, for boosted trees.
    public var boosting: LightGBM?

    /// Makes the attack with 1,000 lessons.
    public init() { self.init(lessons: 1_000) }
    /// Makes the attack.
    public init(
        lessons: Int, overshoots: [Double] = [1, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2, 2.5, 3], boosting: LightGBM? = nil
    ) {
        (self.lessons, self.overshoots, self.boosting) = (lessons, overshoots, boosting)
    }
    /// Every setting by name.
    public var settings: [String: String] {
        [
            "lessons": String(lessons), "overshoots": overshoots.map { String($0) }.joined(separator: ", "),
            "copy": boosting == nil ? LinearStudent.identifier : BoostingStudent.identifier,
        ]
    }

    /// Learns a copy, attacks it, tries the results on the model.
    public func search(in session: EvasionSession) throws {
        let require = QueryAllowance.require
        try require(lessons >= 10, Self.identifier, "lessons", "\(lessons)", "use 1000")
        try require(
            !overshoots.isEmpty && overshoots.allSatisfy { $0 > 0 && $0.isFinite }, Self.identifier, "overshoots",
            "\(overshoots)", "use factors from 1 to 3")
        guard let copy = try Surrogate(session, lessons: lessons, boosting: boosting) else { return }
        var found: [[[Float]]] = [[[Float]]](repeating: [], count: session.count)
        for attack in [GreedySearch() as any EvasionAttack, HopSkipJump.forTables(session.norm)]
        where type(of: attack).norms.contains(session.norm) {
            for (sample, row) in try attacked(attack, copy, session) { found[sample].append(row) }
        }
        try tryOn(session, found)
    }

    /// Rows that fool the copy, by sample.
    private func attacked(
        _ attack: any EvasionAttack, _ copy: Surrogate, _ session: EvasionSession
    ) throws -> [(Int, [Float])] {
        let samples = session.open
        let problem = session.problem
        let inner = try EvasionProblem(
            originals: problem.originals.rows(samples), space: problem.space,
            goals: samples.map { problem.goals[$0] },
            identifiers: samples.map { problem.identifiers[$0] },
            startingPoints: problem.startingPoints)
        let run = EvasionRun(
            attack: attack, norm: session.norm,
            limits: .init(maxQueriesPerSample: 5_000, deadline: session.limits.deadline, batch: session.limits.batch),
            access: type(of: attack).richestAccess, objective: session.objective)
        let result = try run.run(inner, oracle: copy, context: session.context)
        if result.isPartial { try session.checkTime() }
        return zip(samples, result.samples).compactMap { sample, result in
            result.outcome == .found ? result.row.map { (sample, $0) } : nil
        }
    }

    /// Tries rows and what lies beyond them, the nearest first for each sample.
    private func tryOn(_ session: EvasionSession, _ found: [[[Float]]]) throws {
        let width = session.problem.space.features.count
        let numbers = Set(session.encoding.numeric)
        var lanes = session.open.flatMap { sample in found[sample].map { (sample: sample, target: $0) } }
        for factor in overshoots.sorted() {
            var isDone = [Bool](repeating: false, count: lanes.count)
            let requests = lanes.indices.map { EvasionSession.Request(lane: $0, sample: lanes[$0].sample, count: 1) }
            try session.askRows(requests, onlyBetter: true) { lane, _, row in
                let target = lanes[lane].target
                for feature in 0..<width {
                    // why: a level is not a place on a line; it is what the copy was fooled by.
                    let isOnLine = numbers.contains(feature) && row[feature].isFinite
                    row[feature] =
                        isOnLine ? row[feature] + Float(factor) * (target[feature] - row[feature]) : target[feature]
                }
            } take: { lane, _, answer, _ in
                isDone[lane] = answer.isReached
            }
            lanes = lanes.indices.filter { !isDone[$0] }.map { lanes[$0] }
        }
    }
}

/// A copy of the model, learnt from the answers of the session's oracle.
final class Surrogate: ScoringOracle {
    let featureCount: Int
    let labelCount: Int
    private let student: any Student

    /// Learns; `nil` where the answers that the limits allow teach nothing.
    init?(_ session: EvasionSession, lessons: Int, boosting: LightGBM?) throws {
        let problem = session.problem
        featureCount = problem.space.features.count
        let limit = session.limits.maxQueriesPerSample
        let count = min(lessons, limit == .max ? lessons : limit / 2)
        guard count >= 10 else { return nil }
        let rows = Self.rows(problem, count: count, seed: session.context.seed)
        let answers = try session.askShared(rows)
        session.reserved += count
        let labelled = problem.goals.map { Int($0.label) }.max() ?? 1
        let classes = max(2, session.scoring?.labelCount ?? 0, labelled + 1, Int(answers.labels.max() ?? 1) + 1)
        labelCount = classes
        guard let first = answers.labels.first, answers.labels.contains(where: { $0 != first }) else { return nil }
        let learner: any StudentLearner = boosting == nil ? LinearStudent() : BoostingStudent()
        let taught: Lesson.Answers =
            answers.evidence.isEmpty
            ? .labels(answers.labels, classes: classes)
            : .values(answers.evidence.map(Double.init), outputs: classes)
        student = try learner.study(
            Lesson(
                rows: rows, answers: taught, boosting: boosting, seed: session.context.seed,
                cancellation: session.context.cancellation))
    }

    /// Known rows in a random order, then rows uniform in the space.
    private static func rows(_ problem: EvasionProblem, count: Int, seed: UInt64) -> FeatureMatrix {
        var generator = SeededGenerator(seed: seed, stream: 0x74_72_61)
        let known = problem.startingPoints ?? FeatureMatrix(features: problem.space.features, values: [])
        let order = (0..<known.count).shuffled(using: &generator)
        let pool = known.rows(order)
        let ranges = pool.count > 0 ? pool : problem.originals
        let sampler = QuerySampler(space: problem.space, pool: ranges, seed: seed)
        // why: real rows say where the model is used, uniform ones what it does where an attack ends up.
        let natural = min(pool.count, (count + 1) / 2)
        let uniform = sampler.rows(.uniform, count: count - natural, stream: 0x74_72_61_6E)
        return FeatureMatrix(
            features: problem.space.features, values: pool.rows(0..<natural).values + uniform.values)
    }

    func decide(_ rows: [Float], count: Int) throws -> [Int32] { try score(rows, count: count).labels }

    func score(_ rows: [Float], count: Int) throws -> ScoredDecisions {
        let scores = try student.scores(rows, count: count)
        return ScoredDecisions(
            labels: DecisionCut.largest(scores, columns: labelCount), evidence: scores.map { Float($0) })
    }
}

extension EvasionSession {
    /// Asks about rows that belong to no sample; their queries count as shared.
    func askShared(_ matrix: FeatureMatrix) throws -> ScoredDecisions {
        var labels: [Int32] = []
        var evidence: [Float] = []
        for start in stride(from: 0, to: matrix.count, by: limits.batch) {
            try checkTime()
            let part = matrix.rows(start..<min(start + limits.batch, matrix.count))
            sharedQueries += part.count
            if let scoring {
                let answers = try scoring.score(part.values, count: part.count)
                labels += answers.labels
                evidence += answers.evidence
            } else {
                labels += try oracle.decide(part.values, count: part.count)
            }
        }
        return ScoredDecisions(labels: labels, evidence: evidence)
    }
}
