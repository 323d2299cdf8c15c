import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate data sanitize`: rows to train on, and rows that are set aside.
struct DataSanitizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sanitize",
        abstract: "Divide training data into clean and quarantined rows, with the reason for each.",
        discussion: """
            casemate data sanitize train.csv --suspects suspects.csv --decisions review.sqlite --output out

            Rows are set aside by their score, or as reviewers decided: decisions win. Nothing is deleted: clean and \
            quarantine files add up to the input, record by record, and manifest.csv says why each row is where it is.
            """)

    @Argument(help: "The data: CSV, TSV, JSON lines, all of them also as gzip, Parquet.") var data: String
    @Option(name: .long, help: ArgumentHelp("The list of suspects.", valueName: "file")) var suspects: String
    @Option(name: .long, help: ArgumentHelp("Reviewers' decisions.", valueName: "file")) var decisions: String?
    @Option(
        name: .customLong("min-score"),
        help: ArgumentHelp("Lowest score of a row that is set aside.", valueName: "number"))
    var minimumScore = 0.5
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Only rows that one of these checks points at, commas between them; repeatable.", valueName: "checks"))
    var checks: [String] = []
    @Option(name: .long, help: ArgumentHelp("Column with labels: says what each class loses.", valueName: "column"))
    var target: String?
    @Option(
        name: .long, help: ArgumentHelp("Column with where rows came from: says what each loses.", valueName: "column"))
    var source: String?
    @Option(name: .long, help: ArgumentHelp("Folder that all files are written to.", valueName: "dir"))
    var output: String
    @Option(name: .long, help: "Threads that the work may use (default: every core).") var threads: Int?
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func run() throws {
        var settings = SanitizeJob.Settings()
        settings.minimumScore = minimumScore
        settings.checks = checks.flatMap { $0.split(separator: ",").map(String.init) }
        (settings.target, settings.source) = (target, source)
        let job = SanitizeJob(
            data: data, suspects: suspects, decisions: decisions, output: output, settings: settings)
        let result = try Watched.run(threads: threads, isQuiet: quiet) {
            try job.run(search: Engines.search, context: $0)
        }
        if json { Terminal.output(try result.json()) } else { Terminal.output(result.text) }
    }
}
