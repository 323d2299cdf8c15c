import CasemateCore
import CasemateGuard
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
        #expect(failure("models: [{name: a, path: m}]")?.what.contains("audit_log") == true)
        #expect(failure("modles: [{name: a, path: m}]\naudit_log: a.sqlite")?.code == .unknownKey)
        #expect(failure("models: [{name: a, path: m}]\naudit_log: a.sqlite\nstages: {limit: off}")?.code == .unknownKey)
    }
}
