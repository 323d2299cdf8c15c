import CasemateCore
public import CasemateModels

/// The victims that ship, and how one is chosen.
public enum PoisoningVictims {
    /// Their names.
    public static let identifiers = [
        BoostingVictim.identifier, LogisticVictim.identifier, TokenVictim.identifier, NetworkVictim.identifier,
    ]

    /// The victim of `auto`, `boosting`, or `boosting:rounds=50,leaves=15`.
    ///
    /// `auto` takes a token filter for texts of two classes, a network for pictures, boosted trees for all else, and
    /// logistic regression where LightGBM is missing.
    /// - Throws: `invalidSetting` for a name or setting that is unknown or does not fit; `engineMissing`.
    public static func make(
        _ choice: String, medium: PoisoningMedium, classes: Int, boosting: () throws -> LightGBM,
        runtime: () throws -> OnnxRuntime
    ) throws -> any PoisoningVictim {
        let parts = choice.split(separator: ":", maxSplits: 1).map(String.init)
        let settings = VictimSettings(try numbers(parts.count > 1 ? parts[1] : ""))
        let name = parts.first ?? "auto"
        let victim: any PoisoningVictim
        switch name == "auto" ? standard(medium, classes) : name {
        case BoostingVictim.identifier:
            do {
                victim = try settings.filled(BoostingVictim(engine: boosting()))
            } catch let error as CasemateError where error.code == .engineMissing && name == "auto" && classes == 2 {
                victim = try settings.filled(LogisticVictim())
            }
        case LogisticVictim.identifier: victim = try settings.filled(LogisticVictim())
        case TokenVictim.identifier: victim = try settings.filled(TokenVictim())
        case NetworkVictim.identifier: victim = try settings.filled(NetworkVictim(runtime: runtime()))
        default:
            throw CasemateError(
                .invalidSetting, at: "victim",
                "'\(name)' is unknown\(Suggestion.clause(for: name, among: identifiers))",
                help: "use auto, \(identifiers.joined(separator: ", "))")
        }
        guard type(of: victim).media.contains(medium) else {
            throw CasemateError(
                .invalidSetting, at: "victim", "'\(name)' does not learn from \(medium.rawValue)",
                help: "leave it out, or use boosting")
        }
        return victim
    }

    private static func standard(_ medium: PoisoningMedium, _ classes: Int) -> String {
        switch medium {
        case .table: BoostingVictim.identifier
        case .texts: classes == 2 ? TokenVictim.identifier : BoostingVictim.identifier
        case .pictures: NetworkVictim.identifier
        }
    }

    private static func numbers(_ text: String) throws(CasemateError) -> [(String, Double)] {
        var all: [(String, Double)] = []
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, let value = Double(pair[1]), value.isFinite, value >= 0, value <= 1e6 else {
                throw CasemateError(
                    .invalidSetting, at: "victim", "'\(part)' makes no sense here",
                    help: "write settings as name=number, such as boosting:rounds=50,leaves=15")
            }
            all.append((pair[0], value))
        }
        return all
    }
}

/// Numbers that a user gave a victim, by name.
private struct VictimSettings {
    private let given: [(name: String, value: Double)]

    init(_ given: [(String, Double)]) { self.given = given.map { ($0.0, $0.1) } }

    func filled(_ victim: BoostingVictim) throws(CasemateError) -> BoostingVictim {
        var victim = victim
        try fill(
            &victim, ["rounds": \.rounds, "leaves": \.leaves, "min_leaf": \.minimumLeaf, "words": \.words],
            ["learning_rate": \.learningRate])
        return victim
    }

    func filled(_ victim: LogisticVictim) throws(CasemateError) -> LogisticVictim {
        var victim = victim
        try fill(&victim, ["words": \.words], ["l2": \.l2])
        return victim
    }

    func filled(_ victim: TokenVictim) throws(CasemateError) -> TokenVictim {
        var victim = victim
        try fill(&victim, ["discriminators": \.discriminators], [:])
        return victim
    }

    func filled(_ victim: NetworkVictim) throws(CasemateError) -> NetworkVictim {
        var victim = victim
        try fill(
            &victim,
            [
                "hidden": \.hidden, "second": \.second, "epochs": \.epochs, "batch": \.batch, "words": \.words,
            ], ["learning_rate": \.learningRate])
        return victim
    }

    private func fill<Victim>(
        _ victim: inout Victim, _ whole: [String: WritableKeyPath<Victim, Int>],
        _ real: [String: WritableKeyPath<Victim, Double>]
    ) throws(CasemateError) {
        for (name, value) in given {
            if let path = whole[name], value == value.rounded(), value >= (name == "second" ? 0 : 1) {
                victim[keyPath: path] = Int(value)
            } else if let path = real[name], value > 0 || name == "l2" {
                victim[keyPath: path] = value
            } else {
                let known = (Array(whole.keys) + Array(real.keys)).sorted()
                throw CasemateError(
                    .invalidSetting, at: "victim",
                    "setting '\(name)' of \(value) makes no sense\(Suggestion.clause(for: name, among: known))",
                    help: "settings are \(known.joined(separator: ", ")), each above 0")
            }
        }
    }
}
