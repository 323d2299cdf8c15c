import CasemateCore
import CasemateScan
import Foundation
import TestSupport

/// A folder with a ledger and a file in it.
struct LedgerBench {
    let folder: String, location: LedgerLocation, store: LedgerFile
    var data: String { folder + "/train.csv" }
    var ledger: String { location.path }

    init(_ folder: String) {
        self.folder = folder
        location = LedgerLocation(folder + "/casemate-data.jsonl")
        store = LedgerFile(location.path)
    }

    /// Rows that all differ; some cells are quoted and hold commas, quotes and line ends.
    static func table(rows: Int = 1500) -> [String] {
        ["id,amount,note,rate,y"]
            + (0..<rows).map { row in
                let note = row % 7 == 0 ? "\"a \"\"b\"\",\n\(row)\"" : "n\(row * 37 % 1000)"
                return "\(row),\(row * 7919 % 10_007).5,\(note),0.\(row * 31 % 997),\(row % 2)"
            }
    }

    func write(_ lines: [String], to path: String? = nil) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: path ?? data, atomically: false, encoding: .utf8)
    }

    @discardableResult func register(
        _ path: String? = nil, key: SigningKey? = nil, minute: Int = 0,
        _ change: (inout DataRegistrar.Facts) -> Void = { _ in }
    ) throws -> LedgerEntry {
        var facts = DataRegistrar.Facts()
        facts.who = "ada"
        change(&facts)
        let time = Date(timeIntervalSince1970: 1_790_000_000 + Double(minute * 60))
        return try DataRegistrar(store, location, search: Repository.engines, context: RunContext(threads: 2))
            .register(path ?? data, facts, key: key, time: time)
    }

    func review(_ trusted: [VerifyingKey] = []) throws -> LedgerReview {
        LedgerReview(try store.read() ?? LedgerContent(lines: []), trusted: trusted)
    }

    func check(_ path: String? = nil) throws -> DataVerifier.Checked {
        try DataVerifier(
            location, entries: review().entries, search: Repository.engines, context: RunContext(threads: 2)
        )
        .check(path ?? data)
    }

    func difference(_ path: String? = nil) throws -> DataDifference? {
        switch try check(path).verdict {
        case .changed(let difference), .sameRows(let difference): difference
        default: nil
        }
    }

    func lines() throws -> [String] {
        try String(contentsOfFile: ledger, encoding: .utf8).split(separator: "\n").map(String.init)
    }
    func writeLines(_ lines: [String]) throws {
        try (lines.joined(separator: "\n") + "\n").write(toFile: ledger, atomically: false, encoding: .utf8)
    }
}
