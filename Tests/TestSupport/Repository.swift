public import CasemateCore
public import Foundation

/// Places in the repository that tests read, and the engines that `make setup` fetched.
public enum Repository {
    /// The root of the checkout.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// A path below the root.
    public static func path(_ relative: String) -> String { root.appendingPathComponent(relative).path }
    /// A file in `Tests/Fixtures`.
    public static func fixture(_ name: String) throws -> Data {
        try Data(contentsOf: root.appendingPathComponent("Tests/Fixtures/\(name)"))
    }
    /// Engines as a user of this checkout has them.
    public static let engines = EngineSearch(
        environment: ProcessInfo.processInfo.environment, enginesFolders: [path(".engines")])
    /// The folder of larger data sets, where `CASEMATE_SHARED` names one; tests that need it are skipped without.
    public static let shared = ProcessInfo.processInfo.environment["CASEMATE_SHARED"].flatMap { $0.isEmpty ? nil : $0 }

    /// Runs `body` with a new folder that is removed afterwards.
    public static func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder.path)
    }
}
