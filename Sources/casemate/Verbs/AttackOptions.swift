import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// What is attacked.
struct DataOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Rows or images: .csv, .parquet, .npz, .npy, idx, or a folder with a sub-folder of PNG or JPEG a class.",
            valueName: "file"))
    var data: String?
    @Option(name: .long, help: ArgumentHelp("Column that the model predicts (tables).", valueName: "column"))
    var target: String?
    @Option(name: .long, help: ArgumentHelp("Labels of .npy or idx samples.", valueName: "file")) var labels: String?
    @Option(name: .long, help: ArgumentHelp("Array of an .npz that holds the samples.", valueName: "name"))
    var array: String?
    @Option(name: .long, help: ArgumentHelp("Training data: ranges, scales, starting points.", valueName: "file"))
    var train: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are no features, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(name: .long, help: "Samples attacked, drawn by the seed from tables, else the first (default: all).")
    var samples: String?

    /// The columns to ignore as one value.
    var ignored: String? { ignore.isEmpty ? nil : ignore.joined(separator: ",") }
}

/// Attacks that know the model.
struct GradientOptions: ParsableArguments {
    @Option(name: .long, help: "Measure of distance: linf, l2, l1, l0 (on tables also both: l2 and linf).") var norm:
        String?
    @Option(
        name: .long,
        help: ArgumentHelp("Largest distance in units of the model's input, such as 8/255 or 0.5.", valueName: "number")
    )
    var eps: String?
    @Option(name: .long, help: "What the attacker sees: gradients, scores, labels.") var access: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "autoattack (default with --eps), pool (without) or one such as pgd, fmn; on tables hop_skip_jump (default), "
                + "boundary, square, simba, nes, zoo, greedy, beam, transfer, constrained_pgd."))
    var attack: String?
    @Option(name: .long, help: "Steps of the attack, where it has a number of them.") var steps: String?
    @Option(name: .customLong("target-class"), help: "Class that every sample is to be given (default: any wrong one).")
    var targetClass: String?
    @Option(
        name: .long, help: ArgumentHelp("Smallest and largest value of an input, such as 0:1.", valueName: "low:high"))
    var bounds: String?
    @Option(
        name: .long, help: "Divide stored values by this (default: 255 for 8-bit images where that fits the model).")
    var divide: String?
    @Option(name: .long, help: ArgumentHelp("Axes of one sample that the model leaves open.", valueName: "3,224,224"))
    var shape: String?
    @Option(name: .long, help: ArgumentHelp("A second model whose gradients are used (transfer).", valueName: "file"))
    var surrogate: String?
    @Flag(name: .customLong("no-checks"), help: "Leave out the checks of the evaluation and the curve.")
    var noChecks = false
    @Option(name: .long, help: ArgumentHelp("Write the adversarial samples to an .npz.", valueName: "file"))
    var save: String?
    @Option(name: .long, help: ArgumentHelp("VNN-LIB property to break.", valueName: "file")) var spec: String?

    /// The box that was given.
    func box() throws -> ClosedRange<Float>? {
        guard let bounds else { return nil }
        let parts = bounds.split(separator: ":", omittingEmptySubsequences: false).map { Float($0) }
        guard parts.count == 2, let low = parts[0], let high = parts[1], low <= high, low.isFinite, high.isFinite
        else {
            throw CasemateError(
                .invalidSetting, at: "--bounds", "'\(bounds)' is no range", help: "write two numbers, such as 0:1")
        }
        return low...high
    }

    /// What these options ask for.
    func plan(data: DataOptions, access: String) throws -> WhiteBoxPlan {
        var plan = WhiteBoxPlan()
        guard let path = data.data else {
            throw CasemateError(
                .invalidSetting, at: "attack", "no data are named",
                help: "give --data FILE, or --spec FILE for a VNN-LIB property")
        }
        (plan.data, plan.labels, plan.array) = (path, data.labels, data.array)
        plan.norm = norm ?? "linf"
        plan.epsilon = try eps.map { try Quotient.number($0, option: "--eps") }
        plan.divisor = try divide.map { Float(try Quotient.number($0, option: "--divide")) }
        plan.bounds = try box()
        plan.samples = try data.samples.map { try WholeNumber.read($0, "--samples", 1...10_000_000) }
        plan.steps = try steps.map { try WholeNumber.read($0, "--steps", 1...1_000_000) }
        plan.targetClass = try targetClass.map { try WholeNumber.read($0, "--target-class", 0...1_000_000) }
        (plan.attack, plan.surrogate, plan.runsChecks, plan.save) = (attack, surrogate, !noChecks, save)
        plan.usesGradients = access == "gradients"
        return plan
    }
}

