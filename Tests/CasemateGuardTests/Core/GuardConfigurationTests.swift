import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

@Suite struct GuardConfigurationTests {
    private func failure(_ text: String) -> CasemateError? {
        do {
            _ = try GuardConfiguration(text, path: "folder/guard.yaml")
            return nil
        } catch { return error }
    }

    @Test func theSmallestFileIsEnough() throws {
        let text = """
            listen: 127.0.0.1:0
            models: [{name: credit, path: m.onnx}]
            auth: {anonymous: true}
            audit_log: audit.sqlite
            """
        let configuration = try GuardConfiguration(text, path: "folder/guard.yaml")
        #expect(configuration.folder == "folder")
        #expect(configuration.models.map(\.name) == ["credit"] && configuration.models[0].version == "1")
        #expect(configuration.policy.count == 64)
        #expect(try GuardConfiguration(text + "\n", path: "folder/guard.yaml").policy != configuration.policy)
    }

    @Test func mistakesNameTheirPlace() throws {
        let both = failure("models: [{name: a, path: m.onnx, upstream: 'http://x'}]\naudit_log: a.sqlite")
        #expect(both?.code == .invalidSetting && both?.place == "folder/guard.yaml:1:10")
        #expect(failure("models: [{name: a}]\naudit_log: a.sqlite")?.code == .invalidSetting)
        #expect(failure("models: [{name: a/b, path: m}]\naudit_log: a.sqlite")?.code == .invalidSetting)
        #expect(
            failure("models: [{name: a, path: m}, {name: a, path: n}]\naudit_log: a.sqlite")?.what.contains("twice")
                == true)
        #expect(failure("models: [{name: a, path: m}]")?.what == "lacks the key 'audit_log'")
        #expect(failure("")?.help == "see docs/reference/guard-yaml.md")
        #expect(failure("version: 2\naudit_log: a")?.help == "see docs/reference/guard-yaml.md")
        #expect(failure("modles: [{name: a, path: m}]\naudit_log: a.sqlite")?.code == .unknownKey)
        #expect(failure("models: [{name: a, path: m}]\naudit_log: a.sqlite\nstages: {limit: off}")?.code == .unknownKey)
    }
    @Test func filesThatCannotBeReadSayWhy() throws {
        func failure(_ path: String) -> CasemateError? {
            do { _ = try GuardConfiguration(contentsOf: path) } catch { return error }
            return nil
        }
        try Repository.withTemporaryFolder { folder in
            let (missing, there) = (failure(folder + "/none.yaml"), failure(folder))
            #expect(missing?.code == .notFound && missing?.what == "there is no such file")
            #expect(there?.code == .unreadable && there?.what == "is a folder")
            // The secret would be made in the folder of the log first, and be what is said to be missing.
            let path = folder + "/guard.yaml"
            let text = "models: [{name: a, path: m.onnx}]\naudit_log: state/audit.sqlite\n"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let log = failure(path)
            #expect(log?.code == .notFound && log?.place == "\(path):2:12", "\(log?.description ?? "none")")
            #expect(log?.what.contains("\(folder)/state") == true && log?.help.hasPrefix("make it") == true)
            try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: false)
            #expect(failure(path) == nil)
        }
    }
}
