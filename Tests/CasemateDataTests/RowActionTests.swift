import CasemateCore
import CasemateData
import Foundation
import Testing

@Suite("Changed rows say what to do")
struct RowActionTests {
    private let features = [
        Feature("duration"), Feature("savings", .categorical(levels: ["A61", "A62"])), Feature("housing_own"),
        Feature("housing_rent"), Feature("code"), Feature("share"), Feature("own"), Feature("rent"),
    ]
    private func space(_ names: [String] = ["housing", "other"]) throws -> FeatureSpace {
        let member = FeatureSpace.Rule(domain: .integer, low: 0, high: 1)
        return FeatureSpace(
            features: features,
            rules: [
                .init(scale: 1), .init(domain: .categorical(levels: 2, moves: nil)), member, member,
                .init(domain: .categorical(levels: 3, moves: nil)), .init(), member, member,
            ], oneHotGroups: [[2, 3], [6, 7]], groupNames: names,
            derived: [try .init(5, "row.duration / 10", features: features)])
    }
    private func change(
        _ before: [Float], _ after: [Float], _ names: [String] = ["housing", "other"]
    ) throws -> RowChange {
        try space(names).rowChange(
            row: 7, from: before, to: after, decisionBefore: "rejected", decisionAfter: "accepted", distance: 1)
    }

    @Test func eachKindOfFeatureHasItsVerb() throws {
        let numbers = try change([12, 0, 1, 0, 0, 1.2, 1, 0], [13, 1, 1, 0, 0, 1.3, 1, 0])
        #expect(
            numbers.action
                == "raise `duration` from 12 to 13, move `savings` from A61 to A62: rejected → accepted, cost 2.0")
        #expect(numbers.cost == 2 && numbers.steps.map(\.verb) == [.raise, .move])
        let groups = try change([12, 0, 1, 0, 2, 1.2, 1, 0], [11.75, 0, 0, 1, 1, 1.175, 0, 1])
        #expect(
            groups.action
                == "move `housing` from own to rent, move `code` from 2 to 1, move `other` from own to rent, lower "
                + "`duration` from 12 to 11.75: rejected → accepted, cost 3.25")
        let nameless = try change([12, 0, 1, 0, 2, 1.2, 1, 0], [12, 0, 0, 1, 2, 1.2, 1, 0], [])
        #expect(nameless.steps.map(\.feature) == ["housing_own/housing_rent"])
        #expect(nameless.steps.map(\.before) == ["own"])
        let missing = try change([.nan, 0, 1, 0, 0, 1.2, 1, 0], [13, 0, 1, 0, 0, 1.2, 1, 0])
        #expect(missing.action == "set `duration` from missing to 13: rejected → accepted" && missing.cost == nil)
        #expect(try change([1, 0, 1, 0, 0, 0.1, 1, 0], [1, 0, 1, 0, 0, 0.1, 1, 0]).action.hasPrefix("change nothing"))
    }

    @Test func valuesAloneSayEnough() {
        func action(_ before: String, _ after: String) -> String {
            RowChange.Step(feature: "x", before: before, after: after).action
        }
        #expect(action("12", "13") == "raise `x` from 12 to 13")
        #expect(action("12", "-3") == "lower `x` from 12 to -3")
        #expect(action("A61", "A62") == "move `x` from A61 to A62")
        #expect(action("missing", "3") == "set `x` from missing to 3")
        #expect(RowChange.text(ofCost: 0.0374) == "0.037" && RowChange.text(ofCost: 12.5) == "12.5")
        #expect(RowChange.text(ofCost: 0) == "0.0" && RowChange.text(ofCost: 0.0000123) == "1.2e-05")
    }

    @Test func maskedChangesShowNoValues() throws {
        let masked = try change([12, 0, 1, 0, 0, 1.2, 1, 0], [13, 1, 1, 0, 0, 1.3, 1, 0]).redacted()
        #expect(
            masked.action == "change `duration`, change `savings` (values masked): rejected → accepted, cost 2.0")
        #expect(masked.steps.allSatisfy { $0.verb == nil && $0.before == "▒▒▒" })
    }

    @Test func costAndActionAreWrittenWhereKnown() throws {
        let change = try change([12, 0, 1, 0, 0, 1.2, 1, 0], [13, 1, 1, 0, 0, 1.3, 1, 0])
        let data = try JSONEncoder().encode(change)
        #expect(try JSONDecoder().decode(RowChange.self, from: data) == change)
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains("\"cost\":2") && text.contains("\"action\":\"raise `duration`"))
        let plain = RowChange(row: 1, steps: [], decisionBefore: "a", decisionAfter: "b", distance: 1)
        let bare = String(decoding: try JSONEncoder().encode(plain), as: UTF8.self)
        #expect(!bare.contains("cost") && !bare.contains("action"))
        #expect(try JSONDecoder().decode(RowChange.self, from: Data(bare.utf8)) == plain)
    }
}
