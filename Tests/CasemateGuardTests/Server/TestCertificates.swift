import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// Certificates made for a test: an authority, and what it signs.
struct TestAuthority {
    let certificate: Certificate
    private let key = P256.Signing.PrivateKey()

    init(_ name: String = "test authority") throws {
        let key = Certificate.PrivateKey(key)
        let subject = try DistinguishedName { CommonName(name) }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey, notValidBefore: Date() - 3_600,
            notValidAfter: Date() + 3_600, issuer: subject, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true))
            }, issuerPrivateKey: key)
    }
    var pem: String { get throws { try certificate.serializeAsPEM().pemString } }

    /// What a certificate is to be good for.
    enum Purpose { case server, client, none }

    /// A certificate and its key, PEM.
    func issue(
        _ names: [GeneralName], for purpose: Purpose, common: String = "somebody", validFor seconds: Double = 3_600
    ) throws -> (certificate: String, key: String) {
        let own = P256.Signing.PrivateKey()
        let issued = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: Certificate.PrivateKey(own).publicKey,
            notValidBefore: Date() - 7_200, notValidAfter: Date() + seconds, issuer: certificate.subject,
            subject: try DistinguishedName { CommonName(common) }, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                if !names.isEmpty { SubjectAlternativeNames(names) }
                if purpose == .server { try ExtendedKeyUsage([.serverAuth]) }
                if purpose == .client { try ExtendedKeyUsage([.clientAuth]) }
            }, issuerPrivateKey: Certificate.PrivateKey(key))
        return (try issued.serializeAsPEM().pemString, own.pemRepresentation)
    }
}
