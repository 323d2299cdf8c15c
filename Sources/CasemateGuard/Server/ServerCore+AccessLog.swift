import Logging

extension ServerCore {
    /// Writes the line of a request: who, what, how it ended, how long it took. No query, no headers, no bodies: secrets
    /// travel in them.
    func note(
        _ head: WireHead, _ response: WireResponse, label: String, bytes: Int, nanoseconds: Int64
    ) {
        guard accessLog.logLevel <= .info else { return }
        var fields: Logger.Metadata = [
            "bytes_in": .stringConvertible(bytes), "bytes_out": .stringConvertible(response.body.count),
            "method": .string(head.method), "path": .string(String(head.path.prefix(256))),
            "peer": .string(head.peer), "protocol": .string(label),
            "seconds": .stringConvertible(Double(nanoseconds / 1_000) / 1e6),
            "status": .stringConvertible(response.status),
        ]
        for header in response.headers {
            if header.name == "x-request-id" { fields["request"] = .string(header.value) }
            if header.name == "traceparent" { fields["trace"] = .string(String(header.value.dropFirst(3).prefix(32))) }
        }
        accessLog.info("request", metadata: fields)
    }
}
