package import CasemateCore
package import Foundation

/// Puts files into a ledger.
package struct DataRegistrar: Sendable {
    /// What the user says of a file.
    package struct Facts: Sendable {
        /// Who registers it.
        package var who = ""
        /// Where the data came from, what was done to them, anything else.
        package var source: String?, transformation: String?, note: String?
        /// What they were made from: files, hashes of entries, numbers of entries, `sha256:…`.
        package var parents: [String] = []
        /// Whether the order of rows does not matter.
        package var isOrderIndependent = false
        /// Whether short hashes of the rows are kept.
        package var keepsRows = true
        /// Makes facts that say nothing.
        package init() {}
    }
    private let store: any LedgerStore, location: LedgerLocation
    private let hasher: DataFileHasher, context: RunContext

    /// Makes a registrar for a ledger.
    package init(_ store: any LedgerStore, _ location: LedgerLocation, search: EngineSearch, context: RunContext) {
        (self.store, self.location, self.context) = (store, location, context)
        hasher = DataFileHasher(search: search, context: context)
    }

    /// Hashes a file and appends an entry about it.
    /// - Returns: The entry.
    /// - Throws: `CasemateError`; `refused` for a ledger that is not what it was, which is never appended to.
    package func register(_ path: String, _ facts: Facts, key: SigningKey?, time: Date) throws -> LedgerEntry {
        try Self.check(facts)
        let before = try Self.sound(store.read(), path: store.path)
        let parents = try facts.parents.map { try parent($0, among: before?.entries ?? []) }
        let (digest, side) = try hash(path, facts)
        var draft = LedgerDraft(
            path: location.name(of: path), digest: digest, sideFile: side,
            time: time.ISO8601Format(), who: facts.who)
        (draft.source, draft.transformation, draft.note) = (facts.source, facts.transformation, facts.note)
        draft.parents = parents
        var made: LedgerEntry?
        try store.append { content in
            // why again: others may have appended while the file was being hashed.
            let review = try Self.sound(content, path: store.path)
            let entry = try draft.entry(
                ledger: review?.ledger ?? Self.newIdentifier(), after: review?.entries.last?.entry, key: key)
            made = entry
            return entry.bytes
        }
        guard let made else {
            throw CasemateError(.unwritable, at: store.path, "no entry was written", help: "check the file")
        }
        return made
    }

    private static func newIdentifier() -> String {
        Hexadecimal.text(of: (0..<16).map { _ in UInt8.random(in: .min ... .max) })
    }

    private static func check(_ facts: Facts) throws(CasemateError) {
        let texts = [
            ("--by", facts.who), ("--source", facts.source ?? ""), ("--transformation", facts.transformation ?? ""),
            ("--note", facts.note ?? ""),
        ]
        for (option, text) in texts where text.utf8.count > LedgerEntry.longestText {
            throw CasemateError(
                .limitExceeded, at: option, "is longer than \(LedgerEntry.longestText) bytes", help: "say less")
        }
        guard facts.parents.count <= 1000 else {
            throw CasemateError(.limitExceeded, at: "--parent", "more than 1,000 parents", help: "register them as one")
        }
    }

    /// A ledger that may be appended to; `nil` when there is none yet.
    static func sound(_ content: LedgerContent?, path: String) throws(CasemateError) -> LedgerReview? {
        guard let content else { return nil }
        let review = LedgerReview(content, trusted: [])
        if let torn = review.problems.first(where: { $0.kind == .torn }), review.problems.count == 1 {
            throw CasemateError(
                .refused, at: path, torn.sentence.prefix(1).lowercased() + torn.sentence.dropFirst().dropLast(),
                help: "`casemate data verify --mend` keeps the half line apart and mends the ledger")
        }
        if let first = review.problems.first {
            throw CasemateError(
                .refused, at: path, "the ledger is not what it was: " + String(first.sentence.dropLast()),
                help: "`casemate data verify` says more; restore the ledger before anything is added to it")
        }
        return review
    }

    // MARK: Hashing

    private func hash(_ path: String, _ facts: Facts) throws -> (DataDigest, LedgerEntry.SideFile?) {
        let sorter = facts.isOrderIndependent ? LeafSorter(folder: FileManager.default.temporaryDirectory.path) : nil
        guard facts.keepsRows else { return (try hasher.digest(of: path, form: nil, .init(sorter: sorter)), nil) }
        let folder = location.sideFolder
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw CasemateError(
                .unwritable, at: folder, "the folder for short hashes cannot be made",
                help: "free space or rights there, or leave them out with --no-rows")
        }
        let prints = try FingerprintFile(in: folder)
        let digest = try hasher.digest(of: path, form: nil, .init(fingerprints: prints, sorter: sorter))
        let hash = try hasher.content(of: prints.path).content.hexadecimal
        // why by its own hash: the same file registered again needs no second one, and none is ever replaced by another.
        let name = String(hash.prefix(32)) + ".rows"
        try prints.keep(as: folder + "/" + name)
        return (digest, LedgerEntry.SideFile(name: name, sha256: hash))
    }

    // MARK: Parents

    private func parent(
        _ text: String, among entries: [LedgerReview.Placed]
    ) throws -> LedgerEntry.Parent {
        if FileManager.default.fileExists(atPath: text) {
            let content = try hasher.content(of: text).content
            let name = location.name(of: text)
            let known = entries.filter { $0.entry.digest.content == content }
            guard let entry = known.last(where: { $0.entry.path == name }) ?? known.last else {
                let isKnown = entries.contains { $0.entry.path == name }
                throw CasemateError(
                    .mismatch, at: text,
                    isKnown ? "the parent is not what was registered" : "the parent is not registered",
                    help: "register it first: `casemate data register \(text)`")
            }
            return .entry(entry.hash)
        }
        if let parent = LedgerEntry.Parent(text), case .content = parent { return parent }
        guard let entry = try LedgerEntry.find(text, among: entries) else {
            throw CasemateError(
                .notFound, at: "--parent", "no file and no entry '\(text.prefix(80))'",
                help: "name a registered file, an entry by number or hash, or sha256:HASH for a file elsewhere")
        }
        return .entry(entry.hash)
    }
}

extension LedgerEntry {
    /// The entry that a text means: a number, `#3`, `entry:…`, a hash or at least eight digits of one.
    /// - Throws: `invalidSetting` when several hashes begin so.
    package static func find(
        _ text: String, among entries: [LedgerReview.Placed]
    ) throws(CasemateError) -> LedgerReview.Placed? {
        let plain = text.hasPrefix("#") ? String(text.dropFirst()) : text
        if plain.utf8.count < 8, let number = Int(plain) { return entries.first { $0.entry.sequence == number } }
        let hash = text.hasPrefix("entry:") ? String(text.dropFirst(6)) : text
        guard hash.utf8.count >= 8 else { return nil }
        let found = entries.filter { $0.hash.hasPrefix(hash) }
        guard found.count < 2 else {
            throw CasemateError(
                .invalidSetting, at: hash, "several entries have a hash that begins so", help: "give more of its digits"
            )
        }
        return found.first
    }
}
