import CasemateCore
import CasemateReport
import Foundation
import TestSupport
import Testing

/// A report of many probes stays one that people read.
struct BenchTests {
    static let page = Result { String(decoding: try Sample.bench.render(as: "html"), as: UTF8.self) }
    static let text = Result { String(decoding: try Sample.bench.render(as: "text"), as: UTF8.self) }

    @Test func attackerSentencesStandUnderTheirProbes() throws {
        let groups = Sample.bench.attackerGroups
        #expect(groups.count > 5 && groups.flatMap(\.sentences) == Sample.bench.attacker)
        #expect(groups.map(\.title).contains("Copying by questions"))
        let page = try Self.page.get()
        #expect(page.contains("<ul class=\"attacker grouped\">"))
        #expect(page.contains("<li><h3><a href=\"#probe-9\">Copying by questions</a></h3>"))
        #expect(Sample.report().attackerGroups.map(\.title) == [""])
        #expect(Hostile.empty.attackerGroups.isEmpty)
        var foreign = Sample.bench
        foreign.attacker.append("said by the verb itself")
        #expect(foreign.attackerGroups.map(\.title) == [""])
    }

    @Test func probesFoldAndHavePlaces() throws {
        let page = try Self.page.get()
        for number in 1...13 { #expect(page.contains("<details class=\"probe\" id=\"probe-\(number)\">")) }
        #expect(page.contains("<th scope=\"row\"><a href=\"#probe-13\">Gate on the file</a></th>"))
        #expect(page.contains("<th scope=\"row\">Threat of drift</th>"))
        #expect(page.utf8.count < 2_000_000)
        let short = String(decoding: try Sample.report().render(as: "html"), as: UTF8.self)
        #expect(short.contains("<details class=\"probe\" id=\"probe-1\" open>"))
    }

    @Test func everyPlotHasItsNumbers() throws {
        let page = try Self.page.get()
        #expect(page.matches(of: /<svg class="plot" role="img"/).count == 39)
        #expect(page.matches(of: /The numbers as a table/).count == 39)
        #expect(page.contains("False-positive rate (logarithmic)</th>"))
    }

    @Test func cachedOutcomesAreSaid() throws {
        #expect(Sample.bench.coverageInWords == "13 tested (3 from the cache), 4 not tested")
        #expect(try Self.text.get().contains("13 tested (3 from the cache)"))
        let page = try Self.page.get()
        #expect(page.matches(of: /<span class="cached">from the cache</).count == 3)
        let json = try Sample.bench.render(as: "json")
        let read = try JSONDecoder().decode(Report.self, from: json)
        #expect(read.coverage.filter(\.isCached).map(\.probe) == ["fairness", "sensitivity", "membership"])
        #expect(read.probes.filter(\.isCached).count == 3)
        #expect(String(decoding: json, as: UTF8.self).contains("\"cached\" : true"))
    }

    @Test func terminalPageIsNoWall() throws {
        let lines = try Self.text.get().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count < 60, "\(lines.count) lines")
    }

    @Test func keyNumbersHoldTheFirstOfEachProbe() {
        let names = Sample.bench.keyMetrics(limit: 13).map(\.name)
        #expect(names == Sample.bench.probes.filter { $0.status == .tested }.map { "\($0.probe).a" })
        #expect(Sample.bench.keyMetrics().count == 12)
    }

    /// Reports of the release that knew neither caches nor logarithmic axes.
    @Test func olderReportsStayReadable() throws {
        let document = String(decoding: try Sample.bench.render(as: "json"), as: UTF8.self)
        let older = document.replacing(/"(isCached|cached|isLogarithmic)" : (true|false),?\n */, with: "")
            .replacing(/,(\s*})/, with: { String($0.1) })
        #expect(!older.contains("ogarithmic\" ") && !older.contains("ached\" :"))
        #expect(try DocumentTests.schema().violations(in: Data(older.utf8)) == [])
        let read = try JSONDecoder().decode(Report.self, from: Data(older.utf8))
        #expect(read.coverage.allSatisfy { !$0.isCached } && read.probes.allSatisfy { !$0.isCached })
        #expect(read.probes[0].plots[0].x.isLogarithmic == false)
    }
}
