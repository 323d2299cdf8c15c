import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateGuard
import Foundation

/// `casemate monitor`: what clients ask over time.
struct MonitorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor", abstract: "Look for clients that copy a model or search its boundary.",
        subcommands: [MonitorReplayCommand.self])
}

/// `casemate monitor replay`: runs a recorded trace through the detectors of the guard.
struct MonitorReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Run recorded requests through the detectors, as if they came now.",
        discussion: """
            casemate monitor replay trace.csv.gz --reference reference.csv.gz
            casemate monitor replay trace.csv.gz --reference profile/reference.csv.gz --json

            The trace has a column client, the features of the reference, and where they are known seq, owner, network, \
            pred, p1 and p2 (the class, the two largest probabilities). All thresholds come from the reference. Prints \
            the clients by how much speaks against them, with reasons. Exit status 0 whatever is found.
            """)

    @Argument(help: "Recorded requests: .csv, .tsv, .parquet, .jsonl, either with .gz.") var trace: String
    @Option(name: .long, help: ArgumentHelp("Rows of honest use with the model's answers.", valueName: "file"))
    var reference: String
    @Option(
        name: .customLong("false-alarms"),
        help: ArgumentHelp("Chance that an honest client ever raises an alarm, at most.", valueName: "rate"))
    var falseAlarms = 0.01
    @Option(
        name: .long,
        help: ArgumentHelp("Measurement error of honest values, as a share of a column's range.", valueName: "share"))
    var tolerance = PatternReference.tolerance
    @Option(name: .customLong("client-column"), help: ArgumentHelp("Column that says who asked.", valueName: "column"))
    var clientColumn = "client"
    @Flag(name: .long, help: "Say beside each client what PRADA alone says.") var prada = false
    @Option(name: .long, help: "Seed of all draws.") var seed: UInt64 = 0
    @Option(name: .long, help: "Threads that reading may use (default: every core).") var threads: Int?
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func validate() throws {
        guard falseAlarms >= 1e-6, falseAlarms <= 0.2 else {
            throw ValidationError("--false-alarms takes a rate from 0.000001 to 0.2")
        }
        guard tolerance >= 0, tolerance <= 0.25 else {
            throw ValidationError("--tolerance takes a share from 0 to 0.25")
        }
    }

    func run() throws {
        let replay = try Watched.run(seed: seed, threads: threads, isQuiet: quiet) { context in
            let recorded = try MonitorTrace(
                trace: trace, reference: reference, clientColumn: clientColumn, search: Engines.search, context: context
            )
            return try MonitorReplay(
                recorded, place: reference, falseAlarms: falseAlarms, tolerance: tolerance, withPrada: prada,
                context: context)
        }
        guard json else { return Terminal.output(replay.text) }
        Terminal.output(try replay.json(version: Product.version, trace: trace, reference: reference))
    }
}
