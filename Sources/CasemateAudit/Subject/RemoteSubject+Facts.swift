package import CasemateCore
import CasemateModels
import Foundation

extension RemoteModel {
    /// What asking showed, for the head of the report.
    var table: EvidenceTable {
        let seen = observations
        var rows = [
            ["address", place], ["protocol", endpoint.dialect == .mlflow ? "MLflow" : "Open Inference Protocol 2"],
            ["asked", "\(Words.count(seen.rows, "row")) in \(Words.count(seen.requests, "request"))"],
            ["kept answers used", Words.count(seen.kept, "row")],
        ]
        if !seen.versions.isEmpty {
            let words = seen.versions.count == 1 ? "version" : "versions, changed while it was asked"
            rows.append([words, seen.versions.prefix(10).joined(separator: ", ")])
        }
        if seen.retries + seen.throttles + seen.timeouts > 0 {
            rows.append([
                "trouble",
                "\(seen.retries) tried again, \(seen.throttles) refused as too many (429, 503), "
                    + "\(seen.timeouts) without an answer in time",
            ])
        }
        rows.append(["answers to the same row", stability(seen)])
        if let middle = seen.latency(quantile: 0.5), let high = seen.latency(quantile: 0.95) {
            rows.append(["time of a request", "median \(Self.time(middle)), 95 % within \(Self.time(high))"])
        }
        if seen.isSecretInClear {
            rows.append(["warning", "the key went over the network in clear: use https"])
        }
        return EvidenceTable(title: "Endpoint", columns: ["fact", "value"], rows: rows)
    }

    private func stability(_ seen: RemoteObservations) -> String {
        guard seen.repeats > 0 else { return "none was asked twice" }
        guard seen.changed > 0 else { return "unchanged in all of \(Words.count(seen.repeats, "repeat"))" }
        let flips = seen.flipped > 0 ? ", \(seen.flipped) with another class" : ""
        return "warning: another one in \(seen.changed) of \(seen.repeats) repeats\(flips), by up to "
            + "\(seen.largestChange); the first answer was kept"
    }

    private static func time(_ seconds: Double) -> String { String(format: "%.1f ms", seconds * 1_000) }
}

extension SubjectLoader.Loaded {
    /// The facts with what asking an endpoint has shown up to now.
    package var factsNow: [EvidenceTable] { facts + [(subject.model.model as? RemoteModel)?.table].compactMap { $0 } }
}

extension AuditConfiguration.Cache {
    /// Folder of kept answers where nobody names a file.
    var answersFolder: String? { isEnabled ? folder : nil }
}
