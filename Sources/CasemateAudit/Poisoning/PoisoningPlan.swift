import CasemateAttacks
import CasemateCore

/// What `casemate attack poisoning` is asked to do, as it was written.
public struct PoisoningPlan: Hashable, Sendable {
    /// When checks on the data look at what was planted.
    public enum Looking: String, Hashable, Sendable, CaseIterable {
        /// At every share.
        case all
        /// At the smallest share at which the attack works.
        case working
        /// Never.
        case none
    }
    /// Names of attacks; empty takes all that apply.
    public var attacks: [String] = []
    /// Shares of the training rows.
    public var shares: [Double] = [0.001, 0.005, 0.01, 0.03, 0.1]
    /// Times that each share is measured.
    public var repeats = 3
    /// The victim with its settings.
    public var victim = "auto"
    /// Class that attacks bring about, and class whose labels are flipped, as the data spell them.
    public var outcome: String?, source: String?
    /// Conditions of a trigger and of a segment, group of an insider: `column=value`.
    public var trigger: String?, segment: String?, group: String?
    /// Trigger word.
    public var token: String?
    /// Trigger patch: side, or `x,y,width,height`.
    public var patch: String?
    /// Share of the pattern in a blended picture.
    public var blend: Double?
    /// Rounds of retraining.
    public var rounds: Int?
    /// Messages attacked one at a time.
    public var messages: Int?
    /// Column of texts, where there are several or features beside it.
    public var text: String?
    /// File of labels of pictures.
    public var labels: String?
    /// Training samples at most; `nil` takes what retraining stands.
    public var samples: Int?
    /// When checks look, and which; empty takes all.
    public var looking = Looking.all, checks: [String] = []
    /// What a success must be above that of clean data for an attack to work.
    public var gain = 0.1
    /// Makes a plan of all attacks.
    public init() {}

    /// Training samples at most.
    func most(of medium: PoisoningMedium) -> Int { samples ?? (medium == .pictures ? 10_000 : 50_000) }

    /// The attacks.
    /// - Throws: `invalidSetting` for a name that no attack has.
    func chosenAttacks(at place: String) throws(CasemateError) -> [any PoisoningAttack] {
        let known = poisoningAttacks.map { $0.identifier }
        for name in attacks where !known.contains(name) {
            throw CasemateError(
                .invalidSetting, at: place, "'\(name)' is no attack\(Suggestion.clause(for: name, among: known))",
                help: "use \(known.joined(separator: ", "))")
        }
        return poisoningAttacks.filter { attacks.isEmpty || attacks.contains($0.identifier) }.map { $0.init() }
    }

    /// The run.
    /// - Throws: `invalidSetting` for shares and repeats that make no sense.
    func run(at place: String) throws(CasemateError) -> PoisoningRun {
        guard !shares.isEmpty, shares.allSatisfy({ $0 > 0 && $0 <= 0.5 }), (1...1000).contains(repeats) else {
            throw CasemateError(
                .invalidSetting, at: place, "shares must lie above 0 and up to 0.5, repeats in 1 to 1000",
                help: "such as --shares 0.001,0.01,0.1 --repeats 3")
        }
        return PoisoningRun(attacks: try chosenAttacks(at: place), shares: shares, repeats: repeats)
    }
}
