import CasemateAudit
import CasemateCore
import CasemateData
import CasemateModels
import Foundation
import TestSupport
import Testing

/// Audits of a served model.
@Suite("Remote subjects")
struct RemoteSubjectTests {
    /// Approves from `2 income - debt (+ 1 for owners) > 0.5` on, served by both protocols.
    private static func serve(_ rows: LoopbackServer.Request) -> LoopbackServer.Response {
        let path = rows.path.prefix { $0 != "?" }
        if rows.method == "GET" {
            return path == "/v2/models/credit"
                ? .init(#"{"name":"credit","inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}]}"#) : .init("{}")
        }
        guard let json = try? Figures(json: rows.body) else { return .init("{}", status: 400) }
        var scores: [Double] = []
        if path == "/invocations" {
            for row in json["dataframe_split"]["data"].list {
                scores.append(score(row[0].double ?? 0, row[1].double ?? 0, isOwner: row[2].text == "own"))
            }
            return .init("{\"predictions\":[\(scores.map { "[\(1 - $0),\($0)]" }.joined(separator: ","))]}")
        }
        let values = json["inputs"][0]["data"].doubles
        for row in stride(from: 0, to: values.count, by: 2) {
            scores.append(score(values[row], values[row + 1], isOwner: false))
        }
        let data = scores.map { "\(1 - $0),\($0)" }.joined(separator: ",")
        let output = #"{"name":"p","datatype":"FP64","shape":[\#(scores.count),2],"data":[\#(data)]}"#
        return .init(#"{"model_name":"credit","model_version":"3","outputs":[\#(output)]}"#)
    }
    private static func score(_ income: Double, _ debt: Double, isOwner: Bool) -> Double {
        1 / (1 + exp(-4 * (2 * income - debt + (isOwner ? 1 : 0) - 0.5)))
    }

    /// A table with its decisions, some of them wrong.
    private static func table(_ count: Int, home: Bool) -> String {
        var generator = SeededGenerator(seed: 5)
        var lines = [home ? "income,debt,home,y" : "income,debt,y"]
        for row in 0..<count {
            let (income, debt) = (
                Float(Int(generator.uniform() * 100)) / 100, Float(Int(generator.uniform() * 100)) / 100
            )
            let isOwner = home && generator.uniform() < 0.5
            let isGood = (score(Double(income), Double(debt), isOwner: isOwner) >= 0.5) != (row % 11 == 0)
            let cells = ["\(income)", "\(debt)"] + (home ? [isOwner ? "own" : "rent"] : []) + [isGood ? "yes" : "no"]
            lines.append(cells.joined(separator: ","))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func configuration(
        _ server: LoopbackServer, _ path: String, _ folder: String, home: Bool, endpoint: String = "",
        extra: String = ""
    ) throws -> AuditConfiguration {
        try Self.table(120, home: home).write(toFile: folder + "/t.csv", atomically: true, encoding: .utf8)
        return try AuditConfiguration(
            yaml: """
                model: {endpoint: {url: "\(server.url)\(path)", repeats: 4, \(endpoint)}}
                data: {train: \(folder)/t.csv, test: \(folder)/t.csv, target: y, favourable: yes}
                cache: {folder: \(folder)}
                \(extra)
                """, file: "test.yaml")
    }

    /// An attack that takes little time.
    private static let short =
        "probes: {evasion: {samples: 3, iterations: 3, evaluations: 40, initial_evaluations: 20}}"

    @Test(arguments: [("/v2/models/credit", false), ("/invocations", true)])
    func anAttackOverTheEndpointChangesItsDecisions(path: String, home: Bool) throws {
        try Repository.withTemporaryFolder { folder in
            let server = try LoopbackServer.start(Self.serve)
            let configuration = try configuration(server, path, folder, home: home, extra: Self.short)
            try configuration.validate()
            let attack = configuration.probes[EvasionProbe.self]
            let loaded = try SubjectLoader(configuration, search: Repository.engines, context: RunContext()).load()
            let subject = loaded.subject
            #expect(subject.file == nil)
            #expect(subject.name == (home ? "127.0.0.1" : "credit"))
            #expect(subject.decision?.classes == ["no", "yes"])
            #expect(subject.model.features.map(\.name) == ["income", "debt"] + (home ? ["home"] : []))
            let outcome = try attack.run(on: subject, context: RunContext())
            #expect(!outcome.changes.isEmpty)
            let facts = try #require(loaded.factsNow.last)
            #expect(facts.title == "Endpoint")
            #expect(
                facts.rows.contains { $0[0] == "answers to the same row" && $0[1] == "unchanged in all of 4 repeats" })
            #expect(loaded.inputs.contains { $0.role == "endpoint" && $0.path.hasPrefix(server.url) })
            let asked = server.requests.count
            let again = try SubjectLoader(configuration, search: Repository.engines, context: RunContext()).load()
                .subject
            #expect(again.predictions == subject.predictions)
            _ = try attack.run(on: again, context: RunContext())
            let more = server.requests.dropFirst(asked).filter { $0.method == "POST" }.count
            // why 4: the rows that are asked again, at most one request each; everything else was kept.
            #expect(more <= 4)
        }
    }

    @Test func aWholeAuditRunsOverAnEndpoint() throws {
        try Repository.withTemporaryFolder { folder in
            let server = try LoopbackServer.start(Self.serve)
            let configuration = try configuration(
                server, "/invocations", folder, home: true, extra: Self.short)
            let report = try SubjectSupport.audit(configuration)
            #expect(report.coverage.allSatisfy { $0.status != .failed }, "\(report.coverage.map(\.reason))")
            #expect(report.coverage.contains { $0.probe == "performance" && $0.status == .tested })
            #expect(report.coverage.contains { $0.probe == "evasion" && $0.status == .tested })
        }
    }

    @Test func theSecretIsSentAndNeverShown() throws {
        try Repository.withTemporaryFolder { folder in
            let server = try LoopbackServer.start(Self.serve)
            var configuration = try configuration(
                server, "/v2/models/credit?code=hidden1", folder, home: false,
                endpoint: "key_variable: MODEL_KEY, headers: {x-tenant: hidden2}")
            var search = Repository.engines
            let missing = #expect(throws: CasemateError.self) {
                try SubjectLoader(configuration, search: search, context: RunContext()).load()
            }
            #expect(missing?.what == "the environment variable 'MODEL_KEY' is not set")
            search.environment["MODEL_KEY"] = "hidden3"
            let loaded = try SubjectLoader(configuration, search: search, context: RunContext()).load()
            let request = try #require(server.requests.last)
            #expect(request.headers["x-api-key"] == "hidden3")
            #expect(request.headers["x-tenant"] == "hidden2")
            let shown = "\(configuration.effective) \(loaded.factsNow) \(loaded.inputs)"
            #expect(!(1...4).contains { shown.contains("hidden\($0)") })
            try "hidden4\n".write(toFile: folder + "/token", atomically: true, encoding: .utf8)
            try configuration.set("model.endpoint.bearer_file", folder + "/token", origin: .option("-"))
            #expect(throws: CasemateError.self) {
                try SubjectLoader(configuration, search: search, context: RunContext()).load()
            }
            configuration.model.endpoint.keyVariable = nil
            _ = try SubjectLoader(configuration, search: search, context: RunContext()).load()
            #expect(server.requests.last?.headers["authorization"] == "Bearer hidden4")
        }
    }

    @Test func theBudgetStopsAProbeClearly() throws {
        try Repository.withTemporaryFolder { folder in
            let server = try LoopbackServer.start(Self.serve)
            let configuration = try configuration(
                server, "/v2/models/credit", folder, home: false, endpoint: "queries: 200")
            let loaded = try SubjectLoader(configuration, search: Repository.engines, context: RunContext()).load()
            let error = #expect(throws: CasemateError.self) {
                try EvasionProbe().run(on: loaded.subject, context: RunContext())
            }
            #expect(error?.code == .queriesSpent)
        }
    }

    @Test func theShortFormIsAnAddress() throws {
        let data = "data: {test: t.csv, target: y}"
        let short = try AuditConfiguration(yaml: "model: {endpoint: 'http://127.0.0.1:1/v2'}\n\(data)", file: "a")
        #expect(short.model.endpoint.url == "http://127.0.0.1:1/v2")
        try short.validate()
        for wrong in [
            "model: {path: m.onnx, endpoint: 'http://127.0.0.1:1'}\n\(data)",
            "model: {path: m.onnx, endpoint: {batch: 5}}\n\(data)",
        ] {
            #expect(throws: CasemateError.self) { try AuditConfiguration(yaml: wrong, file: "a").validate() }
        }
        for wrong in ["batch: 0", "timeout: -1s", "protocol: grpc", "rate: 0", "key: abc"] {
            let text = "model: {endpoint: {url: 'http://127.0.0.1:1', \(wrong)}}\n\(data)"
            #expect(throws: CasemateError.self) { try AuditConfiguration(yaml: text, file: "a") }
        }
    }
}
