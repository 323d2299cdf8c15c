import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateData
import CasemateReport
import Foundation

/// `casemate certify`: proofs about tree ensembles.
struct CertifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certify",
        abstract: "Prove how robust a tree ensemble is: the exact smallest change that turns each decision.",
        discussion: """
            casemate certify model.json --data points.csv --norm linf --json
            casemate certify --config casemate.yaml --eps 0.05
            casemate certify model.json --data points.csv --monotone income:increase --output-range 0:0.9

            Without --config every number may become every other. With it, rows keep its feature space and changes \
            count in its scales. Status 0 whatever is found: nothing is judged here; `audit` judges.
            """)

    @Argument(help: "The model: XGBoost (.json, .ubj), LightGBM (.txt), ONNX trees.") var model: String?
    @Option(name: .long, help: ArgumentHelp("Rows: .csv, .parquet.", valueName: "file")) var data: String?
    @Option(
        name: .long, help: ArgumentHelp("Configuration: model, data, decision and feature space.", valueName: "file"))
    var config: String?
    @Option(
        name: .long, help: ArgumentHelp("Column with labels (default: label, target, class or y).", valueName: "column")
    )
    var target: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are no features, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(
        name: .long, help: ArgumentHelp("The model's columns in its order, commas between them.", valueName: "columns"))
    var features: String?
    @Option(name: .long, help: "Measure of distance: linf (default), l1, l2.") var norm: String = "linf"
    @Option(name: .long, help: ArgumentHelp("Distances to report at, commas between them.", valueName: "list"))
    var eps: String?
    @Option(name: .long, help: "Rows, drawn by the seed (default: all).") var samples: String?
    @Option(name: .long, help: "Most steps of the search for one row (default: no limit).") var nodes: String?
    @Option(name: .long, help: ArgumentHelp("Scores from here on decide positive.", valueName: "number"))
    var threshold: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Prove that the output never falls (or rises) with a feature; repeatable.",
            valueName: "feature:increase|decrease"))
    var monotone: [String] = []
    @Option(
        name: .customLong("output-range"),
        help: ArgumentHelp("Prove that the output stays in a range.", valueName: "low:high"))
    var outputRange: String?
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        let configuration = try effectiveConfiguration()
        let plan = try plan()
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { context in
            try CertifyJob(configuration, plan: plan, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(norm: norm), output)
    }

    private func effectiveConfiguration() throws -> AuditConfiguration {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        let given: [(String, String?, String)] = [
            ("model.path", model, "MODEL"), ("data.test", data, "--data"), ("data.target", target, "--target"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
            ("model.features", features, "--features"), ("decision.threshold", threshold, "--threshold"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        return configuration
    }

    private func plan() throws -> CertifyPlan {
        var plan = CertifyPlan()
        let known = ["linf", "l1", "l2"]
        guard known.contains(norm), let measure = FeatureSpace.Norm(rawValue: norm) else {
            throw CasemateError(
                .invalidSetting, at: "--norm", "'\(norm)' is not served\(Suggestion.clause(for: norm, among: known))",
                help: "use linf, l1 or l2")
        }
        plan.norm = measure
        plan.epsilons = try (eps?.split(separator: ",").map(String.init) ?? []).map {
            try Quotient.number($0, option: "--eps")
        }
        plan.samples = try samples.map { try WholeNumber.read($0, "--samples", 1...10_000_000) }
        plan.mostNodes = try nodes.map { try WholeNumber.read($0, "--nodes", 1...1_000_000_000_000) }
        plan.facts = try monotone.map { try CertifyPlan.monotone($0) }
        if let outputRange { plan.facts.append(try CertifyPlan.output(outputRange)) }
        return plan
    }
}
