public import CasemateCore
import CasemateDetect
import Foundation

/// `casemate data sanitize`: divides a data file into rows to train on and rows that are set aside, byte for byte, with
/// the reason for each row.
///
/// Reviewers' decisions win over scores. Text files are divided as they stand: header, delimiter, quoting, line ends
/// and encoding of every record stay; gzip stays gzip; Parquet is written anew by DuckDB. Memory grows with the list of
/// suspects, not with the data.
public struct SanitizeJob: Sendable {
    /// Which rows are set aside where no reviewer decided.
    public struct Settings: Hashable, Sendable, Encodable {
        /// Lowest score of a row that is set aside.
        public var minimumScore = 0.5
        /// Checks of which one must point at the row; empty for any.
        public var checks: [String] = []
        /// Columns whose values are counted: the labels, and where rows came from.
        public var target: String?, source: String?
        /// A score of one half, any check.
        public init() {}
    }
    private let data: String, suspects: String, decisions: String?, output: String
    private let settings: Settings

    /// Makes a job.
    /// - Parameters:
    ///   - data: The data file.
    ///   - suspects: The list.
    ///   - decisions: File of reviewers' decisions.
    ///   - output: Folder of the files.
    public init(data: String, suspects: String, decisions: String?, output: String, settings: Settings = Settings()) {
        (self.data, self.suspects, self.decisions, self.settings) = (data, suspects, decisions, settings)
        self.output = output
    }

    /// Divides.
    /// - Throws: `notFound`, `malformed`; `mismatch` for a list of another file; `invalidSetting`; `unwritable`;
    ///   `Cancelled`. Nothing is half-written then.
    public func run(search: EngineSearch, context: RunContext) throws -> SanitizeResult {
        guard (0...1).contains(settings.minimumScore) else {
            throw CasemateError(
                .invalidSetting, at: "--min-score", "must lie between 0 and 1", help: "write a decimal such as 0.5")
        }
        let file = try RecordFile(data, cancellation: context.cancellation)
        let facts = try FileFacts(data)
        let digest = try FileDigest(of: data)
        let list = try SuspectFile(path: suspects)
        try list.origin?.check(data: data, sha256: digest.sha256, list: suspects)
        try check(list)
        let review = try review(digest.sha256)
        let rule = SanitizeRule(list.suspects, decisions: review.decisions, settings)
        let folder = OutputFolder(URL(fileURLWithPath: output).path)
        try folder.prepare()
        try refuseOverwriting(folder.path, suffix: file.suffix)
        let isNew = !FileManager.default.fileExists(atPath: folder.path)
        do {
            try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
            let parts = try SanitizeParts(
                file: file, rule: rule, columns: [settings.target, settings.source].compactMap(\.self),
                folder: folder.path, search: search, context: context)
            try checkRows(parts.rows, rule, list)
            guard try FileFacts(data) == facts else {
                throw CasemateError(
                    .unreadable, at: data, "changed while it was read", help: "wait until it is written, then try again"
                )
            }
            return try finish(parts, digest: digest, list: list, review: review, rule: rule, folder: folder, file: file)
        } catch {
            if isNew { rmdir(folder.path) }
            throw error
        }
    }

    /// Every named check must be one of the list's.
    private func check(_ list: SuspectFile) throws(CasemateError) {
        let known = Set(list.suspects.flatMap(\.checks)).sorted()
        guard !known.isEmpty, let unknown = settings.checks.first(where: { !known.contains($0) }) else { return }
        throw CasemateError(
            .invalidSetting, at: "--checks",
            "'\(unknown.clipped())' points at no row" + Suggestion.clause(for: unknown, among: known),
            help: "checks of this list: \(known.prefix(20).joined(separator: ", "))")
    }

    /// No file that is read may be replaced.
    private func refuseOverwriting(_ folder: String, suffix: String) throws(CasemateError) {
        let outputs = ["clean.\(suffix)", "quarantine.\(suffix)", "manifest.csv", "manifest.json"]
        for input in [data, suspects, decisions].compactMap(\.self) {
            for name in outputs {
                guard let one = try? FileFacts(input), let other = try? FileFacts(folder + "/" + name),
                    one.isSame(as: other)
                else { continue }
                throw CasemateError(
                    .refused, at: input, "would be replaced by \(name)", help: "name another folder with --output")
            }
        }
    }

    private func checkRows(_ rows: Int, _ rule: SanitizeRule, _ list: SuspectFile) throws(CasemateError) {
        if let last = rule.last, last >= rows {
            throw CasemateError(
                .mismatch, at: suspects, "names row \(last) (from 0), the data have \(Words.count(rows, "row"))",
                help: "name the file that these suspects were found in")
        }
        if let seen = list.origin?.rows, seen != rows {
            throw CasemateError(
                .mismatch, at: data, "\(rows) rows can be divided, the checks saw \(seen)",
                help: "write the file again with one kind of line end and closed quotes")
        }
    }
}

