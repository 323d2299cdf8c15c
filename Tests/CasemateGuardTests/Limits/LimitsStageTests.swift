import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

@Suite struct LimitsStageTests {
    @Test func clientsHaveBucketsOfTheirOwn() async throws {
        let clock = ManualClock(monotonic: 1_000_000_000)
        let stage = try LimitSupport.stage("client: {rate: 10, burst: 5}", LimitSupport.setup(clock: clock))
        var refusals: [GuardRefusal] = []
        for number in 0..<8 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("a"))
            if let refusal = try await Exchange.pass(stage, &exchange) { refusals.append(refusal) }
            await stage.finish(exchange)
        }
        #expect(refusals.count == 3)
        #expect(refusals.allSatisfy { $0.kind == .limited && $0.reason == "client_rate" && $0.retryAfter == 1 })
        #expect(refusals[0].detail.contains("this client"))
        var other = LimitSupport.exchange(100, client: LimitSupport.client("b"))
        #expect(try await Exchange.pass(stage, &other) == nil)
        // why: setting the clock of the day refills nothing.
        for jump in [7_200, -7_200, 34_560_000] as [Double] {
            clock.setWall(Date(timeIntervalSince1970: 1_700_000_000 + jump))
            var again = LimitSupport.exchange(101, client: LimitSupport.client("a"))
            #expect(try await Exchange.pass(stage, &again) != nil, "wall clock moved by \(jump) s")
        }
        clock.advance(seconds: 0.1)
        var later = LimitSupport.exchange(102, client: LimitSupport.client("a"))
        #expect(try await Exchange.pass(stage, &later) == nil)
    }

    @Test func batchesAreWeighedByRows() async throws {
        let stage = try LimitSupport.stage("client: {rate: 1, burst: 100}", LimitSupport.setup())
        let client = LimitSupport.client("a")
        var first = LimitSupport.exchange(1, client: client)
        #expect(try await Exchange.pass(stage, &first, rows: 60) == nil)
        #expect(first.headers.contains(.init("ratelimit", "\"client\";r=40;t=60")), "\(first.headers)")
        #expect(first.headers.contains(.init("ratelimit-policy", "\"client\";q=100;w=100")))
        #expect(first.headers.count == 2)
        var second = LimitSupport.exchange(2, client: client)
        let refused = try await Exchange.pass(stage, &second, rows: 60)
        #expect(refused?.retryAfter == 20, "61 rows are spent, 59 more have 39 left: \(refused?.retryAfter ?? -1)")
        var third = LimitSupport.exchange(3, client: client)
        let outright = try await Exchange.pass(stage, &third, rows: 101)
        #expect(outright?.kind == .tooLarge && outright?.retryAfter == nil && outright?.reason == "batch")
        #expect(outright?.detail.contains("100 rows") ?? false)
    }

    @Test func modelAndServerLimitsAreSharedAndSayWhose() async throws {
        let memory = GuardMemory()
        let yaml = "model: {rate: 1, burst: 3}\nserver: {rate: 1, burst: 5}\nclient: {rate: 1, burst: 4}"
        let one = try LimitSupport.stage(yaml, LimitSupport.setup(model: "one", memory: memory))
        let two = try LimitSupport.stage(yaml, LimitSupport.setup(model: "two", memory: memory))
        var reasons: [String] = []
        for number in 0..<4 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("\(number)"))
            reasons.append(try await Exchange.pass(one, &exchange)?.reason ?? "")
        }
        for number in 10..<13 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("\(number)"))
            let refusal = try await Exchange.pass(two, &exchange)
            reasons.append(refusal?.reason ?? "")
            if let refusal { #expect(refusal.detail.contains("this server")) }
            #expect(exchange.headers.allSatisfy { !$0.value.contains("server") })
        }
        #expect(reasons == ["", "", "", "model_rate", "", "", "server_rate"])
        // why: who was turned away by the model has lost none of his own rows: 4 are left, the server has none.
        var again = LimitSupport.exchange(20, client: LimitSupport.client("3"))
        _ = try await Exchange.pass(one, &again)
        let table = try LimitSupport.stage(
            "client: {rate: 1, burst: 4}", LimitSupport.setup(model: "three", memory: memory))
        for number in 30..<34 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("3"))
            #expect(try await Exchange.pass(table, &exchange) == nil)
        }
        var last = LimitSupport.exchange(40, client: LimitSupport.client("3"))
        #expect(try await Exchange.pass(table, &last)?.reason == "client_rate")
    }

    /// A model of what runs: random beginnings and ends, refused ones ended too, some of them twice.
    @Test(arguments: 0..<10 as Range<UInt64>)
    func requestsAtOnceAreCountedExactly(seed: UInt64) async throws {
        let memory = GuardMemory()
        let yaml = "client: {concurrency: 3}\nmodel: {concurrency: 5}\nserver: {concurrency: 7}"
        let stages = try ["a", "b"].map { try LimitSupport.stage(yaml, LimitSupport.setup(model: $0, memory: memory)) }
        var generator = SeededGenerator(seed: seed)
        var running: [(exchange: Exchange, model: Int, client: Int)] = []
        var (refused, admitted) = (0, 0)
        for step in 0..<4_000 {
            if Bool.random(using: &generator), let index = running.indices.randomElement(using: &generator) {
                let (exchange, model, _) = running.remove(at: index)
                await stages[model].finish(exchange)
                if step % 3 == 0 { await stages[model].finish(exchange) }
                continue
            }
            let (model, client) = (Int.random(in: 0..<2, using: &generator), Int.random(in: 0..<4, using: &generator))
            var exchange = LimitSupport.exchange(step, client: LimitSupport.client("\(client)"))
            let refusal = try await stages[model].admit(&exchange).refusal
            let expected =
                running.count >= 7
                ? "server_concurrency"
                : running.count(where: { $0.model == model }) >= 5
                    ? "model_concurrency"
                    : running.count(where: { $0.client == client }) >= 3 ? "client_concurrency" : nil
            #expect(refusal?.reason == expected, "seed \(seed), step \(step)")
            if refusal == nil {
                running.append((exchange, model, client))
            } else {
                await stages[model].finish(exchange)
            }
            if refusal == nil { admitted += 1 } else { refused += 1 }
        }
        #expect(admitted > 500 && refused > 200)
    }

    @Test func credentialsMayAllowAnotherRate() async throws {
        let stage = try LimitSupport.stage("client: {rate: 10, burst: 20}", LimitSupport.setup())
        for (name, rate, expected) in [("slow", 1.0, 2), ("usual", nil, 20), ("fast", 50, 100)]
            as [(String, Double?, Int)]
        {
            var passed = 0
            for number in 0..<200 {
                var exchange = LimitSupport.exchange(number, client: LimitSupport.client(name, rate: rate))
                if try await Exchange.pass(stage, &exchange) == nil { passed += 1 }
                await stage.finish(exchange)
            }
            #expect(passed == expected, "\(name)")
        }
    }

    @Test func dailyQuotasEndAtMidnightAndOutliveRestarts() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let clock = ManualClock(wall: Date(timeIntervalSince1970: 86_400 * 20_000 + 3_600))
        let yaml = "client: {daily: 100}\nquota_store: quotas.sqlite"
        let client = LimitSupport.client("a")
        func left(_ stage: LimitsStage, rows: Int) async throws -> (GuardRefusal?, String) {
            var exchange = LimitSupport.exchange(1, client: client)
            let refusal = try await Exchange.pass(stage, &exchange, rows: rows)
            await stage.finish(exchange)
            return (refusal, exchange.headers.first { $0.name == "ratelimit" }?.value ?? "")
        }
        do {
            let stage = try LimitSupport.stage(yaml, LimitSupport.setup(clock: clock, folder: folder))
            let first = try await left(stage, rows: 70)
            #expect(first.0 == nil && first.1 == "\"day\";r=30;t=82800", "\(first)")
            let second = try await left(stage, rows: 40)
            #expect(second.0?.reason == "client_quota" && second.0?.retryAfter == 82_800)
        }
        let stage = try LimitSupport.stage(yaml, LimitSupport.setup(clock: clock, folder: folder))
        #expect(try await left(stage, rows: 30).0?.reason == "client_quota", "70 + 1 rows are remembered")
        #expect(try await left(stage, rows: 20).0 == nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/quotas.sqlite")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        clock.advance(seconds: 82_801)
        #expect(try await left(stage, rows: 100).0 == nil, "a new day")
        var large = LimitSupport.exchange(2, client: LimitSupport.client("b"))
        #expect(try await Exchange.pass(stage, &large, rows: 101)?.kind == .tooLarge)
    }

    @Test func clientsThatGoOnAreAnsweredMoreAndMoreSlowly() async throws {
        let clock = ManualClock(monotonic: 1_000_000_000)
        let memory = GuardMemory()
        let yaml = "client: {rate: 0.01, burst: 1}\ntarpit: {after: 3, longest: 2s, at_once: 2}"
        let stage = try LimitSupport.stage(yaml, LimitSupport.setup(clock: clock, memory: memory))
        var delays: [Double] = []
        for number in 0..<12 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("a"))
            _ = try await Exchange.pass(stage, &exchange)
            delays.append(exchange.delay)
            await stage.finish(exchange)
        }
        #expect(delays == [0, 0, 0, 0, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2])
        var held: [Exchange] = []
        for number in 20..<25 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("a"))
            _ = try await Exchange.pass(stage, &exchange)
            held.append(exchange)
        }
        #expect(held.map(\.delay) == [2, 2, 0, 0, 0], "two wait at a time")
        for exchange in held { await stage.finish(exchange) }
        let watching = try LimitSupport.stage(
            yaml + "\nmode: observe", LimitSupport.setup(clock: clock, memory: memory))
        var observed = LimitSupport.exchange(30, client: LimitSupport.client("a"))
        #expect(try await Exchange.pass(watching, &observed) != nil)
        #expect(observed.delay == 0, "who is only observed never waits")
        clock.advance(seconds: 60)
        var calm = LimitSupport.exchange(31, client: LimitSupport.client("a"))
        #expect(try await Exchange.pass(stage, &calm) != nil)
        #expect(calm.delay == 0, "a minute of patience is rewarded")
    }

    /// Half the clients stay within their rate while others go far beyond: not one of the first is refused.
    @Test func patientClientsAreNeverRefusedBesideGreedyOnes() async throws {
        let clock = ManualClock(monotonic: 1_000_000_000)
        let stage = try LimitSupport.stage("client: {rate: 5, burst: 5}", LimitSupport.setup(clock: clock))
        var (patient, greedy, number) = (0, 0, 0)
        for _ in 0..<400 {
            clock.advance(seconds: 0.25)
            for client in 0..<10 {
                for _ in 0..<(client < 5 ? 1 : 10) {
                    number += 1
                    var exchange = LimitSupport.exchange(number, client: LimitSupport.client("\(client)"))
                    let isRefused = try await Exchange.pass(stage, &exchange) != nil
                    await stage.finish(exchange)
                    if isRefused { if client < 5 { patient += 1 } else { greedy += 1 } }
                }
            }
        }
        #expect(patient == 0)
        #expect(greedy > 15_000)
    }

    @Test func stateOutlivesAReload() async throws {
        let memory = GuardMemory()
        let clock = ManualClock()
        let before = try LimitSupport.stage(
            "client: {rate: 1, burst: 2}", LimitSupport.setup(clock: clock, memory: memory))
        var under = LimitSupport.exchange(1, client: LimitSupport.client("a"))
        #expect(try await Exchange.pass(before, &under, rows: 2) == nil)
        let after = try LimitSupport.stage(
            "client: {rate: 2, burst: 2, concurrency: 1}", LimitSupport.setup(clock: clock, memory: memory))
        var next = LimitSupport.exchange(2, client: LimitSupport.client("a"))
        #expect(try await Exchange.pass(after, &next)?.reason == "client_concurrency")
        await before.finish(under)
        #expect(try await Exchange.pass(after, &next)?.reason == "client_rate", "drained before, drained after")
    }

    @Test func theEdgeIsLimitedWithoutAModel() async throws {
        let stage = try LimitSupport.stage("client: {rate: 1, burst: 2, daily: 1}", LimitSupport.setup(model: nil))
        var reasons: [String] = []
        for number in 0..<3 {
            var exchange = LimitSupport.exchange(number, client: LimitSupport.client("a"), model: "")
            reasons.append(try await stage.admit(&exchange).refusal?.reason ?? "")
        }
        #expect(reasons == ["", "", "client_rate"], "rows of the day are rows of models")
    }

    @Test(arguments: [
        ("client: {burst: 5}", "a burst without a rate"), ("client: {rate: 0}", "expected a number"),
        ("tarpit: {longest: 2m}", "at most 60s"), ("clients: 3", "whole number"),
        ("client: {daily: 5}\nquota_store: /dev/null", "no plain file"), ("clint: {}", "did you mean 'client'"),
    ])
    func wrongSettingsAreRefused(yaml: String, message: String) {
        let error = #expect(throws: CasemateError.self) { _ = try LimitSupport.stage(yaml, LimitSupport.setup()) }
        #expect(error?.what.contains(message) ?? false, "\(error?.description ?? "")")
    }

    @Test func admissionIsFast() async throws {
        let stage = try LimitSupport.stage(
            "client: {rate: 1000000, burst: 1000000}\nserver: {rate: 1000000, burst: 1000000}",
            LimitSupport.setup(clock: SystemClock()))
        let clients = (0..<1_000).map { LimitSupport.client("client \($0)") }
        let exchanges = (0..<20_000).map { LimitSupport.exchange($0, client: clients[$0 % 1_000]) }
        var refused = 0
        let admitted = try await LimitSupport.nanoseconds(20_000) { number in
            var exchange = exchanges[number]
            if try await stage.admit(&exchange).refusal != nil { refused += 1 }
        }
        let finished = await LimitSupport.nanoseconds(20_000) { number in await stage.finish(exchanges[number]) }
        print("limits: admit \(Int(admitted)) ns, finish \(Int(finished)) ns")
        #expect(refused == 20_000 - 1_024, "the model's limit of requests at once")
        let whole = try await LimitSupport.nanoseconds(20_000) { number in
            var exchange = exchanges[number]
            _ = try await stage.admit(&exchange)
            await stage.finish(exchange)
        }
        print("limits: admit and finish \(Int(whole)) ns")
    }
}
