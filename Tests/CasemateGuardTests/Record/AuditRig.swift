import CasemateCore
import CasemateGuard
import Foundation
import Synchronization
import TestSupport

/// A guard's surroundings for tests of the log: a folder of its own, a clock that stands, memory, metrics.
final class AuditRig: Sendable {
    let folder: String
    let clock = ManualClock(wall: Date(timeIntervalSince1970: 1_700_000_000))
    let memory: GuardMemory
    let metrics = MetricsRegistry()
    static let secret = GuardSecret(Data(0..<32))

    init(folder: String? = nil, memory: GuardMemory = GuardMemory()) throws {
        self.folder =
            folder
            ?? FileManager.default.temporaryDirectory
            .appendingPathComponent("casemate-audit-\(UUID().uuidString)").path
        self.memory = memory
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var path: String { folder + "/audit.sqlite" }
    var setup: StageSetup {
        StageSetup(
            model: nil, folder: folder, clock: clock, memory: memory, metrics: metrics, secret: Self.secret,
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "no models here", help: "") },
            context: RunContext())
    }
    /// Opens the log with further lines of settings.
    func log(_ settings: String = "", path: String = "audit.sqlite") throws -> AuditLog {
        let node = try SettingChecker.read("path: \(path)\n\(settings)", file: "guard.yaml", keys: AuditLog.keys)
        return try AuditLog(node, setup: setup, retry: 0.01)
    }
    func verify(_ change: (inout AuditVerifier.Expectations) -> Void = { _ in }) throws -> AuditVerification {
        var expectations = AuditVerifier.Expectations()
        change(&expectations)
        return try AuditVerifier.verify(path, expectations)
    }
    /// The value of a line of the metrics.
    func metric(_ name: String) -> String {
        metrics.exposition().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            .map { String($0.dropFirst(name.count + 1)) } ?? ""
    }
    /// Waits for something that another thread does, ten seconds at most; whether it came about.
    func comes(_ condition: () async throws -> Bool) async rethrows -> Bool {
        for _ in 0..<1_000 {
            if try await condition() { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    static func identifier(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
    /// A decision; every third is refused.
    func event(_ number: Int, client: String = "key-1", isHeld: Bool = false) -> DecisionEvent {
        let isRefused = number % 3 == 2
        return DecisionEvent(
            id: Self.identifier(number), time: clock.wall, trace: "4bf92f3577b34da6a3ce929d0e0e4736",
            client: ClientIdentity(id: client, method: .apiKey, owner: "team é", network: "192.0.2.0/24"),
            face: "open_inference", model: "iris", version: "1", modelHash: String(repeating: "a", count: 64),
            policy: String(repeating: "b", count: 64), rows: 1, inputHash: String(repeating: "c", count: 64),
            labels: [2],
            verdicts: isRefused
                ? [
                    .init(
                        stage: "rate", verdict: .init(.refuse(.overloaded), score: 2, reasons: ["rate"]),
                        isEnforced: true)
                ]
                : isHeld
                    ? [
                        .init(
                            stage: "anomaly", verdict: .init(.hold, score: 0.5, reasons: ["range:age"]),
                            isEnforced: true)
                    ]
                    : [], outcome: isRefused ? .refused : .answered, status: isRefused ? 429 : 200,
            reason: isRefused ? "rate" : "", nanoseconds: 812_345, modelNanoseconds: 412_000, isHeld: isHeld)
    }
    /// Makes a log of `count` decisions and closes it.
    func written(_ count: Int, _ settings: String = "") async throws {
        let log = try log(settings)
        for number in 0..<count { try await log.append(event(number)) }
        await log.close()
    }
}
