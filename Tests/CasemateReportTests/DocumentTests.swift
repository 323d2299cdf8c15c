import CasemateCore
import CasemateReport
import Foundation
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The machine-readable formats hold to their schemas and to what services ask for.
struct DocumentTests {
    static let options = ReportOptions(workingFolder: "/srv/credit")

    static func schema() throws -> JSONSchema {
        try JSONSchema(Data(contentsOf: Repository.root.appendingPathComponent("docs/reference/report.schema.json")))
    }

    @Test(arguments: [false, true])
    func jsonFollowsTheSchema(isRedacted: Bool) throws {
        let document = try Sample.report(isRedacted: isRedacted).render(as: "json")
        #expect(try Self.schema().violations(in: document) == [])
        #expect(try Self.schema().violations(in: Hostile.report.render(as: "json")) == [])
        #expect(
            try Self.schema().violations(in: Hostile.long(points: 50, rows: 20, findings: 20).render(as: "json")) == [])
    }

    @Test func schemaRefusesWhatIsWrong() throws {
        let text = String(decoding: try Sample.report().render(as: "json"), as: UTF8.self)
        let wrong = [
            ("\"verdict\" : \"fail\"", "\"verdict\" : \"maybe\""), ("\"exitStatus\" : 1", "\"exitStatus\" : \"1\""),
            ("\"kind\" : \"text\"", "\"kind\" : \"metric\""),
            ("\"severity\" : \"critical\"", "\"severity\" : \"awful\""),
            ("\"n\" : 240", "\"n\" : -1"), ("\"low\" : 0.351", "\"low\" : null"),
        ]
        for (from, to) in wrong {
            try #require(text.contains(from))
            let violations = try Self.schema().violations(in: Data(text.replacing(from, with: to).utf8))
            #expect(!violations.isEmpty, "\(to)")
        }
    }

    @Test func schemaDescribesEveryMember() throws {
        let schema = try JSONSerialization.jsonObject(
            with: Data(contentsOf: Repository.root.appendingPathComponent("docs/reference/report.schema.json")))
        func walk(_ node: Any, at place: String) {
            guard let members = node as? [String: Any] else { return }
            for group in ["properties", "$defs"] {
                for (name, member) in (members[group] as? [String: Any]) ?? [:] where !place.contains("oneOf") {
                    let keywords = member as? [String: Any] ?? [:]
                    #expect(keywords["description"] != nil || keywords["$ref"] != nil, "\(place)/\(name)")
                    walk(member, at: "\(place)/\(name)")
                }
            }
            walk(members["items"] ?? [], at: place + "/items")
        }
        walk(schema, at: "")
    }

    @Test func jsonReadsBackTheSame() throws {
        let document = try Sample.report().render(as: "json")
        let read = try JSONDecoder().decode(Report.self, from: document)
        #expect(try read.render(as: "json") == document)
        #expect(read.findings == Sample.report().findings)
        for value in [0.1, 1.0 / 3, 1e-12, 123_456_789.123, Double(Float(0.3))] {
            var report = Sample.report()
            report.metrics = [Metric("a.b", value, n: 1)]
            let again = try JSONDecoder().decode(Report.self, from: report.render(as: "json"))
            #expect(again.metrics.first?.value == value)
        }
    }

    @Test func numbersThatAreNotFiniteAreLeftOut() throws {
        var probe = ProbeOutcome(probe: "a", title: "A", taxonomy: Sample.quality)
        probe.seconds = .nan
        probe.changes = [RowChange(row: 1, steps: [], decisionBefore: "", decisionAfter: "", distance: .infinity)]
        let points = [
            Plot.Point(x: .nan, y: 1), Plot.Point(x: 1, y: 2, low: -.infinity, high: 3), Plot.Point(x: 2, y: 2),
        ]
        probe.plots = [
            Plot(
                id: "a.p", title: "P", x: Plot.Axis("x", low: .nan), y: Plot.Axis("y"),
                series: [Plot.Series(name: "s", style: .line, points: points)],
                references: [Plot.Reference(.vertical, at: .nan, label: "r")], summary: "s")
        ]
        var report = Sample.report()
        report.probes = [probe]
        report.reproduction.seconds = .infinity
        let read = try JSONDecoder().decode(Report.self, from: report.render(as: "json"))
        #expect(read.probes[0].plots[0].series[0].points == [Plot.Point(x: 1, y: 2), Plot.Point(x: 2, y: 2)])
        #expect(read.probes[0].changes.isEmpty)
        #expect(read.reproduction.seconds == 0)
        for format in reportFormats { #expect(!(try report.render(as: format.identifier).isEmpty)) }
    }

    @Test(.enabled(if: Repository.shared != nil, "CASEMATE_SHARED names no folder"))
    func sarifFollowsItsSchema() throws {
        let folder = try #require(Repository.shared)
        let url = URL(fileURLWithPath: folder).appendingPathComponent("data/schemas/sarif-schema-2.1.0.json")
        let schema = try JSONSchema(Data(contentsOf: url))
        for report in [
            Sample.report(), Sample.report(isRedacted: true), Hostile.report,
            Hostile.long(points: 9, rows: 9, findings: 40), Hostile.empty,
        ] {
            #expect(try schema.violations(in: report.render(as: "sarif", options: Self.options)) == [])
        }
        let wrong = Data(#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": null}}}]}"#.utf8)
        #expect(try !schema.violations(in: wrong).isEmpty)
    }

    @Test func sarifIsWhatServicesAskFor() throws {
        let document = try Sample.report().render(as: "sarif", options: Self.options)
        #expect(!String(decoding: document, as: UTF8.self).contains(": null"))
        let log = try JSONDecoder().decode(SarifShape.self, from: document)
        let run = try #require(log.runs.first)
        #expect(run.automationDetails.id == "casemate/audit")
        for rule in run.tool.driver.rules {
            for text in [rule.shortDescription.text, rule.fullDescription.text, rule.help.text] {
                #expect(!text.isEmpty && text.count <= 1024)
            }
            #expect(rule.properties.tags.count <= 10)
        }
        for result in run.results {
            #expect(run.tool.driver.rules[result.ruleIndex].id == result.ruleId)
            #expect(result.level == "none" || result.kind == "fail")
            let place = try #require(result.locations.first).physicalLocation
            #expect(place.artifactLocation.uri == "models/mortgage-gbm.onnx")
            #expect(place.region.startLine == 1)
            #expect(result.partialFingerprints["primaryLocationLineHash"]?.hasSuffix(":1") == true)
        }
        let accepted = run.results.filter { $0.suppressions != nil }
        #expect(accepted.map(\.ruleId) == ["fairness.small_group"])
        #expect(
            accepted.first?.suppressions?.first?.justification == "Known gap, data collection ends in March; R. Officer"
        )
    }

    @Test func junitCountsAddUp() throws {
        let parser = XMLParser(data: try Sample.report().render(as: "junit"))
        let counter = ElementCounter()
        parser.delegate = counter
        #expect(parser.parse())
        #expect(counter.counts["testsuite"] == 1)
        #expect(counter.counts["testcase"] == 10)
        #expect(counter.suite == ["10", "4", "2", "2"])
        #expect(counter.counts["failure"] == 4)
        #expect(counter.counts["error"] == 2)
        #expect(counter.counts["skipped"] == 2)
        var options = ReportOptions()
        options.failSeverity = .medium
        let stricter = String(decoding: try Sample.report().render(as: "junit", options: options), as: UTF8.self)
        #expect(stricter.contains("failures=\"5\""))
    }
}

