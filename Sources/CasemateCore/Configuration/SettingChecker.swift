/// Checks a YAML tree against a grammar and gives the typed values; the first mistake is thrown with its place.
public enum SettingChecker {
    /// The page that messages name where no other is given.
    package static let page = "docs/reference/casemate-yaml.md"

    /// Reads a file whose root is a mapping with the given keys.
    /// - Throws: `notFound`, `unreadable`, `malformed`, `limitExceeded`, `unknownKey`, `notYet`, `invalidSetting`.
    public static func read(contentsOf path: String, keys: [SettingKey]) throws(CasemateError) -> SettingNode {
        try SettingCheck(page: page).check(YamlReader.read(contentsOf: path), .mapping(keys), "")
    }
    /// Reads a text instead of a file; `file` stands in messages.
    public static func read(_ text: String, file: String, keys: [SettingKey]) throws(CasemateError) -> SettingNode {
        try read(text, file: file, keys: keys, page: page)
    }
    /// Reads a text of another grammar, which messages name by its page.
    package static func read(
        _ text: String, file: String, keys: [SettingKey], page: String
    ) throws(CasemateError) -> SettingNode {
        try SettingCheck(page: page).check(YamlReader.read(text, file: file, page: page), .mapping(keys), "")
    }
    /// Reads what an option or variable gives: a scalar as it stands, the items of a list between commas.
    /// - Parameter place: The option, such as `--seed`.
    public static func read(
        option text: String, _ kind: SettingKind, key: String, place: String
    ) throws(CasemateError) -> SettingNode {
        let checker = SettingCheck(page: page)
        let scalar = YamlNode(.scalar(text, isPlain: false), at: place)
        guard !kind.fits(scalar.content) else { return try checker.check(scalar, kind, key) }
        let items = text.split(separator: ",").map { item -> YamlNode in
            var word = item
            while word.first == " " { word.removeFirst() }
            while word.last == " " { word.removeLast() }
            return YamlNode(.scalar(String(word), isPlain: false), at: place)
        }
        return try checker.check(YamlNode(.list(items), at: place), kind, key)
    }
}

/// One look at a tree, for messages that name the page of its grammar.
private struct SettingCheck {
    let page: String

    func check(_ node: YamlNode, _ kind: SettingKind, _ path: String) throws(CasemateError) -> SettingNode {
        switch (kind, node.content) {
        case (.anything, _): return SettingNode(.text(""), at: node.place)
        case (.either(let kinds), _): return try either(node, kinds, path)
        case (.list(let item, let minimum), .list(let items)):
            guard items.count >= minimum else { throw wrong(node, kind, path) }
            var checked: [SettingNode] = []
            for (index, value) in items.enumerated() {
                checked.append(try check(value, item, "\(path)[\(index)]"))
            }
            return SettingNode(.list(checked), at: node.place)
        case (.mapping(let keys, _), .mapping(let entries)): return try mapping(node, keys, entries, path)
        case (.mapping(let keys, let short?), .scalar) where !node.isNothing:
            guard let key = keys.first(where: { $0.name == short }) else { throw wrong(node, kind, path) }
            let value = try check(node, key.kind, path)
            return SettingNode(.mapping([.init(key: short, place: node.place, value: value)]), at: node.place)
        case (.mapping(let keys, _), _) where path.isEmpty:
            throw CasemateError(
                .malformed, at: node.place, "expected a mapping of settings, found \(node.found)",
                help: "top-level keys are \(SettingKind.names(keys))")
        case (.table(let value, _), .mapping(let entries)):
            var checked: [SettingNode.Entry] = []
            for entry in entries {
                let name = "\(path).\(entry.key)"
                checked.append(
                    .init(key: entry.key, place: entry.place, value: try check(entry.value, value, name)))
            }
            return SettingNode(.mapping(checked), at: node.place)
        case (_, .scalar(let text, let isPlain)) where !node.isNothing:
            guard let content = try scalar(text, isPlain, node, kind, path) else { throw wrong(node, kind, path) }
            return SettingNode(content, at: node.place)
        default: throw wrong(node, kind, path)
        }
    }

    private func either(
        _ node: YamlNode, _ kinds: [SettingKind], _ path: String
    ) throws(CasemateError) -> SettingNode {
        let fitting = kinds.filter { $0.fits(node.content) }
        if fitting.count == 1 { return try check(node, fitting[0], path) }
        for kind in fitting {
            if let value = try? check(node, kind, path) { return value }
        }
        throw wrong(node, .either(kinds), path)
    }

