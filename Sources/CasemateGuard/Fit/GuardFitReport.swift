public import Foundation

/// A fit in words and as a document.
public struct GuardFitReport: Sendable {
    private let result: GuardFit.Result
    private let folder: String, data: String

    /// Describes what was learnt from `data` and written to `folder`.
    public init(_ result: GuardFit.Result, folder: String, data: String) {
        (self.result, self.folder, self.data) = (result, folder, data)
    }

    /// For people.
    public var text: String {
        let profile = result.profile
        var lines = [
            "wrote \(folder): \(result.files.map(\.name).sorted().joined(separator: ", "))",
            "  rows      \(profile.rows) of \(data), \(profile.features.count) features",
            "  model     \(profile.model.name), SHA-256 \(profile.model.sha256.prefix(16))…",
            "  answers   \(answers)",
        ]
        for entry in profile.heldOut {
            let name = entry.threshold.padding(toLength: 8, withPad: " ", startingAt: 0)
            lines.append(
                "  \(name)  \(Self.percent(entry.share)) of \(entry.rows) held-out rows beyond (95 % interval "
                    + "\(Self.percent(entry.low)) to \(Self.percent(entry.high)); wanted \(Self.percent(profile.rate)))"
            )
        }
        if !result.worst.isEmpty {
            lines.append("  most by   " + result.worst.map { "\($0.name) \($0.rows)" }.joined(separator: ", "))
        }
        lines += result.notes.map { "  note      \($0)" }
        lines.append("next, in guard.yaml:")
        lines.append("  stages:")
        lines.append("    validation: {mode: enforce, profile: \(folder)}")
        if profile.files.outliers != nil { lines.append("    anomaly: {mode: observe, profile: \(folder)}") }
        return lines.joined(separator: "\n") + "\n"
    }

    private var answers: String {
        let (model, answers) = (result.profile.model, result.profile.answers)
        guard !model.classes.isEmpty else {
            return answers.quantiles.isEmpty
                ? "none" : "half of the values between \(answers.quantiles[2]) and \(answers.quantiles[4])"
        }
        let shares = zip(model.classes, answers.shares).sorted { ($1.1, $0.0) < ($0.1, $1.0) }.prefix(5)
            .map { "\($0) \(Self.percent($1))" }.joined(separator: ", ")
        let rest = model.classes.count > 5 ? ", …" : ""
        let margin = answers.lowMargin.map { "; margin below \(GuardProfile.lowMargin): \(Self.percent($0))" } ?? ""
        return shares + rest + margin
    }

    private static func percent(_ share: Double) -> String {
        let value = share * 100
        if value == 0 || value >= 99.95 { return value == 0 ? "0 %" : "100 %" }
        let digits = value >= 10 ? 1 : value >= 0.1 ? 2 : 3
        return String(format: "%.\(digits)f %%", value)
    }

    private struct Document: Encodable {
        struct Beyond: Encodable { let feature: String, rows: Int }
        struct Share: Encodable {
            let threshold: String, rows: Int, beyond: Int, share: Double, low: Double, high: Double
        }
        let schema = "casemate.guard-fit/1"
        let version: String
        let verdict = "pass", exitStatus: Int32 = 0
        let profile: String, data: String, rows: Int, rate: Double, seed: UInt64
        let model: GuardProfile.Origin, answers: GuardProfile.Answers
        let features: [String], heldOut: [Share], worst: [Beyond], notes: [String], files: [String]
    }

    /// One JSON document; `version` is the product's.
    public func json(version: String) throws -> Data {
        let profile = result.profile
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            version: version, profile: folder, data: data, rows: profile.rows, rate: profile.rate, seed: profile.seed,
            model: profile.model, answers: profile.answers, features: profile.features.map(\.name),
            heldOut: profile.heldOut.map {
                .init(
                    threshold: $0.threshold, rows: $0.rows, beyond: $0.beyond, share: $0.share, low: $0.low,
                    high: $0.high)
            }, worst: result.worst.map { .init(feature: $0.name, rows: $0.rows) }, notes: result.notes,
            files: result.files.map(\.name).sorted())
        return try encoder.encode(document) + Data("\n".utf8)
    }
}
