import GRDB

/// Why decisions cannot be kept.
enum AuditFailure: String, Error, Sendable, Hashable, CaseIterable {
    /// No space is left.
    case full = "disk_full"
    /// Another program holds the file.
    case locked
    /// The file or disk cannot be written.
    case unwritable
    /// The file is damaged.
    case corrupt
    /// The file is not the one that was opened, or somebody else wrote into it.
    case foreign
    /// More decisions wait than may.
    case queue
    /// The log is closed.
    case closed

    /// What an error of the database means.
    init(_ error: any Error) {
        if let failure = error as? AuditFailure {
            self = failure
            return
        }
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL: self = .full
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt
        case .SQLITE_CONSTRAINT, .SQLITE_SCHEMA, .SQLITE_MISMATCH: self = .foreign
        default: self = .unwritable
        }
    }

    /// What the caller is told.
    var refusal: GuardRefusal {
        let detail = "the decision cannot be recorded"
        return switch self {
        case .full, .unwritable, .corrupt, .foreign:
            GuardRefusal(.storage, detail, retryAfter: 5, reason: "audit_\(rawValue)")
        case .locked, .queue: GuardRefusal(.unavailable, detail, retryAfter: 1, reason: "audit_\(rawValue)")
        case .closed: GuardRefusal(.unavailable, detail, retryAfter: 5, reason: "audit_\(rawValue)")
        }
    }
}