    private func mapping(
        _ node: YamlNode, _ keys: [SettingKey], _ entries: [YamlNode.Entry], _ path: String
    ) throws(CasemateError) -> SettingNode {
        let unknown = entries.filter { entry in !keys.contains { $0.name == entry.key } }
        if let first = unknown.first { throw unknownKeys(unknown.map(\.key), keys, at: first.place, path) }
        var checked: [SettingNode.Entry] = []
        for entry in entries {
            guard let key = keys.first(where: { $0.name == entry.key }) else { continue }
            let name = path.isEmpty ? entry.key : "\(path).\(entry.key)"
            guard key.isServed else {
                throw CasemateError(
                    .notYet, at: entry.place, "'\(name)' is not yet served",
                    help: "remove it for now; it will mean: \(key.meaning)")
            }
            checked.append(.init(key: entry.key, place: entry.place, value: try check(entry.value, key.kind, name)))
        }
        for key in keys where key.isRequired && !entries.contains(where: { $0.key == key.name }) {
            let section = path.isEmpty ? "" : "'\(path)' "
            throw CasemateError(
                .invalidSetting, at: node.place, "\(section)lacks the key '\(key.name)'",
                help: "\(key.name): \(key.meaning)")
        }
        return SettingNode(.mapping(checked), at: node.place)
    }

    private func unknownKeys(
        _ names: [String], _ keys: [SettingKey], at place: String, _ path: String
    ) -> CasemateError {
        let known = keys.map(\.name)
        let shown = names.prefix(5).map { name in
            let near = Suggestion.nearest(to: name, among: known).map { ", did you mean '\($0)'?" } ?? ""
            return "'\(name.prefix(60))'\(near)"
        }
        let section = path.isEmpty ? "" : " in '\(path)'"
        return CasemateError(
            .unknownKey, at: place,
            "unknown key\(names.count == 1 ? "" : "s")\(section): \(shown.joined(separator: "; "))",
            help: "keys here are \(SettingKind.names(keys))")
    }

    private func wrong(_ node: YamlNode, _ kind: SettingKind, _ path: String) -> CasemateError {
        let nearest: String
        if case .scalar(let text, _) = node.content, case .choice(let words, _) = kind {
            nearest = Suggestion.clause(for: text, among: words)
        } else {
            nearest = ""
        }
        return CasemateError(
            .invalidSetting, at: node.place, "'\(path)': expected \(kind.expectation), found \(node.found)\(nearest)",
            help: help(kind))
    }

    private func help(_ kind: SettingKind) -> String {
        switch kind {
        case .list: "write it in brackets, [a, b], or one item a line behind a dash"
        case .mapping, .table: "write `key: value` lines, indented by two spaces"
        case .flag: "write true or false without quotes"
        case .path, .text: "put quotes around texts with special characters"
        default: "see \(page)"
        }
    }

    private func scalar(
        _ text: String, _ isPlain: Bool, _ node: YamlNode, _ kind: SettingKind, _ path: String
    ) throws(CasemateError) -> SettingNode.Content? {
        switch kind {
        case .text, .path: return text.isEmpty ? nil : .text(text)
        case .flag: return text == "true" ? .flag(true) : text == "false" ? .flag(false) : nil
        case .integer(let range): return SettingScalar.integer(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .number(let range, let isLowExcluded):
            return SettingScalar.number(text).flatMap { number in
                range.contains(number) && !(isLowExcluded && number == range.lowerBound) ? .number(number) : nil
            }
        case .share: return SettingScalar.share(text).flatMap { (0...1).contains($0) ? .number($0) : nil }
        case .duration: return SettingScalar.seconds(text).flatMap { $0 > 0 && $0 <= 31_536_000 ? .number($0) : nil }
        case .day: return CalendarDay(text) == nil ? nil : .text(text)
        case .choice(let words, let later):
            if later.contains(text) {
                throw CasemateError(
                    .notYet, at: node.place, "'\(path)': '\(text)' is not yet served",
                    help: "use \(words.joined(separator: ", ")) for now")
            }
            return words.contains(text) ? .text(text) : nil
        case .list, .mapping, .table, .either, .anything: return nil
        }
    }
}
