/// One row of the checklist that an evaluation is held to: what was looked at, what came out, what to distrust.
///
/// The rows are explained in `docs/reference/attack-checklist.md`. Sources: Carlini et al., "On evaluating adversarial
/// robustness", 2019; Croce and Hein, ICML 2020; Tramèr, Carlini, Brendel, Madry, NeurIPS 2020; Pintor et al.,
/// "Indicators of attack failure", NeurIPS 2022.
public struct EvaluationCheck: Hashable, Sendable, Codable {
    /// What a failure means.
    public enum Level: String, Hashable, Sendable, Codable, CaseIterable {
        /// True by construction, or the evaluation is refused; a failure questions the setup.
        case enforced
        /// Measured; a failure says that the figures look better than the model is.
        case warning
        /// Always stated.
        case reported
    }
    /// What came out.
    public enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        /// Nothing to distrust was seen.
        case passed
        /// Something is to be distrusted; `detail` has the numbers, `remedy` what to do.
        case failed
        /// There was nothing to look at, or it was not looked at; `detail` says why.
        case notApplicable = "not applicable"
    }
    /// Position in the list, 1 to 22.
    public let number: Int
    /// What is looked at, in a few words.
    public let title: String
    /// What a failure means.
    public let level: Level
    /// What came out.
    public let status: Status
    /// One sentence with the numbers.
    public let detail: String
    /// What to distrust and what to do; empty unless the check failed.
    public let remedy: String

    init(_ topic: EvaluationTopic, _ status: Status, _ detail: String, remedy: String? = nil) {
        (number, title, level) = (topic.rawValue, topic.title, topic.level)
        (self.status, self.detail) = (status, detail)
        self.remedy = status == .failed ? remedy ?? topic.remedy : ""
    }
}

/// The rows of the checklist, in order.
enum EvaluationTopic: Int, CaseIterable {
    case threatModel = 1
    case cleanAccuracy, radiusZero, strongerIsBetter, convergence, gradients, probabilities, roughOperators, randomness
    case statefulGraph, bestPoint, recheck, unbounded, localNoise, lossChoice, diversity, intervals, domain, detectors
    case wording, reproduction, smoothing

    var level: EvaluationCheck.Level {
        switch self {
        case .threatModel, .cleanAccuracy, .radiusZero, .statefulGraph, .bestPoint, .recheck, .lossChoice, .domain,
            .wording, .smoothing:
            .enforced
        case .intervals, .reproduction: .reported
        default: .warning
        }
    }

    var title: String {
        switch self {
        case .threatModel: "threat model is stated and makes sense"
        case .cleanAccuracy: "clean accuracy is the deployed model's own"
        case .radiusZero: "accuracy falls from the clean one at eps 0 to chance"
        case .strongerIsBetter: "stronger attacks break more, sample by sample"
        case .convergence: "attacks have converged"
        case .gradients: "gradients are neither zero nor saturated"
        case .probabilities: "logits are attacked, not probabilities"
        case .roughOperators: "operators on the path can be differentiated"
        case .randomness: "answers repeat"
        case .statefulGraph: "graph keeps no state and does not branch"
        case .bestPoint: "best point of the path is kept"
        case .recheck: "deployed model confirms every success"
        case .unbounded: "attack without bound reaches every sample"
        case .localNoise: "loss is smooth near the samples"
        case .lossChoice: "losses fit the number of classes"
        case .diversity: "plan holds attacks of other kinds"
        case .intervals: "rates come with counts and intervals"
        case .domain: "reported points obey the domain"
        case .detectors: "detectors are attacked along with the model"
        case .wording: "'no attack found' is not called robust"
        case .reproduction: "everything needed to repeat is stated"
        case .smoothing: "randomised smoothing is certified by its rules"
        }
    }
}
