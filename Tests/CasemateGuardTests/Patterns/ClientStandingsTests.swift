import CasemateGuard
import Foundation
import Testing

@Suite struct ClientStandingsTests {
    private func standing(_ id: String, _ score: Double, seconds: Double = 0) -> ClientStanding {
        ClientStanding(
            id: id, score: score, level: score >= 1 ? .alarm : .calm, reasons: score >= 1 ? ["sweeps"] : [],
            requests: 2,
            rows: 3, firstAlarm: nil, lastSeen: Date(timeIntervalSince1970: seconds))
    }

    @Test func ranksByScoreOverModels() {
        let table = ClientStandings()
        table.update(standing("a", 0.1), model: "m")
        table.update(standing("b", 1.5), model: "m")
        table.update(standing("a", 2), model: "n")
        let ranked = table.ranked(limit: 10)
        #expect(
            ranked.map(\.id) == ["a", "b"] && ranked[0].score == 2 && ranked[0].requests == 4 && ranked[0].rows == 6)
        #expect(ranked[0].level == .alarm && ranked[0].reasons == ["sweeps"])
        #expect(table.ranked(limit: 1).count == 1 && table.ranked(limit: -1).isEmpty)
    }

    @Test func aFullTableKeepsTheSuspects() {
        let table = ClientStandings(capacity: 32)
        table.update(standing("suspect", 3), model: "m")
        for index in 0..<1_000 { table.update(standing("c\(index)", 0, seconds: Double(index)), model: "m") }
        #expect(table.count <= 32 && table.ranked(limit: 1).first?.id == "suspect")
    }

    @Test func operatorsDecide() {
        let table = ClientStandings()
        table.update(standing("a", 3), model: "m")
        table.exempt("a")
        #expect(table.isExempt("a") && table.ranked(limit: 1).first?.isExempt == true)
        table.exempt("a", false)
        table.clear("a")
        #expect(!table.isExempt("a") && table.standing(of: "a") == nil)
    }
}