/// The members of SARIF that the tests look at.
private struct SarifShape: Decodable {
    struct Text: Decodable { let text: String }
    struct Properties: Decodable { let tags: [String] }
    struct Rule: Decodable {
        let id: String
        let shortDescription: Text, fullDescription: Text, help: Text
        let properties: Properties
    }
    struct Driver: Decodable { let rules: [Rule] }
    struct Tool: Decodable { let driver: Driver }
    struct Automation: Decodable { let id: String }
    struct Artifact: Decodable { let uri: String }
    struct Region: Decodable { let startLine: Int }
    struct Physical: Decodable {
        let artifactLocation: Artifact
        let region: Region
    }
    struct Location: Decodable { let physicalLocation: Physical }
    struct Suppression: Decodable { let justification: String }
    struct Result: Decodable {
        let ruleId: String, ruleIndex: Int, kind: String, level: String
        let locations: [Location]
        let partialFingerprints: [String: String]
        let suppressions: [Suppression]?
    }
    struct Run: Decodable {
        let tool: Tool
        let automationDetails: Automation
        let results: [Result]
    }
    let runs: [Run]
}

/// Counts elements of an XML document.
private final class ElementCounter: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    var suite: [String?] = []

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        counts[name, default: 0] += 1
        if name == "testsuite" { suite = ["tests", "failures", "errors", "skipped"].map { attributes[$0] } }
    }
}
