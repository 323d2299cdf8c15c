import CasemateCore
import CasemateGuard
import Logging
import Testing

@Suite struct CertificateAccessTests {
    private static let yaml = """
        certificates:
          - {name: "spiffe://corp/prod/billing", id: billing, models: [fraud], owner: finance, rate: 9}
          - {name: "spiffe://corp/prod/*", scopes: [infer]}
          - {name: "*.ops.example", scopes: [metrics]}
          - {name: "ops-*", id: ops, scopes: [metrics, admin]}
        """

    @Test(
        arguments: [
            (["spiffe://corp/prod/billing"], "cert:billing"), (["spiffe://corp/prod/x"], "cert:spiffe://corp/prod/x"),
            (["other", "spiffe://corp/prod/x"], "cert:spiffe://corp/prod/x"), (["OPS-1"], "cert:ops"),
            (["spiffe://corp/test/x"], nil), (["spiffe://corp/prod"], nil), (["SPIFFE://corp/prod/x"], nil),
            (["http://spiffe://corp/prod/x"], nil), (["xops-1"], nil), ([""], nil), (["ops-1\u{0}.evil"], nil),
            (["ops-\n"], nil), (["ops-" + String(repeating: "x", count: 2_000)], nil),
            (["ops-1://x"], nil),
        ] as [([String], String?)])
    func namesAreMatchedWholeOrByTheirBeginning(names: [String], expected: String?) async throws {
        let yaml = Self.yaml.split(separator: "\n").filter { !$0.contains("*.ops") }.joined(separator: "\n")
        let guarded = try AccessSupport.authenticator("anonymous: true\n" + yaml, LimitSupport.setup())
        let credentials = Credentials(certificateNames: names, address: "192.0.2.1")
        let client = try? await guarded.authenticate(credentials)
        #expect(client?.id == expected)
        if expected == "cert:billing" {
            #expect(client?.models == ["fraud"] && client?.owner == "finance" && client?.rate == 9)
            #expect(client?.method == .certificate && client?.scopes == [.infer, .metadata])
        }
    }

    @Test func certificatesNameNobodyWithoutRules() async throws {
        let guarded = try AccessSupport.authenticator("anonymous: true", LimitSupport.setup())
        let client = try await guarded.authenticate(Credentials(certificateNames: ["x"], address: "2001:db8::9"))
        #expect(client.id == "anonymous:2001:db8:0:0::/64" && client.method == .anonymous)
        #expect(client.scopes == [.infer, .metadata] && client.network == "2001:db8:0:0::/64")
    }

    @Test(arguments: [("{}", true), ("anonymous: false", true), ("anonymous: true", false), (rule, false)])
    func aGuardThatLetsNobodyInSaysSo(yaml: String, isSaid: Bool) throws {
        let lines = LogKeeper.Lines()
        let context = RunContext(logger: Logger(label: "test") { _ in LogKeeper(lines) })
        _ = try AccessSupport.authenticator(yaml, LimitSupport.setup(context: context))
        #expect(lines.all.contains("nobody can get in") == isSaid, "\(lines.all)")
    }
    private static let rule = "certificates: [{name: a.example}]"

    @Test func starsStandAtTheEndAlone() {
        let error = #expect(throws: CasemateError.self) {
            try AccessSupport.authenticator(Self.yaml, LimitSupport.setup())
        }
        #expect(error?.code == .invalidSetting && error?.place.contains("guard.yaml:4") ?? false)
    }
}
