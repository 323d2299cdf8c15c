import Foundation

/// W3C trace context of a request: taken over from the caller, or begun here. Source: W3C Trace Context, level 1.
public struct TraceContext: Hashable, Sendable {
    /// 32 hexadecimal digits of the trace.
    public let traceID: String
    /// 16 hexadecimal digits of the caller's span; empty when the trace begins here.
    public let parentID: String
    /// 16 hexadecimal digits of the guard's own span.
    public let spanID: String
    /// Whether the caller samples the trace.
    public let isSampled: Bool

    /// Continues the trace of a `traceparent` header, or begins one where there is none or a malformed one.
    public init(traceparent: String?) {
        guard let traceparent else {
            (traceID, parentID, isSampled) = (RandomDigits.text(bytes: 16), "", false)
            spanID = RandomDigits.text(bytes: 8)
            return
        }
        let parts = traceparent.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        let isKnown =
            parts.count >= 4 && Self.isHex(parts[0], 2) && parts[0] != "ff" && (parts[0] != "00" || parts.count == 4)
            && Self.isHex(parts[1], 32) && Self.isHex(parts[2], 16) && Self.isHex(parts[3], 2)
            && parts[1].contains { $0 != "0" } && parts[2].contains { $0 != "0" }
        traceID = isKnown ? parts[1] : RandomDigits.text(bytes: 16)
        parentID = isKnown ? parts[2] : ""
        spanID = RandomDigits.text(bytes: 8)
        isSampled = isKnown && (UInt8(parts[3], radix: 16) ?? 0) & 1 == 1
    }

    /// The header for what is asked further on.
    public var traceparent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    private static func isHex(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }
}
