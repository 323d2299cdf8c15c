import CasemateAttacks
import CasemateCore

/// What `casemate attack --eps …` is asked to do.
public struct WhiteBoxPlan: Hashable, Sendable {
    /// File or folder of samples, or a table.
    public var data = ""
    /// File of labels; array of samples.
    public var labels: String?, array: String?
    /// Name of the norm.
    public var norm = "linf"
    /// Radius on the model's scale; `nil` looks for smallest perturbations.
    public var epsilon: Double?
    /// Identifier of the attack; `nil` takes AutoAttack with a radius, the pool without.
    public var attack: String?
    /// Steps of the attack, where it has a number of them.
    public var steps: Int?
    /// Class that every sample is to be given.
    public var targetClass: Int?
    /// Box on the model's scale; `nil` finds it.
    public var bounds: ClosedRange<Float>?
    /// What stored values are divided by; `nil` finds out.
    public var divisor: Float?
    /// Most samples.
    public var samples: Int?
    /// A model whose gradients are used instead.
    public var surrogate: String?
    /// Whether gradients may be used; else scores alone.
    public var usesGradients = true
    /// Whether the evaluation checks itself and measures a curve.
    public var runsChecks = true
    /// Where adversarial samples are written.
    public var save: String?

    /// Makes a plan for AutoAttack with L∞.
    public init() {}

    /// The norm.
    func perturbationNorm() throws(CasemateError) -> PerturbationSet.Norm {
        if let norm = PerturbationSet.Norm(rawValue: norm) { return norm }
        let known = PerturbationSet.Norm.allCases.map(\.rawValue)
        throw CasemateError(
            .invalidSetting, at: "--norm", "'\(norm)' is unknown\(Suggestion.clause(for: norm, among: known))",
            help: "use \(known.joined(separator: ", "))")
    }

    /// The attack, with its number of steps.
    func chosenAttack(_ norm: PerturbationSet.Norm) throws(CasemateError) -> any WhiteBoxAttack {
        let standard = usesGradients ? epsilon == nil ? AttackPool.identifier : AutoAttack.identifier : "square"
        let name = attack ?? standard
        guard let type = whiteBoxAttacks.first(where: { $0.identifier == name }) else {
            let known = whiteBoxAttacks.map { $0.identifier }
            throw CasemateError(
                .invalidSetting, at: "--attack",
                "'\(name)' is no attack of this kind\(Suggestion.clause(for: name, among: known))",
                help: "use one of " + known.joined(separator: ", "))
        }
        guard type.norms.contains(norm) else {
            throw CasemateError(
                .invalidSetting, at: "--norm", "'\(name)' does not serve \(norm.rawValue)",
                help: "use " + type.norms.map(\.rawValue).joined(separator: ", "))
        }
        guard epsilon != nil || !type.needsRadius else {
            throw CasemateError(
                .invalidSetting, at: "--eps", "'\(name)' needs a radius",
                help: "give one in units of the model's input, such as --eps 8/255 for pixels in 0…1")
        }
        if !usesGradients, type.access == .gradients {
            throw CasemateError(
                .invalidSetting, at: "--attack", "'\(name)' needs gradients, which --access scores does not give",
                help: "use square, or --access gradients")
        }
        let made = type.init()
        return try steps.map { (count) throws(CasemateError) in try made.withSteps(count) } ?? made
    }
}
