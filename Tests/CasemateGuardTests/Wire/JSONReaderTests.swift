import CasemateCore
import CasemateGuard
import Foundation
import Testing

@Suite struct JSONReaderTests {
    private func read(_ text: String) throws(JSONFault) -> JSONValue { try JSONDocument(Array(text.utf8)).root }

    @Test func readsWhatIsWritten() throws {
        let root = try read(#" {"a":[1,2.5,-3e2], "b":{"c":"x\u00e9\ud83d\ude00\n"},"d":[true,null,"s",[]],"e":-0.0} "#)
        #expect(root["a"]?.count == 3 && root["a"]?.isList == true)
        #expect(root["b"]?["c"]?.text == "xé😀\n")
        #expect(root["d"]?.count == 4)
        #expect(root["e"]?.double?.sign == .minus)
        #expect(root["missing"] == nil && root["a"]?["x"] == nil)
    }

    /// Names with escapes are the same names.
    @Test func findsNamesWithEscapes() throws {
        #expect(try read(#"{"d\u0061ta":7}"#)["data"]?.integer == 7)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{1:2}", "nul",
        "tru",
        "NaN", "[NaN]", "Infinity", "-Infinity", "[1,-Infinity]", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x10",
        "--1", "-", "[1 2]", "{\"a\":1 \"b\":2}", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "1 2", "[] []", "{}x", "'a'", "[1;2]",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "// c\n1", "[1,\"a\",]", "[[1,2],[3,4]", "truefalse",
    ])
    func refuses(text: String) {
        #expect(throws: JSONFault.self) { try read(text) }
    }

    @Test(
        arguments: [
            [0xEF, 0xBB, 0xBF, 0x31], [0x22, 0x80, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0xE2, 0x82], [0x22, 0xFF, 0x22],
            [0x22, 0xF8, 0x88, 0x80, 0x80, 0x80, 0x22], [0xFE, 0xFF, 0x00, 0x31], [0x22, 0x00, 0x22], [0x00],
        ] as [[UInt8]])
    func refusesBytes(bytes: [UInt8]) {
        #expect(throws: JSONFault.self) { try JSONDocument(bytes) }
    }

    @Test func boundsNesting() throws {
        #expect(try read(String(repeating: "[", count: 32) + String(repeating: "]", count: 32)).isList)
        for text in [
            String(repeating: "[", count: 33) + String(repeating: "]", count: 33),
            String(repeating: "[", count: 100_000),
            String(repeating: "{\"a\":", count: 100_000), String(repeating: "[1,", count: 100_000),
        ] {
            let fault = #expect(throws: JSONFault.self) { try read(text) }
            #expect(fault?.what.contains("32 levels") == true)
        }
    }

