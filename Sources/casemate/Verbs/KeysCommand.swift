import ArgumentParser
import CasemateCore
import CasemateGuard
import Foundation

/// `casemate keys`: API keys of the guard.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make, list, replace and revoke API keys for the guard.",
        discussion: """
            casemate keys add --store keys.sqlite --name billing --models fraud --expires 90d
            casemate keys list --store keys.sqlite
            casemate keys rotate --store keys.sqlite --name billing --overlap 24h
            casemate keys revoke --store keys.sqlite billing

            The file holds identifiers and hashes, never a key: a key is shown once, when it is made. A running guard \
            with `auth: {keys: keys.sqlite}` sees every change within a second.
            """,
        subcommands: [
            KeysAddCommand.self, KeysListCommand.self, KeysRotateCommand.self, KeysRevokeCommand.self,
        ])
}

/// What the four have in common.
struct KeysOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("File of keys.", valueName: "file")) var store: String
    @Flag(name: .long, help: "Print one JSON document.") var json = false
}

/// `casemate keys add`.
struct KeysAddCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Make a key; it is shown once.",
        discussion: "casemate keys add --store keys.sqlite --name billing --scopes infer,metadata --expires 90d")

    @OptionGroup var options: KeysOptions
    @Option(name: .long, help: "Name of the client; limits, detectors and the log know it by that.") var name: String
    @Option(
        name: .long,
        help: ArgumentHelp("What it may do: infer, metadata, metrics, admin.", valueName: "words"))
    var scopes = "infer,metadata"
    @Option(name: .long, help: ArgumentHelp("Models that it may ask (default: all).", valueName: "names"))
    var models: String?
    @Option(name: .long, help: "Owner of the account; accounts of one owner are linked.") var owner: String?
    @Option(name: .long, help: ArgumentHelp("Rows a second, instead of the configured rate.", valueName: "rows"))
    var rate: Double?
    @Option(name: .long, help: "A note for people.") var note = ""
    @Option(
        name: .long,
        help: ArgumentHelp("Last day, 2027-01-31, or a time such as 90d (default: never).", valueName: "when"))
    var expires: String?

    func run() throws {
        let now = Date()
        let words = KeysText.words(scopes)
        let known = ClientIdentity.Scope.allCases.map(\.rawValue)
        if let wrong = words.first(where: { !known.contains($0) }) {
            throw CasemateError(
                .invalidSetting, at: "--scopes", "'\(wrong)' is no scope\(Suggestion.clause(for: wrong, among: known))",
                help: "use \(known.joined(separator: ", "))")
        }
        let grant = KeyRecord.Grant(
            scopes: Set(words.compactMap { ClientIdentity.Scope(rawValue: $0) }),
            models: models.map { Set(KeysText.words($0)) }, owner: owner, rate: rate, note: note)
        let end = try expires.map { try KeysText.end($0, option: "--expires", now: now) }
        let made = try KeyStore(options.store).add(name, grant, expires: end, now: now)
        guard !options.json else {
            return try KeysText.print(KeysDocument(key: made.text, keys: [made.record], now: now))
        }
        Terminal.output("\(made.text)\n")
        Terminal.message(
            "the key of '\(name)', shown once: keep it where secrets are kept\n"
                + "send it as `Authorization: Bearer …` or `X-API-Key: …`, never in an address")
    }
}

/// `casemate keys list`.
struct KeysListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List keys; never a secret.",
        discussion: "casemate keys list --store keys.sqlite --json")

    @OptionGroup var options: KeysOptions

    func run() throws {
        let now = Date()
        let keys = try KeyStore(options.store, isMade: false).keys()
        guard !options.json else { return try KeysText.print(KeysDocument(keys: keys, now: now)) }
        Terminal.output(KeysText.table(keys, now: now))
    }
}

/// `casemate keys rotate`.
struct KeysRotateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Make a second key for a name and give the first one an end.",
        discussion: "casemate keys rotate --store keys.sqlite --name billing --overlap 24h")

    @OptionGroup var options: KeysOptions
    @Option(name: .long, help: "Name of the client.") var name: String
    @Option(name: .long, help: ArgumentHelp("Time for which the old key may still be used.", valueName: "time"))
    var overlap = "24h"
    @Option(
        name: .long,
        help: ArgumentHelp(
            "End of the new key, as for add (default: the time that the old one had).", valueName: "when"))
    var expires: String?

    func run() throws {
        let now = Date()
        let seconds = overlap == "0" ? 0 : try KeysText.seconds(overlap, option: "--overlap")
        let end = try expires.map { try KeysText.end($0, option: "--expires", now: now) }
        let made = try KeyStore(options.store, isMade: false)
            .rotate(name, overlap: seconds, expires: end, now: now)
        guard !options.json else {
            return try KeysText.print(KeysDocument(key: made.text, keys: [made.record, made.replaced], now: now))
        }
        Terminal.output("\(made.text)\n")
        Terminal.message(
            "the new key of '\(name)', shown once; the old one (\(made.replaced.id)) ends "
                + (made.replaced.expires.map(KeysText.time) ?? "never"))
    }
}

