public import CasemateCore
import CasemateReport
public import Foundation

/// What `casemate data sanitize` did: the content of `manifest.json`.
public struct SanitizeResult: Sendable, Hashable {
    /// A file that was read or written.
    public struct File: Sendable, Hashable, Encodable {
        /// Path as given, or name in the folder.
        public let name: String
        /// SHA-256 in lower-case hexadecimal, and the size.
        public let sha256: String, bytes: Int
        /// Rows of data, suspects or decisions in it; `nil` where nobody counts any.
        public let rows: Int?
    }
    /// What is taken away from the rows of one class or source.
    public struct Share: Sendable, Hashable {
        /// The column and the value; an empty text stands for missing.
        public let column: String, value: String
        /// Rows of it in the input, and those taken away.
        public let rows: Int, removed: Int
        /// 95 % Wilson interval of the share taken away.
        public let interval: Interval
    }
    /// The data, the list, and the decisions where any were given.
    public let data: File, suspects: File, decisions: File?
    /// The settings.
    public let settings: SanitizeJob.Settings
    /// Rows of the input, kept, and taken away; the first is the sum of the others.
    public let rows: Int, kept: Int, removed: Int
    /// Rows that are taken away by a reviewer's decision, and those that stay by one in spite of their score.
    public let removedByReviewers: Int, keptByReviewers: Int
    /// The files, in the order they appeared; without `manifest.json`, which holds this.
    public let files: [File]
    /// By column and value.
    public let shares: [Share]
    /// What somebody should act on, and what is good to know.
    public let warnings: [String], notes: [String]
    /// Folder of the files.
    public let output: String
}

extension SanitizeResult: Encodable {
    private struct Rows: Encodable {
        let input: Int, clean: Int, quarantine: Int, byScore: Int, byReviewers: Int, keptByReviewers: Int
    }
    private struct ShownShare: Encodable {
        let column: String, value: String, rows: Int, quarantine: Int, share: Double, low: Double, high: Double
    }
    private enum Key: String, CodingKey {
        case schema, version, verdict, exitStatus, data, suspects, decisions, settings, rows, files, shares, warnings
        case notes
    }

    /// The members of `manifest.json`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode("casemate.sanitize/1", forKey: .schema)
        try container.encode(Product.version, forKey: .version)
        try container.encode("pass", forKey: .verdict)
        try container.encode(0, forKey: .exitStatus)
        try container.encode(data, forKey: .data)
        try container.encode(suspects, forKey: .suspects)
        try container.encode(decisions, forKey: .decisions)
        try container.encode(settings, forKey: .settings)
        let counts = Rows(
            input: rows, clean: kept, quarantine: removed, byScore: removed - removedByReviewers,
            byReviewers: removedByReviewers, keptByReviewers: keptByReviewers)
        try container.encode(counts, forKey: .rows)
        try container.encode(files, forKey: .files)
        let shown = shares.map { share in
            ShownShare(
                column: share.column, value: share.value, rows: share.rows, quarantine: share.removed,
                share: share.rows > 0 ? Double(share.removed) / Double(share.rows) : 0, low: share.interval.low,
                high: share.interval.high)
        }
        try container.encode(shown, forKey: .shares)
        try container.encode(warnings, forKey: .warnings)
        try container.encode(notes, forKey: .notes)
    }

    /// The content of `manifest.json`, ended by a line feed.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// A few lines for people, ended by a line feed.
    public var text: String {
        var lines = ["wrote \(output.inert): " + (Self.names(files) + ["manifest.json"]).joined(separator: ", ")]
        let share = rows > 0 ? Double(removed) / Double(rows) : nil
        lines += [
            fact(
                "rows",
                "\(Words.grouped(rows)) = \(Words.grouped(kept)) kept + \(Words.grouped(removed)) taken away "
                    + "(\(Words.percent(share))); counted again in the files"),
            fact("why", why),
        ]
        for share in shares.sorted(by: Self.isWorse).prefix(20) {
            let name = "\(share.column)=\(share.value.isEmpty ? "(missing)" : share.value)"
            let own = share.rows > 0 ? Double(share.removed) / Double(share.rows) : nil
            lines.append(
                fact(
                    "loses",
                    "\(name.inert.shortened(to: 40)): \(Words.grouped(share.removed)) of "
                        + "\(Words.grouped(share.rows)) (\(Words.percent(own)))"))
        }
        if shares.count > 20 { lines.append(fact("", "\(shares.count - 20) more in manifest.json")) }
        lines += warnings.map { fact("warning", $0.inert) } + notes.map { fact("note", $0.inert) }
        return lines.joined(separator: "\n") + "\n"
    }

    private var why: String {
        let score = Words.number(settings.minimumScore, digits: 2)
        var parts = ["\(Words.grouped(removed - removedByReviewers)) by a score of \(score) or more"]
        if decisions != nil {
            parts.append("\(Words.grouped(removedByReviewers)) by reviewers")
            parts.append("\(Words.grouped(keptByReviewers)) kept because reviewers found them fine")
        }
        return parts.joined(separator: ", ")
    }

    private static func names(_ files: [File]) -> [String] {
        files.map { file in file.rows.map { "\(file.name) (\(Words.grouped($0)) rows)" } ?? file.name }
    }

    private static func isWorse(_ one: Share, _ other: Share) -> Bool {
        func share(_ share: Share) -> Double { share.rows > 0 ? Double(share.removed) / Double(share.rows) : 0 }
        return (share(other), one.column, one.value) < (share(one), other.column, other.value)
    }

    private func fact(_ name: String, _ value: String) -> String {
        "  " + name.padding(toLength: 10, withPad: " ", startingAt: 0) + value
    }
}
