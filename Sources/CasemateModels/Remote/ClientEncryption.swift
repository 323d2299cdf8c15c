package import CasemateCore
package import NIOSSL

/// Encryption of connections to a model's server.
package enum ClientEncryption {
    /// TLS 1.2 or newer, trusting the certificates of a PEM file, or those of the system where none is named.
    /// - Throws: `invalidSetting` for a file that holds no certificates.
    package static func configuration(authorities: String?) throws(CasemateError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        guard let authorities else { return configuration }
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(authorities)
            guard !certificates.isEmpty else { throw NIOSSLError.failedToLoadCertificate }
            configuration.trustRoots = .certificates(certificates)
        } catch {
            throw CasemateError(
                .invalidSetting, at: authorities, "holds no certificates in PEM form",
                help: "name the file of the authority that signed the server's certificate")
        }
        return configuration
    }
}
