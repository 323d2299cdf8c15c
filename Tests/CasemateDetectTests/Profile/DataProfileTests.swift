import CasemateCore
import CasemateData
import CasemateDetect
import Foundation
import TestSupport
import Testing

/// What a profile holds, and that it is written, read and refused as it should be.
@Suite struct DataProfileTests {
    private static let rows = """
        SELECT CAST(range AS INTEGER) AS id, (range * 7919) % 10007 / 10.0 AS amount, CAST(range % 5 AS INTEGER) AS code, \
        CASE WHEN range % 10 = 0 THEN NULL ELSE 'kind ' || (range % 3) END AS kind, 'note ' || range AS note, \
        range % 4 = 0 AS flag, DATE '2020-01-01' + CAST(range % 365 AS INTEGER) AS day, \
        CASE WHEN range = 7 THEN 'nan'::DOUBLE WHEN range = 8 THEN NULL ELSE range % 2 END AS odd, \
        'broker ' || (range % 6) AS broker, CASE WHEN range % 20 < 3 THEN 1 ELSE 0 END AS label FROM range(%)
        """

    static func roles() -> DataSubject.Roles {
        var roles = DataSubject.Roles()
        (roles.target, roles.source, roles.time, roles.identifiers) = ("label", "broker", "day", ["note"])
        return roles
    }

    static func table(_ count: Int) throws -> DataTable {
        try withTable(count, storage: .memory, threads: 2) { $0 }
    }

    static func withTable<Value>(
        _ count: Int, storage: DataStorage, threads: Int, _ body: (DataTable) throws -> Value
    ) throws -> Value {
        let sql = rows.replacing("%)", with: "\(count))")
        return try ProfileSupport.withTables([("data", sql)], storage: storage, threads: threads) { try body($0[0]) }
    }

