import AsyncHTTPClient
public import CasemateCore
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL

extension CasemateError.Code {
    /// An endpoint that cannot be reached, or that fails however often it is asked.
    public static let endpointFailed = CasemateError.Code(rawValue: "endpoint-failed")
    /// An endpoint that answers something other than its protocol promises.
    public static let endpointLies = CasemateError.Code(rawValue: "endpoint-lies")
    /// The budget of rows for an endpoint is spent: what was found by then stands, the rest was not asked.
    public static let queriesSpent = CasemateError.Code(rawValue: "queries-spent")
}

/// Words for what goes wrong with an endpoint. Nothing that a server echoes gets out unmasked: it may be a data row or
/// the secret.
struct RemoteFailure: Sendable {
    let address: RemoteAddress
    /// What must never be shown: the secret, and values of headers, which may be some too.
    private let secrets: [String]

    init(_ address: RemoteAddress, _ options: RemoteOptions) {
        self.address = address
        secrets = [options.credential?.secret].compactMap { $0 } + options.headers.values.filter { $0.count > 3 }
    }

    private func place(_ path: String, _ number: Int?) -> String {
        address.base + path + (number.map { ": request \($0)" } ?? "")
    }

    /// A response that is not what was promised.
    func lie(_ lie: RemoteLie, _ path: String, request number: Int?) -> CasemateError {
        CasemateError(
            .endpointLies, at: place(path, number), lie.what,
            help: "the endpoint does not keep to its protocol: mend it, or check `protocol` and the address")
    }

    /// A response with a status that ends the matter.
    func refused(
        _ response: RemoteClient.Response, _ path: String, request number: Int?, hiding texts: [String], tries: Int = 1
    ) -> CasemateError {
        let status = response.status
        if (300..<400).contains(status) {
            let target = response.headers.first(name: "location").flatMap { URLComponents(string: $0) }
            let host = target?.host.map { " to '\(OnnxLook.printable($0))'" } ?? ""
            return CasemateError(
                .endpointLies, at: place(path, number),
                "expected an answer, got a redirect\(host) (status \(status)), which is not followed",
                help: "rows and keys go only where the configuration says: name the final address")
        }
        var what = "status \(status)"
        if tries > 1 { what += " after \(tries) tries" }
        if response.isPage {
            what += ", an HTML page"
        } else if let message = message(response, hiding: texts) {
            what += ": \(message)"
        }
        let help =
            switch status {
            case 401, 403: "give the key or token with `key_variable` or `bearer_variable`, and check its rights"
            case 404: "check the address, the name of the model and its version"
            case 413: "ask for fewer rows a request with `batch`"
            case 429: "ask more slowly with `rate` or `rows_rate`, or later"
            case 400, 415, 422: "check `model.features`, `model.layout` and `protocol` against what the endpoint takes"
            default: "look into the server's log"
            }
        return CasemateError(.endpointFailed, at: place(path, number), what, help: help)
    }

    /// A server that asks for more patience than there is.
    func tooLong(_ seconds: Double, _ path: String, request number: Int, most: Double) -> CasemateError {
        CasemateError(
            .endpointFailed, at: place(path, number),
            "the server asks to wait \(Int(min(seconds, 1e9).rounded(.up))) s, more than the \(Int(most)) s that are waited",
            help: "run it again then: what has been answered is kept")
    }

    /// The budget of rows is spent.
    func spent(_ queries: Int, _ path: String) -> CasemateError {
        CasemateError(
            .queriesSpent, at: place(path, nil), "the budget of \(queries) rows for the endpoint is spent",
            help: "raise `queries`; answers are kept and not asked again")
    }

    /// A request without a response.
    func broken(_ error: any Error, _ path: String, request number: Int?, tries: Int, timeout: Double) -> CasemateError
    {
        if error is ResponseAccumulator.ResponseTooBigError {
            return lie(RemoteLie("the response is larger than is read"), path, request: number)
        }
        let cause = Self.cause(error, timeout: timeout)
        return CasemateError(
            .endpointFailed, at: place(path, number),
            "expected an answer, \(cause.what)" + (tries > 1 ? ", \(tries) times" : ""), help: cause.help)
    }

    /// Whether trying again may help.
    static func isPassing(_ error: any Error) -> Bool {
        if error is ResponseAccumulator.ResponseTooBigError || error is NIOSSLError { return false }
        if let error = error as? NIOSSLExtraError { return error != .failedToValidateHostname }
        return true
    }
    /// Whether the time was up.
    static func isTimeout(_ error: any Error) -> Bool {
        guard let error = error as? HTTPClientError else { return false }
        return [.deadlineExceeded, .readTimeout, .connectTimeout, .writeTimeout, .tlsHandshakeTimeout].contains(error)
    }

    private static func cause(_ error: any Error, timeout: Double) -> (what: String, help: String) {
        if isTimeout(error) {
            return (
                "none came in \(timeout) s",
                "raise `timeout`, ask fewer rows at a time with `batch`, or mend the server"
            )
        }
        if error is NIOSSLError || error is NIOSSLExtraError {
            return (
                "the server's certificate was not accepted or it does not speak TLS",
                "name the file of its authority with `ca_file`, and check the host name"
            )
        }
        let isRefused = (error as? IOError)?.errnoCode == ECONNREFUSED
        // why by name: the type is one of the module that opens sockets, which nothing else here needs.
        if isRefused || "\(type(of: error))" == "NIOConnectionError" {
            return ("no connection", "check host and port, and that the server runs")
        }
        if let error = error as? HTTPClientError, error == .remoteConnectionClosed {
            return ("the server closed the connection", "look into the server's log")
        }
        return ("the connection broke", "look into the server's log")
    }

    /// What the server says about an error, with everything masked that may be data or the secret.
    private func message(_ response: RemoteClient.Response, hiding texts: [String]) -> String? {
        guard let json = try? response.json() else { return nil }
        let found = ["error", "message", "detail", "title"].lazy.compactMap { json[$0]?.text }.first
        return found.map { Self.masked(String($0.prefix(400)), hiding: texts + secrets) }
    }

    /// Numbers become `#`, given texts `…`; one line of at most 160 characters.
    static func masked(_ message: String, hiding texts: [String]) -> String {
        var text = message
        for hidden in Set(texts).sorted(by: { $0.count > $1.count }) where !hidden.isEmpty {
            text = text.replacing(hidden, with: "…")
        }
        var result = ""
        var isNumber = false
        for character in text {
            if character.isNumber || (isNumber && (character == "." || character == "-")) {
                if !isNumber { result.append("#") }
                isNumber = true
            } else {
                isNumber = false
                result.append(character.isNewline ? " " : character)
            }
        }
        let most = 160
        let short = result.count > most ? result.prefix(most) + "…" : result[...]
        return short.unicodeScalars.map { OnnxLook.printable(String($0)) }.joined()
    }
}
