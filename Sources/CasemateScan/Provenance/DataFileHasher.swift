package import CasemateCore
import CasemateData
import Foundation

/// Hashes data files: content, rows and blocks in one pass over plain text, in two over compressed files and Parquet.
///
/// Memory is bounded whatever the size of the file, of a row or of what it expands to.
package struct DataFileHasher: Sendable {
    private let search: EngineSearch, context: RunContext
    /// The most that a compressed file may expand to, in bytes.
    private static let expandedLimit = 1 << 40
    private static let prefixLimit = 1 << 22

    /// Makes a hasher; DuckDB is looked for only when a Parquet file is met.
    package init(search: EngineSearch, context: RunContext) { (self.search, self.context) = (search, context) }

    /// What a pass takes besides.
    struct Sinks {
        var fingerprints: FingerprintFile?
        var sorter: LeafSorter?
    }

    /// SHA-256 and size of a file: the quick pass that settles whether anything changed.
    package func content(of path: String) throws -> (content: Hash256, bytes: Int) {
        let file = try OpenFile(path)
        return (try file.content(context: context), file.size)
    }

    /// Hashes a file and keeps no short hashes.
    package func digest(of path: String) throws -> DataDigest { try digest(of: path, form: nil, Sinks()) }

    /// Hashes a file.
    /// - Parameters:
    ///   - form: How to cut it; `nil` looks at its first bytes and its name.
    ///   - fingerprints: Takes short hashes of blocks and rows; finished here, not yet kept.
    ///   - sorter: Takes the leaves of the rows.
    func digest(of path: String, form known: DataForm?, _ sinks: Sinks) throws -> DataDigest {
        let file = try OpenFile(path)
        let form = try known ?? self.form(of: file)
        let (raw, text) = try passes(file, form, sinks)
        try file.checkUnchanged()
        guard let content = raw?.content ?? text?.summary.content else {
            throw CasemateError(.unreadable, at: path, "cannot be hashed", help: "check the disk")
        }
        try sinks.fingerprints?.finish(headerLayout: text?.summary.headerLayout ?? 3)
        return DataDigest(
            content: content, bytes: file.size, form: form, header: text?.header ?? text?.summary.header,
            columns: try text?.columns ?? columns(of: file, form), rows: text?.summary.tree,
            sortedRoot: text?.summary.sortedRoot, blocks: raw?.tree, rowParts: text?.summary.blocks ?? [],
            byteParts: raw?.blocks ?? [], engine: text?.engine)
    }

    /// Blocks and content alone, for a file whose rows cannot be read any more.
    func blocks(of path: String, _ sinks: Sinks) throws -> LeafPipeline.Summary {
        let file = try OpenFile(path)
        return try rawPass(file, sinks.fingerprints)
    }

    private struct TextPass {
        var summary: LeafPipeline.Summary
        var header: Hash256?, columns: [String]?, engine: String?
    }

    private func passes(
        _ file: OpenFile, _ form: DataForm, _ sinks: Sinks
    ) throws -> (raw: LeafPipeline.Summary?, text: TextPass?) {
        let raw = form.hasBlocks ? try rawPass(file, sinks.fingerprints) : nil
        try sinks.fingerprints?.endBlocks()
        guard form.hasRecords else { return (raw, nil) }
        let isParquet = form.kind == .parquet
        let pipeline = LeafPipeline(
            form.cutting, hasHeader: form.hasHeader && !isParquet, hashesContent: raw == nil, context: context,
            fingerprints: sinks.fingerprints, sorter: sinks.sorter)
        if isParquet {
            let reader = ParquetText(file: file, search: search, threads: context.threads)
            let header = try reader.header()
            try reader.rows { try pipeline.append($0) }
            return (
                raw,
                TextPass(
                    summary: try pipeline.finish(), header: header.leaf, columns: header.columns,
                    engine: try reader.engine())
            )
        }
        if form.isCompressed {
            lseek(file.descriptor, 0, SEEK_SET)
            try Gzip.expand(descriptor: file.descriptor, path: file.path, limit: Self.expandedLimit) { piece in
                try piece.withUnsafeBytes { try pipeline.append($0) }
            }
        } else {
            try file.forEachPiece(context: context, stage: "hashing") { try pipeline.append($0) }
        }
        return (raw, TextPass(summary: try pipeline.finish()))
    }

    private func rawPass(_ file: OpenFile, _ fingerprints: FingerprintFile?) throws -> LeafPipeline.Summary {
        let pipeline = LeafPipeline(
            .blocks(DataForm.blockBytes), hasHeader: false, hashesContent: true, context: context,
            fingerprints: fingerprints, sorter: nil)
        try file.forEachPiece(context: context, stage: "hashing") { try pipeline.append($0) }
        return try pipeline.finish()
    }

    // MARK: Form

    private struct Enough: Error {}

    /// The first bytes of the content, once expanded, and whether that is all.
    private func prefix(of file: OpenFile, isCompressed: Bool) throws -> (bytes: [UInt8], isWhole: Bool) {
        guard isCompressed else {
            let bytes = try file.prefix(Self.prefixLimit)
            return (bytes, bytes.count == file.size)
        }
        var bytes: [UInt8] = []
        lseek(file.descriptor, 0, SEEK_SET)
        do {
            try Gzip.expand(descriptor: file.descriptor, path: file.path, limit: Self.expandedLimit) { piece in
                bytes += piece.prefix(Self.prefixLimit - bytes.count)
                if bytes.count == Self.prefixLimit { throw Enough() }
            }
        } catch is Enough { return (bytes, false) }
        return (bytes, true)
    }

    private func form(of file: OpenFile) throws -> DataForm {
        let head = try file.prefix(4096)
        if head.starts(with: Array("PAR1".utf8)) { return DataForm(.parquet) }
        let isCompressed = head.starts(with: [0x1f, 0x8b])
        let (bytes, isWhole) = try prefix(of: file, isCompressed: isCompressed)
        guard Self.isText(bytes) else { return DataForm(.bytes) }
        var name = (file.path as NSString).lastPathComponent.lowercased()
        if name.hasSuffix(".gz") { name.removeLast(3) }
        let suffix = (name as NSString).pathExtension
        let lines = DataForm(.lines, isCompressed: isCompressed)
        guard !["json", "jsonl", "ndjson", "md", "yaml", "yml", "xml", "html"].contains(suffix) else { return lines }
        // why errors are no errors: whatever cannot be read as a table still has lines that can be told apart.
        guard let header = try? DelimitedHeader(bytes, isWhole: isWhole, path: file.path) else { return lines }
        guard header.names.count > 1 || ["csv", "tsv", "tab"].contains(suffix) else { return lines }
        return DataForm(
            .delimited, delimiter: header.delimiter, keepsBlankLines: header.names.count == 1,
            isCompressed: isCompressed)
    }

    /// Whether the first bytes hold no control characters but white space.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty, !bytes.starts(with: [0xff, 0xfe]), !bytes.starts(with: [0xfe, 0xff]) else { return false }
        return bytes.prefix(4096).allSatisfy { $0 >= 0x20 || (0x09...0x0d).contains($0) || $0 == 0x1b }
    }

    private func columns(of file: OpenFile, _ form: DataForm) throws -> [String] {
        guard form.kind == .delimited else { return [] }
        let (bytes, isWhole) = try prefix(of: file, isCompressed: form.isCompressed)
        return (try? DelimitedHeader(bytes, isWhole: isWhole, path: file.path))?.names ?? []
    }
}
