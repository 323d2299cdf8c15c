import CasemateCore
import CasemateGuard
import Foundation
import Synchronization
import Testing

/// How a server begins and ends.
struct ServerShutdownTests {
    @Test func readinessGoesFirstAndWorkIsDone() async throws {
        let fixture = try ServerFixture(
            "listen: 127.0.0.1:0\nserver: {shutdown_delay: 250ms, shutdown_grace: 3s, header_timeout: 1s}")
        let get = "HTTP/1.1\r\nHost: a\r\n\r\n"
        let (before, after, slow, idle) = try await fixture.serve { port, server in
            async let slow = offThread {
                let client = RawClient(port: port)
                client.send("GET /health \(get)")
                _ = client.receive { $0.has("ok") }
                usleep(120_000)
                // This one is on its way when the server stops listening.
                client.send("GET /slow \(get)")
                return client.receive()
            }
            async let idle = offThread {
                let client = RawClient(port: port)
                client.send("GET /health \(get)")
                return client.receive()
            }
            let before = await RawClient.ask(port, "GET /health HTTP/1.0\r\n\r\n")
            server.stop()
            var after = before
            for _ in 0..<20 where after.statuses != [503] {
                after = await RawClient.ask(port, "GET /health HTTP/1.0\r\n\r\n")
            }
            return (before, after, await slow, await idle)
        }
        #expect(before.statuses == [200] && after.statuses == [503])
        #expect(slow.text.hasSuffix("late") && slow.has("connection: close") && slow.isClosed)
        #expect(idle.statuses == [200] && idle.isClosed && idle.seconds < 9)
    }

    @Test func whatTakesLongerThanTheGraceIsCutOff() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {shutdown_delay: 1ms, shutdown_grace: 50ms}")
        let reply = try await fixture.serve { port, server in
            let client = Task {
                await offThread {
                    let client = RawClient(port: port)
                    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
                    return client.receive()
                }
            }
            try await Task.sleep(for: .milliseconds(100))
            server.stop()
            return await client.value
        }
        #expect(reply.isClosed && !reply.statuses.contains(200))
    }

    @Test func anAddressInUseIsSaid() async throws {
        let fixture = try ServerFixture("listen: 127.0.0.1:0\nserver: {shutdown_delay: 1ms}")
        let error = try await fixture.serve { port, _ in
            let second = try ServerFixture("listen: 127.0.0.1:\(port)")
            return await #expect(throws: CasemateError.self) { try await second.serve { _, _ in } }
        }
        #expect(error?.place.hasPrefix("127.0.0.1:") == true && error?.what.contains("address already in use") == true)
    }

    @Test func aReloadIsTakenOrRefusedAndTheOldOneServesOn() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (path, model) = ("\(folder)/guard.yaml", "\(folder)/m.onnx")
        func text(_ body: Int) -> String {
            "models: [{name: m, path: m.onnx}]\naudit_log: a.sqlite\nserver: {max_body: \(body)}\n"
        }
        try text(2_000).write(toFile: path, atomically: true, encoding: .utf8)
        try "one".write(toFile: model, atomically: true, encoding: .utf8)
        let (memory, metrics, lines) = (GuardMemory(), MetricsRegistry(), LineLog())
        let first = try ServerFixture.generation(GuardConfiguration(contentsOf: path), memory: memory, metrics: metrics)
        let edge = GuardEdge(first, faces: [], logger: lines.logger)
        let loads = Mutex(0)
        let reloader = GuardReloader(edge: edge, logger: lines.logger) { configuration in
            loads.withLock { $0 += 1 }
            guard try String(contentsOfFile: model, encoding: .utf8) != "broken" else {
                throw CasemateError(.malformed, at: model, "is no model", help: "")
            }
            return try ServerFixture.generation(configuration, memory: memory, metrics: metrics)
        }
        func count(_ result: String) -> Double {
            metrics.counter(
                "casemate_reloads_total", "Configurations that were loaded while running.", [("result", result)]
            ).value
        }
        // A change counts at the second look, when the file stands still.
        func look() async { for _ in 0..<2 { await reloader.look() } }
        await look()
        #expect(loads.withLock { $0 } == 0)
        try text(3_000).write(toFile: path, atomically: true, encoding: .utf8)
        await reloader.look()
        #expect(edge.generation.server.maximumBody == 2_000)
        await reloader.look()
        #expect(edge.generation.server.maximumBody == 3_000 && count("loaded") == 1)
        for broken in ["models: [", "", text(1)] {
            try broken.write(toFile: path, atomically: true, encoding: .utf8)
            await look()
        }
        try FileManager.default.removeItem(atPath: path)
        await look()
        await look()
        #expect(edge.generation.server.maximumBody == 3_000 && count("refused") == 4)
        try text(4_000).write(toFile: path, atomically: true, encoding: .utf8)
        await look()
        #expect(edge.generation.server.maximumBody == 4_000 && count("loaded") == 2)
        try "broken".write(toFile: model, atomically: true, encoding: .utf8)
        await look()
        #expect(count("refused") == 5 && lines.lines.last?.contains("is no model") == true)
        try "two".write(toFile: model, atomically: true, encoding: .utf8)
        await look()
        #expect(count("loaded") == 3 && loads.withLock { $0 } == 4)
        // The same bytes written again are no change.
        try "two".write(toFile: model, atomically: true, encoding: .utf8)
        await look()
        #expect(loads.withLock { $0 } == 4)
        #expect(await reloader.reload() && count("loaded") == 4)
        await reloader.settle()
    }

    /// Files that the guard writes itself are no change; a profile that was made anew is.
    @Test func profilesAreWatchedAndOwnFilesAreNot() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder + "/profile", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ text: String, _ name: String) throws {
            try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        try write(
            """
            models: [{name: m, path: m.onnx}]
            stages: {limits: {quota_store: quotas.sqlite}, validation: {profile: profile}}
            audit_log: a.sqlite
            """, "guard.yaml")
        for name in ["m.onnx", "quotas.sqlite", "profile/profile.json"] { try write("one", name) }
        let (memory, metrics, lines) = (GuardMemory(), MetricsRegistry(), LineLog())
        let first = try ServerFixture.generation(
            GuardConfiguration(contentsOf: folder + "/guard.yaml"), memory: memory, metrics: metrics)
        let edge = GuardEdge(first, faces: [], logger: lines.logger)
        let loads = Mutex(0)
        let reloader = GuardReloader(edge: edge, logger: lines.logger) { configuration in
            loads.withLock { $0 += 1 }
            return try ServerFixture.generation(configuration, memory: memory, metrics: metrics)
        }
        func look() async { for _ in 0..<2 { await reloader.look() } }
        await look()
        try write("two", "quotas.sqlite")
        await look()
        #expect(loads.withLock { $0 } == 0)
        try write("two", "profile/profile.json")
        await look()
        #expect(loads.withLock { $0 } == 1)
        await reloader.settle()
    }
}
