import CasemateCore
import CasemateData
import TestSupport
import Testing

/// Faults of rule sets: from their texts, and from the rows.
@Suite struct ConstraintReviewTests {
    private func conflicts(_ one: String, _ other: String) throws -> [String] {
        let (one, other) = (try ConstraintSupport.rule(one), try ConstraintSupport.rule(other))
        let found = one.conflicts(with: other)
        #expect(found == other.conflicts(with: one), "the order of two rules makes no difference")
        return found
    }

    @Test(arguments: [
        ("row.i >= 18", "row.i < 10"), ("row.i > 5", "row.i < 6"), ("5 < row.i", "row.i == 5"),
        ("row.i in [1, 2]", "row.i in [3]"), ("row.i in [1, 2]", "row.i > 2 && row.b"), ("row.x >= 0.5", "row.x < 0.5"),
        ("row.s == 'a'", "row.s in ['b', 'c']"), ("row.s == 'a'", "row.s != 'a'"), ("row.b", "!row.b"),
        ("row.d < '2024-01-01'", "row.d >= date('2024-01-01')"), ("row.s == null", "has(row.s) && row.b"),
        ("row.i != 4 && row.b", "row.i >= 4 && row.i <= 4"), ("row.i == 1", "row.i == 1.5"),
    ]) func textsThatExcludeEachOtherAreProved(one: String, other: String) throws {
        #expect(try conflicts(one, other).count == 1)
    }

    @Test(arguments: [
        ("row.i >= 18", "row.i <= 18"), ("row.x > 5", "row.x < 6"), ("row.i >= 18", "row.j < 10"),
        ("row.i >= 18 || row.b", "row.i < 10"), ("row.i + 0 >= 18", "row.i < 10"), ("row.s == 'a'", "row.s != 'b'"),
        ("row.i > 9007199254740993", "row.i < 9007199254740994"), ("row.s > 'b'", "row.s < 'a'"),
    ]) func textsThatDoNotProveItAreLeftAlone(one: String, other: String) throws {
        #expect(try conflicts(one, other).isEmpty)
    }

    @Test func formsThatDecideEverythingAreKnown() throws {
        let always = ["true", "row.b || 1 < 2", "row.i == row.i", "!(row.x < row.x)", "'ab'.matches('b$') || row.c"]
        for text in always { #expect(try ConstraintSupport.rule(text).constantVerdict == .holds, "\(text)") }
        let never = ["row.i > 5 && row.i < 3", "false && row.b", "row.s == 'a' && row.s == 'b'", "row.i != row.i"]
        for text in never { #expect(try ConstraintSupport.rule(text).constantVerdict == .violated, "\(text)") }
        #expect(try ConstraintSupport.rule("1 / 0 == 1").constantVerdict == .notApplicable)
        for text in ["row.b", "row.b || !row.b", "row.i > 5 || row.i < 3", "has(row.i)"] {
            #expect(try ConstraintSupport.rule(text).constantVerdict == nil, "\(text)")
        }
    }

    /// A planted set: one rule of each fault among sound ones.
    @Test func faultsAreFoundOnRows() throws {
        var generator = SeededGenerator(seed: 4)
        var text = "a,b,c,e,z\n"
        for row in 0..<400 {
            let flag = generator.next() % 2 == 0
            text += "\(row % 50),\(flag ? 1 : 0),\(flag ? 0 : 1),\(generator.next() % 2),\n"
        }
        let table = try DataSupport.open(text)
        let texts = [
            "row.a >= 0", "row.a < 0", "row.z == 'x'", "2 > 1", "row.b == 1", "row.c == 1", "row.e == 1",
            "row.a >= 30", "row.a < 20", "row.a > 5 && row.a < 5",
        ]
        let rules = try texts.map { try ConstraintSupport.rule($0, columns: table.columns) }
        let review = ConstraintReview(of: try ConstraintVerdicts(of: rules, in: table), in: table)
        #expect(review.comparesRows)
        #expect(review.faults.contains(.brokenByAll(rule: 1, rows: 400)))
        #expect(review.faults.contains(.neverApplies(rule: 2, missing: ["z"])))
        #expect(review.faults.contains(.alwaysTrue(rule: 3)))
        #expect(review.faults.contains(.neverTrue(rule: 9, columns: ["a"])))
        #expect(review.faults.contains(.clash(7, 8, columns: ["a"], rows: 400)))
        let apart = review.faults.compactMap {
            if case .apart(let one, let other, _, _) = $0 { [one, other] } else { nil }
        }
        #expect(apart == [[4, 5]], "rules 4 and 5 never hold together, rule 6 is independent of both")
    }

    /// Independent rules that are rarely kept are no clash because no row happens to keep both. 40 draws at a level of
    /// 0.01: at most 3 alarms with 99.9 % (binomial).
    @Test func chanceIsNoClash() throws {
        var alarms = 0
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let text = "a,b\n" + (0..<100).map { _ in "\(generator.next() % 12),\(generator.next() % 12)\n" }.joined()
            let table = try DataSupport.open(text)
            let rules = try ["row.a == 0", "row.b == 0"].map { try ConstraintSupport.rule($0, columns: table.columns) }
            let review = ConstraintReview(of: try ConstraintVerdicts(of: rules, in: table), in: table)
            alarms += review.faults.count
        }
        #expect(alarms <= 3)
    }
}
