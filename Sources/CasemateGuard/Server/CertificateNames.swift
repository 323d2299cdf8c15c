import NIOSSL
import SwiftASN1
import X509

/// Who a client certificate speaks of.
enum CertificateNames {
    /// URIs, then DNS names of the subject's alternative names; never the common name. Empty where there are none; `nil`
    /// for a certificate that is not for clients. Sources: RFC 5280, sections 4.2.1.6 and 4.2.1.12; RFC 9525.
    static func of(_ certificate: NIOSSLCertificate) -> [String]? {
        guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes),
            let usage = try? parsed.extensions.extendedKeyUsage, usage.contains(.clientAuth)
        else { return nil }
        guard let names = try? parsed.extensions.subjectAlternativeNames else { return [] }
        var (addresses, hosts): ([String], [String]) = ([], [])
        for name in names.prefix(32) {
            switch name {
            case .uniformResourceIdentifier(let text) where isPrintable(text): addresses.append(text)
            case .dnsName(let text) where isPrintable(text): hosts.append(RequestCheck.lowercased(text))
            default: break
            }
        }
        return addresses + hosts
    }

    private static func isPrintable(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}
