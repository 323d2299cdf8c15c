import CasemateCore
import CasemateGuard
import Foundation
import TestSupport
import Testing

/// `serve --check`: everything is opened, nothing is written.
struct GuardCheckTests {
    @Test func aCheckWritesNothingAndMayRunBesideAGuard() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = Repository.path("Examples/mortgage/gbm.onnx")
        try """
        models: [{name: credit, path: \(model)}]
        auth: {anonymous: true}
        stages: {limits: {client: {daily: 10}, quota_store: quotas.sqlite}, watermark: enforce}
        audit_log: audit.sqlite
        """.write(toFile: folder + "/guard.yaml", atomically: true, encoding: .utf8)
        func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
        func check() async throws {
            let loader = GuardLoader(opener: BackendOpener(search: Repository.engines), isCheck: true)
            let service = try await GuardService(configuration: folder + "/guard.yaml", loader: loader)
            #expect(service.summary.first?.hasPrefix("model credit") == true)
            await service.close()
        }
        try await check()
        #expect(try files() == ["guard.yaml"])
        let loader = GuardLoader(opener: BackendOpener(search: Repository.engines))
        let service = try await GuardService(configuration: folder + "/guard.yaml", loader: loader)
        let there = try files()
        #expect(there.contains("audit.sqlite") && there.contains("quotas.sqlite"))
        let records = try AuditReader(folder + "/audit.sqlite").recent(limit: 9).count
        try await check()
        #expect(try AuditReader(folder + "/audit.sqlite").recent(limit: 9).count == records && (try files()) == there)
        await service.close()
        try "no log".write(toFile: folder + "/audit.sqlite", atomically: false, encoding: .utf8)
        await #expect(throws: CasemateError.self) { try await check() }
    }
}
