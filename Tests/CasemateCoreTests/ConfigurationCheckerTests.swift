import CasemateCore
import Testing

@Suite("Settings are checked against their grammar")
struct ConfigurationCheckerTests {
    private let keys = [
        SettingKey("name", .text, "a name"), SettingKey("on", .flag, "a switch"),
        SettingKey("count", .integer(1...10), "a count"),
        SettingKey("size", .number(0...5, isLowExcluded: true), "a size"),
        SettingKey("share", .share, "a share"), SettingKey("time", .duration, "a time"),
        SettingKey("day", .day, "a day"),
        SettingKey("color", .choice(["red", "green"], later: ["blue"]), "a color"),
        SettingKey("items", .list(.text), "items"),
        SettingKey("later", .anything, "something to come", isServed: false),
        SettingKey(
            "inner", .mapping([SettingKey("path", .path, "a path", isRequired: true)], short: "path"),
            "something inside"),
        SettingKey("table", .table(.integer(0...9), of: "columns"), "numbers by column"),
        SettingKey("bounds", .either([.choice(["train"]), .list(.number(-9...9), minimum: 2)]), "bounds"),
    ]
    private func read(_ text: String) throws -> SettingNode {
        try SettingChecker.read(text, file: "c.yaml", keys: keys)
    }

    @Test func givesTypedValuesWithPlaces() throws {
        let root = try read(
            "name: 1\non: true\ncount: 3\nsize: 0.5\nshare: 80 %\ntime: 1h30m\nday: 2028-02-29\ncolor: red\n"
                + "items: [a, 2, true]\ninner: x/y\ntable: {a: 1}\nbounds: [-1, 1]\n")
        #expect(root["name"]?.text == "1")
        #expect(root["on"]?.flag == true)
        #expect(root["count"]?.integer == 3)
        #expect(root["count"]?.place == "c.yaml:3:8")
        #expect(root["size"]?.number == 0.5)
        #expect(root["share"]?.number == 0.8)
        #expect(root["time"]?.number == 5400)
        #expect(root["day"]?.text == "2028-02-29")
        #expect(root["items"]?.texts == ["a", "2", "true"])
        #expect(root.value(at: "inner.path")?.text == "x/y")
        #expect(root["table"]?.entries.first?.value.integer == 1)
        #expect(root["bounds"]?.numbers == [-1, 1])
        #expect(root["bounds"]?["none"] == nil)
    }

