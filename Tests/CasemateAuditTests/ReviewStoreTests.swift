import CasemateAudit
import CasemateCore
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// The history of decisions: only added to, one file for several reviewers and several data files.
@Suite struct ReviewStoreTests {
    static let one = String(repeating: "1", count: 64), two = String(repeating: "2", count: 64)

    private static func add(
        _ store: ReviewStore, _ row: Int, _ verdict: ReviewDecision.Verdict?, note: String? = nil, data: String = one,
        who: String = "anna", at: Double = 0
    ) throws {
        let mark = ReviewMark(
            row: row, verdict: verdict, note: note, score: 0.9, checks: ["data_labels", "data_outliers"])
        try store.add([mark], data: data, suspects: "s", who: who, now: Date(timeIntervalSince1970: at))
    }

    @Test func theLatestDecisionWinsAndNothingIsLost() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/review.sqlite"
            let store = try ReviewStore(path)
            try Self.add(store, 3, .poison, note: "odd", at: 1.5)
            try Self.add(store, 3, .fine, who: "ben", at: 2)
            try Self.add(store, 4, .mislabelled)
            try Self.add(store, 3, .poison, data: Self.two)
            try Self.add(store, 5, nil, note: "look again")
            let again = try ReviewStore(path, isMade: false)
            let standing = try again.decisions(data: Self.one)
            #expect(standing.keys.sorted() == [3, 4, 5])
            #expect(standing[3]?.verdict == .fine && standing[3]?.who == "ben" && standing[3]?.note == "odd")
            #expect(
                standing[3]?.when == "1970-01-01T00:00:02.000Z"
                    && standing[3]?.checks == ["data_labels", "data_outliers"])
            #expect(standing[5]?.verdict == .undecided && standing[5]?.note == "look again")
            #expect(try again.history(data: Self.one).map(\.row) == [3, 3, 4, 5])
            #expect(try again.history(data: Self.one)[0].when == "1970-01-01T00:00:01.500Z")
            #expect(try again.countOfOthers(than: Self.one) == 1)
            #expect(try again.decisions().count == 4)
            // A note alone keeps the decision.
            try Self.add(again, 4, nil, note: "sure")
            #expect(try store.decisions(data: Self.one)[4]?.verdict == .mislabelled)
        }
    }

    @Test func nobodyChangesTheHistory() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/review.sqlite"
            let store = try ReviewStore(path)
            try Self.add(store, 1, .poison)
            for sql in ["UPDATE decisions SET decision = 'fine'", "DELETE FROM decisions"] {
                #expect(throws: CasemateError.self) { try ReviewStore.execute(sql, at: path) }
            }
            #expect(try store.decisions().map(\.verdict) == [.poison])
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o600)
        }
    }

    @Test func filesOfOthersAreLeftAlone() throws {
        try Repository.withTemporaryFolder { folder in
            let other = folder + "/other.sqlite"
            try ReviewStore.execute("CREATE TABLE t (a)", at: other)
            let before = try FileDigest(of: other)
            #expect(throws: CasemateError.self) { try ReviewStore(other) }
            #expect(try FileDigest(of: other) == before)
            let text = folder + "/text"
            try "no database, but long enough to be read as one".write(toFile: text, atomically: true, encoding: .utf8)
            let damaged = #expect(throws: CasemateError.self) { try ReviewStore(text) }
            #expect(damaged?.code == .malformed)
            let missing = #expect(throws: CasemateError.self) { try ReviewStore(folder + "/none", isMade: false) }
            #expect(missing?.code == .notFound && !FileManager.default.fileExists(atPath: folder + "/none"))
            let newer = folder + "/newer.sqlite"
            _ = try ReviewStore(newer)
            try ReviewStore.execute("INSERT INTO grdb_migrations VALUES ('99: later')", at: newer)
            let later = #expect(throws: CasemateError.self) { try ReviewStore(newer) }
            #expect(later?.code == .unsupported)
            #expect(throws: CasemateError.self) {
                try Self.add(try ReviewStore(folder + "/r.sqlite"), 1, .fine, who: "")
            }
        }
    }

    /// Eight reviewers with connections of their own, from the making of the file on.
    @Test func severalReviewersWorkAtOnce() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/review.sqlite"
            let failures = FailureCount()
            DispatchQueue.concurrentPerform(iterations: 8) { reviewer in
                do {
                    let store = try ReviewStore(path)
                    for row in 0..<25 { try Self.add(store, row, .poison, who: "r\(reviewer)") }
                } catch { failures.add("\(error)") }
            }
            #expect(failures.all == [])
            let history = try ReviewStore(path).history(data: Self.one)
            #expect(history.count == 200)
            #expect(history.map(\.number) == Array(1...200))
            for reviewer in 0..<8 { #expect(history.filter { $0.who == "r\(reviewer)" }.map(\.row) == Array(0..<25)) }
        }
    }

    /// What went wrong on several threads.
    private final class FailureCount: @unchecked Sendable {
        // Sendable: only used under the lock.
        private let lock = NSLock()
        private var messages: [String] = []
        func add(_ message: String) { lock.withLock { messages.append(message) } }
        var all: [String] { lock.withLock { messages } }
    }

    @Test(arguments: [
        ("12=poison", [12], ReviewDecision.Verdict.poison), ("3,1,1-2=fine", [1, 2, 3], .fine),
        ("7-7=undecided", [7], .undecided),
    ])
    func marksAreRead(text: String, rows: [Int], verdict: ReviewDecision.Verdict) throws {
        let mark = try ReviewMark.parse(text)
        #expect(mark.rows == rows && mark.verdict == verdict)
    }

    @Test(arguments: [
        "", "12", "=poison", "12=", "12=posion", "a=fine", "3-1=fine", "-1=fine", "1,,2=fine", "0-9999999=fine",
    ])
    func otherMarksAreRefused(text: String) {
        #expect(throws: CasemateError.self) { try ReviewMark.parse(text) }
    }
}
