package import CasemateCore
import Foundation
import GRDB

/// What a verification of a log found.
package struct AuditVerification: Sendable {
    /// What is wrong at one place.
    package struct Problem: Sendable, Hashable {
        /// What kind of mistake it is.
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            /// The record is not what was written.
            case altered
            /// Records are not there.
            case deleted
            /// Records stand in another order.
            case reordered
            /// A record is there twice.
            case doubled
            /// The end is missing.
            case cut
            /// A column does not say what the record says.
            case column
            /// A head, or the record of a deletion, is not signed by the key.
            case signature
            /// A head or hash does not belong to this log.
            case head
            /// The file cannot be read to its end, or its tables were changed.
            case damaged
        }
        /// The kind.
        package let kind: Kind
        /// Number of the record; 0 where it is about none.
        package let number: Int64
        /// What is wrong, a clause.
        package let what: String
    }
    /// The problems, at most 100, the first bad record first.
    package internal(set) var problems: [Problem] = []
    /// Number of records that were read, and the numbers of the first and the last.
    package internal(set) var count: Int64 = 0, first: Int64 = 0, last: Int64 = 0
    /// Hash of the last record.
    package internal(set) var head: [UInt8] = []
    /// Identifier of the log.
    package internal(set) var log = ""
    /// Records that a retention deleted, as the chain says.
    package internal(set) var retired: Int64 = 0
    /// Decisions that are not in the log, as records of gaps say: gone out, and refused.
    package internal(set) var answeredGap: Int64 = 0, refusedGap: Int64 = 0
    /// Heads that were compared, and how many of them the key signed.
    package internal(set) var heads = 0, signedHeads = 0
    /// Number of the last record that a head signed by the key names; 0 without.
    package internal(set) var signedThrough: Int64 = 0
    /// Number of the last record that any head names.
    package internal(set) var headedThrough: Int64 = 0
    /// Decisions by outcome.
    package internal(set) var outcomes: [String: Int] = [:]
    /// Whether all is well.
    package var isWhole: Bool { problems.isEmpty }

    mutating func add(_ kind: Problem.Kind, _ number: Int64, _ what: String) {
        if problems.count < 100 { problems.append(Problem(kind: kind, number: number, what: what)) }
    }
}

