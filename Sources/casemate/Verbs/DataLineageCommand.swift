import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate data lineage`: what data were made from.
struct DataLineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Show what data were made from, back to their sources, and what changed on the way.",
        discussion: """
            casemate data lineage train.csv
            casemate data lineage 3 --json

            Exit status: 0 nothing on the way changed, 1 something did, 2 it could not be said.
            """)

    @Argument(help: "A registered file, or an entry by number or hash.") var what: String
    @Option(name: .long, help: ArgumentHelp("The ledger: .jsonl, or .sqlite or .db.", valueName: "file"))
    var ledger: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Public key that is trusted; repeatable.", valueName: "file"))
    var key: [String] = []
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        var configuration = AuditConfiguration()
        try common.apply(to: &configuration)
        let output = try common.preparedOutput()
        let job = DataLineageJob(what, ledger: ledger, keys: key, search: Engines.search, isRedacted: common.redact)
        let result = try common.watched(configuration) { context in
            try job.run(context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        if common.standardOutput == "text", output == nil {
            Terminal.output(result.text)
        } else {
            try common.write(result.report, json: result.json(), output)
        }
        if result.report.exitStatus != 0 { throw ExitCode(result.report.exitStatus) }
    }
}
