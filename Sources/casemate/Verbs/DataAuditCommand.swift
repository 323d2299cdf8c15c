import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateDetect
import Foundation

/// `casemate data audit`: looks for poison in training data.
struct DataAuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Look for poison, wrong labels, triggers, outliers, duplicates and payloads in training data.",
        discussion: """
            casemate data audit train.csv --target default --favourable 0
            casemate data audit train.parquet --reference q1.parquet --test test.csv --source broker --output out/
            casemate data audit --config casemate.yaml --checks labels,triggers --json

            --reference names data that are known to be good: without them some attacks cannot be seen, and the report \
            says which. --output writes the report and suspects.csv, a ranked list of rows (from 0) for people to \
            review. Exit status 1: a finding of severity high or worse.
            """)

    @Argument(help: "Training data: .csv, .tsv, .parquet, .jsonl, either with .gz.") var data: String?
    @Option(name: .long, help: ArgumentHelp("Configuration: data, model, constraints and policy.", valueName: "file"))
    var config: String?
    @Option(name: .long, help: ArgumentHelp("Data known to be good, such as last quarter's.", valueName: "file"))
    var reference: String?
    @Option(name: .long, help: ArgumentHelp("Test data, searched for rows that leaked.", valueName: "file"))
    var test: String?
    @Option(name: .long, help: ArgumentHelp("A model trained on these data.", valueName: "file")) var model: String?
    @Option(name: .long, help: ArgumentHelp("The release before, to compare labels with.", valueName: "file"))
    var previous: String?
    @Option(
        name: .long, help: ArgumentHelp("Column of labels (default: label, target, class or y).", valueName: "column"))
    var target: String?
    @Option(name: .long, help: ArgumentHelp("The outcome that people want.", valueName: "label")) var favourable:
        String?
    @Option(name: .long, help: ArgumentHelp("Column that says where a row came from.", valueName: "column"))
    var source: String?
    @Option(name: .long, help: ArgumentHelp("Column that says when a row came to be.", valueName: "column"))
    var time: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Protected attributes, commas between them; repeatable.", valueName: "columns"))
    var protected: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Columns that are left out, commas between them; repeatable.", valueName: "columns"))
    var ignore: [String] = []
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Checks to run, commas between them (default: all).", valueName: "names"))
    var checks: [String] = []
    @Option(name: .long, help: ArgumentHelp("File for the ranked rows alone.", valueName: "file")) var suspects: String?
    @Option(name: .long, help: ArgumentHelp("A profile that the data are held against.", valueName: "file"))
    var profile: String?
    @Option(
        name: .long, help: ArgumentHelp("Decisions of `casemate review`, which weigh the checks.", valueName: "file"))
    var decisions: String?
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        let configuration = try effectiveConfiguration()
        let names = checks.flatMap { $0.split(separator: ",").map(String.init) }
        let known = try profile.map { try DataProfile(contentsOf: $0) }
        let chosen = try DataAuditPlan.checks(named: names, at: "--checks").map { check -> any DataCheck in
            guard let known, var shift = check as? DataProfileCheck else { return check }
            shift.profile = known
            return shift
        }
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { context in
            try DataAuditJob(
                configuration, checks: chosen, reliability: DataAuditJob.reliability(decisions: decisions),
                search: Engines.search
            ).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        for warning in result.warnings where !common.quiet { Terminal.message("warning: \(warning)") }
        if let suspects { try Self.write(result.files, to: suspects) }
        try common.write(result.report, json: result.json(), output, others: result.files)
        if result.report.exitStatus != 0 { throw ExitCode(result.report.exitStatus) }
    }

    /// The ranked rows under a name of the user's, with the digest of the data beside them.
    private static func write(_ files: [(name: String, content: Data)], to path: String) throws {
        let url = URL(fileURLWithPath: path)
        let renamed = files.map { name, content in
            (name.replacing(SuspectFile.name, with: url.lastPathComponent), content)
        }
        try OutputFolder(url.deletingLastPathComponent().path).write(renamed.map { (name: $0.0, content: $0.1) })
    }

    private func effectiveConfiguration() throws -> AuditConfiguration {
        var configuration = try config.map { try AuditConfiguration(contentsOf: $0) } ?? AuditConfiguration()
        try configuration.takeVariables(ProcessInfo.processInfo.environment)
        func list(_ values: [String]) -> String? { values.isEmpty ? nil : values.joined(separator: ",") }
        let given: [(String, String?, String)] = [
            ("data.train", data, "DATA"), ("data.reference", reference, "--reference"), ("data.test", test, "--test"),
            ("model.path", model, "--model"), ("model.previous", previous, "--previous"),
            ("data.target", target, "--target"), ("data.favourable", favourable, "--favourable"),
            ("data.source", source, "--source"), ("data.time", time, "--time"),
            ("data.protected", list(protected), "--protected"), ("data.ignore", list(ignore), "--ignore"),
        ]
        for (key, value, option) in given {
            if let value { try configuration.set(key, value, origin: .option(option)) }
        }
        try common.apply(to: &configuration)
        return configuration
    }
}