/// Verifies a log: the chain from its first record to its last, the columns, the heads in the file and those that were
/// kept elsewhere.
package struct AuditVerifier {
    /// What the log is compared with.
    package struct Expectations: Sendable {
        /// Keys that are trusted; without any, signatures are not looked at.
        package var keys: [VerifyingKey] = []
        /// Heads that were kept elsewhere.
        package var heads: [AuditHead] = []
        /// Hash of a record that must be there.
        package var hash: [UInt8]?
        /// Expects nothing.
        package init() {}
    }
    private let path: String
    private let expectations: Expectations
    private var result = AuditVerification()
    /// Hash of the record before, and its number; `nil` while the chain cannot be followed.
    private var previous: (number: Int64, hash: [UInt8])?
    private var heads: [Int64: [AuditHead]] = [:]
    private var hasExpectedHash = false
    private var retirements: [Retirement] = []
    private var anchor: Retirement?

    /// What a record says of deleted records.
    struct Retirement {
        let number: Int64, from: Int64, through: Int64
        let hash: [UInt8]
        let isSigned: Bool
        let log: String
    }

    /// Verifies a file; a guard may write it meanwhile.
    /// - Throws: `CasemateError` when there is no log to verify. What is wrong with a log is in the result.
    package static func verify(
        _ path: String, _ expectations: Expectations = Expectations()
    ) throws(CasemateError) -> AuditVerification {
        let reader: AuditReader
        do { reader = try AuditReader(path, isStrict: false) } catch let error where error.code == .malformed {
            // why: a log that was ours and is damaged is a finding, a file of something else is not.
            guard Self.isOurs(path) else { throw error }
            var result = AuditVerification()
            result.add(.damaged, 0, error.what)
            return result
        }
        var verifier = AuditVerifier(path, expectations)
        verifier.result.log = reader.log
        do { try reader.read { try verifier.run($0, reader.log) } } catch let error where error.code == .malformed {
            let place = verifier.result.last
            verifier.result.add(.damaged, place + 1, "the file cannot be read behind record \(place)")
        }
        return verifier.result
    }

    private init(_ path: String, _ expectations: Expectations) {
        (self.path, self.expectations) = (path, expectations)
    }

    /// Whether the bytes of the header say that the file is a log of ours.
    private static func isOurs(_ path: String) -> Bool {
        guard let handle = FileHandle(forReadingAtPath: path), let head = try? handle.read(upToCount: 100),
            head.count >= 72
        else { return false }
        let bytes = [UInt8](head)
        return bytes.starts(with: "SQLite format 3\0".utf8)
            && bytes[68..<72].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } == UInt32(bitPattern: AuditFile.application)
    }

    private mutating func run(_ database: Database, _ log: String) throws {
        try readHeads(database, log)
        anchor = try findAnchor(database)
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT number, CAST(record AS BLOB), hash, time, kind, id, client, model, outcome, status, reason, "
                + "stages, held FROM records ORDER BY number")
        while let row = try rows.next() { try check(row, database) }
        try finish(database, log)
    }

    // MARK: One record

    private mutating func check(_ row: Row, _ database: Database) throws {
        guard let number = Int64.fromDatabaseValue(row[0]) else { return }
        let record = Data.fromDatabaseValue(row[1]) ?? Data(), hash = [UInt8](Data.fromDatabaseValue(row[2]) ?? Data())
        begin(number)
        if let previous {
            // why unchecked: the number comes from a file that anybody may have written.
            let expected = previous.number &+ 1
            if number != expected {
                let missing =
                    number == expected &+ 1 ? "record \(expected) is" : "records \(expected) to \(number &- 1) are"
                result.add(.deleted, expected, "\(missing) missing")
            } else if AuditChain.hash(after: previous.hash, record) != hash {
                try name(number, record, hash, previous.hash, database)
            }
        }
        previous = (number, hash)
        (result.count, result.last) = (result.count + 1, number)
        result.head = hash
        compareHeads(number, hash)
        guard let json = AuditJSON(record), let columns = AuditColumns(record: json) else {
            return result.add(.altered, number, "record \(number) is no record")
        }
        if columns != Self.columns(row) {
            result.add(.column, number, "the columns beside record \(number) do not say what the record says")
        }
        take(json, columns, number)
    }

    /// Where the chain begins: at nothing, or behind what a retention deleted.
    private mutating func begin(_ number: Int64) {
        guard result.count == 0 else { return }
        result.first = number
        if let anchor, anchor.through == number &- 1 {
            previous = (anchor.through, anchor.hash)
            result.retired = anchor.through
        } else {
            previous = (0, AuditChain.origin)
        }
    }

    private static func columns(_ row: Row) -> AuditColumns? {
        guard let time = Int64.fromDatabaseValue(row[3]), let kind = String.fromDatabaseValue(row[4]),
            let id = String.fromDatabaseValue(row[5]), let client = String.fromDatabaseValue(row[6]),
            let model = String.fromDatabaseValue(row[7]), let outcome = String.fromDatabaseValue(row[8]),
            let status = Int64.fromDatabaseValue(row[9]), let reason = String.fromDatabaseValue(row[10]),
            let stages = String.fromDatabaseValue(row[11]), let held = Int64.fromDatabaseValue(row[12])
        else { return nil }
        var columns = AuditColumns(time: time, kind: kind)
        (columns.id, columns.client, columns.model, columns.outcome) = (id, client, model, outcome)
        (columns.status, columns.reason, columns.stages) = (status, reason, stages)
        columns.isHeld = held == 1
        return held == 0 || held == 1 ? columns : nil
    }

    private mutating func take(_ json: AuditJSON, _ columns: AuditColumns, _ number: Int64) {
        switch columns.kind {
        case "decision": result.outcomes[columns.outcome, default: 0] += 1
        case "gap":
            result.answeredGap &+= json["answered"]?.integer ?? 0
            result.refusedGap &+= json["refused"]?.integer ?? 0
        case "opened":
            if let log = json["log"]?.text, log != result.log {
                result.add(.altered, number, "record \(number) is of another log")
            }
        case "retention":
            guard let retirement = retirement(json, number) else {
                return result.add(.altered, number, "record \(number) is no record of a retention")
            }
            if !expectations.keys.isEmpty, !retirement.isSigned {
                result.add(.signature, number, "the deletion in record \(number) is not signed by the key")
            }
        default: break
        }
    }

    /// Says what became of a record that does not follow from the one before.
    private mutating func name(
        _ number: Int64, _ record: Data, _ hash: [UInt8], _ before: [UInt8], _ database: Database
    ) throws {
        let window = try Row.fetchAll(
            database,
            sql: "SELECT number, CAST(record AS BLOB), hash FROM records WHERE number > ? ORDER BY number LIMIT 1000",
            arguments: [number])
        for row in window {
            guard let other = Int64.fromDatabaseValue(row[0]), let bytes = Data.fromDatabaseValue(row[1]),
                let own = Data.fromDatabaseValue(row[2])
            else { continue }
            guard Data(AuditChain.hash(after: before, bytes)) == own else { continue }
            return result.add(
                .reordered, number, "what belongs in the place of record \(number) stands at \(other)")
        }
        let twin = try Int64.fetchOne(
            database, sql: "SELECT number FROM records WHERE number < ? AND hash = ? LIMIT 1",
            arguments: [number, Data(hash)])
        if let twin { return result.add(.doubled, number, "record \(number) is record \(twin) once more") }
        if let next = window.first, let bytes = Data.fromDatabaseValue(next[1]),
            let own = Data.fromDatabaseValue(next[2]),
            Data(AuditChain.hash(after: hash, bytes)) == own || window.isEmpty
        {
            return result.add(
                .altered, number,
                "record \(number) is not what was written, or records before it were taken out and the rest renumbered")
        }
        result.add(.altered, number, "record \(number) or its hash is not what was written")
    }

    // MARK: Heads and deletions

    private mutating func readHeads(_ database: Database, _ log: String) throws {
        var found: [AuditHead] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT records, CAST(head AS BLOB) FROM heads ORDER BY records")
        while let row = try rows.next() {
            let number = Int64.fromDatabaseValue(row[0]) ?? 0
            guard let head = AuditHead(Data.fromDatabaseValue(row[1]) ?? Data()), head.records == number else {
                result.add(.head, number, "the head of record \(number) is none")
                continue
            }
            found.append(head)
        }
        for (head, isElsewhere) in found.map({ ($0, false) }) + expectations.heads.map({ ($0, true) }) {
            let place = isElsewhere ? "the head kept elsewhere" : "the head in the file"
            guard head.log == log else {
                result.add(.head, head.records, "\(place) of record \(head.records) is of another log")
                continue
            }
            result.heads += 1
            result.headedThrough = max(result.headedThrough, head.records)
            heads[head.records, default: []].append(head)
            guard !expectations.keys.isEmpty else { continue }
            guard expectations.keys.contains(where: { head.isSigned(by: $0) }) else {
                result.add(.signature, head.records, "\(place) of record \(head.records) is not signed by the key")
                continue
            }
            result.signedHeads += 1
            result.signedThrough = max(result.signedThrough, head.records)
        }
    }

    private mutating func compareHeads(_ number: Int64, _ hash: [UInt8]) {
        if let expected = expectations.hash, expected == hash { hasExpectedHash = true }
        guard let named = heads.removeValue(forKey: number) else { return }
        for head in named where head.hash != hash {
            result.add(.altered, number, "a head of record \(number) names another hash")
        }
    }

    private func retirement(_ json: AuditJSON, _ number: Int64) -> Retirement? {
        guard let from = json["from"]?.integer, let through = json["through"]?.integer, through >= from,
            through < number, json["count"]?.integer == through - from + 1, let log = json["log"]?.text,
            let hash = json["hash"]?.text.flatMap(Hexadecimal.bytes), hash.count == 32
        else { return nil }
        return Retirement(
            number: number, from: from, through: through, hash: hash, isSigned: isSigned(json), log: log)
    }

    private func isSigned(_ json: AuditJSON) -> Bool {
        guard let signature = Hexadecimal.bytes(json["signature"]?.text ?? ""), !signature.isEmpty,
            let message = AuditEntry.retentionMessage(json)
        else { return false }
        return expectations.keys.contains { $0.isValid(signature, for: message) }
    }

    /// The record of the last deletion, which carries the chain over what is gone.
    private func findAnchor(_ database: Database) throws -> Retirement? {
        let row = try Row.fetchOne(
            database,
            sql:
                "SELECT number, CAST(record AS BLOB) FROM records WHERE kind = 'retention' ORDER BY number DESC LIMIT 1"
        )
        guard let row, let number = Int64.fromDatabaseValue(row[0]),
            let json = AuditJSON(Data.fromDatabaseValue(row[1]) ?? Data())
        else { return nil }
        return retirement(json, number).flatMap { $0.log == result.log ? $0 : nil }
    }

    // MARK: The end

    private mutating func finish(_ database: Database, _ log: String) throws {
        let (first, last) = (result.first, result.last)
        if let number = heads.keys.max(), number > last {
            result.add(.cut, last &+ 1, "records behind \(last) are missing: a head names record \(number)")
        }
        if let anchor, anchor.through < first, let named = heads[anchor.through],
            named.contains(where: { $0.hash != anchor.hash })
        {
            result.add(.altered, anchor.through, "a head of record \(anchor.through) names another hash")
        }
        if expectations.hash != nil, !hasExpectedHash, anchor?.hash != expectations.hash {
            result.add(.cut, last &+ 1, "no record has the hash that is expected")
        }
        if !expectations.keys.isEmpty, result.signedHeads == 0 {
            result.add(.signature, 0, "no head is signed by the key")
        }
        if result.count == 0 { result.add(.deleted, 1, "all records are missing") }
        try checkFile(database)
        if try !AuditFile.isUntouched(database, path) {
            result.add(.damaged, 0, "the triggers or indices of the file were changed")
        }
        try findDoubles(database)
        // why: what is about no record stands behind what names one.
        func place(_ problem: AuditVerification.Problem) -> Int64 { problem.number > 0 ? problem.number : .max }
        result.problems = result.problems.enumerated().sorted {
            (place($0.element), $0.offset) < (place($1.element), $1.offset)
        }.map(\.element)
    }

    private mutating func checkFile(_ database: Database) throws {
        let said = try String.fetchOne(database, sql: "PRAGMA integrity_check(1)") ?? ""
        if said != "ok" { result.add(.damaged, 0, "SQLite finds the file damaged") }
    }

    private mutating func findDoubles(_ database: Database) throws {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT max(number), min(number) FROM records WHERE kind = 'decision' GROUP BY id HAVING count(*) > 1 "
                + "ORDER BY 1 LIMIT 1")
        guard let row, let one = Int64.fromDatabaseValue(row[0]), let other = Int64.fromDatabaseValue(row[1]) else {
            return
        }
        result.add(.doubled, one, "records \(other) and \(one) are of the same request")
    }
}
