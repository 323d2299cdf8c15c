import ArgumentParser
import CasemateAudit
import CasemateCore
import CasemateGuard
import CasemateReport
import Foundation

/// `casemate log`: what the guard decided.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Verify, search and export the guard's audit log.",
        discussion: """
            casemate log verify audit.sqlite --key guard.pem.pub --checkpoint heads.jsonl
            casemate log query audit.sqlite --since 2h --outcome refused
            casemate log export audit.sqlite --format csv --output decisions.csv

            All of them read only, and may run while a guard writes.
            """, subcommands: [LogVerifyCommand.self, LogQueryCommand.self, LogExportCommand.self])
}

/// Writes documents of one object.
private enum LogDocument {
    static func output(_ document: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        Terminal.output(try encoder.encode(document))
        Terminal.output("\n")
    }
}

/// Says to people who read a log what the guard says to those who configure it.
private enum LogFile {
    /// Opens a log; a file of something else is asked for by what the command takes.
    static func reading<Value>(_ body: () throws(CasemateError) -> Value) throws(CasemateError) -> Value {
        do { return try body() } catch {
            guard error.code == .refused else { throw error }
            throw CasemateError(
                error.code, at: error.place, error.what, help: "name a log: the file of `audit_log` in guard.yaml")
        }
    }
    static func open(_ path: String) throws(CasemateError) -> AuditReader {
        try reading { () throws(CasemateError) in try AuditReader(path) }
    }
}

/// `casemate log verify`: whether the log is what was written.
struct LogVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Say whether a log is what the guard wrote, and where it is not.",
        discussion: """
            casemate log verify audit.sqlite
            casemate log verify audit.sqlite --key guard.pem.pub --checkpoint heads.jsonl --json

            Names the first record that was altered, deleted, moved or doubled. Records cut off the end are seen only \
            with --checkpoint or --expect-head; a log that somebody wrote anew only with --key or --checkpoint. \
            Exit status: 0 the log is whole, 1 it is not, 2 it could not be said.
            """)

    @Argument(help: "The log: the file of audit_log in guard.yaml.") var file: String
    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Public key that signs heads; repeatable.", valueName: "file"))
    var key: [String] = []
    @Option(name: .long, help: ArgumentHelp("Heads that were kept elsewhere.", valueName: "file"))
    var checkpoint: String?
    @Option(
        name: .customLong("expect-head"), help: ArgumentHelp("Hash of a record that must be there.", valueName: "hash"))
    var expectHead: String?
    @Flag(name: .long, help: "Print one JSON document.") var json = false

    private struct Document: Encodable {
        struct Problem: Encodable { let kind: String, record: Int64, what: String }
        struct Gap: Encodable { let answered: Int64, refused: Int64 }
        let schema = "casemate.log-verify/1", version = Product.version
        let verdict: String, exitStatus: Int32
        let file: String, log: String, head: String
        let records: Int64, first: Int64, last: Int64, retired: Int64
        let gap: Gap
        let heads: Int, signedHeads: Int, signedThrough: Int64
        let outcomes: [String: Int]
        let problems: [Problem]
    }

    func run() throws {
        var expectations = AuditVerifier.Expectations()
        expectations.keys = try key.map { path throws(CasemateError) in try VerifyingKey(contentsOf: path) }
        if let checkpoint {
            if let facts = FileFacts(path: checkpoint), facts.isPlainFile, facts.size == 0 {
                throw CasemateError(
                    .malformed, at: checkpoint, "is empty", help: "name the file of `checkpoint.export` in guard.yaml")
            }
            expectations.heads = try AuditHead.read(checkpoint)
        }
        if let expectHead {
            guard let hash = Hexadecimal.bytes(expectHead.lowercased()), hash.count == 32 else {
                throw CasemateError(
                    .invalidSetting, at: "--expect-head", "is no hash", help: "give 64 hexadecimal digits")
            }
            expectations.hash = hash
        }
        let found = try LogFile.reading { () throws(CasemateError) in try AuditVerifier.verify(file, expectations) }
        if json { try LogDocument.output(document(found)) } else { Terminal.output(text(found)) }
        if !found.isWhole { throw ExitCode(1) }
    }

    private func document(_ found: AuditVerification) -> Document {
        Document(
            verdict: found.isWhole ? "pass" : "fail", exitStatus: found.isWhole ? 0 : 1, file: file, log: found.log,
            head: Hexadecimal.text(of: found.head), records: found.count, first: found.first, last: found.last,
            retired: found.retired, gap: .init(answered: found.answeredGap, refused: found.refusedGap),
            heads: found.heads, signedHeads: found.signedHeads, signedThrough: found.signedThrough,
            outcomes: found.outcomes,
            problems: found.problems.map { .init(kind: $0.kind.rawValue, record: $0.number, what: $0.what) })
    }

    private func text(_ found: AuditVerification) -> String {
        var lines: [String] = []
        if found.isWhole {
            lines.append("whole: \(file), \(found.count) records, \(found.first) to \(found.last)")
        } else {
            lines.append("BROKEN: \(file), first at record \(found.problems[0].number)")
            for problem in found.problems.prefix(20) { lines.append("  \(problem.kind.rawValue): \(problem.what)") }
            if found.problems.count > 20 { lines.append("  and \(found.problems.count - 20) more") }
        }
        lines.append("  head       \(Hexadecimal.text(of: found.head))")
        let outcomes = found.outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        if !outcomes.isEmpty { lines.append("  decisions  \(outcomes.joined(separator: ", "))") }
        if found.retired > 0 { lines.append("  retention  deleted the records up to \(found.retired)") }
        if found.answeredGap + found.refusedGap > 0 {
            lines.append("  gaps       \(found.answeredGap) answered and \(found.refusedGap) refused are not recorded")
        }
        if key.isEmpty {
            lines.append("  heads      \(found.heads); signatures were not looked at, --key does")
        } else {
            let rest = max(0, found.last - found.signedThrough)
            lines.append(
                "  heads      \(found.heads), \(found.signedHeads) signed; \(rest) records behind the last one")
        }
        if found.isWhole, checkpoint == nil, expectHead == nil {
            lines.append("  note       a cut end is seen only with --checkpoint or --expect-head")
        }
        return lines.map { $0.inert }.joined(separator: "\n") + "\n"
    }
}

