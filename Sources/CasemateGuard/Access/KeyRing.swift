import CasemateCore
import Foundation
import GRDB
import Logging
import Synchronization

/// The keys of a file in memory, followed while the guard runs.
///
/// A timer looks four times a second whether the file has changed; requests only look into the dictionary. Should the
/// timer have been held up for more than a second, as in a process that was stopped, the next request looks itself. A
/// file that cannot be read leaves the last keys in force for a minute, and nobody gets in after that.
final class KeyRing: Sendable {
    /// A key that may be used.
    struct Entry: Sendable {
        let hash: KeyHash
        let identity: String
        let grant: KeyRecord.Grant
        let expires: Date?
        let isThere: Bool
    }
    private struct State {
        var entries: [UInt64: Entry] = [:]
        var checked: UInt64 = 0
        var tried: UInt64 = 0
        var isFailing = false
    }
    private struct Source {
        var queue: DatabaseQueue?
        var device: UInt64 = 0, inode: UInt64 = 0, version = 0
    }
    private let path: String
    private let clock: any GuardClock
    private let logger: Logger
    private let readable: MetricsRegistry.Cell
    private let state = Mutex(State())
    private let source = Mutex(Source())
    private let timer = RepeatingTimer(label: "casemate.keys")
    private static let nobody = Entry(hash: .random, identity: "", grant: .init(), expires: nil, isThere: false)
    private static let second: UInt64 = 1_000_000_000

    /// Reads the keys and begins to follow the file.
    /// - Throws: what `OwnedDatabase.openForReading` throws.
    init(_ path: String, clock: any GuardClock, logger: Logger, metrics: MetricsRegistry) throws(CasemateError) {
        (self.path, self.clock, self.logger) = (path, clock, logger)
        readable = metrics.gauge("casemate_keys_readable", "Whether the file of API keys can be read.")
        try confirm()
        timer.start(every: 0.25) { [weak self] in self?.refresh() }
    }

    /// Number of keys that may be used, expired ones included.
    var count: Int { state.withLock { $0.entries.count } }

    /// The key of an identifier; for one that is not there an entry that matches nothing, so that both take the same
    /// time.
    /// - Throws: `GuardRefusal` when the file has not been readable for a minute.
    func entry(_ id: UInt64) throws(GuardRefusal) -> Entry {
        let now = clock.monotonic
        let (found, age, sinceTry) = look(id, now)
        guard age > Self.second else { return found }
        if sinceTry > Self.second / 4 { refresh() }
        let (again, stillOld, _) = look(id, now)
        guard stillOld <= 60 * Self.second else {
            throw GuardRefusal(
                .unavailable, "credentials cannot be checked at the moment", retryAfter: 5, reason: "keys_unreadable")
        }
        return again
    }

    private func look(_ id: UInt64, _ now: UInt64) -> (Entry, age: UInt64, sinceTry: UInt64) {
        state.withLock { state in
            let age = now > state.checked ? now - state.checked : 0
            let sinceTry = now > state.tried ? now - state.tried : 0
            return (state.entries[id] ?? Self.nobody, age, sinceTry)
        }
    }

    /// Looks at the file now.
    /// - Throws: what reading it throws.
    func confirm() throws(CasemateError) {
        do { try update() } catch { throw OwnedDatabase.failure(error, path, what: "keys", help: KeyStore.help) }
    }

    /// Looks whether the file has changed; keeps what there was when it cannot be read.
    func refresh() {
        let now = clock.monotonic
        state.withLock { $0.tried = now }
        do {
            try update()
        } catch {
            readable.set(0)
            let isNew = state.withLock { state in
                defer { state.isFailing = true }
                return !state.isFailing
            }
            if isNew {
                logger.error(
                    "the file of API keys cannot be read; the last keys hold for a minute",
                    metadata: ["error": "\(OwnedDatabase.word(error))"])
            }
        }
    }

    private func update() throws {
        let now = clock.monotonic
        let read: [UInt64: Entry]? = try source.withLock { source in
            guard let facts = FileFacts(path: path, followsLinks: false) else {
                source = Source()
                throw CasemateError(.notFound, at: path, "there is no such file", help: KeyStore.help)
            }
            let (device, inode) = (facts.device, facts.number)
            if source.queue == nil || source.device != device || source.inode != inode {
                source = Source()
                let queue = try OwnedDatabase.openForReading(
                    path, application: KeyStore.application, migrator: KeyStore.migrator, what: "keys",
                    help: KeyStore.help)
                source = Source(queue: queue, device: device, inode: inode, version: -1)
            }
            guard let queue = source.queue else { return nil }
            let version = try Self.version(queue)
            guard version != source.version else { return nil }
            let entries = try Self.entries(queue)
            // why the version from before: what is written between the two is read again next time.
            source.version = version
            return entries
        }
        readable.set(1)
        state.withLock { state in
            if let read { state.entries = read }
            (state.checked, state.isFailing) = (max(state.checked, now), false)
        }
    }

    /// A number that changes whenever another connection has written.
    private static func version(_ queue: DatabaseQueue) throws -> Int {
        try queue.unsafeRead { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 }
    }

    private static func entries(_ queue: DatabaseQueue) throws -> [UInt64: Entry] {
        try queue.read { database in
            var entries: [UInt64: Entry] = [:]
            let sql = "SELECT * FROM keys WHERE revoked IS NULL LIMIT ?"
            let rows = try Row.fetchCursor(database, sql: sql, arguments: [KeyStore.mostKeys])
            while let row = try rows.next() {
                let record = KeyStore.record(row)
                guard let id = ApiKey.id(record.id), let hash = KeyHash(row["hash"] as Data) else { continue }
                entries[id] = Entry(
                    hash: hash, identity: "key:\(record.name)", grant: record.grant, expires: record.expires,
                    isThere: true)
            }
            return entries
        }
    }
}
