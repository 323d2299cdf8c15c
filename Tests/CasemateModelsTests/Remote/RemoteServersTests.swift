import CasemateCore
import CasemateModels
import Foundation
import TestSupport
import Testing

/// MLServer 1.7.1 and MLflow 3.17.2: their recorded answers, and the servers themselves where
/// `Benchmarks/endpoint/run` has started them (`CASEMATE_ENDPOINTS` names its file).
@Suite("Real model servers")
struct RemoteServersTests {
    private static let recorded = (try? Figures("endpoints/exchanges.json"))?.list ?? []
    private static let live = ProcessInfo.processInfo.environment["CASEMATE_ENDPOINTS"].flatMap { path in
        FileManager.default.contents(atPath: path).flatMap { try? Figures(json: $0) }
    }?.list

    @Test(arguments: recorded.indices) func recordedAnswersAreReadAsScikitLearnMeantThem(index: Int) throws {
        let fact = Self.recorded[index]
        let server = try LoopbackServer.start { Self.replay($0, fact["exchanges"].list) }
        let name = try #require(fact["name"].text)
        let path = name.hasPrefix("mlflow") ? "/invocations" : "/v2/models/" + name.split(separator: " ")[1]
        try check(fact, RemoteOptions(server.url + path))
        let strangers = server.requests.filter { Self.replay($0, fact["exchanges"].list).status == 501 }
        #expect(strangers.isEmpty, "\(strangers.map { String(decoding: $0.body, as: UTF8.self) })")
    }

    @Test func thereAreRecordsOfBothServers() {
        #expect(Self.recorded.count { $0["name"].text?.hasPrefix("mlserver") ?? false } == 4)
        #expect(Self.recorded.count { $0["name"].text?.hasPrefix("mlflow") ?? false } == 4)
    }

