import Foundation
public import Logging

/// Writes log lines as JSON objects, one a line: `time`, `level`, `logger`, `message`, then what the line carries, in the
/// order of the names. Control characters, line ends and escape sequences are written as JSON escapes, so that no value
/// can end a line or colour a terminal.
public struct JSONLogHandler: LogHandler {
    /// What every line carries.
    public var metadata: Logger.Metadata = [:]
    /// The least level that is written.
    public var logLevel: Logger.Level
    private let label: String
    private let sink: LogSink
    private static let longestValue = 4_096

    /// Makes a handler for a logger named `label`.
    public init(label: String, sink: LogSink, level: Logger.Level = .info) {
        (self.label, self.sink, logLevel) = (label, sink, level)
    }
    /// One entry of what every line carries.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        var line: [UInt8] = []
        line.reserveCapacity(320)
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { $1 } }
        line += "{\"time\":\"".utf8
        line += Self.time().utf8
        line += "\",\"level\":\"".utf8
        line += event.level.rawValue.utf8
        line += "\",\"logger\":".utf8
        Self.append(fields.removeValue(forKey: "logger").map { "\($0)" } ?? label, to: &line)
        line += ",\"message\":".utf8
        Self.append("\(event.message)", to: &line)
        if let error = event.error { fields["error"] = "\(error)" }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.append(UInt8(ascii: ","))
            Self.append(key, to: &line)
            line.append(UInt8(ascii: ":"))
            Self.append(value, to: &line)
        }
        line.append(UInt8(ascii: "}"))
        sink.write(line)
    }

    /// Numbers that are given as such stay numbers.
    private static func append(_ value: Logger.Metadata.Value, to line: inout [UInt8]) {
        if case .stringConvertible(let number) = value {
            switch number {
            case let whole as Int: return line += "\(whole)".utf8
            case let real as Double where real.isFinite: return line += "\(real)".utf8
            default: break
            }
        }
        append("\(value)", to: &line)
    }

    /// A JSON string in ASCII and what of Unicode moves nothing.
    static func append(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            guard count <= longestValue else { break }
            switch scalar.value {
            case 0x22: line += "\\\"".utf8
            case 0x5C: line += "\\\\".utf8
            case 0x20..<0x7F: line.append(UInt8(scalar.value))
            // why the last ones: control characters, line separators and marks that turn text around.
            case 0..<0x20, 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                line += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: line += String(scalar).utf8
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    /// Now, as RFC 3339 with milliseconds in UTC.
    private static func time() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var parts = tm()
        gmtime_r(&now.tv_sec, &parts)
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = "\(number)"
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let day = "\(1900 + parts.tm_year)-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0), 2) }.joined(separator: ":")
        return "\(day)T\(clock).\(padded(now.tv_nsec / 1_000_000, 3))Z"
    }
}
