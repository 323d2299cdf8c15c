import CasemateCore
import Foundation
import TestSupport
import Testing

/// The message of the error that `body` throws, or a note that it threw none.
func message(_ body: () throws -> Void) -> String {
    do { try body() } catch let error as CasemateError { return error.description } catch { return "\(error)" }
    return "no error"
}

@Suite("YAML is read within bounds")
struct ConfigurationYamlTests {
    private func read(_ text: String) -> String { message { _ = try YamlReader.read(text, file: "c.yaml") } }

    @Test(arguments: [
        ("", "c.yaml: is empty [malformed]\n  help: see docs/reference/casemate-yaml.md"),
        ("# only a comment\n", "c.yaml: is empty [malformed]\n  help: see docs/reference/casemate-yaml.md"),
        ("a: 1\nb: 2\na: 3\n", "c.yaml:1:1: the key 'a' is given twice [malformed]\n  help: keep one of them"),
        (
            "a: 1\n---\nb: 2\n",
            "c.yaml:2:1: a second YAML document begins here [malformed]\n  help: keep one document a file"
        ),
        (
            "a: [1, 2\nb: 3\n",
            "c.yaml:2:2: is not YAML: did not find expected ',' or ']' (while parsing a flow sequence) [malformed]\n"
                + "  help: check indentation (spaces only), colons and quotes around here"
        ),
        (
            "a:\n\tb: 1\n",
            "c.yaml:2:1: is not YAML: found character that cannot start any token (while scanning for the next token) "
                + "[malformed]\n  help: check indentation (spaces only), colons and quotes around here"
        ),
        (
            "a: &x [1]\nb: *x\n",
            "c.yaml:1: YAML anchors and aliases are not read ('&x') [unsupported]\n"
                + "  help: write the value out in both places"
        ),
        (
            "? [a, b]\n: 1\n",
            "c.yaml:1:3: a key must be a word, found a list or a mapping [malformed]\n"
                + "  help: quote it, if the key has brackets or braces in it"
        ),
        (
            "a: \u{7}\n",
            "c.yaml:1: is not YAML: control characters are not allowed [malformed]\n  help: remove control characters"
        ),
    ])
    func refusesWithPlace(text: String, expected: String) { #expect(read(text) == expected) }

    @Test func boundsDepthNodesAndSize() {
        for depth in [65, 500, 5000, 200_000] {
            let text = "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let found = read(text)
            #expect(found.contains("[limit-exceeded]") || found.contains("[malformed]"), "depth \(depth): \(found)")
        }
        #expect(read("a: [" + String(repeating: "1,", count: 100_001) + "]").contains("more than 100000 values"))
        #expect(read("a: " + String(repeating: "x", count: 1 << 20)).contains("[limit-exceeded]"))
    }

    @Test func refusesAliasBombsBeforeTheParserSeesThem() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...60 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        text += "? *a60\n: 1\n"
        #expect(read(text).contains("[unsupported]"))
    }

    @Test func namesFilesThatCannotBeRead() throws {
        try Repository.withTemporaryFolder { folder in
            let path = folder + "/none.yaml"
            #expect(
                message { _ = try YamlReader.read(contentsOf: path) }
                    == "\(path): there is no such file [not-found]\n  help: name a YAML file, such as casemate.yaml")
            let binary = folder + "/binary.yaml"
            try Data([0xFF, 0xFE, 0x00, 0xD8]).write(to: URL(fileURLWithPath: binary))
            #expect(message { _ = try YamlReader.read(contentsOf: binary) }.contains("is not UTF-8 text"))
            #expect(message { _ = try YamlReader.read(contentsOf: folder) }.contains("cannot be read"))
        }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SeededGenerator(seed: 3)
        let alphabet = Array("ab:-[]{},&*!|>'\"%@`#?~ \n\n  \t01.é\\".unicodeScalars)
        for _ in 0..<4000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                if let scalar = alphabet.randomElement(using: &generator) { text.append(scalar) }
            }
            _ = read(String(text))
        }
    }
}
