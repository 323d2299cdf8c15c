import CasemateCore
import CasemateData
import CasemateDetect
import TestSupport
import Testing

/// Random halves of real data are alike: nothing of medium severity, next to nothing below, few suspects.
@Suite struct DataProfileRealTests {
    static func halves(_ set: (name: String, path: String, target: String), seed: Int) throws -> [DataTable] {
        let path =
            set.name == "mortgage"
            ? Repository.path("Examples/mortgage/train.csv") : (Repository.shared ?? "") + "/data/" + set.path
        let reader =
            set.name == "sms"
            ? "read_csv('\(path)', header = false, delim = '\t', quote = '', columns = {'label': 'VARCHAR', 'text': 'VARCHAR'})"
            : "read_csv('\(path)', sample_size = -1)"
        func half(_ rest: Int) -> String {
            """
            SELECT * EXCLUDE (n) FROM (SELECT *, row_number() OVER () AS n FROM \(reader)) \
            WHERE hash(n * 1000 + \(seed)) % 2 = \(rest)
            """
        }
        return try ProfileSupport.tables([("train", half(0)), ("reference", half(1))])
    }

    private static func run(_ set: (name: String, path: String, target: String), seed: Int) throws {
        let tables = try halves(set, seed: seed)
        var roles = DataSubject.Roles()
        roles.target = set.target
        if set.name == "mortgage" { roles.identifiers = ["application"] }
        let result = try ProfileSupport.check(tables[0], tables[1], roles: roles)
        let found = result.outcome.findings.filter { $0.severity > .info }
        #expect(found.allSatisfy { $0.severity <= .low }, "\(set.name) \(seed): \(found.map(\.title))")
        #expect(found.count <= 1, "\(set.name) \(seed): \(found.map(\.title))")
        #expect(
            result.suspects.count * 500 <= tables[0].count, "\(set.name) \(seed): \(result.suspects.count) suspects")
    }

    @Test(.enabled(if: Repository.shared != nil), arguments: 0..<4, [1, 2]) func sharedData(set: Int, seed: Int) throws
    {
        try Self.run(ProfileSupport.real[set], seed: seed)
    }

    @Test(arguments: [1, 2]) func mortgageExample(seed: Int) throws { try Self.run(ProfileSupport.real[4], seed: seed) }
}
