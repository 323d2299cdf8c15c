public import CasemateCore
public import Foundation

extension Report {
    /// The JSON document with a verb's own members beside those of the envelope.
    /// - Throws: what encoding throws.
    public func renderJSON(adding members: [(name: String, value: any Encodable & Sendable)]) throws -> Data {
        try JSONFormat.document(Extended(report: finite, members: members))
    }

    private struct Extended: Encodable {
        let report: Report
        let members: [(name: String, value: any Encodable & Sendable)]

        private struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { return nil }
        }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var container = encoder.container(keyedBy: Name.self)
            for member in members { try container.encode(member.value, forKey: Name(stringValue: member.name)) }
        }
    }
}
