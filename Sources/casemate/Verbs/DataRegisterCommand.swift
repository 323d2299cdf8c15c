import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate data register`: puts a file into the ledger.
struct DataRegisterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "register",
        abstract: "Put a data file into the ledger: its hash, its rows, who, when, where it came from.",
        discussion: """
            casemate data register raw.csv --source "CRM export" --key me.pem
            casemate data register train.csv --parent raw.csv --transformation "dropped rows without income" --key me.pem

            The ledger is casemate-data.jsonl of this folder or its repository; each entry names the hash of the one \
            before it. Short hashes of the rows lie beside it in casemate-data.rows/, so that a changed row can be \
            named later without the old file.
            """)

    @Argument(help: "The file.") var file: String
    @Option(name: .long, help: ArgumentHelp("The ledger: .jsonl, or .sqlite or .db.", valueName: "file"))
    var ledger: String?
    @Option(name: .long, help: ArgumentHelp("Where the data came from.", valueName: "text")) var source: String?
    @Option(name: .long, help: ArgumentHelp("What was done to them.", valueName: "text")) var transformation: String?
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "What they were made from: a registered file, an entry, sha256:HASH; repeatable.", valueName: "what"))
    var parent: [String] = []
    @Option(name: .long, help: ArgumentHelp("Who registers (default: the user's name).", valueName: "name"))
    var by: String?
    @Option(name: .long, help: ArgumentHelp("Private key that signs the entry.", valueName: "file")) var key: String?
    @Option(name: .long, help: ArgumentHelp("Anything else.", valueName: "text")) var note: String?
    @Flag(name: .long, help: "The order of rows does not matter; how often a row is there does.")
    var orderIndependent = false
    @Flag(
        name: .customLong("no-rows"),
        help: "Keep no short hashes of rows: changes are then placed by parts of 1,024 rows or more.")
    var noRows = false
    @Option(
        name: .long, help: ArgumentHelp("File for the new head of the ledger, to be kept elsewhere.", valueName: "file")
    )
    var checkpoint: String?
    @Option(name: .long, help: "Threads that the work may use (default: every core).") var threads: String?
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func run() throws {
        var plan = DataRegisterJob.Plan(file: file, who: by ?? NSUserName())
        (plan.ledger, plan.source, plan.transformation) = (ledger, source, transformation)
        (plan.note, plan.parents, plan.key, plan.checkpoint) = (note, parent, key, checkpoint)
        (plan.isOrderIndependent, plan.keepsRows) = (orderIndependent, !noRows)
        let threads = try threads.map { try WholeNumber.read($0, "--threads", 1...1024) }
        let result = try Watched.run(threads: threads, isQuiet: quiet) { context in
            try DataRegisterJob(plan, search: Engines.search).run(context: context, time: Date())
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Terminal.output(try encoder.encode(result))
            Terminal.output("\n")
        } else {
            Terminal.output(result.text)
        }
    }
}