    static let mistakes: [(String, String)] = [
        ("nmae: x", "c.yaml:1:1: unknown key: 'nmae', did you mean 'name'? [unknown-key]"),
        (
            "name: x\nnmae: x\nzzzzzz: 1",
            "c.yaml:2:1: unknown keys: 'nmae', did you mean 'name'?; 'zzzzzz' [unknown-key]"
        ),
        ("inner: {pth: x}", "c.yaml:1:9: unknown key in 'inner': 'pth', did you mean 'path'? [unknown-key]"),
        (
            "later: 1",
            "c.yaml:1:1: 'later' is not yet served [not-yet]\n  help: remove it for now; it will mean: something to come"
        ),
        ("color: blue", "c.yaml:1:8: 'color': 'blue' is not yet served [not-yet]\n  help: use red, green for now"),
        (
            "color: grene",
            "c.yaml:1:8: 'color': expected one of red, green, found 'grene', did you mean 'green'? [invalid-setting]"
        ),
        ("count: [1]", "c.yaml:1:8: 'count': expected a whole number from 1 to 10, found a list [invalid-setting]"),
        ("count: ten", "c.yaml:1:8: 'count': expected a whole number from 1 to 10, found 'ten' [invalid-setting]"),
        (
            "count: 11",
            "c.yaml:1:8: 'count': expected a whole number from 1 to 10, found the number 11 [invalid-setting]"
        ),
        (
            "count: 1.5",
            "c.yaml:1:8: 'count': expected a whole number from 1 to 10, found the number 1.5 [invalid-setting]"
        ),
        ("count:", "c.yaml:1:7: 'count': expected a whole number from 1 to 10, found nothing [invalid-setting]"),
        (
            "size: 0",
            "c.yaml:1:7: 'size': expected a number above 0 and at most 5, found the number 0 [invalid-setting]"
        ),
        ("size: .inf", "c.yaml:1:7: 'size': expected a number above 0 and at most 5, found '.inf' [invalid-setting]"),
        (
            "share: 120%",
            "c.yaml:1:8: 'share': expected a share from 0 to 1, or a percentage, found '120%' [invalid-setting]"
        ),
        (
            "time: 2 minutes",
            "c.yaml:1:7: 'time': expected a time such as 30s or 2m, found '2 minutes' [invalid-setting]"
        ),
        (
            "day: 2027-02-29",
            "c.yaml:1:6: 'day': expected a day such as 2027-01-31, found '2027-02-29' [invalid-setting]"
        ),
        (
            "on: yes",
            "c.yaml:1:5: 'on': expected true or false, found 'yes' [invalid-setting]\n"
                + "  help: write true or false without quotes"
        ),
        ("name: {a: 1}", "c.yaml:1:7: 'name': expected a text, found a mapping [invalid-setting]"),
        ("name: ''", "c.yaml:1:7: 'name': expected a text, found an empty text [invalid-setting]"),
        ("items: a", "c.yaml:1:8: 'items': expected a list, each item a text, found 'a' [invalid-setting]"),
        ("items: [a, [b]]", "c.yaml:1:12: 'items[1]': expected a text, found a list [invalid-setting]"),
        ("items: []", "c.yaml:1:8: 'items': expected a list, each item a text, found an empty list [invalid-setting]"),
        ("inner: {}", "c.yaml:1:8: 'inner' lacks the key 'path' [invalid-setting]\n  help: path: a path"),
        ("table: {a: b}", "c.yaml:1:12: 'table.a': expected a whole number from 0 to 9, found 'b' [invalid-setting]"),
        (
            "bounds: [1]",
            "c.yaml:1:9: 'bounds': expected a list, each item a number from -9 to 9, found a list [invalid-setting]"
        ),
        (
            "bounds: trian",
            "c.yaml:1:9: 'bounds': expected one of train, found 'trian', did you mean 'train'? [invalid-setting]"
        ),
        ("- a", "c.yaml:1:1: expected a mapping of settings, found a list [malformed]"),
        ("hello", "c.yaml:1:1: expected a mapping of settings, found 'hello' [malformed]"),
    ]
    @Test(arguments: mistakes)
    func refuses(text: String, expected: String) {
        let found = message { _ = try read(text) }
        #expect(found == expected || found.hasPrefix(expected + "\n  help: "), "\(found)")
    }

    /// Another grammar than that of an audit: messages name its own page, and no section where there is none.
    @Test func messagesNameThePageOfTheGrammar() {
        let keys = [SettingKey("need", .integer(0...9), "a need", isRequired: true)]
        func found(_ text: String) -> String {
            message { _ = try SettingChecker.read(text, file: "g.yaml", keys: keys, page: "docs/g.md") }
        }
        #expect(found("") == "g.yaml: is empty [malformed]\n  help: see docs/g.md")
        #expect(found("need: x").hasSuffix("\n  help: see docs/g.md"))
        #expect(found("{}") == "g.yaml:1:1: lacks the key 'need' [invalid-setting]\n  help: need: a need")
    }

    @Test func optionsAreReadByTheSameGrammar() throws {
        let list = try SettingChecker.read(option: "a, b,c", .list(.text), key: "items", place: "--items")
        #expect(list.texts == ["a", "b", "c"])
        #expect(
            message { _ = try SettingChecker.read(option: "x", .integer(0...9), key: "seed", place: "--seed") }
                .hasPrefix("--seed: 'seed': expected a whole number from 0 to 9, found the text 'x' [invalid-setting]"))
    }

    @Test(arguments: [("90", 90.0), ("30s", 30), ("2m", 120), ("1h30m", 5400), ("500ms", 0.5), ("1.5h", 5400)])
    func readsDurations(text: String, seconds: Double) {
        #expect(SettingScalar.seconds(text) == seconds)
        #expect(SettingScalar.seconds(SettingScalar.duration(seconds)) == seconds)
    }
    @Test(arguments: ["", "m", "2", "-1s", "1s2m", "1m1m", "2 m", "1e3x", "١s", "nan", "0x10"])
    func refusesOtherDurations(text: String) {
        if text != "2" { #expect(SettingScalar.seconds(text) == nil) }
    }
    @Test(arguments: ["nan", "inf", "-inf", ".inf", "0x10", "1_000", "", "e", "1e", "1e999", "+", "."])
    func refusesWhatIsNoNumber(text: String) { #expect(SettingScalar.number(text) == nil) }
}