/// Whole numbers of the command line.
enum WholeNumber {
    /// Reads one within a range.
    static func read(_ text: String, _ option: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw CasemateError(
                .invalidSetting, at: option, "'\(text)' makes no sense here",
                help: "give a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

/// Numbers as people write distances: `0.03`, `8/255`.
enum Quotient {
    /// Reads a number or a quotient of two.
    static func number(_ text: String, option: String) throws -> Double {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            .map { Double($0.trimmingCharacters(in: .whitespaces)) }
        let value: Double? =
            switch parts.count {
            case 1: parts[0]
            case 2: parts[0].flatMap { top in parts[1].flatMap { $0 == 0 ? nil : top / $0 } }
            default: nil
            }
        guard let value, value.isFinite, value >= 0 else {
            throw CasemateError(
                .invalidSetting, at: option, "'\(text)' makes no sense",
                help: "give a number that is not negative, such as 0.03 or 8/255")
        }
        return value
    }
}

/// Attacks inside the feature space of a table.
struct LabelOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Data, roles, feature space and settings of an audit; options win.", valueName: "file"))
    var config: String?
    @Option(name: .long, help: "What is made small: distance, or cost by the feature space.") var objective: String?
    @Option(name: .long, help: "Steps of the search.") var iterations: String?
    @Option(name: .long, help: "Most queries of one direction estimate.") var evaluations: String?
    @Option(name: .customLong("initial-evaluations"), help: "Queries of the first direction estimate.")
    var initialEvaluations: String?
    @Option(name: .long, help: "Most queries a row.") var queries: String?
    @Option(name: .long, help: "raw: a change counts as it is; train (default): divided by the training range.")
    var scale: String?
    @Option(name: .long, help: ArgumentHelp("Distances to report at, commas between them.", valueName: "list"))
    var epsilon: String?
    @Option(name: .long, help: ArgumentHelp("Scores from here on decide positive.", valueName: "number"))
    var threshold: String?
    @Flag(name: .long, help: "Exactly as published: no start from known rows, no polish, the published probe size.")
    var published = false

    /// The configuration that these options make.
    func configuration(
        model: String?, endpoint: EndpointOptions, data: DataOptions, _ search: GradientOptions,
        _ common: CommonOptions
    ) throws -> AuditConfiguration {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        // why: what a configuration says or leaves open holds, where there is one.
        func standard(_ value: String) -> String? { config == nil ? value : nil }
        let isAttackChosen = configuration.origins["probes.evasion.attack"] != nil
        let standardAttack = isAttackChosen ? nil : search.access.map { EvasionRoute.standard(access: $0) }
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        let given: [(String, String?, String)] = [
            ("model.path", model, "MODEL"), ("data.test", data.data, "--data"),
            ("data.target", data.target, "--target"),
            ("data.train", data.train, "--train"), ("data.ignore", data.ignored, "--ignore"),
            ("probes.evasion.attack", search.attack ?? standardAttack, "--attack"),
            ("probes.evasion.access", search.access, "--access"),
            ("probes.evasion.objective", objective, "--objective"),
            ("probes.evasion.norm", search.norm ?? standard("l2"), "--norm"),
            ("probes.evasion.samples", data.samples ?? standard("1000000"), "--samples"),
            ("probes.evasion.iterations", iterations, "--iterations"),
            ("probes.evasion.evaluations", evaluations, "--evaluations"),
            ("probes.evasion.initial_evaluations", initialEvaluations, "--initial-evaluations"),
            ("probes.evasion.queries", queries, "--queries"), ("probes.evasion.epsilons", epsilon, "--epsilon"),
            ("feature_space.defaults.scale", scale ?? standard("train"), "--scale"),
            ("decision.threshold", threshold, "--threshold"),
            ("feature_space.defaults.integer", scale == "raw" ? "never" : nil, "--scale"),
        ]
        for (key, value, option) in given + endpoint.settings {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        try configuration.validate()
        // why: answers of an endpoint are kept, so that an attack that was stopped asks nothing twice.
        if configuration.cache.folder == nil { configuration.cache.folder = ProbeCache.userFolder }
        return configuration
    }

    /// The configuration of an attack on a model that takes text.
    func textConfiguration(
        model: String?, data: DataOptions, _ search: GradientOptions, _ common: CommonOptions
    ) throws -> AuditConfiguration {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        let given: [(String, String?, String)] = [
            ("model.path", model, "MODEL"), ("data.test", data.data, "--data"),
            ("data.target", data.target, "--target"), ("data.train", data.train, "--train"),
            ("data.ignore", data.ignored, "--ignore"), ("probes.text.samples", data.samples, "--samples"),
            ("probes.text.access", search.access, "--access"), ("probes.text.operators", search.attack, "--attack"),
            ("probes.text.queries", queries, "--queries"), ("decision.threshold", threshold, "--threshold"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        try configuration.validate()
        return configuration
    }

    /// The configuration of a search for hidden branches; the data are training data and test data in one.
    func hiddenConfiguration(
        model: String?, endpoint: EndpointOptions, data: DataOptions, _ common: CommonOptions
    ) throws -> AuditConfiguration {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        let given: [(String, String?, String)] = [
            ("model.path", model, "MODEL"), ("data.test", data.data, "--data"),
            ("data.train", data.train ?? data.data, "--train"), ("data.target", data.target, "--target"),
            ("data.ignore", data.ignored, "--ignore"), ("decision.threshold", threshold, "--threshold"),
        ]
        for (key, value, option) in given + endpoint.settings {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        return configuration
    }
}
