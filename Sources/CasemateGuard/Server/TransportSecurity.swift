import CasemateCore
import Foundation
import NIOSSL
import Synchronization

/// The certificates in force. New connections take the newest that could be used; those that are open keep theirs.
final class TransportSecurity: Sendable {
    private struct State {
        var encryption: ServerSettings.Encryption
        var context: NIOSSLContext
        var watch: FileWatch
    }
    private let state: Mutex<State>

    /// Reads the files.
    /// - Throws: `CasemateError` naming the file that cannot be used.
    init(_ encryption: ServerSettings.Encryption) throws {
        let watch = FileWatch(Self.files(encryption))
        state = Mutex(State(encryption: encryption, context: try Self.context(encryption), watch: watch))
    }

    /// What connections are encrypted with.
    var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reads the files again when they changed, or when other ones are named, or in any case if `always`.
    /// - Returns: whether new ones are in force.
    /// - Throws: `CasemateError` when they cannot be used; the old ones stay in force.
    func refresh(_ encryption: ServerSettings.Encryption, always: Bool = false) throws -> Bool {
        let isDue = state.withLock { state in
            let hasChanged = state.watch.hasChanged()
            let isOther = state.encryption != encryption
            if isOther { (state.encryption, state.watch) = (encryption, FileWatch(Self.files(encryption))) }
            return hasChanged || isOther || always
        }
        guard isDue else { return false }
        let context = try Self.context(encryption)
        state.withLock { $0.context = context }
        return true
    }

    private static func files(_ encryption: ServerSettings.Encryption) -> [String] {
        [encryption.certificate, encryption.key] + (encryption.clientAuthorities.map { [$0] } ?? [])
    }

    private static func context(_ encryption: ServerSettings.Encryption) throws -> NIOSSLContext {
        let chain = try certificates(encryption.certificate)
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(bytes: bytes(encryption.key), format: .pem) } catch let error as CasemateError {
            throw error
        } catch { throw unusable(encryption.key, "holds no private key in PEM form without a passphrase") }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = encryption.isNewestOnly ? .tlsv13 : .tlsv12
        configuration.applicationProtocols = ["h2", "http/1.1"]
        if let path = encryption.clientAuthorities, encryption.clients != .none {
            configuration.trustRoots = .certificates(try certificates(path))
            configuration.certificateVerification =
                encryption.clients == .optional ? .optionalVerification : .noHostnameVerification
            configuration.sendCANameList = true
        }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw unusable(encryption.key, "does not belong to the first certificate of '\(encryption.certificate)'")
        }
    }

    private static func certificates(_ path: String) throws -> [NIOSSLCertificate] {
        let found = try? NIOSSLCertificate.fromPEMBytes(bytes(path))
        guard let found, !found.isEmpty else { throw unusable(path, "holds no certificates in PEM form") }
        return found
    }

    private static func bytes(_ path: String) throws(CasemateError) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw CasemateError(.notFound, at: path, "cannot be read", help: "check the path and who may read it")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: (1 << 20) + 1), data.count <= 1 << 20 else {
            throw unusable(path, "is larger than 1 MiB")
        }
        return Array(data)
    }

    private static func unusable(_ path: String, _ what: String) -> CasemateError {
        CasemateError(
            .malformed, at: path, what, help: "give PEM files: the server's certificate first, then what signed it")
    }
}
