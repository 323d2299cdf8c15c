import CasemateCore
import Foundation

/// An address taken apart: where requests go, and what it says about protocol and model.
struct RemoteAddress: Hashable, Sendable {
    /// Scheme, host, port and the path before the protocol's own, without a slash at its end.
    let base: String
    /// The query, with its question mark; empty without one. It may hold secrets and is never shown.
    let query: String
    /// What the path says.
    let dialect: RemoteOptions.Dialect
    let model: String?
    let version: String?
    let isEncrypted: Bool
    /// Whether nothing leaves the machine.
    let isLoopback: Bool

    /// Takes an address apart.
    /// - Throws: `invalidSetting` for anything but a plain HTTP(S) address.
    init(_ text: String) throws(CasemateError) {
        guard text.utf8.count <= 4_096, !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }),
            let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.percentEncodedHost, !host.isEmpty
        else { throw Self.invalid("is no address", "write it as http://127.0.0.1:8080 or https://models.example") }
        guard scheme == "http" || scheme == "https" else {
            throw Self.invalid("has the scheme '\(OnnxLook.printable(scheme))'", "only http and https are served")
        }
        guard parts.user == nil, parts.password == nil else {
            throw Self.invalid(
                "holds a user or password", "name an environment variable with `key_variable` or `bearer_variable`")
        }
        if let port = parts.port, !(1...65_535).contains(port) {
            throw Self.invalid("has the port \(port)", "ports are 1 to 65535")
        }
        let root = "\(scheme)://\(host)" + (parts.port.map { ":\($0)" } ?? "")
        let path = Path(parts.percentEncodedPath)
        base = root + path.prefix
        (dialect, model, version) = (path.dialect, path.model, path.version)
        query = parts.percentEncodedQuery.map { "?" + $0 } ?? ""
        isEncrypted = scheme == "https"
        let name = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        isLoopback = name == "localhost" || name == "::1" || Self.isLoopback(name)
    }

    /// What a path says, by the forms that both protocols fix.
    private struct Path {
        var prefix = "", dialect = RemoteOptions.Dialect.auto, model: String?, version: String?

        init(_ path: String) {
            var parts = path.split(separator: "/").map { String($0) }
            if parts.last == "invocations" {
                parts.removeLast()
                dialect = .mlflow
            } else if let start = parts.lastIndex(of: "v2") {
                let rest = Array(parts[(start + 1)...])
                if rest.isEmpty || rest.first == "models" || rest.first == "health" {
                    dialect = .openInference
                    if rest.count >= 2, rest[0] == "models" { model = rest[1].removingPercentEncoding }
                    if rest.count >= 4, rest[2] == "versions" { version = rest[3].removingPercentEncoding }
                    parts = Array(parts[..<start])
                }
            }
            prefix = parts.map { "/" + $0 }.joined()
        }
    }

    private static func isLoopback(_ name: String) -> Bool {
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return numbers.count == 4 && numbers[0] == 127 && numbers.allSatisfy { $0 != nil }
    }

    private static func invalid(_ what: String, _ help: String) -> CasemateError {
        CasemateError(.invalidSetting, at: "model.endpoint.url", what, help: help)
    }

    /// The address of a path of the protocol, with the query.
    func url(_ path: String) -> String { base + path + query }

    /// A model's or version's name as one step of a path.
    static func step(_ name: String) -> String {
        var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "\u{21}"..."\u{7E}"))
        allowed.insert(charactersIn: "-._~")
        return name.addingPercentEncoding(withAllowedCharacters: allowed) ?? "_"
    }
}
