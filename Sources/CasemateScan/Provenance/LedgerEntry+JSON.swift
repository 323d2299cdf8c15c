import CasemateCore
import Foundation

/// Why a line is no entry.
package struct LedgerFault: Error, Hashable, Sendable {
    /// Offset in the line, where it is known.
    package let offset: Int?
    /// What is wrong, a clause.
    package let what: String
}

extension LedgerEntry {
    /// Reads a line.
    /// - Throws: `LedgerFault` for anything but an entry in canonical spelling.
    package init(line: some Collection<UInt8>) throws(LedgerFault) {
        let json: CanonicalJSON
        do throws(CanonicalFault) { json = try CanonicalJSON(canonical: line) } catch {
            throw LedgerFault(offset: error.offset, what: "\(error.what) is expected at byte \(error.offset)")
        }
        try self.init(json: json)
    }

    init(json: CanonicalJSON) throws(LedgerFault) {
        let reader = EntryReader(json: json, place: "")
        guard try reader.text("schema") == Self.schema else {
            throw LedgerFault(offset: nil, what: "it is of another version than '\(Self.schema)'")
        }
        self.json = json
        (ledger, sequence) = (try reader.text("ledger"), try reader.count("sequence"))
        previous = try reader.hash("previous").hexadecimal
        (time, who) = (try reader.text("time"), try reader.text("who"))
        let file = try reader.object("file")
        path = try file.text("path")
        digest = try DataDigest(file, try reader.object("data"))
        sideFile = try (try reader.object("data")).optional("rowFile") { side throws(LedgerFault) in
            let name = try side.text("name")
            guard !name.isEmpty, !name.hasPrefix("."), !name.contains("/"), !name.utf8.contains(0) else {
                throw LedgerFault(offset: nil, what: "'data.rowFile.name' is no plain file name")
            }
            return SideFile(name: name, sha256: try side.hash("sha256").hexadecimal)
        }
        (source, transformation) = (json["source"]?.text, json["transformation"]?.text)
        note = json["note"]?.text
        var parents: [Parent] = []
        for value in json["parents"]?.list ?? [] {
            guard let parent = value.text.flatMap({ Parent($0) }) else {
                throw LedgerFault(offset: nil, what: "'parents' holds something that is no parent")
            }
            parents.append(parent)
        }
        self.parents = parents
        signer = try reader.optional("key") { key throws(LedgerFault) in
            Signer(
                algorithm: try key.text("algorithm"), identifier: try key.hash("id").hexadecimal,
                key: try key.base64("public"))
        }
        signature = json["signature"] == nil ? nil : try reader.base64("signature")
    }
}

/// Reads members, and says which one is wrong.
struct EntryReader {
    let json: CanonicalJSON, place: String

    private func fault(_ name: String, _ what: String) -> LedgerFault {
        LedgerFault(offset: nil, what: "'\(place)\(name)' \(what)")
    }
    func text(_ name: String) throws(LedgerFault) -> String {
        guard let text = json[name]?.text else { throw fault(name, "is no text") }
        return text
    }
    func count(_ name: String) throws(LedgerFault) -> Int {
        guard let number = json[name]?.integer, number >= 0 else { throw fault(name, "is no count") }
        return number
    }
    func hash(_ name: String) throws(LedgerFault) -> Hash256 {
        guard let hash = try Hash256(hexadecimal: text(name)) else { throw fault(name, "is no SHA-256") }
        return hash
    }
    func base64(_ name: String) throws(LedgerFault) -> [UInt8] {
        let text = try text(name)
        // why compared: other spellings of the same bytes would be other lines.
        guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
            throw fault(name, "is no base64")
        }
        return [UInt8](data)
    }
    func object(_ name: String) throws(LedgerFault) -> EntryReader {
        guard let member = json[name], case .object = member else { throw fault(name, "is no object") }
        return EntryReader(json: member, place: place + name + ".")
    }
    func optional<Value>(
        _ name: String, _ body: (EntryReader) throws(LedgerFault) -> Value
    ) throws(LedgerFault) -> Value? {
        json[name] == nil ? nil : try body(object(name))
    }
}

extension DataDigest {
    init(_ file: EntryReader, _ data: EntryReader) throws(LedgerFault) {
        guard let kind = DataForm.Kind(rawValue: try data.text("kind")) else {
            throw LedgerFault(offset: nil, what: "'data.kind' is none that is known")
        }
        let delimiter = data.json["delimiter"]?.text?.utf8.first ?? 0
        form = DataForm(
            kind, delimiter: delimiter, keepsBlankLines: data.json["blankLines"] == .flag(true),
            isCompressed: data.json["compression"]?.text == "gzip")
        (content, bytes) = (try file.hash("sha256"), try file.count("bytes"))
        header = data.json["header"] == nil ? nil : try data.hash("header")
        columns = (data.json["columns"]?.list ?? []).compactMap(\.text)
        rows = try data.optional("rows") { tree throws(LedgerFault) in try MerkleSummary(tree) }
        blocks = try data.optional("blocks") { tree throws(LedgerFault) in try MerkleSummary(tree) }
        sortedRoot = data.json["sortedRoot"] == nil ? nil : try data.hash("sortedRoot")
        engine = data.json["engine"]?.text
    }

    /// Columns that an entry names at most; all of them are in the header's hash.
    static let mostColumns = 256

    /// The member `data` of an entry.
    func json(sideFile: LedgerEntry.SideFile?) -> CanonicalJSON {
        var members: [String: CanonicalJSON] = ["kind": .text(form.kind.rawValue)]
        if form.kind == .delimited {
            members["delimiter"] = .text(String(UnicodeScalar(form.delimiter)))
            members["columnCount"] = .integer(columns.count)
        }
        if form.keepsBlankLines { members["blankLines"] = .flag(true) }
        if form.isCompressed { members["compression"] = .text("gzip") }
        if !columns.isEmpty { members["columns"] = .list(columns.prefix(Self.mostColumns).map { .text($0) }) }
        members["header"] = header.map { .text($0.hexadecimal) }
        members["rows"] = rows?.json
        members["blocks"] = blocks?.json
        members["sortedRoot"] = sortedRoot.map { .text($0.hexadecimal) }
        members["engine"] = engine.map { .text($0) }
        members["rowFile"] = sideFile.map { .object(["name": .text($0.name), "sha256": .text($0.sha256)]) }
        return .object(members)
    }
}

extension MerkleSummary {
    fileprivate init(_ tree: EntryReader) throws(LedgerFault) {
        let texts = tree.json["segments"]?.list ?? []
        let segments = texts.compactMap { $0.text.flatMap { Hash256(hexadecimal: $0) } }
        guard segments.count == texts.count,
            let summary = MerkleSummary(
                count: try tree.count("count"), root: try tree.hash("root"), segment: try tree.count("segment"),
                segments: segments)
        else { throw LedgerFault(offset: nil, what: "'\(tree.place)root' does not follow from its segments") }
        self = summary
    }

    fileprivate var json: CanonicalJSON {
        .object([
            "count": .integer(count), "root": .text(root.hexadecimal), "segment": .integer(segment),
            "segments": .list(segments.map { .text($0.hexadecimal) }),
        ])
    }
}
