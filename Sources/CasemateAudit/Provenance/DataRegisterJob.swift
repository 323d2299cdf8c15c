public import CasemateCore
import CasemateScan
public import Foundation

/// `casemate data register`: puts a file into the ledger.
public struct DataRegisterJob: Sendable {
    /// What is registered, and what is said of it.
    public struct Plan: Sendable {
        /// The file.
        public var file: String
        /// Path of the ledger; `nil` takes the one of the working folder or its repository, or begins it there.
        public var ledger: String?
        /// Who registers it.
        public var who: String
        /// Where the data came from, what was done to them, and anything else.
        public var source: String?, transformation: String?, note: String?
        /// Files or entries that they were made from.
        public var parents: [String] = []
        /// File of the private key that signs; `nil` signs nothing.
        public var key: String?
        /// File for the new head of the ledger, to be kept elsewhere.
        public var checkpoint: String?
        /// Whether the order of rows does not matter, and whether short hashes of rows are kept.
        public var isOrderIndependent = false, keepsRows = true
        /// Makes a plan that says nothing.
        public init(file: String, who: String) { (self.file, self.who) = (file, who) }
    }
    /// The entry that was written.
    public struct Result: Encodable, Sendable {
        let schema = "casemate.data-register/1", version = Product.version
        let verdict = "pass", exitStatus: Int32 = 0
        /// Path of the ledger, and the hash of the entry, which is its new head.
        public let ledger: String, hash: String
        /// Number of the entry, from 0.
        public let sequence: Int
        /// SHA-256 of the file.
        public let sha256: String
        /// Rows and columns; `nil` for files that are no tables.
        public let rows: Int?, columns: Int?
        /// Root of the tree over the rows; `nil` for files without rows.
        public let root: String?
        /// Identifier of the key; `nil` without signature.
        public let key: String?
        /// Where the checkpoint was written; `nil` without.
        public let checkpoint: String?
        let entry: CanonicalJSON
    }
    private let plan: Plan, search: EngineSearch

    /// Makes a job.
    public init(_ plan: Plan, search: EngineSearch) { (self.plan, self.search) = (plan, search) }

    /// Registers.
    /// - Throws: `CasemateError`; `refused` for a ledger that is not what it was; `Cancelled`. Nothing is appended then.
    public func run(context: RunContext, time: Date) throws -> Result {
        let key = try plan.key.map { path throws(CasemateError) in try SigningKey(contentsOf: path) }
        let here = FileManager.default.currentDirectoryPath
        let location = plan.ledger.map { LedgerLocation($0) } ?? LedgerLocation.standard(in: here)
        var facts = DataRegistrar.Facts()
        (facts.who, facts.source, facts.transformation) = (plan.who, plan.source, plan.transformation)
        (facts.note, facts.parents) = (plan.note, plan.parents)
        (facts.isOrderIndependent, facts.keepsRows) = (plan.isOrderIndependent, plan.keepsRows)
        let store = LedgerDatabase.store(location.path)
        let entry = try DataRegistrar(store, location, search: search, context: context)
            .register(plan.file, facts, key: key, time: time)
        if let path = plan.checkpoint {
            let file = URL(fileURLWithPath: path)
            let bytes = try LedgerCheckpoint.document(of: entry, key: key)
            try OutputFolder(file.deletingLastPathComponent().path)
                .write([(name: file.lastPathComponent, content: Data(bytes))])
        }
        return Result(
            ledger: location.path, hash: entry.hash, sequence: entry.sequence,
            sha256: entry.digest.content.hexadecimal, rows: entry.digest.rows?.count,
            columns: entry.digest.columns.isEmpty ? nil : entry.digest.columns.count,
            root: entry.digest.rows?.root.hexadecimal, key: entry.signer?.identifier, checkpoint: plan.checkpoint,
            entry: entry.json)
    }
}

extension DataRegisterJob.Result {
    /// The result for people.
    public var text: String {
        var lines = ["registered as entry \(sequence) of \(ledger)", "  file     \(sha256)"]
        if let rows {
            let columns = columns.map { " × \(Words.count($0, "column"))" } ?? ""
            lines.append("  rows     \(Words.grouped(rows))\(columns)")
        }
        if let root { lines.append("  root     \(root)") }
        lines.append("  entry    \(hash)")
        lines.append(
            "  signed   " + (key.map { "by key \($0)" } ?? "no: give --key, or anybody can rewrite the ledger"))
        if let checkpoint { lines.append("  head     kept in \(checkpoint)") }
        return lines.joined(separator: "\n") + "\n"
    }
}
