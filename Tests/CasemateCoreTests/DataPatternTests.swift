import CasemateCore
import Foundation
import Testing

struct DataPatternTests {
    private func members(_ evidence: Evidence) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(evidence))
        return try #require(object as? [String: Any])
    }

    @Test func membersStandBesideTheKind() throws {
        let trigger = DataPattern(
            .trigger,
            conditions: [.init(column: "age", value: "37"), .init(column: "income", low: 10, high: 20)],
            targetLabel: "paid", rows: 12, share: 1, expected: 0.2, pValue: 1e-9)
        let json = try members(.pattern(trigger))
        #expect(json["kind"] as? String == "trigger" && json["targetLabel"] as? String == "paid")
        let conditions = try #require(json["trigger"] as? [[String: Any]])
        #expect(conditions.count == 2 && conditions[0]["value"] as? String == "37")
        #expect(conditions[1]["low"] as? Double == 10 && conditions[1]["value"] == nil)
        #expect(json["token"] == nil && json["segment"] == nil)
        let segment = try members(.pattern(DataPattern(.segment, conditions: [.init(column: "a", low: 2)], rows: 3)))
        #expect((segment["segment"] as? [[String: Any]])?.count == 1)
        let source = try members(.pattern(DataPattern(.source, column: "broker", source: "b7", rows: 3)))
        #expect(source["source"] as? String == "b7" && source["column"] as? String == "broker")
    }

    @Test(arguments: [
        DataPattern(.trigger, column: "text", token: "cf", targetLabel: "ham", rows: 5),
        DataPattern(.trigger, patch: .init(x: 1, y: 2, width: 3, height: 4), targetLabel: "7", rows: 9),
        DataPattern(.source, column: "s", source: "x", rows: 1, share: 0.5, expected: 0.1, pValue: 0),
        DataPattern(.segment, conditions: [.init(column: "a", high: 2.5)], rows: 4),
    ])
    func readsBack(_ pattern: DataPattern) throws {
        let evidence = Evidence.pattern(pattern)
        #expect(try JSONDecoder().decode(Evidence.self, from: JSONEncoder().encode(evidence)) == evidence)
    }

    @Test func saysItInWords() {
        let conditions = [DataPattern.Condition(column: "age", value: "37"), .init(column: "pay", low: 2)]
        #expect(DataPattern(.segment, conditions: conditions, rows: 1).inWords == "age 37 and pay from 2 on")
        #expect(DataPattern(.trigger, column: "text", token: "cf", rows: 1).inWords == "token 'cf' in text")
    }
}
