import CasemateCore
import CasemateGuard
import Foundation
import Synchronization
import TestSupport
import Testing

/// A process that is killed while it writes: every record that was acknowledged is there, none twice, the chain is whole.
@Suite(.serialized) struct AuditKillTests {
    @Test(arguments: [40, 333, 1_001])
    func whatWasAcknowledgedIsInTheLog(count: Int) async throws {
        let rig = try AuditRig()
        let folder = rig.folder
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String, count = count as Int] in
            try await AuditKillTests.write(folder, until: count)
        }
        let acknowledged = try String(contentsOfFile: folder + "/kept", encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        #expect(acknowledged.count >= count)
        let again = try rig.log()
        try await again.append(rig.event(9_999_999))
        await again.close()
        let rows = try AuditReader(rig.path).recent(limit: 1_000_000)
        let ids = rows.filter { $0.kind == "decision" }.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(Set(acknowledged).isSubset(of: Set(ids)))
        // Not more than the callers could have had under way.
        #expect(ids.count <= acknowledged.count + 8 + 1)
        #expect(rows.first { $0.kind == "opened" }?.record.contains("\"clean\":false") == true)
        let found = try rig.verify()
        #expect(found.isWhole, "\(found.problems)")
    }

    /// Appends from eight tasks and writes down what was acknowledged, until the process kills itself in the midst.
    static func write(_ folder: String, until count: Int) async throws {
        let rig = try AuditRig(folder: folder)
        let log = try rig.log()
        let descriptor = open(folder + "/kept", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let kept = AuditTally()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<1_000_000 {
                        let event = rig.event(task * 1_000_000 + number)
                        guard (try? await log.append(event)) != nil else { continue }
                        let line = Array((event.id + "\n").utf8)
                        _ = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
                        if kept.next() >= count { kill(getpid(), SIGKILL) }
                    }
                }
            }
        }
    }
}

/// Counts from several tasks.
private final class AuditTally: Sendable {
    private let count = Atomic(0)
    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