    @Test func boundsNumbersAndValues() throws {
        let fault = #expect(throws: JSONFault.self) {
            try read("{\"inputs\":[{\"data\":[1," + String(repeating: "9", count: 1_000_000) + "]}]}")
        }
        #expect(fault?.place == "inputs[0].data[1]" && fault?.byte == 22)
        var limits = JSONDocument.Limits()
        limits.values = 10
        let many = #expect(throws: JSONFault.self) {
            try JSONDocument(
                Array("[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\",\"j\"]".utf8), limits: limits)
        }
        #expect(many?.isTooLarge == true && many?.refusal.kind == .tooLarge)
        #expect(try JSONDocument(Array("[1,2,3,4,5,6,7,8,9,10,11,12]".utf8), limits: limits).root.count == 12)
    }

    /// Objects with many members are checked for doubled names in linear time.
    @Test func findsDoubledNamesAmongMany() throws {
        let names = (0..<20_000).map { "\"n\($0)\":1" }.joined(separator: ",")
        #expect(try read("{\(names)}").count == 20_000)
        #expect(throws: JSONFault.self) { try read("{\(names),\"n7\":1}") }
        #expect(throws: JSONFault.self) { try read("{\(names),\"n1999\\u0039\":1}") }
    }

    /// Names of callers are not shown, those of the protocols are.
    @Test func namesThePlace() {
        let fault = #expect(throws: JSONFault.self) { try read("{\"inputs\":[{},{\"zqxj\":[0,[1,x]]}]}") }
        #expect(fault?.place == "inputs[1].?[1][1]")
        #expect(fault?.refusal.detail.contains("zqxj") == false)
    }

    // MARK: Numbers

    /// Decimals of many forms give what the C library gives, for both precisions.
    @Test func roundsAsTheLibraryDoes() throws {
        var generator = SeededGenerator(seed: 11)
        var texts = [
            "0", "-0", "0.0", "1e-400", "1e308", "4.9e-324", "2.2250738585072011e-308", "9007199254740993",
            "9007199254740992.5", "1.00000005960464477539062500000000000001", "1.000000059604644775390625",
            "16777217", "16777219", "0.10000000149011612", "3.4028234663852886e38", "1e-45", "1e23", "8.5e22",
            "18446744073709551615", "123456789012345678901234567890", "0.000000000000000000000000001", "1e27", "1e-27",
            "7.0e-46", "1.1754943e-38", "5e-324",
        ]
        for _ in 0..<30_000 {
            let bits = UInt64.random(in: 0...UInt64.max, using: &generator)
            switch bits % 5 {
            case 0: texts.append("\(Double(bitPattern: bits))")
            case 1: texts.append("\(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))")
            case 2: texts.append("\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))")
            case 3: texts.append("0.\(bits)")
            default: texts.append("\(bits % 100_000).\(bits)e\(Int(bits % 60) - 30)")
            }
        }
        for text in texts where text.first?.isNumber == true || text.first == "-" {
            guard let double = Double(text), let float = Float(text), !text.contains("inf"), !text.contains("nan")
            else {
                continue
            }
            let value = try read(text)
            #expect(value.double?.bitPattern == (double.isFinite ? double.bitPattern : nil), "\(text)")
            var floats: [Float] = []
            let odd = try JSONDocument(Array("[\(text)]".utf8)).root.floats(&floats)
            #expect((odd ? nil : floats.first?.bitPattern) == (float.isFinite ? float.bitPattern : nil), "\(text)")
        }
    }

    /// Whatever is written is read back to the last bit.
    @Test func writesWhatCanBeReadBack() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<20_000 {
            let float = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            let whole = Int64.random(in: Int64.min...Int64.max, using: &generator)
            var writer = JSONWriter()
            guard writer.number(float) else {
                #expect(!float.isFinite && writer.bytes.isEmpty)
                continue
            }
            #expect(Float(String(decoding: writer.bytes, as: UTF8.self))?.bitPattern == float.bitPattern)
            #expect(writer.bytes.count <= 16)
            var integers = JSONWriter()
            integers.integer(whole)
            #expect(String(decoding: integers.bytes, as: UTF8.self) == "\(whole)")
        }
        var edge = JSONWriter()
        for value in [Int64.min, Int64.max, 0, -1, 9, 10] {
            edge.integer(value)
            edge.raw(UInt8(ascii: " "))
        }
        edge.integer(UInt64.max)
        #expect(
            String(decoding: edge.bytes, as: UTF8.self)
                == "-9223372036854775808 9223372036854775807 0 -1 9 10 18446744073709551615")
    }

    /// Texts come back, and nothing that a terminal or a page would act on goes out as it is.
    @Test func escapesTexts() throws {
        for text in ["", "a\"b\\c/", "\u{0}\u{1B}[31m\r\n", "<script>&", "\u{7F}\u{85}\u{9B}", "é😀\u{2028}\u{A0}"] {
            let bytes = JSONTree.text(text).bytes
            #expect(!bytes.contains { $0 < 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "<") })
            #expect(
                !String(decoding: bytes, as: UTF8.self).unicodeScalars.contains { (0x80..<0xA0).contains($0.value) })
            #expect(try JSONDocument(bytes).root.text == text)
        }
    }

    /// Random bytes and broken texts end in a value or a fault.
    @Test func neverTraps() {
        var generator = SeededGenerator(seed: 3)
        let seeds = [
            #"{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1.5,2],[3,-4e1]]}],"id":"é\ud83d\ude00"}"#,
            #"[[],{},"",[[[1,2],[]],null,true,false,-0.1E-5]]"#,
        ].map { Array($0.utf8) }
        let letters = Array("{}[]\",:\\u0123456789-+.eEtrufalsn \u{0}é\u{ff}".utf8)
        for round in 0..<20_000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
                    letters.randomElement(using: &generator) ?? 0
                }
            } else {
                bytes = seeds[round % 2]
                for _ in 0...Int.random(in: 0..<4, using: &generator) where !bytes.isEmpty {
                    let place = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(letters.randomElement(using: &generator) ?? 0, at: place)
                    default: bytes.removeSubrange(place...)
                    }
                }
            }
            let isValid = (try? JSONDocument(bytes)) != nil
            // Foundation takes less strictly: whatever is taken here, it takes too.
            let text = String(decoding: bytes, as: UTF8.self)
            // why: Foundation refuses numbers beyond the range of a float64; here the type of the tensor decides.
            guard isValid, text.firstMatch(of: /[eE][+-]?[0-9]{3}/) == nil else { continue }
            let known = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            #expect(known != nil, "round \(round): \(text)")
        }
    }
}
