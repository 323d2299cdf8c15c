import CasemateCore
import Foundation

/// Stands for the log while a configuration is only checked: looks whether it could be written, and writes nothing, so that
/// a guard may be at work on the same file.
struct AuditCheck: DecisionLog {
    /// Looks at the file, its folder and where heads go.
    /// - Throws: `CasemateError` for what the log itself would be refused for, but for a broken chain.
    init(_ settings: SettingNode, setup: StageSetup) throws {
        let read = try AuditSettings(settings, setup: setup)
        for path in [read.path, read.headExport].compactMap({ $0 }) { try Self.look(path) }
        if FileFacts(path: read.path) != nil { _ = try AuditReader(read.path) }
    }

    private static func look(_ path: String) throws(CasemateError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let isThere = FileFacts(path: path) != nil
        guard FileManager.default.isWritableFile(atPath: isThere ? path : folder) else {
            throw CasemateError(
                .unwritable, at: path, isThere ? "cannot be written" : "its folder is not there or cannot be written",
                help: "make the folder, and give the guard the right to write there")
        }
    }

    var isWriting: Bool { true }
    func append(_ event: DecisionEvent) async throws {}
    func noteClearing(of client: String, standing: ClientStanding?, who: String) throws {}
    func close() async {}
}
