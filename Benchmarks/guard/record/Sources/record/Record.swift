import CasemateCore
import CasemateGuard
import Foundation

/// `record speed FOLDER`: appends a second and their times. `record fill LOG TASKS`: appends until it is killed, and prints
/// the identifier of each record that was kept, behind the moment at which the log says so. `record full LOG`: appends two
/// hundred records a second and prints of each whether it was kept. `record verify LOG`: how fast a log is read.
@main struct Record {
    static func main() async throws {
        let arguments = CommandLine.arguments
        switch (arguments.dropFirst().first, arguments.count) {
        case ("speed", 3): try await speed(arguments[2])
        case ("fill", 4): try await fill(arguments[2], tasks: Int(arguments[3]) ?? 16)
        case ("full", 3): try await full(arguments[2])
        case ("verify", 3): try verify(arguments[2])
        default:
            FileHandle.standardError.write(Data("record speed FOLDER | fill LOG TASKS | full LOG | verify LOG\n".utf8))
        }
    }

    static func log(_ path: String, _ durability: String) throws -> AuditLog {
        let yaml = "path: \(path)\ndurability: \(durability)\n"
        let settings = try SettingChecker.read(yaml, file: "guard.yaml", keys: AuditLog.keys)
        let setup = StageSetup(
            model: nil, folder: "", clock: SystemClock(), memory: GuardMemory(), metrics: MetricsRegistry(),
            secret: GuardSecret(Data(repeating: 7, count: 32)),
            openBackend: { path, _ in throw CasemateError(.unsupported, at: path, "no models here", help: "") },
            context: RunContext())
        return try AuditLog(settings, setup: setup)
    }

    static func event(_ id: String) -> DecisionEvent {
        let refusal = GuardRefusal(.limited, "too many", reason: "rate")
        return DecisionEvent(
            id: id, time: Date(), trace: "4bf92f3577b34da6a3ce929d0e0e4736",
            client: ClientIdentity(id: "key-\(id.suffix(2))", method: .apiKey, owner: "team", network: "192.0.2.0/24"),
            face: "open_inference", model: "iris", version: "1", modelHash: String(repeating: "a", count: 64),
            policy: String(repeating: "b", count: 64), rows: 1, inputHash: String(repeating: "c", count: 64),
            labels: [2],
            verdicts: [
                .init(stage: "pattern", verdict: .init(.flag, score: 0.125, reasons: ["low_margin"]), isEnforced: true),
                .init(stage: "rate", verdict: .init(.refuse(refusal), reasons: ["rate"]), isEnforced: false),
            ], outcome: .answered, status: 200, reason: "", nanoseconds: 812_345, modelNanoseconds: 412_000,
            isHeld: false)
    }

    static func identifier(_ number: Int) -> String {
        let digits = String(UInt64(number) &* 0x9E37_79B9_7F4A_7C15, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func speed(_ folder: String) async throws {
        for durability in ["os", "disk"] {
            for tasks in [1, 16, 256] {
                let path = "\(folder)/speed-\(durability)-\(tasks).sqlite"
                let log = try log(path, durability)
                let count = durability == "os" ? 40_000 : 5_000
                let clock = ContinuousClock(), start = clock.now
                let times = try await withThrowingTaskGroup(of: [Double].self) { group in
                    for task in 0..<tasks {
                        group.addTask {
                            var times: [Double] = []
                            for number in 0..<count / tasks {
                                // why before the measure: in the guard the event is there anyway.
                                let event = event(identifier(number * tasks + task))
                                let begin = clock.now
                                try await log.append(event)
                                let taken = (clock.now - begin).components
                                times.append(Double(taken.attoseconds) / 1e12 + Double(taken.seconds) * 1e6)
                            }
                            return times
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }.sorted()
                }
                let spent = clock.now - start
                let seconds = Double(spent.components.seconds) + Double(spent.components.attoseconds) / 1e18
                await log.close()
                func at(_ share: Double) -> String { String(Int(times[Int(Double(times.count - 1) * share)])) }
                let rate = Int(Double(times.count) / seconds)
                print(
                    "\(durability), \(tasks) at a time: \(rate) records/s, p50 \(at(0.5)) µs, p99 \(at(0.99)) µs, "
                        + "p99.9 \(at(0.999)) µs, longest \(at(1)) µs")
            }
        }
        let paced = try log("\(folder)/speed-paced.sqlite", "os")
        var times: [Double] = []
        let clock = ContinuousClock()
        for number in 0..<2_000 {
            try await Task.sleep(for: .milliseconds(1))
            let event = event(identifier(number))
            let begin = clock.now
            try await paced.append(event)
            times.append(Double((clock.now - begin).components.attoseconds) / 1e12)
        }
        await paced.close()
        times.sort()
        print("os, one each millisecond: p50 \(Int(times[1_000])) µs, p99 \(Int(times[1_980])) µs")
    }

    static func full(_ path: String) async throws {
        let log = try log(path, "os")
        for number in 0..<100_000 {
            var line = "kept \(identifier(number))"
            do { try await log.append(event(identifier(number))) } catch let refusal as GuardRefusal {
                line = "refused \(refusal.kind.status) \(refusal.reason)"
            }
            FileHandle.standardOutput.write(Data((line + " \(log.isWriting)\n").utf8))
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    static func verify(_ path: String) throws {
        let start = ContinuousClock.now
        let count = try AuditReader(path).each { _ in }
        print("\(count) records read in \(ContinuousClock.now - start)")
    }

    static func fill(_ path: String, tasks: Int) async throws {
        let log = try log(path, "os")
        let start = UInt64(Date().timeIntervalSince1970 * 1e6)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var number: UInt64 = 0
                    while true {
                        number += 1
                        let id = String(start &* 1_000_003 &+ UInt64(task) << 40 &+ number, radix: 16)
                        guard (try? await log.append(event(id))) != nil else { continue }
                        FileHandle.standardOutput.write(Data((id + "\n").utf8))
                    }
                }
            }
        }
    }
}
