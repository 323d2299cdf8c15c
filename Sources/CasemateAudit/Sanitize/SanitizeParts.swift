import CasemateCore
import CasemateDetect
import Foundation

/// The two parts of a data file, written under temporary names and counted again.
struct SanitizeParts {
    /// One part.
    struct Part {
        let staged: StagedName
        let file: SanitizeResult.File
        var rows: Int { file.rows ?? 0 }
    }
    let clean: Part, quarantine: Part
    /// Rows of the input.
    let rows: Int
    let shares: SanitizeShares
    let notes: [String]

    /// Divides the file.
    /// - Throws: what reading and writing throws; `engineFailed` when the parts do not add up to the whole.
    init(
        file: RecordFile, rule: SanitizeRule, columns: [String], folder: String, search: EngineSearch,
        context: RunContext
    ) throws {
        if file.format == .parquet {
            self = try Self.parquet(file, rule, columns, folder, search, context)
        } else {
            self = try Self.text(file, rule, columns, folder, context)
        }
        guard clean.rows + quarantine.rows == rows, quarantine.rows <= rule.removals.count else {
            throw CasemateError(
                .engineFailed, at: file.path,
                "\(rows) rows were read, \(clean.rows) and \(quarantine.rows) can be read in the parts",
                help: "check the disk, and report this as a bug")
        }
    }

    private init(_ clean: Part, _ quarantine: Part, rows: Int, shares: SanitizeShares, notes: [String] = []) {
        (self.clean, self.quarantine, self.rows) = (clean, quarantine, rows)
        (self.shares, self.notes) = (shares, notes)
    }

    private static func text(
        _ file: RecordFile, _ rule: SanitizeRule, _ columns: [String], _ folder: String, _ context: RunContext
    ) throws -> SanitizeParts {
        let isWide = file.encoding.width == 2
        let clean = try StagedFile("clean.\(file.suffix)", in: folder, isCompressed: file.isCompressed)
        let quarantine = try StagedFile("quarantine.\(file.suffix)", in: folder, isCompressed: file.isCompressed)
        var shares = SanitizeShares(isWide ? [] : columns)
        let removed = rule.rows
        var (next, isRemoved, shared) = (0, false, 0)
        let (rows, total) = try RecordWalk(file: file, wanted: isWide ? [] : columns).run(
            context: context,
            choose: { start in
                guard case .row(let row) = start else { return start == .header ? 2 : 0 }
                while next < removed.count, removed[next] < row { next += 1 }
                isRemoved = next < removed.count && removed[next] == row
                if row & 0xffff == 0 { context.progress("sanitize", row, max(row, removed.last ?? 0)) }
                return isRemoved ? 1 : 0
            },
            write: { channel, bytes in
                if channel != 1 { try clean.write(bytes) }
                if channel != 0 { try quarantine.write(bytes) }
                if channel == 2 { shared += bytes.count }
            },
            values: { shares.add($0, isRemoved: isRemoved) })
        let parts = try [clean, quarantine].map { try part($0, like: file, context) }
        let content = clean.contentBytes + quarantine.contentBytes - shared
        guard content == total else {
            throw CasemateError(
                .engineFailed, at: file.path, "\(total) bytes were read, \(content) are in the parts",
                help: "check that nobody changes the file, and report this as a bug")
        }
        let note = "What each value loses is not counted in UTF-16 text."
        return SanitizeParts(
            parts[0], parts[1], rows: rows, shares: shares, notes: isWide && !columns.isEmpty ? [note] : [])
    }

    /// Ends a part and counts what can be read in it.
    private static func part(_ written: StagedFile, like file: RecordFile, _ context: RunContext) throws -> Part {
        let digest = try written.finish()
        let (rows, _) = try RecordWalk(file: file.at(written.staged.temporary)).run(
            context: context, choose: { _ in 0 }, write: { _, _ in })
        return Part(
            staged: written.staged,
            file: SanitizeResult.File(name: written.staged.name, sha256: digest, bytes: written.bytes, rows: rows))
    }

    private static func parquet(
        _ file: RecordFile, _ rule: SanitizeRule, _ columns: [String], _ folder: String, _ search: EngineSearch,
        _ context: RunContext
    ) throws -> SanitizeParts {
        let scratch = StagedName("answer.csv", in: folder)
        return try ParquetBridge.with(file.path, marked: rule.rows, search: search, context: context) { bridge in
            let rows = try bridge.count(scratch: scratch.temporary)
            let names = try bridge.columns(scratch: scratch.temporary)
            var shares = SanitizeShares(columns)
            for (index, column) in columns.enumerated() {
                guard names.contains(column) else {
                    throw CasemateError(
                        .notFound, at: file.path,
                        "no column '\(column.clipped())'" + Suggestion.clause(for: column, among: names),
                        help: "columns: \(names.prefix(12).map { $0.clipped(to: 40) }.joined(separator: ", "))")
                }
                let found = try bridge.shares(
                    of: column, limit: SanitizeShares.limit + 1, scratch: scratch.temporary)
                for (value, rows, marked) in found {
                    shares.add(column: index, value: value, rows: rows, removed: marked)
                }
            }
            let parts = try ["clean", "quarantine"].map { name in
                context.progress("sanitize", name == "clean" ? 0 : 1, 2)
                let staged = StagedName("\(name).\(file.suffix)", in: folder)
                try bridge.write(marked: name == "quarantine", to: staged.temporary)
                let digest = try FileDigest(of: staged.temporary)
                let rows = try bridge.count(of: staged.temporary, scratch: scratch.temporary)
                return Part(
                    staged: staged,
                    file: SanitizeResult.File(
                        name: staged.name, sha256: digest.sha256, bytes: digest.bytes, rows: rows))
            }
            return SanitizeParts(parts[0], parts[1], rows: rows, shares: shares)
        }
    }
}