    @Test(.enabled(if: live != nil, "no servers are running"))
    func liveAnswersEqualScikitLearns() throws {
        for fact in Self.live ?? [] {
            var options = RemoteOptions(try #require(fact["address"].text))
            options.batch = 50
            try check(fact, options)
        }
    }

    /// What Casemate adds to the server's own time, one request after the other: rows in batches, and one by one.
    @Test(.enabled(if: live != nil, "no servers are running"), arguments: [1, 100])
    func littleTimeIsAddedToTheServers(batch: Int) throws {
        let fact = try #require(Self.live?.first { $0["name"].text == "mlserver cells" })
        var options = RemoteOptions(try #require(fact["address"].text))
        (options.batch, options.concurrency, options.repeats) = (batch, 1, 0)
        let base = fact["rows"].list.flatMap { $0.doubles.map { Float($0) } }
        let width = fact["columns"].list.count
        let columns = fact["columns"].texts.map { RemoteDraft.Column($0, isText: false) }
        let draft = try RemoteEndpoint(options, cancellation: Cancellation()).draft(columns: columns)
        _ = try draft.predict(rows: base, count: base.count / width, cancellation: Cancellation())
        let model = try #require(draft.learned)
        let count = batch == 1 ? 400 : 6_000
        let rows = (0..<count * width).map { base[$0 % base.count] + Float($0 / base.count + 1) / 256 }
        let before = model.observations
        let start = ContinuousClock.now
        if batch == 1 {
            for row in 0..<count {
                let one = Array(rows[row * width..<(row + 1) * width])
                _ = try model.predict(rows: one, count: 1, cancellation: Cancellation())
            }
        } else {
            _ = try model.predict(rows: rows, count: count, cancellation: Cancellation())
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let requests = model.observations.requests - before.requests
        let middle = model.observations.latency(quantile: 0.5) ?? 0
        let added = seconds / Double(requests) - middle
        print(
            "batch \(batch): \(requests) requests, \(seconds) s, median of the server \(middle * 1e3) ms, "
                + "added \(added * 1e3) ms a request, \(Double(count) / seconds) rows/s")
        #expect(added < 0.5 * middle + 0.001)
    }

    /// Answers with what was recorded for the same request, whatever its spelling.
    private static func replay(_ request: LoopbackServer.Request, _ exchanges: [Figures]) -> LoopbackServer.Response {
        let body = request.body.isEmpty ? nil : try? Figures(json: request.body)
        for exchange in exchanges where exchange["method"].text == request.method {
            guard exchange["path"].text == request.path, same(exchange["request"], body) else { continue }
            return LoopbackServer.Response(
                exchange["response"].text ?? "", status: exchange["status"].int ?? 500,
                headers: exchange["type"].text.map { ["content-type": $0] } ?? [:])
        }
        return LoopbackServer.Response("{\"error\":\"was not recorded\"}", status: 501)
    }

    /// Whether two JSON values are one; numbers may be spelt to float32.
    private static func same(_ one: Figures, _ other: Figures?) -> Bool {
        guard let other else { return one.isNull }
        if let text = one.text { return text == other.text }
        if let number = one.double { return agree(number, other.double, tolerance: 1e-6) }
        let (list, members) = (one.list, one.members)
        guard list.count == other.list.count, members.count == other.members.count else { return false }
        return zip(list, other.list).allSatisfy { same($0, $1) } && members.allSatisfy { same($1, other[$0]) }
    }

    private func check(_ fact: Figures, _ options: RemoteOptions) throws {
        let name = try #require(fact["name"].text)
        let rows = fact["rows"].list
        let isText = fact["columns"].list.indices.map { rows[0][$0].text != nil }
        let columns = zip(fact["columns"].texts, isText).map { RemoteDraft.Column($0, isText: $1) }
        var options = options
        options.repeats = 0
        let endpoint = try RemoteEndpoint(options, cancellation: Cancellation())
        let labels = fact["labels"].texts
        let draft = try endpoint.draft(columns: columns, labels: labels.isEmpty ? nil : labels)
        _ = try ask(draft, rows, columns)
        let model = try #require(draft.learned)
        let answers = try ask(model, rows, columns)
        let expected = fact["expected"]
        if expected["classes"].isNull {
            #expect(answers.task == .regression, "\(name)")
            for (score, wanted) in zip(answers.scores, expected["predict"].doubles) {
                #expect(abs(Double(score) - wanted) <= 1e-5 * abs(wanted), "\(name)")
            }
        } else {
            // why: scores alone do not name the classes; the data's labels are matched to the numbers later.
            let isUnnamed = name == "mlflow credit predict_proba"
            let names = isUnnamed ? expected["classes"].texts : answers.classes
            #expect(names == expected["classes"].texts, "\(name)")
            let decided = answers.labels.map { names[Int($0)] }
            #expect(zip(decided, expected["predict"].texts).allSatisfy { $0 == $1 }, "\(name)")
            let hasScores = answers.kind == .probabilities
            #expect(hasScores == !(name == "mlflow credit predict" || name == "mlflow iris tensor"), "\(name)")
            for (score, wanted) in zip(answers.scores, expected["probabilities"].doubles) where hasScores {
                #expect(abs(Double(score) - wanted) <= 1e-6, "\(name)")
            }
        }
        #expect(model.observations.retries == 0, "\(name)")
    }

    private func ask(_ model: some RowModel, _ rows: [Figures], _ columns: [RemoteDraft.Column]) throws -> Predictions {
        if model.signature.layout == .matrix {
            let values = rows.flatMap { $0.doubles.map { Float($0) } }
            return try model.predict(rows: values, count: rows.count, cancellation: Cancellation())
        }
        let tensors = columns.enumerated().map { index, column in
            let cells = rows.map { $0[index] }
            let storage: Tensor.Storage =
                column.isText
                ? .string(cells.compactMap(\.text)) : .float(cells.compactMap { $0.double.map { Float($0) } })
            return NamedTensor(column.name, Tensor(shape: [rows.count, 1], storage))
        }
        return try model.predict(tensors, cancellation: Cancellation())
    }
}
