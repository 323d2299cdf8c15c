import ArgumentParser
import CasemateAudit
import CasemateCore
import Foundation

/// `casemate review`: people decide about suspects.
struct ReviewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "review",
        abstract: "Go through suspects and say of each row whether it is poison, mislabelled or fine.",
        discussion: """
            casemate review suspects.csv --data train.csv
            casemate review suspects.csv --data train.csv --list --filter 'undecided,score>=0.8'
            casemate review suspects.csv --data train.csv --mark 12,15-17=poison --note 'same sender'
            casemate review suspects.csv --data train.csv --summary

            On a terminal a list appears; ? shows its keys. Decisions are kept at once, with who and when, in \
            review.sqlite beside the list, and never changed: a new decision is a new record, the latest wins.
            """)

    @Argument(help: "The list of suspects.") var suspects: String
    @Option(name: .long, help: ArgumentHelp("The data that the suspects are in.", valueName: "file")) var data: String
    @Option(
        name: .long,
        help: ArgumentHelp("File of decisions (default: review.sqlite beside the list).", valueName: "file"))
    var decisions: String?
    @Option(name: .long, help: ArgumentHelp("Who decides (default: the user's name).", valueName: "name"))
    var who: String?
    @Option(
        name: .long,
        help: ArgumentHelp("Rows that are shown: undecided,check=data_labels,score>=0.8", valueName: "terms"))
    var filter = ""
    @Option(name: .long, help: "Order: score (default), row, check, decision.") var sort = "score"
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Decide without a terminal: poison, mislabelled, fine or undecided; repeatable.",
            valueName: "rows=decision"))
    var mark: [String] = []
    @Option(name: .long, help: ArgumentHelp("Note that goes with --mark.", valueName: "text")) var note: String?
    @Flag(name: .long, help: "Print the rows, one a line.") var list = false
    @Option(name: .long, help: "Most rows that are printed.") var limit: Int?
    @Flag(name: .long, help: "Print how far the review is and how often each check was right.") var summary = false
    @Flag(name: .long, help: "Print every record about these data.") var history = false
    @Flag(name: .long, help: "Print one JSON document.") var json = false
    @Option(name: .long, help: "Colour on the terminal: auto, always, never.") var color = "auto"
    @Flag(name: .long, help: "Say nothing on standard error but errors.") var quiet = false

    func validate() throws {
        if note != nil && mark.isEmpty { throw ValidationError("--note goes with --mark") }
        if let limit, limit < 0 { throw ValidationError("--limit takes a number from 0 on") }
        if ReviewOrder(rawValue: sort) == nil {
            let known = ReviewOrder.allCases.map(\.rawValue)
            throw ValidationError(
                "unknown order '\(sort)'\(Suggestion.clause(for: sort, among: known)); known are "
                    + known.joined(separator: ", "))
        }
        if Terminal.Colour(rawValue: color) == nil {
            throw ValidationError("--color takes auto, always or never, not '\(color)'")
        }
    }

    func run() throws {
        let filter = try ReviewFilter(filter)
        let order = ReviewOrder(rawValue: sort) ?? .score
        let marks = try mark.map { text throws(CasemateError) in try ReviewMark.parse(text) }
        let beside = URL(fileURLWithPath: suspects).deletingLastPathComponent().appendingPathComponent(ReviewStore.name)
        var opened = try Watched.run(isQuiet: quiet) { context in
            try ReviewList(
                suspects: suspects, data: data, decisions: decisions ?? beside.relativePath, search: Engines.search,
                context: context)
        }
        let name = who ?? NSUserName()
        var all: [ReviewMark] = []
        for (rows, verdict) in marks { all += try opened.marks(rows, verdict, note: note) }
        if !all.isEmpty { try opened.mark(all, who: name, now: Date()) }
        let isPrinted = list || summary || history || json || !mark.isEmpty
        if !isPrinted, TerminalList.isPossible {
            let environment = ProcessInfo.processInfo.environment
            let isColoured = Terminal.isColored(
                STDOUT_FILENO, Terminal.Colour(rawValue: color) ?? .auto, environment: environment)
            opened = try TerminalList.run(opened, filter: filter, order: order, who: name, isColoured: isColoured)
        }
        let report = try ReviewReport(opened, filter: filter, order: order, limit: limit, marked: all.count)
        if json {
            let hasRows = list || !(summary || history) && mark.isEmpty
            return Terminal.output(try report.json(hasRows: hasRows, hasHistory: history))
        }
        if !isPrinted, !TerminalList.isPossible {
            if !quiet { Terminal.message("no terminal: the rows are listed; decide with --mark rows=decision") }
            return Terminal.output(report.listText)
        }
        if list { Terminal.output(report.listText) }
        if history { Terminal.output(report.historyText) }
        if summary || !list && !history { Terminal.output(report.summaryText) }
    }
}
