public import CasemateCore
public import CasemateModels

/// An attack on a classifier that looks for its own mistakes: runs attacks, measures whether they can be believed, and
/// where a model hides its gradients attacks again in a way that takes that into account.
///
/// The rates are upper bounds: no attack found proves nothing. Sources: see `EvaluationCheck`.
public struct RobustnessEvaluation: Sendable {
    /// Says whether a row is possible, given the row that it was made from.
    public typealias Domain = @Sendable (_ row: [Float], _ original: [Float]) -> Bool

    /// The attacks, in order, each on what those before left over; AutoAttack is taken apart into its members. `nil`
    /// takes AutoAttack, for random models its version for them; FMN for `l0`; Square without gradients.
    public var attacks: [any WhiteBoxAttack]?
    /// Radii of the curve; `nil` takes fractions and multiples of eps up to the one where nothing is left. Empty: none.
    public var curveEpsilons: [Double]?
    /// Whether the checklist is measured; without, its rows say so.
    public var runsChecks: Bool
    /// Samples that checks use at most, the first ones.
    public var checkSamples: Int
    /// What rows are possible beside the box; `nil` allows all. Adversarial points that are not do not count.
    public var domain: Domain?
    /// Loads the model with `steps: .straightThrough`; called when its graph has steps.
    public var straightThrough: (@Sendable () throws -> DifferentiableModel)?
    /// Another model, whose adversarial points are tried as well: for models that give no gradients.
    public var surrogate: (any GradientOracle)?

    /// Makes an evaluation.
    public init(
        attacks: [any WhiteBoxAttack]? = nil, curveEpsilons: [Double]? = nil, runsChecks: Bool = true,
        checkSamples: Int = 100, domain: Domain? = nil,
        straightThrough: (@Sendable () throws -> DifferentiableModel)? = nil,
        surrogate: (any GradientOracle)? = nil
    ) {
        (self.attacks, self.curveEpsilons) = (attacks, curveEpsilons)
        (self.runsChecks, self.checkSamples, self.domain) = (runsChecks, checkSamples, domain)
        (self.straightThrough, self.surrogate) = (straightThrough, surrogate)
    }

    /// Attacks by their identifiers, with published settings.
    /// - Throws: `CasemateError` with `invalid-setting` for a name that is none.
    public static func attacks(named names: [String]) throws(CasemateError) -> [any WhiteBoxAttack] {
        var found: [any WhiteBoxAttack] = []
        for name in names {
            guard let type = whiteBoxAttacks.first(where: { $0.identifier == name }) else {
                let known = whiteBoxAttacks.map { $0.identifier }
                throw CasemateError(
                    .invalidSetting, at: "attack",
                    "'\(name)' is no attack\(Suggestion.clause(for: name, among: known))",
                    help: "known are \(known.joined(separator: ", "))")
            }
            found.append(type.init())
        }
        return found
    }

    /// Evaluates a model on the problem's samples.
    /// - Parameters:
    ///   - problem: Samples, labels, norm, radius and box; the radius must be given.
    ///   - model: The deployed file; every rate is by its own decisions.
    ///   - differentiable: The same file with gradients; `nil` when it has none.
    /// - Returns: What was found. When the context's deadline passes, what was found until then.
    /// - Throws: `CasemateError` for settings that make no sense, alone or with the model; `Cancelled` when
    ///   interrupted.
    public func run(
        _ problem: RobustnessProblem, model: OnnxModel, differentiable: DifferentiableModel?,
        context: RunContext = RunContext()
    ) throws -> EvaluationResult {
        var subject = try EvaluationSubject(
            model, differentiable, shape: problem.shape, classCount: model.signature.classes.count)
        if let straightThrough { subject.straightThrough = { try straightThrough() } }
        subject.surrogate = surrogate
        return try run(problem, subject: subject, context: context)
    }

    /// Evaluates whatever answers.
    package func run(
        _ problem: RobustnessProblem, subject: EvaluationSubject, context: RunContext = RunContext()
    ) throws -> EvaluationResult {
        try check(problem, subject)
        return try EvaluationSession(self, problem, subject, context).run()
    }

    private func check(_ problem: RobustnessProblem, _ subject: EvaluationSubject) throws(CasemateError) {
        func refuse(_ place: String, _ what: String, _ help: String) -> CasemateError {
            CasemateError(.invalidSetting, at: place, what, help: help)
        }
        guard problem.set.epsilon != nil else {
            throw refuse("eps", "is not given", "give the radius that accuracy is wanted at, such as 8/255")
        }
        guard problem.count > 0 else { throw refuse("data", "there are no samples", "give at least one") }
        guard checkSamples >= 1 else {
            throw refuse("check samples", "\(checkSamples) samples make no sense", "give at least one, such as 100")
        }
        if let wrong = curveEpsilons?.first(where: { !($0 >= 0 && $0.isFinite) }) {
            throw refuse("curve", "a radius of '\(wrong)' makes no sense", "give finite numbers that are not negative")
        }
        if let attacks, attacks.isEmpty {
            throw refuse("attack", "there is none", "name one, or leave the list out for AutoAttack")
        }
        for attack in attacks ?? [] where !subject.hasGradients && type(of: attack).access == .gradients {
            throw CasemateError(
                .unsupported, at: type(of: attack).identifier, "needs gradients, and none goes through the model",
                help: "use square, or leave the attacks out to have what works chosen")
        }
    }
}
