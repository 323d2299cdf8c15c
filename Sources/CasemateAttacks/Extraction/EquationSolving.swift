public import CasemateCore
import CasemateData

/// Recovers a model that is linear in its inputs from d + 1 answers: each answer is one equation for weights and bias.
///
/// Logistic regression with two or several classes (also behind a scaler or an encoder), linear regression, linear
/// margins. One row of usual values is asked about, then one row for each unknown that differs in it alone, by half a
/// standard deviation: the equations are then well-conditioned on any scale, and the logit stays where answers of float32
/// have digits. An answer nearer than 0.001 to 0 or 1 is asked again with another step; all of them are counted.
/// Whether the model *is* linear is then tested on rows that were not asked about.
/// Source: Tramèr et al., "Stealing Machine Learning Models via Prediction APIs", USENIX Security 2016, section 4.1.
/// Deviation: they draw random rows and solve the system; rounded answers are met with more equations near the decision
/// boundary and weighted least squares.
public struct EquationSolving: Sendable {
    /// Equations for each unknown; more than one averages out rounding.
    public var equations = 1
    /// What the attacker sees: `.scores` or `.rounded`.
    public var access = ExtractionAccess.scores
    /// Largest error of a probability (of a value, in standard deviations) of a copy that is called exact.
    public var tolerance = 1e-4
    /// Fresh rows of each kind that test the copy.
    public var verificationRows = 200
    /// First step of a number, in standard deviations.
    public var stepShare = 0.5
    /// Creates it with settings for exact answers.
    public init() {}

    /// A copy and what it took.
    public struct Result: Hashable, Sendable {
        /// The copy.
        public let copy: LinearCopy
        /// Rows asked about to make it; those that test it are not counted.
        public let queries: Int
        /// Unknowns of one output, the bias among them.
        public let unknowns: Int
        /// How well it stands in for the model on fresh real and uniform rows.
        public let natural: CopyQuality, uniform: CopyQuality
        /// Whether its scores are the model's, within the tolerance, on every fresh real row.
        public let isExact: Bool
    }
    /// Most unknowns that are asked for.
    static let mostUnknowns = 20_000

    /// Whether equations can be set up at all: scores, and not too many unknowns.
    public func applies(to form: AnswerForm) -> Bool {
        access != .labels && form.scores != .none && form.featureCount < Self.mostUnknowns
    }

    /// Asks, solves and tests; deterministic in the seed.
    /// - Returns: `nil` when there are no scores or no unknowns.
    /// - Throws: what the oracle throws, `Cancelled`.
    public func run(
        _ problem: ExtractionProblem, oracle: any QueryOracle, context: RunContext
    ) throws -> Result? {
        guard applies(to: oracle.form) else { return nil }
        let few = problem.pool.rows(0..<min(problem.pool.count, 5_000))
        let unknowns = EquationUnknowns(space: problem.space, rows: few, stepShare: stepShare)
        guard !unknowns.unknowns.isEmpty, unknowns.unknowns.count < Self.mostUnknowns else { return nil }
        var session = EquationSession(unknowns: unknowns, oracle: oracle, access: access, context: context)
        try session.settleBase(candidates: few)
        try session.askEach()
        var copy = session.differences()
        // why: least squares hold one row of factors for each equation, half a gigabyte at 8,000 unknowns.
        if equations > 1, unknowns.unknowns.count <= 2_000 {
            try session.askMore(equations: equations, guess: copy)
            copy = try session.leastSquares()
        }
        return try verified(copy, session, problem, context)
    }

    private func verified(
        _ copy: LinearCopy, _ session: EquationSession, _ problem: ExtractionProblem, _ context: RunContext
    ) throws -> Result {
        let form = session.oracle.form
        let count = max(1, verificationRows)
        let sampler = QuerySampler(space: problem.space, pool: problem.pool, seed: context.seed)
        let fresh = [
            problem.evaluation.rows(0..<min(count, problem.evaluation.count)),
            sampler.rows(.uniform, count: count, stream: 0x76_00_00_00_00),
        ]
        let seen = session.answers
        let cut = DecisionCut(form: form, scores: seen.scores, decisions: seen.decisions)
        var isExact = true
        let qualities = try fresh.enumerated().map { index, rows in
            let truth = try session.oracle.answer(rows.values, count: rows.count)
            let scores = copy.scores(rows.values, count: rows.count)
            let quality = CopyQuality(
                decisions: form.decisions > 1
                    ? DecisionAgreement(model: truth.decisions, copy: cut.decide(scores), classes: form.decisions)
                    : nil,
                scores: ScoreAgreement(
                    model: truth.scores, copy: scores, outputs: form.outputs, arePairs: form.scores != .values))
            if index == 0 {
                let unit = form.scores == .values ? Self.spread(truth.scores) : 1
                isExact = (quality.scores?.largestError ?? .infinity) <= tolerance * unit
            }
            return quality
        }
        return Result(
            copy: copy, queries: session.asked, unknowns: copy.unknowns.unknowns.count + 1, natural: qualities[0],
            uniform: qualities[1], isExact: isExact)
    }

    /// Standard deviation of values, 0 when they are all the same: a constant is then met exactly or not at all.
    private static func spread(_ values: [Double]) -> Double {
        let count = Double(max(values.count, 1))
        let mean = values.reduce(0, +) / count
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }
}
