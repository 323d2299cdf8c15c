import CasemateCore
import CasemateGuard
import Foundation
import TestSupport

/// Traces with what their clients were.
struct LabelledTrace {
    struct Label: Decodable {
        let kind: String
        let attack: Bool
    }
    private struct Labels: Decodable { let clients: [String: Label] }
    let replay: MonitorReplay
    let labels: [String: Label]

    init(_ folder: String, falseAlarms: Double = 0.01, prada: Bool = false) throws {
        let trace = try MonitorTrace(
            trace: folder + "/trace.csv.gz", reference: folder + "/reference.csv.gz", search: Repository.engines,
            context: RunContext(threads: 2))
        replay = try MonitorReplay(
            trace, place: folder, falseAlarms: falseAlarms, withPrada: prada, context: RunContext())
        labels = try JSONDecoder().decode(
            Labels.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/labels.json"))
        )
        .clients
    }
    /// Clients with an alarm among those that attack, or do not.
    func alarms(attacking: Bool) -> [MonitorReplay.Client] {
        replay.clients.filter { $0.alarm && labels[$0.id]?.attack == attacking }
    }
    func count(attacking: Bool) -> Int { labels.values.filter { $0.attack == attacking }.count }
    /// Kinds of the clients, for messages.
    func kinds(_ clients: [MonitorReplay.Client]) -> [String] { clients.map { labels[$0.id]?.kind ?? "?" }.sorted() }
}

/// Rows around four centres in eight columns that depend on each other, with probabilities of a simple model.
enum SyntheticRows {
    static func make(_ count: Int, seed: UInt64) -> AnsweredRows {
        var generator = SeededGenerator(seed: seed, stream: 4)
        let normal = NormalSampler()
        var rows = AnsweredRows(width: 8, values: [])
        for _ in 0..<count {
            let parts = (0..<3).map { _ in normal.next(using: &generator) }
            let values = (0..<8).map { column in
                Float(parts[column % 3] + 0.5 * parts[(column + 1) % 3] + 0.4 * normal.next(using: &generator))
            }
            append(values, to: &rows)
        }
        return rows
    }
    /// Adds a row with the model's answer.
    static func append(_ values: [Float], to rows: inout AnsweredRows) {
        let answer = answer(values)
        rows.values += values
        rows.predictions.append(answer.prediction)
        rows.top.append(answer.top)
        rows.second.append(1 - answer.top)
    }
    static func answer(_ values: [Float]) -> (prediction: Double, top: Double) {
        let p = 1 / (1 + exp(-2 * Double(values[0] + values[1] - values[2])))
        return (p > 0.5 ? 1 : 0, max(p, 1 - p))
    }
    static func query(_ client: String, _ values: [Float], owner: String = "", network: String = "") -> PatternQuery {
        let answer = answer(values)
        return PatternQuery(
            client: client, owner: owner, network: network, row: values, prediction: answer.prediction, top: answer.top,
            second: 1 - answer.top)
    }
    static func row(_ rows: AnsweredRows, _ index: Int) -> [Float] { Array(rows.values[index * 8..<(index + 1) * 8]) }
}
