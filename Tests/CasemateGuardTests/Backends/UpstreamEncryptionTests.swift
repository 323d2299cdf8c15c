import CasemateCore
import CasemateGuard
import CasemateModels
import Foundation
import TestSupport
import Testing
import X509

/// Models behind an encrypted address.
struct UpstreamEncryptionTests {
    /// Answers as a model's server does.
    private struct ModelFace: WireFace {
        static let identifier = "model"
        func route(_ head: WireHead) throws -> WireRoute? {
            WireRoute(access: .open) { _, _, _ in
                let text = head.path.hasSuffix("/infer") ? UpstreamFixtures.right : UpstreamFixtures.metadata
                return WireResponse(
                    status: 200, headers: [.init("content-type", "application/json")], body: Array(text.utf8))
            }
        }
    }

    /// Status and labels of a call, with the authorities of a file, by a name of the server.
    private func ask(host: String, isTrusted: Bool) async throws -> (status: Int, labels: [Int32]) {
        let authority = try TestAuthority()
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("casemate-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = try authority.issue([.dnsName("localhost")], for: .server)
        try files.key.write(toFile: folder + "/key.pem", atomically: true, encoding: .utf8)
        try files.certificate.write(toFile: folder + "/cert.pem", atomically: true, encoding: .utf8)
        let trusted = isTrusted ? authority : try TestAuthority()
        try trusted.pem.write(toFile: folder + "/ca.pem", atomically: true, encoding: .utf8)
        let fixture = try ServerFixture(
            """
            listen: 127.0.0.1:0
            server: {shutdown_delay: 1ms}
            tls: {certificate: cert.pem, key: key.pem}
            """, folder: folder, faces: [ModelFace()])
        return try await fixture.serve { port, _ in
            let backend = try await UpstreamFixtures.open(
                "https://\(host):\(port)", ["ca_file: \(folder)/ca.pem"])
            do {
                let answer = try await UpstreamFixtures.ask(backend)
                await backend.shutDown()
                return (200, answer.predictions?.labels ?? [])
            } catch let refusal as GuardRefusal {
                await backend.shutDown()
                return (refusal.kind.status, [])
            }
        }
    }

    @Test func aServerThatProvesWhoItIsIsAsked() async throws {
        let found = try await ask(host: "localhost", isTrusted: true)
        #expect(found.status == 200 && found.labels == [1])
    }

    @Test(arguments: [("localhost", false), ("127.0.0.1", true)])
    func aServerThatDoesNotIsNot(host: String, isTrusted: Bool) async throws {
        let found = try await ask(host: host, isTrusted: isTrusted)
        #expect((500...503).contains(found.status))
    }
}