/// What `query` and `export` take to choose records.
struct LogFilterOptions: ParsableArguments {
    @Option(name: .long, help: "Only this client, as the log keeps it: key:billing.") var client: String?
    @Option(
        name: .long,
        help: ArgumentHelp("The guard's secret: --client is then a name whose hash the log keeps.", valueName: "file"))
    var secret: String?
    @Option(name: .long, help: "Only this model.") var model: String?
    @Option(name: .long, help: ArgumentHelp("From this time on: 2h, 7d, 2026-11-21.", valueName: "time"))
    var since: String?
    @Option(name: .long, help: ArgumentHelp("Before this time.", valueName: "time")) var until: String?
    @Option(name: .long, help: "Only this outcome: answered, refused, failed, gone.") var outcome: String?
    @Option(name: .long, help: "Only where this stage had something to say.") var stage: String?
    @Option(name: .long, help: "Only with this reason.") var reason: String?
    @Option(name: .long, help: "Only this request.") var id: String?
    @Option(name: .long, help: "Only records of this kind: decision, opened, gap, review, retention.")
    var kind: String?
    @Flag(name: .long, help: "Only requests that are held for a person.") var held = false

    func validate() throws {
        if secret != nil, client == nil { throw ValidationError("--secret goes with --client") }
        try Self.check(stage, "stage", among: builtInStages.map { $0.identifier })
        try Self.check(kind, "kind", among: Self.kinds)
        try Self.check(outcome, "outcome", among: DecisionEvent.Outcome.allCases.map(\.rawValue))
    }

