public import CasemateCore
import Foundation

/// Requests that are held for a person, and what persons said of them.
///
/// Both stand in the audit log: a held request is a decision whose record says so, and what a person says is a record of
/// its own in the same chain. Nothing is ever changed: who changes their mind says so, which adds a record, and the last one counts.
public final class ReviewQueue: Sendable {
    /// Longest note and name in bytes.
    public static let longestNote = 4_000, longestName = 200
    /// What a person says of a request.
    public typealias Decision = HeldRequest.Decision
    private let writer: AuditWriter
    private let reader: AuditReader

    init(writer: AuditWriter, reader: AuditReader) { (self.writer, self.reader) = (writer, reader) }

    /// The queue of the guard whose memory this is; `nil` while no log is open.
    public static func shared(in memory: GuardMemory) -> ReviewQueue? {
        AuditRegistry.shared(in: memory).current.map { ReviewQueue(writer: $0.writer, reader: $0.reader) }
    }

    /// Requests that nobody has decided about, the oldest first.
    /// - Throws: `CasemateError` when the log cannot be read.
    public func pending(limit: Int, offset: Int = 0) throws(CasemateError) -> [HeldRequest] {
        try reader.held(.pending, limit: limit, offset: offset)
    }
    /// Number of requests that nobody has decided about.
    /// - Throws: `CasemateError` when the log cannot be read.
    public func pendingCount() throws(CasemateError) -> Int { try reader.pendingCount() }
    /// Requests that somebody has decided about, the latest decision first.
    /// - Throws: `CasemateError` when the log cannot be read.
    public func decided(limit: Int, offset: Int = 0) throws(CasemateError) -> [HeldRequest] {
        try reader.held(.decided, limit: limit, offset: offset)
    }

    /// Adds a decision; returns when it is as durable as the log is. Waits for that, some milliseconds at most while the
    /// disk is well, so it is for a person's click and not for the path of requests.
    /// - Parameters:
    ///   - id: The guard's identifier of a held request.
    ///   - note: Why, at most 4,000 bytes.
    ///   - who: Who decides, at most 200 bytes.
    ///   - isChange: Whether a decision that was made is to be replaced.
    /// - Throws: `GuardRefusal` with `malformed` without a name or with too long a text, `notFound` where no request of
    ///   that identifier is held, `conflict` where somebody has decided already, `storage` or `unavailable` when it cannot be kept, whatever `on_failure` says;
    ///   `CasemateError` when the log cannot be read.
    public func decide(id: String, decision: Decision, note: String = "", who: String, isChange: Bool = false) throws {
        guard !who.isEmpty, who.utf8.count <= Self.longestName else {
            throw GuardRefusal(.malformed, "a decision needs a name of at most \(Self.longestName) bytes", field: "who")
        }
        guard note.utf8.count <= Self.longestNote else {
            throw GuardRefusal(.malformed, "a note has at most \(Self.longestNote) bytes", field: "note")
        }
        guard let (number, isDecided) = try reader.heldNumber(id) else {
            throw GuardRefusal(.notFound, "no request of this identifier is held", field: "id")
        }
        // why: two persons may look at the same page, and the later click must not hide the earlier decision unseen.
        guard isChange || !isDecided else {
            throw GuardRefusal(.conflict, "somebody has decided about this request already", field: "id")
        }
        let entry = AuditEntry.review(
            id: id, number: number, decision: decision, note: note, who: who, time: writer.clock.wall)
        if let failure = writer.appendAndWait(entry) { throw failure.refusal }
    }
}
