import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// Recorded traces: attackers are found, honest clients are left alone, with thresholds from the reference alone.
@Suite struct PatternTraceTests {
    @Test(.enabled(if: Repository.shared != nil)) func digits() throws {
        let trace = try LabelledTrace((Repository.shared ?? "") + "/data/streams/clients_digits")
        #expect(trace.count(attacking: true) == 44 && trace.count(attacking: false) == 20)
        let (found, wrong) = (trace.alarms(attacking: true), trace.alarms(attacking: false))
        #expect(found.count >= 40, "\(trace.kinds(found))")
        #expect(wrong.count <= 1, "\(trace.kinds(wrong))")
        #expect(found.allSatisfy { !$0.reasons.isEmpty && $0.firstAlarmSeq != nil && $0.score >= 1 })
        #expect(
            wrong.count == trace.replay.clients.count - 44 || trace.replay.clients.contains { $0.firstAlarmSeq == nil })
    }

    /// Other data, other shapes: wine is a few columns, diabetes a regression, of which less can be seen; PRADA by itself
    /// is what the monitor is to be better than. See make_client_traces.py.
    @Test(arguments: [("wine", 0.9), ("diabetes", 0.75)]) func fixtures(name: String, share: Double) throws {
        let trace = try LabelledTrace(Repository.path("Tests/Fixtures/clients/\(name)"), prada: name == "diabetes")
        let (found, wrong) = (trace.alarms(attacking: true), trace.alarms(attacking: false))
        let alone = trace.replay.clients.filter { $0.prada?.alarm == true && trace.labels[$0.id]?.attack == true }
        #expect(alone.count < found.count)
        #expect(Double(found.count) >= share * Double(trace.count(attacking: true)), "\(trace.kinds(found))")
        #expect(wrong.count <= 1, "\(trace.kinds(wrong))")
    }

    @Test func theSameTraceGivesTheSameAnswer() throws {
        let folder = Repository.path("Tests/Fixtures/clients/diabetes")
        let (one, other) = (try LabelledTrace(folder), try LabelledTrace(folder))
        #expect(one.replay.clients.count == one.labels.count)
        #expect(one.replay.clients == other.replay.clients)
        #expect(one.replay.blind.contains { $0.hasPrefix("low_margin") })
    }

    private func replay(_ trace: String, _ reference: String) throws -> MonitorReplay {
        try Repository.withTemporaryFolder { folder in
            let paths = [folder + "/trace.csv", folder + "/reference.csv"]
            try trace.write(toFile: paths[0], atomically: true, encoding: .utf8)
            try reference.write(toFile: paths[1], atomically: true, encoding: .utf8)
            let read = try MonitorTrace(
                trace: paths[0], reference: paths[1], search: Repository.engines, context: RunContext())
            return try MonitorReplay(read, place: paths[1], context: RunContext())
        }
    }
    private static let reference =
        "a,b,pred\n"
        + (0..<60).map { "\($0 * 7 % 61),\($0 * $0 % 53),\($0 % 2)" }
        .joined(separator: "\n") + "\n"

    @Test(arguments: [
        ("client,a,b,pred\nx,1,inf,0\n", "column 'b'"), ("client,a,b,pred\nx,1,1e300,0\n", "column 'b'"),
        ("client,a,pred\nx,1,0\n", "no column 'b'"), ("client,a,b,c,pred\nx,1,2,3,0\n", "column 'c'"),
        ("a,b,pred\n1,2,0\n", "no column 'client'"), ("client,a,b,pred\nx,1,word,0\n", "column 'b'"),
        ("client,a,b,pred\n", "no data rows"), ("seq,client,a,b,pred\n1.5,x,1,2,0\n", "column 'seq'"),
        ("client,a,b,pred\n,1,2,0\nx,1,2,0\n", "column 'client'"),
    ])
    func brokenTracesAreRefusedWithTheirPlace(trace: String, what: String) {
        let error = #expect(throws: CasemateError.self) { _ = try replay(trace, Self.reference) }
        #expect(
            error?.what.contains(what) == true && error?.place.contains("trace.csv") == true,
            "\(String(describing: error))")
    }

    @Test func tooFewReferenceRowsAreRefused() {
        let error = #expect(throws: CasemateError.self) {
            _ = try replay("client,a,b,pred\nx,1,2,0\n", "a,b,pred\n1,2,0\n3,4,1\n")
        }
        #expect(error?.code == .unusableData && error?.place.contains("reference.csv") == true)
    }

    @Test func whatIsMissingIsSaid() throws {
        let found = try replay("client,a,b\nx,1,2\ny,3,\n", Self.reference)
        #expect(found.clients.map(\.id) == ["x", "y"] && found.clients.allSatisfy { !$0.alarm })
        #expect(found.blind.contains { $0.contains("no column 'pred'") })
        #expect(found.blind.contains { $0.contains("no column 'p1'") })
        #expect(found.text.contains("not seen:"))
    }
}
