public import CasemateCore
public import Foundation

/// The whole report as one JSON document, described by `docs/reference/report.schema.json`.
///
/// Members are sorted, numbers are the shortest that read back the same, and scalars that could steer a terminal or
/// the direction of text are written as `\uXXXX`.
public struct JSONFormat: ReportFormat {
    /// Name on the command line.
    public static let identifier = "json"
    /// Name of the file.
    public static let fileName = "report.json"
    /// Creates the format.
    public init() {}

    /// Writes the document, ended by a line feed.
    public func render(_ report: Report, options: ReportOptions) throws -> Data {
        try Self.document(report.finite)
    }

    /// Any value as a pretty JSON document with sorted members.
    static func document(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Data((escaped(String(decoding: try encoder.encode(value), as: UTF8.self)) + "\n").utf8)
    }

    /// JSON with steering scalars as escapes; outside strings JSON holds none but the line feeds of its layout.
    private static func escaped(_ json: String) -> String {
        var text = String.UnicodeScalarView()
        for scalar in json.unicodeScalars {
            guard scalar.isSteering, scalar != "\n" else {
                text.append(scalar)
                continue
            }
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                text.append(
                    contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
            }
        }
        return String(text)
    }
}
