/// `RateLimit` and `RateLimit-Policy`, as draft-ietf-httpapi-ratelimit-headers-10 writes them: structured fields, quota
/// `q` in rows, window `w` and time to full `t` in whole seconds, rows left `r`.
///
/// Only the caller's own limits are told; what is left of a model's or the server's would tell of other callers.
enum RateHeaders {
    static let limit = "ratelimit", policy = "ratelimit-policy"

    /// The policies of a client; empty where there are none.
    static func policy(rate: RowRate?, daily: Int?) -> String {
        var parts: [String] = []
        if let rate { parts.append("\"client\";q=\(rate.burst);w=\(window(rate))") }
        if let daily { parts.append("\"day\";q=\(daily);w=86400") }
        return parts.joined(separator: ", ")
    }
    /// Seconds in which a burst comes back, at least 1.
    static func window(_ rate: RowRate) -> Int { max(1, Int((Double(rate.burst) / rate.perSecond).rounded(.up))) }

    /// What is left.
    static func limit(rate: (left: Int, seconds: Int)?, day: (left: Int, seconds: Int)?) -> String {
        var text = ""
        if let rate { text = "\"client\";r=\(rate.left);t=\(rate.seconds)" }
        if let day { text += (text.isEmpty ? "" : ", ") + "\"day\";r=\(day.left);t=\(day.seconds)" }
        return text
    }

    /// Puts a header in, instead of one of that name that is there.
    static func set(_ name: String, _ value: String, in headers: inout [Exchange.Header]) {
        guard let index = headers.firstIndex(where: { $0.name == name }) else {
            return headers.append(.init(name, value))
        }
        headers[index] = .init(name, value)
    }
}
