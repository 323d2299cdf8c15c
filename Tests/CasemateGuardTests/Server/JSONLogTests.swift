import CasemateGuard
import Foundation
import Logging
import Testing

/// Lines of the log stay lines, and JSON, whatever they carry.
struct JSONLogTests {
    private func written(_ level: Logger.Level = .info, _ log: (Logger) -> Void) throws -> [String] {
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        var logger = Logger(label: "casemate.test") { JSONLogHandler(label: $0, sink: sink, level: level) }
        logger[metadataKey: "always"] = "here"
        log(logger)
        sink.flush(seconds: 60)
        try pipe.fileHandleForWriting.close()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func aLineHoldsEverythingInOrder() throws {
        let lines = try written { logger in
            logger.info("request", metadata: ["b": .stringConvertible(7), "a": "x", "c": .stringConvertible(0.25)])
            logger.debug("unseen")
            logger.warning("seen", metadata: ["logger": "other"])
        }
        #expect(lines.count == 2)
        let tail =
            #""level":"info","logger":"casemate.test","message":"request","a":"x","always":"here","b":7,"c":0.25}"#
        #expect(lines[0].hasSuffix(tail) && lines[0].hasPrefix(#"{"time":"20"#), "\(lines[0])")
        #expect(lines[1].contains(#""level":"warning","logger":"other","message":"seen""#))
    }

    @Test func nothingBreaksOutOfALine() throws {
        let hostile = "a\r\nb\u{1B}[31mred\u{0}\"\\\u{7F}\u{85}\u{2028}\u{202E}x\u{FEFF}é😀\",\"level\":\"error"
        let lines = try written { $0.info("path", metadata: ["value": .string(hostile), "k\"\n": "v"]) }
        #expect(lines.count == 1)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: String])
        #expect(object["value"] == hostile && object["level"] == "info" && object["k\"\n"] == "v")
        let raw = lines[0].unicodeScalars
        #expect(!raw.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) || $0.value == 0x202E })
    }

    @Test func longValuesAreCutAndFullStreamsDropLines() throws {
        let lines = try written { $0.info("long", metadata: ["v": .string(String(repeating: "a", count: 100_000))]) }
        #expect(lines[0].utf8.count < 5_000 && lines[0].hasSuffix("a\"}"))
        // Nobody reads this pipe: writing must not wait.
        let pipe = Pipe()
        let sink = LogSink(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        for _ in 0..<2_000 { sink.write([UInt8](repeating: 0x61, count: 4_000)) }
        // This comes back although nobody reads, so that the program can end.
        sink.flush(seconds: 0.05)
        let reading = Thread { _ = try? pipe.fileHandleForReading.readToEnd() }
        reading.start()
        sink.flush(seconds: 60)
        try pipe.fileHandleForWriting.close()
    }
}
