import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// `casemate attack`: attacks by themselves.
struct AttackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack", abstract: "Attack a model.", subcommands: [Evasion.self],
        defaultSubcommand: Evasion.self)

    /// `casemate attack [evasion]`.
    struct Evasion: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evasion",
            abstract: "Change decisions by changing inputs as little as possible: by gradients, scores or labels.",
            discussion: """
                casemate attack m.onnx --data test.npz --norm linf --eps 8/255
                casemate attack m.onnx --data test.csv --target y --norm l2 --samples 50
                casemate attack net.onnx --spec property.vnnlib --budget 10s

                With --eps: AutoAttack with the model's gradients and a check of the evaluation itself. Without it, on a \
                table: HopSkipJump, from labels alone. With --spec: a counterexample to a VNN-LIB property. Status 0 \
                whatever is found: nothing is judged here; `audit` judges.
                """)

        @Argument(help: "The model.") var model: String
        @OptionGroup(title: "Data") var data: DataOptions
        @OptionGroup(title: "Attack with gradients or scores") var gradients: GradientOptions
        @OptionGroup(title: "Attack with labels alone") var labels: LabelOptions
        @OptionGroup(title: "Everywhere") var common: CommonOptions

        func run() throws {
            if let specification = gradients.spec { return try searchCounterexample(to: specification) }
            switch try access() {
            case .labels: try attackWithLabels()
            case .gradients, .scores: try attackWithGradients()
            }
        }
    }

    /// What an attacker sees of the model.
    enum Access: String, CaseIterable { case gradients, scores, labels }
}

extension AttackCommand.Evasion {
    /// What was asked for, else what fits the data: tables without a radius are attacked as before, by labels.
    private func access() throws -> AttackCommand.Access {
        if let given = gradients.access {
            guard let access = AttackCommand.Access(rawValue: given) else {
                let known = AttackCommand.Access.allCases.map(\.rawValue)
                throw CasemateError(
                    .invalidSetting, at: "--access",
                    "'\(given)' is unknown\(Suggestion.clause(for: given, among: known))",
                    help: "use gradients, scores or labels")
            }
            return access
        }
        let isTable = data.data.map { !WhiteBoxJob.readsSamples($0) } ?? true
        return isTable && gradients.eps == nil && gradients.attack == nil ? .labels : .gradients
    }

    private func searchCounterexample(to specification: String) throws {
        var configuration = AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        try common.apply(to: &configuration)
        let output = try preparedOutput()
        let result = try common.watched(configuration) { context in
            try SpecificationJob(
                model: model, specification: specification, search: Engines.search,
                budget: configuration.budget.map { .seconds($0) }
            ).run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try write(result.report, json: result.json(), output)
    }

    private func attackWithGradients() throws {
        var configuration = AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        var given: [(String, String?, String)] = [
            ("model.path", model, "MODEL"), ("data.test", data.data, "--data"),
            ("data.target", data.target, "--target"),
            ("data.train", data.train, "--train"), ("data.ignore", data.ignored, "--ignore"),
            ("decision.threshold", labels.threshold, "--threshold"),
        ]
        if let shape = gradients.shape { given.append(("model.row_shape", shape, "--shape")) }
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        let output = try preparedOutput()
        let plan = try gradients.plan(data: data, access: access().rawValue)
        let result = try common.watched(configuration) { context in
            try WhiteBoxJob(configuration, plan: plan, search: Engines.search)
                .run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try write(result.report, json: result.json(), output)
    }

    private func attackWithLabels() throws {
        let configuration = try labels.configuration(model: model, data: data, norm: gradients.norm, common)
        let output = try preparedOutput()
        let bounds = try gradients.box()
        let result = try common.watched(configuration) { context in
            try EvasionJob(
                configuration, search: Engines.search, isPublished: labels.published, bounds: bounds
            ).run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try write(result.report, json: result.json(), output)
    }

    /// The folder for files, ready before any work is done; `nil` where none is named.
    private func preparedOutput() throws -> OutputFolder? {
        let output = common.output.map { OutputFolder($0) }
        try output?.prepare()
        return output
    }

    private func write(_ report: Report, json: Data, _ output: OutputFolder?) throws {
        let options = ReportOptions(
            isColored: common.isColoured(STDOUT_FILENO), width: Terminal.width,
            workingFolder: FileManager.default.currentDirectoryPath, outputFolder: output?.path)
        if let output {
            let files = try report.renderFiles(options: options).map { name, content in
                (name: name, content: name == "report.json" ? json : content)
            }
            try output.write(files)
        }
        let isJSON = common.standardOutput == "json"
        Terminal.output(isJSON ? json : try report.render(as: common.standardOutput, options: options))
    }
}
