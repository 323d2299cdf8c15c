import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// `casemate attack`: attacks by themselves.
struct AttackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack", abstract: "Attack a model.", subcommands: [Evasion.self])

    /// `casemate attack evasion`.
    struct Evasion: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evasion", abstract: "Change decisions by changing rows as little as possible, labels only.",
            discussion: """
                casemate attack evasion m.onnx --data test.csv --target y --norm l2 --samples 50

                HopSkipJump on every row at once. Status 0 whatever is found: nothing is judged here; `audit` judges.
                """)

        @Argument(help: "The model.") var model: String
        @Option(name: .long, help: ArgumentHelp("Rows to attack.", valueName: "file")) var data: String
        @Option(name: .long, help: ArgumentHelp("Column that the model predicts.", valueName: "column")) var target:
            String
        @Option(name: .long, help: ArgumentHelp("Training data: ranges, scales, starting points.", valueName: "file"))
        var train: String?
        @Option(
            name: .long, parsing: .singleValue,
            help: ArgumentHelp("Columns that are no features, commas between them; repeatable.", valueName: "columns"))
        var ignore: [String] = []
        @Option(name: .long, help: "Measure of distance: l2, linf, both.") var norm = "l2"
        @Option(name: .long, help: "Rows attacked (default: all).") var samples: String?
        @Option(name: .long, help: "Steps of the search.") var iterations: String?
        @Option(name: .long, help: "Most queries of one direction estimate.") var evaluations: String?
        @Option(name: .customLong("initial-evaluations"), help: "Queries of the first direction estimate.")
        var initialEvaluations: String?
        @Option(name: .long, help: "Most queries a row.") var queries: String?
        @Option(name: .long, help: "raw: a change counts as it is; train: divided by the training range.")
        var scale = "train"
        @Option(name: .long, help: ArgumentHelp("Bounds of every number, such as 0:1.", valueName: "low:high"))
        var bounds: String?
        @Option(name: .long, help: ArgumentHelp("Distances to report at, commas between them.", valueName: "list"))
        var epsilon: String?
        @Option(name: .long, help: ArgumentHelp("Scores from here on decide positive.", valueName: "number"))
        var threshold: String?
        @Flag(name: .long, help: "Exactly as published: no start from known rows, no polish, the published probe size.")
        var published = false
        @OptionGroup(title: "Everywhere") var common: CommonOptions

        func run() throws {
            let configuration = try effectiveConfiguration()
            let output = common.output.map { OutputFolder($0) }
            try output?.prepare()
            let result = try common.watched(configuration) { context in
                try EvasionJob(configuration, search: Engines.search, isPublished: published, bounds: limits())
                    .run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
            }
            try write(result, output)
        }

        private func limits() throws -> ClosedRange<Float>? {
            guard let bounds else { return nil }
            let parts = bounds.split(separator: ":", omittingEmptySubsequences: false).map { Float($0) }
            guard parts.count == 2, let low = parts[0], let high = parts[1], low <= high, low.isFinite, high.isFinite
            else {
                throw CasemateError(
                    .invalidSetting, at: "--bounds", "'\(bounds)' is no range", help: "write two numbers, such as 0:1")
            }
            return low...high
        }

        private func effectiveConfiguration() throws -> AuditConfiguration {
            var configuration = AuditConfiguration()
            try configuration.takeVariables(ProcessInfo.processInfo.environment)
            let given: [(String, String?, String)] = [
                ("model.path", model, "MODEL"), ("data.test", data, "--data"), ("data.target", target, "--target"),
                ("data.train", train, "--train"),
                ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
                ("probes.evasion.norm", norm, "--norm"),
                ("probes.evasion.samples", samples ?? "1000000", "--samples"),
                ("probes.evasion.iterations", iterations, "--iterations"),
                ("probes.evasion.evaluations", evaluations, "--evaluations"),
                ("probes.evasion.initial_evaluations", initialEvaluations, "--initial-evaluations"),
                ("probes.evasion.queries", queries, "--queries"), ("probes.evasion.epsilons", epsilon, "--epsilon"),
                ("feature_space.defaults.scale", scale, "--scale"), ("decision.threshold", threshold, "--threshold"),
                ("feature_space.defaults.integer", scale == "raw" ? "never" : nil, "--scale"),
            ]
            for (key, value, option) in given {
                if let value { try configuration.set(key, value, origin: .option(option)) }
            }
            try common.apply(to: &configuration)
            try configuration.validate()
            return configuration
        }

        private func write(_ result: EvasionJob.Result, _ output: OutputFolder?) throws {
            let options = ReportOptions(
                isColored: common.isColoured(STDOUT_FILENO), width: Terminal.width,
                workingFolder: FileManager.default.currentDirectoryPath, outputFolder: output?.path)
            let json = try result.json()
            if let output {
                let files = try result.report.renderFiles(options: options).map { name, content in
                    (name: name, content: name == "report.json" ? json : content)
                }
                try output.write(files)
            }
            let isJSON = common.standardOutput == "json"
            Terminal.output(isJSON ? json : try result.report.render(as: common.standardOutput, options: options))
        }
    }
}
