import CasemateAudit
import CasemateCore
import Foundation
import TestSupport
import Testing

/// Holds for every probe that ships, without a test of its own.
@Suite struct CatalogueTests {
    private func page(_ identifier: String) throws -> String {
        try String(contentsOfFile: Repository.path("docs/probes/\(identifier).md"), encoding: .utf8)
    }

    @Test(arguments: builtInProbes.map { $0.identifier }) func everyProbeHasAPageThatNamesItsMetrics(
        identifier: String
    ) throws {
        let page = try page(identifier)
        let metrics = MetricCatalogue.names.filter { $0.hasPrefix(identifier + ".") }
        #expect(!metrics.isEmpty)
        for metric in metrics { #expect(page.contains(metric), "docs/probes/\(identifier).md does not name \(metric)") }
        #expect(page.lowercased().contains("cannot see"), "the page says nothing about its blind spots")
    }

    @Test func identifiersAreUniqueAndTaxonomiesAreFilled() {
        let identifiers = builtInProbes.map { $0.identifier } + untestedThreats.map(\.identifier)
        #expect(Set(identifiers).count == identifiers.count)
        for probe in builtInProbes {
            #expect(!probe.taxonomy.stages.isEmpty && !probe.title.isEmpty)
            #expect(probe.identifier.allSatisfy { $0.isLowercase || $0 == "_" || $0.isNumber })
        }
        for threat in untestedThreats { #expect(!threat.taxonomy.atlas.isEmpty && !threat.taxonomy.nist.isEmpty) }
    }

    /// Every link between the pages of this repository leads somewhere.
    @Test func linksBetweenPagesLeadSomewhere() throws {
        let root = Repository.root.path
        let files = try #require(FileManager.default.enumerator(atPath: root))
        var pages: [String] = []
        for case let path as String in files {
            if path.hasPrefix(".") || path.contains("/.") || path.hasPrefix("Benchmarks/.venv") {
                files.skipDescendants()
                continue
            }
            if path.hasSuffix(".md") { pages.append(path) }
        }
        #expect(pages.count > 10)
        for page in pages {
            let text = try String(contentsOfFile: root + "/" + page, encoding: .utf8)
            for match in text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/) {
                let target = String(match.1)
                guard !target.contains("://"), !target.hasPrefix("mailto:") else { continue }
                let folder = (root + "/" + page as NSString).deletingLastPathComponent
                #expect(FileManager.default.fileExists(atPath: folder + "/" + target), "\(page) links to \(target)")
            }
        }
    }
}
