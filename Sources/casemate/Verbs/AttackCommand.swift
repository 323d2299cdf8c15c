import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// `casemate attack`: attacks by themselves.
struct AttackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack", abstract: "Attack a model, or the data that it learns from.",
        subcommands: [Evasion.self, AttackPoisoningCommand.self],
        defaultSubcommand: Evasion.self)

    /// `casemate attack [evasion]`.
    struct Evasion: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evasion",
            abstract: "Change decisions by changing inputs as little as possible: by gradients, scores or labels.",
            discussion: """
                casemate attack m.onnx --data test.npz --norm linf --eps 8/255
                casemate attack m.onnx --data test.csv --target y --norm l2 --samples 50
                casemate attack m.onnx --config casemate.yaml --attack greedy --access scores --queries 500
                casemate attack m.onnx --search hidden-branch --data train.csv
                casemate attack net.onnx --spec property.vnnlib --budget 10s

                With --eps: AutoAttack with the model's gradients and a check of the evaluation itself. Without it, on a \
                table, inside its feature space: HopSkipJump from labels alone, or the attack named. With --spec: a counterexample to a VNN-LIB property. Status 0 \
                whatever is found: nothing is judged here; `audit` judges.
                """)

        @Argument(help: "The model; left out with --endpoint, or where --config names it.") var model: String?
        @OptionGroup(title: "Data") var data: DataOptions
        @OptionGroup(title: "Attack with gradients or scores") var gradients: GradientOptions
        @OptionGroup(title: "Attack inside the feature space of a table") var labels: LabelOptions
        @Option(
            name: .long,
            help: ArgumentHelp("Look for something hidden instead: hidden-branch.", valueName: "what"))
        var search: String?
        @OptionGroup(title: "Served model") var endpoint: EndpointOptions
        @OptionGroup(title: "Everywhere") var common: CommonOptions

        func run() throws {
            if let specification = gradients.spec { return try searchCounterexample(to: specification) }
            if let search { return try searchHidden(search) }
            if let model, TextAttackJob.takesText(model) { return try attackText() }
            let isTable = data.data.map { !WhiteBoxJob.readsSamples($0) } ?? true
            let route = try EvasionRoute(
                attack: gradients.attack, access: gradients.access, hasRadius: gradients.eps != nil, isTable: isTable)
            switch route {
            case .space: try attackInSpace()
            case .ball: try attackInBall()
            }
        }
    }
}

extension AttackCommand.Evasion {
    private func searchCounterexample(to specification: String) throws {
        var configuration = AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        try common.apply(to: &configuration)
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { context in
            try SpecificationJob(
                model: named(), specification: specification, search: Engines.search,
                budget: configuration.budget.map { .seconds($0) }
            ).run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }

    private func attackInBall() throws {
        var configuration = AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        var given: [(String, String?, String)] = [
            ("model.path", try named(), "MODEL"), ("data.test", data.data, "--data"),
            ("data.target", data.target, "--target"),
            ("data.train", data.train, "--train"), ("data.ignore", data.ignored, "--ignore"),
            ("decision.threshold", labels.threshold, "--threshold"),
        ]
        if let shape = gradients.shape { given.append(("model.row_shape", shape, "--shape")) }
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        let output = try common.preparedOutput()
        let plan = try gradients.plan(data: data, access: gradients.access ?? "gradients")
        let result = try common.watched(configuration) { context in
            try WhiteBoxJob(configuration, plan: plan, search: Engines.search)
                .run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }

    private func attackInSpace() throws {
        let configuration = try labels.configuration(
            model: model, endpoint: endpoint, data: data, gradients, common)
        let output = try common.preparedOutput()
        let bounds = try gradients.box()
        let result = try common.watched(configuration) { context in
            try EvasionJob(
                configuration, search: Engines.search, isPublished: labels.published, bounds: bounds
            ).run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }

    private func searchHidden(_ what: String) throws {
        guard what == "hidden-branch" else {
            throw CasemateError(
                .invalidSetting, at: "--search",
                "'\(what)' is unknown\(Suggestion.clause(for: what, among: ["hidden-branch"]))",
                help: "use hidden-branch")
        }
        var configuration = try labels.hiddenConfiguration(model: model, endpoint: endpoint, data: data, common)
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { context in
            if configuration.data.target == nil, let model = configuration.model.path {
                try configuration.findTarget(model: model, search: Engines.search, context: context)
            }
            return try HiddenBranchJob(configuration, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }

    private func attackText() throws {
        let configuration = try labels.textConfiguration(model: model, data: data, gradients, common)
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { context in
            try TextAttackJob(configuration, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        try common.write(result.report, json: result.json(), output)
    }

    /// The model's path, where an attack needs the file.
    private func named() throws -> String {
        guard let model else {
            throw CasemateError(
                .invalidSetting, at: "attack", "no model is named",
                help: "give the file; endpoints are attacked without --eps and --spec, by what they answer")
        }
        return model
    }
}
