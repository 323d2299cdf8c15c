import CasemateCore

extension EvaluationSession {
    /// All rows of the checklist, in order.
    func checks() -> [EvaluationCheck] {
        EvaluationTopic.allCases.map { topic in
            switch topic {
            case .threatModel: threatModel
            case .cleanAccuracy: cleanAccuracy
            case .radiusZero: radiusZero
            case .strongerIsBetter: strongerIsBetter
            case .convergence: convergence
            case .gradients: gradients
            case .probabilities: probabilities
            case .roughOperators: roughOperators
            case .randomness: randomness
            case .statefulGraph: statefulGraph
            case .bestPoint: bestPoint
            case .recheck: recheckFinding
            case .unbounded: unbounded
            case .localNoise: localNoise
            case .lossChoice: lossChoice
            case .diversity: diversity
            case .intervals: intervals
            case .domain: domain
            case .detectors:
                EvaluationCheck(.detectors, .notApplicable, "the file holds one classifier and no detector beside it")
            case .wording: wording
            case .reproduction: reproduction
            case .smoothing:
                EvaluationCheck(
                    .smoothing, .notApplicable, "nothing was certified by sampling: the figures are those of attacks")
            }
        }
    }

    /// A row that could not be measured.
    func missing(_ topic: EvaluationTopic, _ why: String? = nil) -> EvaluationCheck {
        let reason: String
        if let why {
            reason = why
        } else if !plan.runsChecks {
            reason = "not looked at: checks are off"
        } else if epsilon == 0 {
            reason = "not looked at: nothing can move at eps 0"
        } else if facts.isCut {
            reason = "not looked at: time was over"
        } else if !subject.hasGradients {
            reason = "the model gives no gradients"
        } else if checked.isEmpty {
            reason = "no sample is right"
        } else {
            reason = "no attack of the kind serves the norm \(norm.rawValue)"
        }
        return EvaluationCheck(topic, .notApplicable, reason)
    }

    /// The check that the adaptation to a kind of masking belongs to, in words.
    func adaptation(to topic: EvaluationTopic) -> String {
        let texts = facts.adaptations.filter { $0.check == topic.rawValue }.map {
            "with \($0.change) (\($0.attacks.joined(separator: ", "))) \($0.withstoodAfter) of \($0.samples) right samples "
                + "are left instead of \($0.withstoodBefore)"
        }
        return texts.isEmpty ? "" : "; " + texts.joined(separator: "; ")
    }

    /// A share in per cent, one decimal.
    static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        return "\(tenths / 10).\(abs(tenths % 10)) %"
    }

    /// A number with three significant digits or so.
    static func short(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e6 else { return "\(number)" }
        guard number != 0 else { return "0" }
        var unit = 1.0
        while abs(number) * unit < 100, unit < 1e12 { unit *= 10 }
        let rounded = (number * unit).rounded() / unit
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }

    /// Operators with their numbers, `Round (1 node)`.
    static func list(_ operators: [String: Int]) -> String {
        operators.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value) node\($0.value == 1 ? "" : "s"))" }
            .joined(separator: ", ")
    }
}
