import CasemateCore
import CasemateReport
import Foundation
import TestSupport
import Testing

/// Every format renders the sample exactly as committed. `CASEMATE_GOLDEN=1` writes the files anew.
struct GoldenTests {
    static let options = ReportOptions(workingFolder: "/srv/credit", outputFolder: "casemate-report")

    /// A golden file: its name, its format, its options.
    static let cases: [(file: String, format: String, options: ReportOptions)] =
        reportFormats.map { ($0.fileName, $0.identifier, options) } + [
            ("report.colour.txt", "text", colored), ("report.narrow.txt", "text", narrow),
        ]
    static let colored = ReportOptions(isColored: true, outputFolder: "casemate-report")
    static let narrow = ReportOptions(width: 50)

    @Test(arguments: cases.indices)
    func rendersAsCommitted(index: Int) throws {
        let (file, format, options) = Self.cases[index]
        let rendered = try Sample.report().render(as: format, options: options)
        let url = Repository.root.appendingPathComponent("Tests/CasemateReportTests/Golden/\(file)")
        if ProcessInfo.processInfo.environment["CASEMATE_GOLDEN"] == "1" { try rendered.write(to: url) }
        let golden = try Data(contentsOf: url)
        let same = rendered == golden
        #expect(same, "\(file) differs: \(Self.firstDifference(rendered, golden))")
    }

    private static func firstDifference(_ one: Data, _ other: Data) -> String {
        let lines = [one, other].map {
            String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        }
        for (number, pair) in zip(lines[0], lines[1]).enumerated() where pair.0 != pair.1 {
            return "line \(number + 1): \(pair.0.prefix(200)) | \(pair.1.prefix(200))"
        }
        return "\(lines[0].count) and \(lines[1].count) lines"
    }

    /// Below 80 columns the table of numbers keeps its shape and may stick out.
    @Test(arguments: [80, 100, 200])
    func textFitsTheWidth(width: Int) throws {
        let data = try Sample.report().render(as: "text", options: ReportOptions(width: width))
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            #expect(line.count <= width, "\(line)")
        }
    }

    @Test func colourSaysNothingThatWordsDoNotSay() throws {
        let plain = try Sample.report().render(as: "text", options: ReportOptions(width: 100))
        let colored = try Sample.report().render(as: "text", options: ReportOptions(isColored: true, width: 100))
        let stripped = String(decoding: colored, as: UTF8.self).replacing(/\u{1B}\[[0-9;]*m/, with: "")
        #expect(stripped == String(decoding: plain, as: UTF8.self))
    }

    @Test func unknownFormatNamesTheNearest() throws {
        let error = #expect(throws: CasemateError.self) { try Sample.report().render(as: "htlm") }
        #expect(error?.what == "unknown format 'htlm', did you mean 'html'?")
    }

    @Test func filesAreNamedAsDocumented() throws {
        let page = try String(contentsOfFile: Repository.path("docs/reference/report.md"), encoding: .utf8)
        for (name, content) in try Sample.report().renderFiles(options: Self.options) {
            #expect(page.contains("`\(name)`"))
            #expect(!content.isEmpty)
        }
        for format in reportFormats { #expect(page.contains("| `\(format.identifier)` |")) }
    }
}
