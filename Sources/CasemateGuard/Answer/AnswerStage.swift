public import CasemateCore
import CasemateModels
import Crypto

/// Makes answers coarser, so that they tell less of the model and of its training rows; evens out size and time.
public struct AnswerStage: GuardStage {
    /// Stable name.
    public static let identifier = "answer"
    /// Heading.
    public static let title = "Coarser answers"
    /// What it does.
    public static let purpose = "rounds, clips, blurs or withholds scores; evens out size and time of responses"
    /// Threats: extraction, membership inference, inversion, and evasion by scores.
    public static let taxonomy = Taxonomy(
        stages: [.inference], influence: .exploratory, violations: [.privacy, .integrity],
        knowledge: [.labels, .scores],
        atlas: ["AML.T0024.000", "AML.T0024.001", "AML.T0024.002", "AML.T0043.001"], owasp: ["ML03", "ML04", "ML05"],
        nist: ["NISTAML.031", "NISTAML.032", "NISTAML.033", "NISTAML.025"])
    /// What may stand under `stages.answer`.
    public static let keys: [SettingKey] = [
        SettingKey(
            "output", .choice(["scores", "top_k", "labels"]),
            "what is told of the classes: all scores, those of the `k` classes ahead, or the label alone",
            fallback: .text("scores")),
        SettingKey("k", .integer(1...1_000), "classes that `top_k` tells", fallback: .integer(1)),
        SettingKey("round", .integer(0...6), "decimal digits of scores", fallback: .integer(3)),
        SettingKey("value_digits", .integer(1...9), "significant digits of a regression's value; all where left out"),
        SettingKey("clip", .number(0.5...1, isLowExcluded: true), "highest probability that is told, such as 0.99"),
        SettingKey(
            "noise", .number(0...0.5), "largest keyed noise on a score; a share of the value for a regression",
            fallback: .number(0)),
        SettingKey("keep_label", .flag, "whether noise leaves the label", fallback: .flag(true)),
        SettingKey(
            "input_digits", .integer(1...7), "inputs that agree in so many digits get the same noise",
            fallback: .integer(3)),
        SettingKey(
            "other_outputs", .choice(["pass", "round", "drop"]),
            "what becomes of outputs that are neither label nor scores, such as embeddings; `round` unless told "
                + "otherwise, `drop` where only labels or the classes ahead are told"),
        SettingKey("size", .choice(["as_is", "constant"]), "`constant` pads JSON to steps", fallback: .text("as_is")),
        SettingKey("size_step", .integer(16...65_536), "step of `constant`, bytes", fallback: .integer(256)),
        SettingKey(
            "time", .choice(["as_is", "quantum"]), "`quantum` answers, and refuses, at multiples of a time",
            fallback: .text("as_is")),
        SettingKey("time_step", .duration, "step of `quantum`, at most 10 s", fallback: .text("5ms")),
        SettingKey(
            "degraded",
            .mapping([
                SettingKey("output", .choice(["scores", "top_k", "labels"]), "as above", fallback: .text("labels")),
                SettingKey("round", .integer(0...6), "as above", fallback: .integer(1)),
            ]), "what holds for a request that another stage has degraded"),
    ]

    /// What becomes of other outputs.
    enum Others: String { case pass, round, drop }

    private let usual: ScoreHardening, degraded: ScoreHardening
    private let others: Others, degradedOthers: Others
    private let grid: InputGrid
    private let key: SymmetricKey
    private let sizeStep: Int
    private let timeStep: UInt64

    /// Reads the settings.
    /// - Throws: `invalidSetting` for `labels` or `top_k` on a regression, and for a step of time beyond 10 s.
    public init(_ settings: SettingNode?, setup: StageSetup) throws {
        usual = Self.hardening(settings)
        var coarser = usual
        coarser.output = Self.output(settings?["degraded"]?["output"]) ?? .labels
        coarser.digits = min(usual.digits, settings?["degraded"]?["round"]?.integer ?? 1)
        if setup.model?.task == .regression {
            coarser.output = .scores
            coarser.valueDigits = min(usual.valueDigits ?? 2, 2)
        }
        degraded = coarser
        let named = settings?["other_outputs"]?.text.flatMap(Others.init)
        others = named ?? (usual.output == .scores ? .round : .drop)
        degradedOthers = named == .drop || coarser.output != .scores ? .drop : .round
        grid = InputGrid(digits: settings?["input_digits"]?.integer ?? 3)
        key = setup.secret.key(for: "answer-noise")
        sizeStep = settings?["size"]?.text == "constant" ? settings?["size_step"]?.integer ?? 256 : 0
        let step = settings?["time_step"]?.number ?? 0.005
        guard step >= 0.0001, step <= 10 else {
            throw CasemateError(
                .invalidSetting, at: settings?["time_step"]?.place ?? "", "a step of time is 0.1 ms to 10 s",
                help: "use `time_step: 5ms`, above the slowest usual answer")
        }
        timeStep = settings?["time"]?.text == "quantum" ? UInt64(step * 1e9) : 0
        if setup.model?.task == .regression, usual.output != .scores, let node = settings?["output"] {
            throw CasemateError(
                .invalidSetting, at: node.place, "a regression has no classes to tell",
                help: "leave `output` out and set `value_digits`")
        }
    }

