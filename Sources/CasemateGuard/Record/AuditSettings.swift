import CasemateCore
import Foundation

/// What `audit_log` says.
struct AuditSettings: Sendable {
    /// When a record counts as kept.
    enum Durability: String, Sendable, CaseIterable {
        /// Written to the operating system: survives the end of the process, however it comes.
        case os
        /// Synchronised to the disk: survives the loss of power too.
        case disk
    }
    /// The file.
    var path: String
    var durability = Durability.os
    /// Whether answers go out while their records cannot be kept.
    var failsOpen = false
    /// Fields that are stored as keyed hashes.
    var hashed: Set<AuditFields.Field> = []
    /// Records and seconds after which a head is written.
    var headRecords: Int64 = 1_000
    var headInterval = 60.0
    /// File that heads are appended to; `nil` for none.
    var headExport: String?
    /// Signs heads and deletions.
    var key: SigningKey?
    /// Seconds after which records are deleted; `nil` keeps them.
    var retention: Double?
    /// Most records that may wait.
    var queue = 4_096

    static let keys: [SettingKey] = [
        SettingKey("path", .path, "SQLite file; made when it is not there", isRequired: true),
        SettingKey(
            "durability", .choice(Durability.allCases.map(\.rawValue)),
            "before an answer goes out its record is handed to the operating system (os: survives kill -9) or "
                + "synchronised to the disk (disk: survives the loss of power)", fallback: .text("os")),
        SettingKey(
            "on_failure", .choice(["closed", "open"]),
            "what holds while records cannot be kept, as on a full disk: refuse with 507 or 503, or answer and count the gap",
            fallback: .text("closed")),
        SettingKey(
            "hash", .list(.choice(AuditFields.Field.allCases.map(\.rawValue)), minimum: 0),
            "fields that are stored as keyed hashes", fallback: .list([])),
        SettingKey("signing_key", .path, "private key, Ed25519 or P-256, that signs heads and deletions"),
        SettingKey(
            "checkpoint",
            .mapping([
                SettingKey(
                    "every", .integer(1...1_000_000), "records after which a head is written",
                    fallback: .integer(1_000)),
                SettingKey("interval", .duration, "time after which a head is written", fallback: .text("1m")),
                SettingKey("export", .path, "file that each head is appended to, as a line of JSON; ship it elsewhere"),
            ]), "signed heads of the chain"),
        SettingKey(
            "retention", .text,
            "age at which records are deleted, such as 90d; the chain stays verifiable. Without it nothing is deleted"),
        SettingKey(
            "queue", .integer(1...1_000_000), "most records that may wait; beyond it, 503", fallback: .integer(4_096)),
    ]

    /// Reads the settings; paths are taken from the setup's folder.
    /// - Throws: `CasemateError` with the place, for a retention that is none and for what `SigningKey` throws.
    init(_ node: SettingNode, setup: StageSetup) throws(CasemateError) {
        path = setup.path(node["path"]?.text ?? "")
        durability = node["durability"]?.text.flatMap(Durability.init(rawValue:)) ?? .os
        failsOpen = node["on_failure"]?.text == "open"
        hashed = Set((node["hash"]?.texts ?? []).compactMap(AuditFields.Field.init(rawValue:)))
        if let file = node["signing_key"]?.text { key = try SigningKey(contentsOf: setup.path(file)) }
        let head = node["checkpoint"]
        headRecords = Int64(head?["every"]?.integer ?? 1_000)
        headInterval = head?["interval"]?.number ?? 60
        headExport = head?["export"]?.text.map { setup.path($0) }
        queue = node["queue"]?.integer ?? 4_096
        if let age = node["retention"] { retention = try Self.age(age) }
    }

    /// Settings for a path, for tests and tools.
    init(path: String) { self.path = path }

    private static func age(_ node: SettingNode) throws(CasemateError) -> Double {
        let text = node.text ?? ""
        // why no bare number: who writes 90 means days, and would lose the log after a minute and a half.
        let hasUnit = text.utf8.last.map { !(48...57).contains($0) } ?? false
        let seconds =
            text.hasSuffix("d")
            ? SettingScalar.number(String(text.dropLast())).map { $0 * 86_400 }
            : hasUnit ? SettingScalar.seconds(text) : nil
        guard let seconds, seconds >= 1, seconds <= 36_525 * 86_400 else {
            throw CasemateError(
                .invalidSetting, at: node.place,
                "'retention': expected an age with its unit, 1s to 36525d, found '\(text.prefix(40))'",
                help: "write `90d`, or leave it out to keep all records")
        }
        return seconds
    }
}