    @Test func everyColumnIsDescribed() throws {
        let profile = try DataProfile(of: try Self.table(3650), roles: Self.roles(), context: RunContext(threads: 2))
        #expect(profile.rows == 3650 && profile.sampledRows == 3650)
        #expect(
            profile.columns.map(\.name) == [
                "id", "amount", "code", "kind", "note", "flag", "day", "odd", "broker", "label",
            ])
        let id = try #require(profile.column("id"))
        #expect(id.isRowNumber && id.distinct == 3650 && id.isDistinctExact)
        let amount = try #require(profile.column("amount")?.numbers)
        let values = (0..<3650).map { Double($0 * 7919 % 10007) / 10 }
        #expect(agree(amount.mean, values.reduce(0, +) / 3650))
        #expect(amount.low == values.min() && amount.high == values.max() && !amount.distribution.isExact)
        #expect(amount.distribution.total == 3650 && amount.count == 3650)
        let code = try #require(profile.column("code")?.numbers)
        #expect(
            code.distribution
                == NumberDistribution(
                    isExact: true, points: [0, 1, 2, 3, 4], counts: [730, 730, 730, 730, 730]))
        #expect(code.quantiles == [0, 0, 1, 2, 3, 4, 4])
        let kind = try #require(profile.column("kind"))
        #expect(kind.missing == 365 && kind.categories?.values.count == 3 && kind.categories?.others == 0)
        #expect(kind.categories?.counts.reduce(0, +) == 3285 && kind.lengths?.mean == 6)
        #expect(profile.column("odd")?.numbers?.notFinite == 1 && profile.column("odd")?.missing == 1)
        #expect(profile.column("flag")?.numbers?.mean == 913.0 / 3650)
        #expect(profile.label?.classes == ["0", "1"] && profile.label?.counts == [3101, 549])
        #expect(profile.sources?.groups.count == 6 && profile.sources?.others == 0)
        #expect(profile.sources?.groups.reduce(0) { $0 + $1.labels[1] } == 549)
        let windows = try #require(profile.windows)
        #expect(windows.groups.count == 12 && windows.groups.reduce(0) { $0 + $1.rows } == 3650)
        #expect(windows.groups[0].name == "before 2020-01-31")
        let correlations = try #require(profile.correlations)
        #expect(correlations.columns == ["amount", "code", "flag", "odd", "label"])
    }

    /// Figures of small samples agree with NumPy and SciPy.
    @Test func figuresAgreeWithSciPy() throws {
        for sample in try Figures("figures/profile.json")["samples"].list {
            let one = sample["one"].doubles, other = sample["other"].doubles
            let count = min(one.count, other.count, 200)
            let cells = (0..<count).map { "\(one[$0]),\(other[$0])\n" }.joined()
            let table = try Repository.withTemporaryFolder { folder in
                try Data(("a,b\n" + cells).utf8).write(to: URL(fileURLWithPath: folder + "/pair.csv"))
                try Data(("a\n" + one.map { "\($0)\n" }.joined()).utf8).write(
                    to: URL(fileURLWithPath: folder + "/one.csv"))
                return try ProfileSupport.engine().open([
                    DataSource(path: folder + "/pair.csv", name: "p"), DataSource(path: folder + "/one.csv", name: "o"),
                ])
            }
            let numbers = try #require(try DataProfile(of: table[1], context: RunContext()).columns[0].numbers)
            #expect(agree(numbers.mean, sample["mean"].double, tolerance: 1e-12))
            #expect(agree(numbers.deviation, sample["deviation"].double, tolerance: 1e-12))
            for (found, expected) in zip(numbers.quantiles, sample["quantiles"].doubles) { #expect(found == expected) }
            guard let spearman = sample["spearman"].double else { continue }
            let profile = try DataProfile(of: table[0], context: RunContext())
            #expect(agree(profile.correlations?.values[0], spearman, tolerance: 1e-6))
        }
    }

    /// A table that is sampled gives the figures of every row, exact where it says so.
    @Test func aLargeTableIsCountedWhole() throws {
        let count = 450_000
        let profile = try Self.withTable(count, storage: .scan, threads: 2) {
            try DataProfile(of: $0, roles: Self.roles(), context: RunContext(seed: 3, threads: 2))
        }
        #expect(profile.rows == count && (100_000...200_000).contains(profile.sampledRows))
        let amount = try #require(profile.column("amount")?.numbers)
        #expect(amount.count == count && amount.distribution.total == count)
        #expect(amount.distribution.counts.max() ?? 0 < count / 200)
        // why 1 in 512: the width of a bin.
        for (level, found) in zip(NumberProfile.levels, amount.quantiles) {
            #expect(abs(found / 1000.6 - level) < 1.0 / 250)
        }
        #expect(profile.column("code")?.numbers?.distribution.counts == [90000, 90000, 90000, 90000, 90000])
        #expect(abs(Double(profile.column("amount")?.distinct ?? 0) / 10007 - 1) < 0.1)
        #expect(profile.label?.counts == [382_500, 67_500])
    }

    @Test func theSameBytesAtAnyNumberOfThreads() throws {
        func json(_ threads: Int, _ storage: DataStorage) throws -> Data {
            try Self.withTable(250_000, storage: storage, threads: threads) {
                try DataProfile(of: $0, roles: Self.roles(), context: RunContext(seed: 5, threads: threads)).json()
            }
        }
        let one = try json(1, .memory)
        #expect(try json(4, .memory) == one)
        #expect(try json(3, .scan) == one)
    }

    @Test func aSavedProfileIsReadBack() throws {
        let profile = try DataProfile(of: try Self.table(3650), roles: Self.roles(), context: RunContext())
        let bytes = try profile.json()
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("\"schemaVersion\" : 1") && !text.contains("note 17"))
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/profile.json"
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(try DataProfile(contentsOf: path) == profile)
        }
    }

    @Test(arguments: [
        ("\"schemaVersion\" : 1", "\"schemaVersion\" : 2", CasemateError.Code.unsupported),
        ("\"schemaVersion\" : 1", "\"schema\" : 1", .malformed), ("\"rows\" : 3650", "\"rows\" : -1", .malformed),
        ("\"rows\" : 3650", "\"rows\" : 4", .malformed), ("\"missing\" : 365,", "\"missing\" : 36500,", .malformed),
        ("\"name\" : \"code\"", "\"name\" : \"id\"", .malformed), ("730,", "9223372036854775807,", .malformed),
        ("\"type\" : \"boolean\"", "\"type\" : \"colour\"", .malformed), ("{", "", .malformed),
    ])
    func aDamagedProfileIsRefused(part: String, other: String, code: CasemateError.Code) throws {
        let profile = try DataProfile(of: try Self.table(3650), roles: Self.roles(), context: RunContext())
        let text = String(decoding: try profile.json(), as: UTF8.self)
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/profile.json"
            let damaged = text.replacingOccurrences(of: part, with: other)
            #expect(damaged != text)
            try Data(damaged.utf8).write(to: URL(fileURLWithPath: path))
            #expect(try #require(throws: CasemateError.self) { try DataProfile(contentsOf: path) }.code == code)
        }
    }

    /// Wide, empty and constant tables; names and free text are never listed.
    @Test func oddTables() throws {
        let wide = (0..<600).map { "range * \($0) AS c\($0)" }.joined(separator: ", ")
        let tables = try ProfileSupport.tables([
            ("wide", "SELECT \(wide) FROM range(30)"),
            ("odd", "SELECT 5 AS same, NULL::DOUBLE AS none, 'x' AS text FROM range(40)"),
            ("one", "SELECT 'Ada' AS name"),
        ])
        let profile = try DataProfile(of: tables[0], context: RunContext())
        #expect(profile.columns.count == 600 && profile.correlations?.columns.count == CorrelationMatrix.limit)
        let odd = try DataProfile(of: tables[1], context: RunContext())
        #expect(odd.columns.map(\.distinct) == [1, 0, 1] && odd.correlations == nil)
        #expect(odd.column("none")?.numbers?.mean == nil)
        let one = try DataProfile(of: tables[2], context: RunContext())
        #expect(one.columns[0].categories == nil && one.columns[0].lengths?.count == 1)
    }
}