extension SanitizeJob {
    /// What reviewers decided about these data.
    struct Review {
        var decisions: [Int: ReviewDecision] = [:]
        var others = 0
        var isGiven = false
    }

    private func review(_ digest: String) throws -> Review {
        guard let decisions else { return Review() }
        let store = try ReviewStore(decisions, isMade: false)
        return Review(
            decisions: try store.decisions(data: digest), others: try store.countOfOthers(than: digest), isGiven: true)
    }

    private func finish(
        _ parts: SanitizeParts, digest: FileDigest, list: SuspectFile, review: Review, rule: SanitizeRule,
        folder: OutputFolder, file: RecordFile
    ) throws -> SanitizeResult {
        let manifest = try StagedFile("manifest.csv", in: folder.path)
        try manifest.write(SanitizeRule.header)
        for removal in rule.removals { try manifest.write(SanitizeRule.line(removal)) }
        let manifestDigest = try manifest.finish()
        let listDigest = try FileDigest(of: suspects)
        let summary = parts.shares.summary()
        let decided = review.decisions.values.count { $0.verdict.isBad != nil }
        let reviewFile = try decisions.map {
            let digest = try FileDigest(of: $0)
            return SanitizeResult.File(name: $0, sha256: digest.sha256, bytes: digest.bytes, rows: decided)
        }
        let result = SanitizeResult(
            data: SanitizeResult.File(name: data, sha256: digest.sha256, bytes: digest.bytes, rows: parts.rows),
            suspects: SanitizeResult.File(
                name: suspects, sha256: listDigest.sha256, bytes: listDigest.bytes, rows: list.suspects.count),
            decisions: reviewFile, settings: settings, rows: parts.rows, kept: parts.clean.rows,
            removed: parts.quarantine.rows,
            removedByReviewers: rule.removals.count { $0.decision != nil }, keptByReviewers: rule.rescued,
            files: [
                parts.clean.file, parts.quarantine.file,
                SanitizeResult.File(
                    name: "manifest.csv", sha256: manifestDigest, bytes: manifest.bytes, rows: rule.removals.count),
            ], shares: summary.shares, warnings: warnings(parts) + summary.warnings,
            notes: notes(list, review, file) + parts.notes + summary.notes, output: output)
        for staged in [parts.clean.staged, parts.quarantine.staged, manifest.staged] { try staged.commit() }
        // why last: whoever sees it sees all of them.
        try folder.write([(name: "manifest.json", content: try result.json())])
        return result
    }

    private func warnings(_ parts: SanitizeParts) -> [String] {
        guard parts.rows > 0 else { return ["The file has no data rows."] }
        let share = Double(parts.quarantine.rows) / Double(parts.rows)
        if parts.clean.rows == 0 { return ["Every row is taken away: nothing is left to train on."] }
        guard share > 0.25 else { return [] }
        return ["\(Words.percent(share)) of all rows are taken away: raise --min-score, or have people look at them."]
    }

    private func notes(_ list: SuspectFile, _ review: Review, _ file: RecordFile) -> [String] {
        var notes: [String] = []
        if list.origin == nil {
            notes.append(
                "Nothing beside \(suspects) says which file these suspects were found in: make sure that it is \(data)."
            )
        }
        if review.others > 0 {
            notes.append(
                "\(Words.count(review.others, "decision")) about other data in \(decisions ?? "") "
                    + (review.others == 1 ? "is" : "are") + " left out.")
        }
        if review.isGiven, review.decisions.isEmpty {
            notes.append("\(decisions ?? "") holds no decision about these data.")
        }
        let beside = URL(fileURLWithPath: suspects).deletingLastPathComponent().appendingPathComponent(ReviewStore.name)
        if decisions == nil, FileManager.default.fileExists(atPath: beside.path) {
            notes.append("\(ReviewStore.name) lies beside \(suspects) and is not used: give it with --decisions.")
        }
        if file.format == .parquet {
            notes.append("Parquet is written anew: the values stay, metadata of the file's writer do not.")
        }
        return notes
    }
}

/// What tells one file from another and a file from its later self.
struct FileFacts: Equatable {
    private let device: UInt64, number: UInt64, size: Int, seconds: Int, nanoseconds: Int

    init(_ path: String) throws(CasemateError) {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            throw CasemateError(.notFound, at: path, "no such file", help: "check the path and the working folder")
        }
        (device, number, size) = (UInt64(facts.st_dev), UInt64(facts.st_ino), Int(facts.st_size))
        #if os(Linux)
            (seconds, nanoseconds) = (Int(facts.st_mtim.tv_sec), Int(facts.st_mtim.tv_nsec))
        #else
            (seconds, nanoseconds) = (Int(facts.st_mtimespec.tv_sec), Int(facts.st_mtimespec.tv_nsec))
        #endif
    }

    /// Whether both are one file.
    func isSame(as other: FileFacts) -> Bool { (device, number) == (other.device, other.number) }
}
