import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateReport
import Foundation

/// `casemate audit`: the main job.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Audit a model with its data against a policy: one report, one verdict.",
        discussion: """
            casemate audit casemate.yaml
            casemate audit --model m.onnx --train a.csv --test b.csv --target y --favourable 1 --protected sex
            """)

    @Argument(help: "The configuration; options win over it.")
    var file: String?
    @OptionGroup(title: "Subject") var subject: SubjectOptions
    @Option(name: .customLong("fail-on"), help: "Severity that fails: info, low, medium, high, critical, never.")
    var failOn: String?
    @Option(name: .customLong("rule"), parsing: .singleValue, help: "A rule of the policy; repeatable.")
    var rules: [String] = []
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        let configuration = try effectiveConfiguration()
        let output = OutputFolder(configuration.report.folder)
        try output.prepare()
        let result = try common.watched(configuration) { context in
            try Audit(configuration, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        for warning in result.warnings where !common.quiet { Terminal.message("warning: \(warning)") }
        try write(result.report, configuration, output)
        if result.report.exitStatus != 0 { throw ExitCode(result.report.exitStatus) }
    }

    private func effectiveConfiguration() throws -> AuditConfiguration {
        var configuration = try file.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        try subject.apply(to: &configuration)
        try common.apply(to: &configuration)
        if let failOn { try configuration.set("policy.fail_on", failOn, origin: .option("--fail-on")) }
        for rule in rules { configuration.policy.rules.append(try PolicyRule(rule, at: "--rule")) }
        try configuration.validate()
        return configuration
    }

    private func write(_ report: Report, _ configuration: AuditConfiguration, _ output: OutputFolder) throws {
        var options = ReportOptions(
            isColored: common.isColoured(STDOUT_FILENO), width: Terminal.width,
            workingFolder: FileManager.default.currentDirectoryPath, outputFolder: output.path,
            failSeverity: configuration.policy.failOn ?? .critical)
        let wanted = Set(configuration.report.formats)
        let files = try reportFormats.filter { wanted.contains($0.identifier) }.map { format in
            (name: format.fileName, content: try report.render(as: format.identifier, options: options))
        }
        try output.write(files)
        options.outputFolder = output.path
        Terminal.output(try report.render(as: common.standardOutput, options: options))
    }
}

/// Options that stand for keys of the configuration.
struct SubjectOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The model.", valueName: "file")) var model: String?
    @Option(name: .long, help: ArgumentHelp("Training data.", valueName: "file")) var train: String?
    @Option(name: .long, help: ArgumentHelp("Test data.", valueName: "file")) var test: String?
    @Option(name: .long, help: ArgumentHelp("Column that the model predicts.", valueName: "column")) var target: String?
    @Option(name: .long, help: ArgumentHelp("The favourable outcome.", valueName: "value")) var favourable: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Protected columns, commas between them; repeatable.", valueName: "columns"))
    var protected: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(name: .long, help: ArgumentHelp("Scores from here on decide positive.", valueName: "number"))
    var threshold: String?

    func apply(to configuration: inout AuditConfiguration) throws {
        let given = [
            ("model.path", model, "--model"), ("data.train", train, "--train"), ("data.test", test, "--test"),
            ("data.target", target, "--target"), ("data.favourable", favourable, "--favourable"),
            ("data.protected", protected.isEmpty ? nil : protected.joined(separator: ","), "--protected"),
            ("data.ignore", ignore.isEmpty ? nil : ignore.joined(separator: ","), "--ignore"),
            ("decision.threshold", threshold, "--threshold"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
    }
}

/// Command lines as a shell would take them again.
enum ShellWords {
    /// Joins words, quoting those that need it; the program is named without its folder.
    static func joined(_ words: [String]) -> String {
        let program = words.first.map { $0.split(separator: "/").last.map(String.init) ?? $0 } ?? "casemate"
        return ([program] + words.dropFirst().map(quoted)).joined(separator: " ")
    }
    private static func quoted(_ word: String) -> String {
        let plain =
            !word.isEmpty && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:=,@%+".contains($0)) }
        return plain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