    private static func output(_ node: SettingNode?) -> ScoreHardening.Output? {
        switch node?.text {
        case "labels": .labels
        case "top_k": .top
        case "scores": .scores
        default: nil
        }
    }

    private static func hardening(_ settings: SettingNode?) -> ScoreHardening {
        var result = ScoreHardening()
        guard let settings else { return result }
        if let output = output(settings["output"]) { result.output = output }
        if let k = settings["k"]?.integer { result.k = k }
        if let digits = settings["round"]?.integer { result.digits = digits }
        if let clip = settings["clip"]?.number { result.clip = Float(clip) }
        if let noise = settings["noise"]?.number { result.noise = Float(noise) }
        if let keepsLabel = settings["keep_label"]?.flag { result.keepsLabel = keepsLabel }
        if let digits = settings["value_digits"]?.integer { result.valueDigits = digits }
        return result
    }

    /// Sets size and time before anything is decided, so that a refusal looks like an answer.
    public func admit(_ exchange: inout Exchange) async throws -> StageVerdict {
        exchange.sizeQuantum = max(exchange.sizeQuantum, sizeStep)
        exchange.timeQuantum = max(exchange.timeQuantum, timeStep)
        return .pass
    }

    /// Makes the answer coarser.
    /// - Throws: `GuardRefusal` with `forbidden` for an output by name that is not given out, with `failed` for a tensor
    ///   of a form that cannot be made coarser.
    public func review(
        _ answer: inout InferenceAnswer, of request: InferenceRequest, _ exchange: inout Exchange
    ) async throws -> StageVerdict {
        let hardening = exchange.isDegraded ? degraded : usual
        try other(&answer, request, exchange.isDegraded ? degradedOthers : others, digits: hardening.digits)
        guard let old = answer.predictions else { return .pass }
        let (scores, labels) = hardening.apply(old) { grid.digests(of: request, key: key) }
        guard answer.rewrite(scores: scores, labels: labels) else {
            throw GuardRefusal(.failed, "the answer cannot be given out", reason: "answer_form")
        }
        return .pass
    }

    private func other(
        _ answer: inout InferenceAnswer, _ request: InferenceRequest, _ others: Others, digits: Int
    ) throws {
        let roles = answer.roles
        func isOther(_ name: String) -> Bool { name != roles.label && name != roles.scores }
        switch others {
        case .pass: return
        case .drop where answer.predictions != nil:
            guard !request.outputs.contains(where: isOther) else {
                throw GuardRefusal(.forbidden, "an output that is asked for is not given out", field: "outputs")
            }
            answer.outputs.removeAll { isOther($0.name) }
        case .drop, .round:
            answer.outputs = answer.outputs.map { output in
                isOther(output.name) ? NamedTensor(output.name, Self.rounded(output.tensor, digits)) : output
            }
        }
    }

    /// Floating-point values with fewer decimals; everything else as it is.
    private static func rounded(_ tensor: Tensor, _ digits: Int) -> Tensor {
        var unit = 1.0
        for _ in 0..<digits { unit *= 10 }
        func short(_ value: Double) -> Double { (value * unit).rounded() / unit }
        switch tensor.storage {
        case .float(let values): return Tensor(shape: tensor.shape, .float(values.map { Float(short(Double($0))) }))
        case .double(let values): return Tensor(shape: tensor.shape, .double(values.map(short)))
        case .float16(let values):
            let made = values.map { HalfPrecision.bits(Float(short(Double(HalfPrecision.float($0))))) }
            return Tensor(shape: tensor.shape, .float16(made))
        default: return tensor
        }
    }
}