    private static let kinds = ["decision", "opened", "gap", "review", "clearing", "retention"]

    fileprivate static func check(_ text: String?, _ what: String, among known: [String]) throws {
        guard let text, !known.contains(text) else { return }
        throw ValidationError(
            "unknown \(what) '\(text.inert)'\(Suggestion.clause(for: text, among: known)); known are "
                + known.joined(separator: ", "))
    }

    func filter() throws -> AuditFilter {
        var filter = AuditFilter()
        if let secret, let client {
            filter.client = AuditFields(secret: try GuardSecret(contentsOf: secret)).hash(client, .client)
        } else {
            filter.client = client
        }
        (filter.model, filter.stage, filter.reason) = (model, stage, reason)
        (filter.id, filter.kind, filter.isHeld) = (id, kind, held)
        (filter.since, filter.until) = (try time(since, "--since"), try time(until, "--until"))
        filter.outcome = outcome.flatMap(DecisionEvent.Outcome.init(rawValue:))
        return filter
    }

    private func time(_ text: String?, _ option: String) throws -> Date? {
        guard let text else { return nil }
        guard let time = AuditFilter.time(text, now: Date()) else {
            throw CasemateError(
                .invalidSetting, at: option, "'\(text)' is no time",
                help: "give an age such as 2h or 7d, a day such as 2026-11-21, or 2026-11-21T05:00:00Z")
        }
        return time
    }
}

/// `casemate log query`: the latest records that fit.
struct LogQueryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Show the latest records that fit, the latest last.",
        discussion: """
            casemate log query audit.sqlite --since 2h --outcome refused
            casemate log query audit.sqlite --client key:billing --stage patterns --limit 200 --json
            """)

    @Argument(help: "The log: the file of audit_log in guard.yaml.") var file: String
    @OptionGroup(title: "Which records") var which: LogFilterOptions
    @Option(name: .long, help: "Most records that are shown (default 50).") var limit: String?
    @Flag(name: .long, help: "Print one JSON document.") var json = false

    private struct Document: Encodable {
        struct Stage: Encodable { let stage: String, consequence: String, isEnforced: Bool }
        struct Item: Encodable {
            let number: Int64, time: Date
            let kind: String, id: String, client: String, model: String, outcome: String
            let status: Int
            let reason: String, reasons: [String], stages: [Stage]
            let isHeld: Bool
            let who: String?, note: String?
            let hash: String
        }
        let schema = "casemate.log-query/1", version = Product.version
        let verdict = "pass", exitStatus: Int32 = 0
        let records: [Item]
    }

    func run() throws {
        let limit = try limit.map { try WholeNumber.read($0, "--limit", 1...1_000_000) } ?? 50
        let rows = try LogFile.open(file).recent(limit: limit, filter: which.filter()).reversed()
        guard !json else {
            return try LogDocument.output(
                Document(
                    records: rows.map { row in
                        let review = Self.review(row)
                        return Document.Item(
                            number: row.number, time: row.time, kind: row.kind, id: row.id, client: row.client,
                            model: row.model, outcome: row.outcome, status: row.status, reason: row.reason,
                            reasons: row.reasons,
                            stages: row.stages.map {
                                .init(stage: $0.stage, consequence: $0.consequence, isEnforced: $0.isEnforced)
                            }, isHeld: row.isHeld, who: review?.who, note: review?.note, hash: row.hash)
                    }))
        }
        Terminal.output(Self.table(rows.map(Self.cells)))
        Terminal.message(
            "\(rows.count) record\(rows.count == 1 ? "" : "s")\(rows.count == limit ? ", --limit shows more" : "")")
        if rows.isEmpty, let client = which.client, !client.contains(":"), Hexadecimal.bytes(client) == nil {
            Terminal.message("clients stand in the log as key:\(client.inert), or as its hash, which --secret finds")
        }
    }

    /// What the record of a person's decision holds.
    private struct Review: Decodable {
        let id: String, who: String
        let note: String?
        var text: String { "review of \(id) by \(who)\(note.map { $0.isEmpty ? "" : ": \($0)" } ?? "")" }
    }

    private static func review(_ row: AuditRow) -> Review? {
        guard row.kind == "review" else { return nil }
        return try? JSONDecoder().decode(Review.self, from: Data(row.record.utf8))
    }

    private static let head = ["record", "time (UTC)", "client", "model", "status", "outcome", "what was noticed"]

    private static func cells(_ row: AuditRow) -> [String] {
        let stages = row.stages.filter { $0.consequence != "pass" }.map {
            "\($0.stage) \($0.consequence)\($0.isEnforced ? "" : " (observed)")"
        }
        let said = (row.reason.isEmpty ? [] : [row.reason]) + stages + row.reasons.filter { $0 != row.reason }
        let what = row.kind == "decision" ? said.joined(separator: "; ") : review(row)?.text ?? row.kind
        let time = row.time.formatted(.iso8601.dateSeparator(.dash).timeSeparator(.colon))
        return [
            "\(row.number)", time.replacing("T", with: " ").replacing("Z", with: ""),
            row.client.inert.shortened(to: 32),
            row.model.inert.shortened(to: 20), row.status == 0 ? "" : "\(row.status)", row.outcome.inert,
            (row.isHeld ? "held; " : "") + what.inert.shortened(to: 100),
        ]
    }

    private static func table(_ rows: [[String]]) -> String {
        let all = [head] + rows
        let widths = head.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let line = row.indices.map { column in
                column == row.count - 1
                    ? row[column] : row[column] + String(repeating: " ", count: widths[column] - row[column].count)
            }
            return line.joined(separator: "  ") + "\n"
        }.joined()
    }
}

