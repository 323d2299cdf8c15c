import CasemateCore
public import Foundation

extension MonitorReplay {
    private struct Document: Encodable {
        let schema = "casemate.monitor-replay/1"
        let version: String
        let verdict = "pass", exitStatus: Int32 = 0
        let trace: String, reference: String
        let requests: Int, referenceRows: Int, features: Int
        let falseAlarms: Double
        let alarms: Int
        let blind: [String]
        let clients: [Client]
    }

    /// One JSON document. The exit status is 0 whatever was found: a replay reports, it does not judge.
    public func json(version: String, trace: String, reference: String) throws -> Data {
        let document = Document(
            version: version, trace: trace, reference: reference, requests: requests, referenceRows: referenceRows,
            features: features, falseAlarms: falseAlarms, alarms: clients.filter(\.alarm).count, blind: blind,
            clients: clients)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(document) + Data("\n".utf8)
    }

    /// A table for people, the clients with most against them first.
    public var text: String {
        let alarms = clients.filter(\.alarm).count
        var lines = [
            "\(alarms) of \(clients.count) clients raise an alarm (\(requests) requests, \(referenceRows) reference rows, "
                + "\(features) features, false alarms per client at most \(falseAlarms))", "",
            "  \(Self.padded("client", 24))  score    requests  first alarm  reasons",
        ]
        for client in clients {
            let first = client.firstAlarmSeq.map(String.init) ?? "-"
            lines.append(
                "\(client.alarm ? "!" : " ") \(Self.padded(Self.printable(client.id), 24))  "
                    + "\(Self.padded(String(format: "%.2f", client.score), 7))  "
                    + "\(Self.padded("\(client.requests)", 8))  \(Self.padded(first, 11))  "
                    + client.reasons.prefix(4).joined(separator: ", "))
        }
        if !blind.isEmpty { lines += ["", "not seen:"] + blind.map { "  \($0)" } }
        return lines.joined(separator: "\n") + "\n"
    }

    // why: names of clients come from outside, and a terminal obeys control characters.
    private static func printable(_ text: String) -> String {
        String(
            text.unicodeScalars.prefix(24).map { scalar in
                scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                    ? "?" : Character(scalar)
            })
    }
    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
