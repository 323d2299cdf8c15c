public import CasemateCore
public import Foundation

/// One way to write a report down. A new format is one file that conforms, one line in `reportFormats`, one page.
public protocol ReportFormat: Sendable {
    /// Stable name on the command line, such as `"sarif"`.
    static var identifier: String { get }
    /// Name of the file in the output folder, such as `"report.sarif"`.
    static var fileName: String { get }
    /// Creates the format; it holds no settings of its own.
    init()
    /// Writes `report` down; the same report and options give the same bytes.
    /// - Throws: `CasemateError` when the report cannot be said in this format.
    func render(_ report: Report, options: ReportOptions) throws -> Data
}

/// What a format must know besides the report.
public struct ReportOptions: Hashable, Sendable {
    /// Whether text may hold colour escapes; every meaning is also in words and signs.
    public var isColored: Bool
    /// Columns of the terminal; 40 at least are used.
    public var width: Int
    /// Absolute path of the folder that relative paths count from; files below it are named relative to it in SARIF.
    public var workingFolder: String?
    /// Folder where the files lie, as the text format names it; `nil` when none are written.
    public var outputFolder: String?
    /// Findings at or above it are failures in JUnit.
    public var failSeverity: Severity
    /// Makes options; the defaults suit a file.
    public init(
        isColored: Bool = false, width: Int = 100, workingFolder: String? = nil, outputFolder: String? = nil,
        failSeverity: Severity = .high
    ) {
        (self.isColored, self.width, self.workingFolder) = (isColored, width, workingFolder)
        (self.outputFolder, self.failSeverity) = (outputFolder, failSeverity)
    }
}

/// The formats that ship, in the order that help shows them.
public let reportFormats: [any ReportFormat.Type] = [
    TextFormat.self, JSONFormat.self, HTMLFormat.self, SarifFormat.self, JUnitFormat.self,
]

extension Report {
    /// Renders the report in the format of that name.
    /// - Throws: `CasemateError` with code `invalidSetting` for an unknown name, or what the format throws.
    public func render(as identifier: String, options: ReportOptions = ReportOptions()) throws -> Data {
        guard let format = reportFormats.first(where: { $0.identifier == identifier }) else {
            let known = reportFormats.map { $0.identifier }
            throw CasemateError(
                .invalidSetting, at: "--format",
                "unknown format '\(identifier.inert)'" + Suggestion.clause(for: identifier, among: known),
                help: "one of \(known.joined(separator: ", "))")
        }
        return try format.init().render(finite, options: options)
    }

    /// Renders every format that ships except text, under the names that an output folder gives them.
    public func renderFiles(options: ReportOptions = ReportOptions()) throws -> [(name: String, content: Data)] {
        let shown = finite
        return try reportFormats.filter { $0 != TextFormat.self }
            .map { ($0.fileName, try $0.init().render(shown, options: options)) }
    }
}
