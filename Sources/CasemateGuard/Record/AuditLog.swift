public import CasemateCore
import Synchronization

/// The hash-chained log of decisions. Pages: `docs/guard/audit-log.md`, `docs/reference/audit-log.md`.
///
/// A record is kept by one transaction of SQLite. With `durability: os` it has been written to the operating system when
/// `append` returns, so that it outlives the process; with `disk` it has been synchronised. Records that wait at the
/// same time share a transaction.
public final class AuditLog: DecisionLog {
    /// Keys under `audit_log`.
    public static let keys: [SettingKey] = AuditSettings.keys
    private let writer: AuditWriter
    private let registry: AuditRegistry
    private let fields: AuditFields
    private let failsOpen: Bool
    private let settings: AuditSettings
    private let isReleased = Atomic(false), isInForce = Atomic(false)

    /// Opens or makes the log; one that is open under the same path is gone on with, under the new settings as soon as the
    /// first event is kept: a configuration that is refused in the end must not delete anything.
    /// - Throws: `CasemateError`: `refused` for a file of something else, a broken chain or one that another guard
    ///   writes, `unsupported` for one of a newer release, `malformed` for a damaged one, `unwritable`, `invalidSetting`.
    public convenience init(_ settings: SettingNode, setup: StageSetup) throws {
        try self.init(settings, setup: setup, retry: AuditWriter.Pace().retry)
    }

    /// Opens the log.
    /// - Parameter retry: Seconds between tries while nothing can be written.
    package init(_ settings: SettingNode, setup: StageSetup, retry: Double) throws {
        let read = try AuditSettings(settings, setup: setup)
        registry = AuditRegistry.shared(in: setup.memory)
        fields = AuditFields(hashed: read.hashed, secret: setup.secret)
        (failsOpen, self.settings) = (read.failsOpen, read)
        writer = try registry.open(read, setup: setup, pace: AuditWriter.Pace(retry: retry))
    }
    // why not forgotten here: who opens the file next must find the writer and wait until it has let go of it.
    deinit { if !isReleased.load(ordering: .acquiring) { _ = writer.release() } }

    /// Whether decisions are being kept; a log that fails open says so even while they are counted instead.
    public var isWriting: Bool { failsOpen || writer.isWriting }

    /// Keeps an event; returns when it is as durable as configured.
    /// - Throws: `GuardRefusal` with `storage` (507) or `unavailable` (503) when it cannot be kept and the log fails closed.
    public func append(_ event: DecisionEvent) async throws {
        if !isInForce.load(ordering: .relaxed), !isInForce.exchange(true, ordering: .relaxed) {
            writer.apply(settings)
        }
        if let failure = await writer.append(AuditEntry(event, fields: fields), failsOpen: failsOpen) {
            throw failure.refusal
        }
    }

    /// Keeps that an operator cleared a client.
    /// - Throws: `GuardRefusal` when it cannot be kept, whatever `on_failure` says.
    public func noteClearing(of client: String, standing: ClientStanding?, who: String) throws {
        let entry = AuditEntry.clearing(client, standing, who: who, fields: fields, time: writer.clock.wall)
        if let failure = writer.appendAndWait(entry) { throw failure.refusal }
    }

    /// Waits until the writer has done all that is due.
    package func settle() async { _ = await writer.perform { _ in } }
    /// Lets the file have no more pages than this, or than it has: for tests of what happens on a full disk.
    package func limit(pages: Int) { writer.limit(pages: min(pages, AuditConnection.mostPages)) }

    /// Ends this use of the file; the last use writes what is left, a last head, and closes it.
    public func close() async {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing), writer.release() else { return }
        registry.forget(writer)
        await writer.closed()
    }
}