/// `casemate keys revoke`.
struct KeysRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take keys back; a running guard refuses them within a second.",
        discussion: "casemate keys revoke --store keys.sqlite billing")

    @OptionGroup var options: KeysOptions
    @Argument(help: "Identifier of one key, or name for all keys of a client.") var key: String

    func run() throws {
        let now = Date()
        let revoked = try KeyStore(options.store, isMade: false).revoke(key, now: now)
        guard !options.json else { return try KeysText.print(KeysDocument(keys: revoked, now: now)) }
        let ids = revoked.map(\.id).joined(separator: ", ")
        Terminal.output(revoked.isEmpty ? "already revoked: nothing changed\n" : "revoked: \(ids)\n")
    }
}

/// The JSON document of `casemate keys`.
struct KeysDocument: Encodable {
    let schema = "casemate.keys/1"
    let version = Product.version
    let verdict = "pass", exitStatus: Int32 = 0
    let key: String?
    let keys: [Key]

    struct Key: Encodable {
        let id: String, name: String, state: String, scopes: [String], models: [String]?, owner: String?
        let rate: Double?, note: String, created: String, expires: String?, revoked: String?, rotated: String?
    }

    init(key: String? = nil, keys: [KeyRecord], now: Date) {
        self.key = key
        self.keys = keys.map { record in
            Key(
                id: record.id, name: record.name, state: record.state(at: now).rawValue,
                scopes: record.grant.scopes.map(\.rawValue).sorted(), models: record.grant.models?.sorted(),
                owner: record.grant.owner, rate: record.grant.rate, note: record.grant.note,
                created: KeysText.time(record.created), expires: record.expires.map(KeysText.time),
                revoked: record.revoked.map(KeysText.time), rotated: record.rotated.map(KeysText.time))
        }
    }
}

/// How `casemate keys` reads and writes.
enum KeysText {
    static func print(_ document: KeysDocument) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.output(try encoder.encode(document))
        Terminal.output("\n")
    }
    static func words(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    static func time(_ date: Date) -> String { date.ISO8601Format() }

    /// Seconds of `24h`, `90d`.
    static func seconds(
        _ text: String, option: String, help: String = "write it as 90d, 24h or 30m"
    ) throws -> Double {
        if text.hasSuffix("d"), let days = Int(text.dropLast()), (1...36_500).contains(days) {
            return Double(days) * 86_400
        }
        guard let seconds = SettingScalar.seconds(text), seconds > 0, seconds <= 3_153_600_000 else {
            throw CasemateError(.invalidSetting, at: option, "'\(text)' is no time", help: help)
        }
        return seconds
    }
    /// The end of a day (UTC), or a time from now.
    static func end(_ text: String, option: String, now: Date) throws -> Date {
        guard CalendarDay(text) != nil else {
            let help = "write a time as 90d or 24h, or the last day as 2027-01-31"
            return now.addingTimeInterval(try seconds(text, option: option, help: help))
        }
        let day = try Date("\(text)T00:00:00Z", strategy: .iso8601)
        return day.addingTimeInterval(86_400)
    }

    static func table(_ keys: [KeyRecord], now: Date) -> String {
        guard !keys.isEmpty else { return "no keys\n" }
        var rows = [["name", "id", "state", "scopes", "models", "rate", "created", "ends", "owner", "note"]]
        for key in keys {
            let models = key.grant.models?.sorted().joined(separator: ",") ?? "all"
            let end = key.revoked ?? key.expires
            rows.append([
                key.name, key.id, key.state(at: now).rawValue,
                key.grant.scopes.map(\.rawValue).sorted().joined(separator: ","), models,
                key.grant.rate.map { SettingScalar.number($0) } ?? "-", String(time(key.created).prefix(10)),
                end.map { String(time($0).prefix(16)) } ?? "never", key.grant.owner ?? "-", key.grant.note,
            ])
        }
        let widths = (0..<rows[0].count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: max(0, width - cell.count))
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