/// `casemate log export`: all records that fit, as a stream.
struct LogExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write records as lines of JSON or as a table.",
        discussion: """
            casemate log export audit.sqlite --format jsonl > decisions.jsonl
            casemate log export audit.sqlite --format csv --since 7d --output decisions.csv

            A line of JSON holds the record byte by byte as it was hashed. In a table no text is taken for a formula.
            """)

    @Argument(help: "The log: the file of audit_log in guard.yaml.") var file: String
    @OptionGroup(title: "Which records") var which: LogFilterOptions
    @Option(name: .long, help: "jsonl or csv.") var format = "jsonl"
    @Option(name: .long, help: ArgumentHelp("File to make (default: standard output).", valueName: "file"))
    var output: String?

    func validate() throws {
        try LogFilterOptions.check(format, "format", among: AuditExport.allCases.map(\.rawValue))
    }

    func run() throws {
        guard let form = AuditExport(rawValue: format) else { return try validate() }
        let filter = try which.filter()
        let reader = try LogFile.open(file)
        let target = try output.map { try Self.make($0) }
        defer { try? target?.close() }
        var buffer = Data(form.header.utf8)
        func flush() throws {
            if let target {
                do { try target.write(contentsOf: buffer) } catch { throw Self.unwritable(output ?? "") }
            } else {
                Terminal.output(buffer)
            }
            buffer.removeAll(keepingCapacity: true)
        }
        let count = try reader.each(filter) { row in
            buffer += form.line(row).utf8
            if buffer.count >= 1 << 16 { try flush() }
        }
        try flush()
        if let output { Terminal.message("wrote \(count) records to \(output.inert)") }
    }

    private static func make(_ path: String) throws -> FileHandle {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let isThere = errno == EEXIST
            throw CasemateError(
                .unwritable, at: path, isThere ? "is already there" : "cannot be made",
                help: isThere ? "name another with --output" : "check the folder and its rights")
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
    private static func unwritable(_ path: String) -> CasemateError {
        CasemateError(.unwritable, at: path, "cannot be written", help: "free space there")
    }
}
