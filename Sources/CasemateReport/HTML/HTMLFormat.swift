public import CasemateCore
public import Foundation
import Mustache

/// One self-contained page: no script, no request, dark and light, phone, desktop and paper.
///
/// Works under `default-src 'none'; style-src 'unsafe-inline'; img-src data:`, which it declares itself.
public struct HTMLFormat: ReportFormat {
    /// Name on the command line.
    public static let identifier = "html"
    /// Name of the file.
    public static let fileName = "report.html"
    /// The most bytes that a page takes; longer ones are made again with fewer rows and points.
    static let byteLimit = 1_900_000
    /// Creates the format.
    public init() {}

    /// Writes the page as UTF-8.
    public func render(_ report: Report, options: ReportOptions) throws -> Data {
        let library = try Self.library()
        var page = Data()
        for limits in HTMLLimits.ladder {
            let fields = HTMLPage(report: report.finite, limits: limits).fields
            guard let inert = HTMLFields.inert(fields, limit: limits.characters) as? HTMLFields.Members,
                let text = library.render(inert, withTemplate: "page")
            else { break }
            page = Data(text.utf8)
            if page.count <= Self.byteLimit { return page }
        }
        throw CasemateError(
            .limitExceeded, at: Self.fileName, "the page would take \(page.count) bytes",
            help: "read report.json instead, which has no limit")
    }

    private static func library() throws -> MustacheLibrary {
        var library = MustacheLibrary()
        for (name, text) in HTMLTemplates.all { try library.register(text, named: name) }
        return library
    }
}

/// How much of a long report the page shows; what is cut is said beside it.
struct HTMLLimits {
    /// Rows of a table, findings, metrics of a probe, changed rows.
    var rows = 200, findings = 200, metrics = 200, changes = 20
    /// Points a series in a drawing, rows a series in its table, characters of one text.
    var points = 400, samples = 40, characters = 1500
    /// Plots and pictures of a probe.
    var plots = 24, pictures = 4

    /// The most probes that a page shows unfolded.
    static let openProbes = 6
    /// The most findings that a page shows unfolded; above it, those below severity high are folded.
    static let openFindings = 8

    /// From everything to little; the first that fits is taken.
    static let ladder = [
        HTMLLimits(),
        HTMLLimits(
            rows: 60, findings: 80, metrics: 60, changes: 10, points: 200, samples: 20, characters: 400, plots: 8,
            pictures: 2),
        HTMLLimits(
            rows: 10, findings: 20, metrics: 10, changes: 3, points: 60, samples: 8, characters: 160, plots: 2,
            pictures: 0),
    ]
}
