import CasemateModels
import TestSupport
import Testing

/// Two areas of the same rows against pairs counted one by one.
@Suite struct LogisticPairedAreasTests {
    @Test func areasAndErrorEqualTheFigures() throws {
        let figures = try Figures("figures/residuals.json")["areas"]
        let found = try #require(
            PairedAreas(
                labels: figures["labels"].ints.map { $0 == 1 }, one: figures["one"].doubles,
                other: figures["other"].doubles))
        #expect(agree(found.one, figures["areas"][0].double) && agree(found.other, figures["areas"][1].double))
        #expect(agree(found.standardError, figures["error"].double) && agree(found.pValue, figures["p"].double))
        let interval = found.interval(z: 2)
        #expect(agree(interval.high - interval.low, 4 * found.standardError))
    }

    @Test func equalScoresDoNotDifferAndOneClassHasNoArea() throws {
        let same = try #require(
            PairedAreas(labels: [true, true, false, false], one: [1, 2, 0, 3], other: [10, 20, 0, 30]))
        #expect(same.pValue == 1 && same.one == same.other)
        #expect(PairedAreas(labels: [true, true, false], one: [1, 2, 3], other: [1, 2, 3]) == nil)
    }
}
