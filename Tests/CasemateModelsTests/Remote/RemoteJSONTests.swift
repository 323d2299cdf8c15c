import CasemateCore
import CasemateModels
import Foundation
import Testing

/// The reader and writer of the bodies of requests.
@Suite("JSON of endpoints")
struct RemoteJSONTests {
    private func read(_ text: String) throws -> RemoteJSON { try read(Array(text.utf8)) }
    private func read(_ bytes: [UInt8]) throws -> RemoteJSON {
        try bytes.withUnsafeBytes { bytes in
            try Result { () throws(RemoteJSON.Problem) in try RemoteJSON.read(bytes) }.get()
        }
    }

    @Test func valuesAreRead() throws {
        let value = try read(
            " {\"a\" : [1, -2.5e3, 0.1 ] ,\"b\":{\"c\":[\"x\\u00e9\\ud83d\\ude00\\n\",null,true]},\"d\":[] }\n")
        #expect(
            value
                == .object([
                    .init(name: "a", value: .numbers([1, -2_500, 0.1], areWhole: false)),
                    .init(
                        name: "b",
                        value: .object([.init(name: "c", value: .list([.text("xé😀\n"), .null, .flag(true)]))])),
                    .init(name: "d", value: .list([])),
                ]))
        #expect(try read("[1,2]") == .numbers([1, 2], areWhole: true))
        #expect(try read("[1,\"a\"]") == .list([.number(1), .text("a")]))
        #expect(try read("[-Infinity]") == .numbers([-.infinity], areWhole: false))
    }

    @Test(
        arguments: [
            "", "[", "[1", "[1,", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", ".5", "+1", "1e", "--1", "nul",
            "\"a",
            "\"\\x\"", "\"\\ud83d\"", "\"\\u12\"", "\"\u{1}\"", "[1]x", "'a'", "0x10", "[1,]", "{\"a\":1,}", "\\",
            "nan",
        ]) func whatIsNoJSONIsRefused(text: String)
    {
        #expect(throws: RemoteJSON.Problem.self) { try read(text) }
    }

    @Test func invalidBytesAndDepthAreRefused() throws {
        #expect(throws: RemoteJSON.Problem.self) { try read([0x22, 0xFF, 0xFE, 0x22]) }
        #expect(throws: RemoteJSON.Problem.self) { try read([UInt8](repeating: 0x5B, count: 1_000_000)) }
        #expect(throws: Never.self) { try read("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]") }
    }

    /// Every spelling gives the float64 that correct rounding gives.
    @Test func numbersAreRoundedCorrectly() throws {
        var generator = SeededGenerator(seed: 1)
        var texts = [
            "9007199254740993", "123456789012345678901234567890", "1e-400", "4.9e-324", "1e400", "0.1e1", "-0.0",
        ]
        for _ in 0..<4_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            texts.append("\(value)")
            let digits = (0..<Int.random(in: 1...30, using: &generator)).map { _ in
                Int.random(in: 0...9, using: &generator)
            }
            let tail = digits.map { String($0) }.joined()
            texts.append(
                "\(Int.random(in: -99...99, using: &generator)).\(tail)e\(Int.random(in: -40...40, using: &generator))")
        }
        for text in texts {
            guard case .number(let value) = try read(text) else {
                Issue.record("\(text) is no number")
                continue
            }
            #expect(value.bitPattern == Double(text)?.bitPattern, "\(text)")
        }
    }

    /// Whatever bytes come, the reader ends with a value or a problem; what it reads, Foundation reads alike.
    @Test func damagedTextsNeverTrap() throws {
        let whole = Array(
            #"{"outputs":[{"name":"p\u0041","shape":[2,2],"data":[[0.25,1e-3],[true,null]]}],"x":"y"}"#.utf8)
        var generator = SeededGenerator(seed: 2)
        var wereRead = 0
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: place)
                default: bytes.insert(whole[Int.random(in: 0..<whole.count, using: &generator)], at: place)
                }
            }
            guard (try? read(bytes)) != nil else { continue }
            wereRead += 1
            #expect(
                (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil,
                "\(String(decoding: bytes, as: UTF8.self))")
        }
        #expect(wereRead > 100)
    }

    @Test func writtenNumbersAreTheSameWhenRead() throws {
        var generator = SeededGenerator(seed: 3)
        var values: [Float] = [
            0, -0.0, 1, -1, 0.1, 16_777_216, 3e9, .greatestFiniteMagnitude, .leastNonzeroMagnitude, .nan,
        ]
        while values.count < 3_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            if value.isFinite { values.append(value) }
        }
        var writer = RemoteJSONWriter(capacity: 0)
        writer.list(values.count) { $0.number(values[$1]) }
        let items = try #require(try JSONSerialization.jsonObject(with: Data(writer.bytes)) as? [Any])
        for (value, item) in zip(values, items) {
            if value.isNaN {
                #expect(item is NSNull)
            } else {
                #expect((item as? NSNumber)?.floatValue == value, "\(value)")
            }
        }
        var text = RemoteJSONWriter(capacity: 0)
        text.text("a\"\\\u{0}\u{7F}\n→😀")
        #expect(try read(text.bytes) == .text("a\"\\\u{0}\u{7F}\n→😀"))
    }
}
