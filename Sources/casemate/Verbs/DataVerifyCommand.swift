import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate data verify`: whether files and ledger are what they were.
struct DataVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Say whether data files and their ledger are what was registered, and where they are not.",
        discussion: """
            casemate data verify --key me.pem.pub
            casemate data verify train.csv --key me.pem.pub --checkpoint head.json --json

            Without files, all that the ledger names are verified. Exit status: 0 everything is what the ledger says, 1 \
            something changed, 2 it could not be said. Entries cut off the end of the ledger are seen only with \
            --checkpoint or --expect-head.
            """)

    @Argument(help: "Files (default: all that the ledger names).") var files: [String] = []
    @Option(name: .long, help: ArgumentHelp("The ledger: .jsonl, or .sqlite or .db.", valueName: "file"))
    var ledger: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Public key that is trusted; repeatable.", valueName: "file"))
    var key: [String] = []
    @Option(
        name: .customLong("expect-head"), help: ArgumentHelp("Hash of an entry that must be there.", valueName: "hash"))
    var expectHead: String?
    @Option(name: .long, help: ArgumentHelp("Checkpoint that the ledger must continue.", valueName: "file"))
    var checkpoint: String?
    @Flag(name: .long, help: "First mend a last line that a crash left half-written.") var mend = false
    @Option(name: .long, help: "Most rows that are listed for one file (default 1000).") var rows: String?
    @OptionGroup(title: "Everywhere") var common: CommonOptions

    func run() throws {
        var plan = DataVerifyJob.Plan()
        (plan.files, plan.ledger, plan.keys) = (files, ledger, key)
        (plan.expectedHead, plan.checkpoint, plan.mends) = (expectHead, checkpoint, mend)
        if let rows { plan.rows = try WholeNumber.read(rows, "--rows", 1...1_000_000) }
        plan.isRedacted = common.redact
        var configuration = AuditConfiguration()
        try common.apply(to: &configuration)
        let output = try common.preparedOutput()
        let result = try common.watched(configuration) { [plan] context in
            try DataVerifyJob(plan, search: Engines.search).run(
                context: context, command: ShellWords.joined(CommandLine.arguments), started: Date())
        }
        if let mended = result.mended, !common.quiet { Terminal.message("mended: \(mended)") }
        try common.write(result.report, json: result.json(), output)
        if result.report.exitStatus != 0 { throw ExitCode(result.report.exitStatus) }
    }
}
