public import CasemateCore

/// One setting: its key, what may be written, and how it goes into the value that it configures (the configuration of
/// an audit, or a probe) and out of it.
public struct Setting<Root: Sendable>: Sendable {
    /// Where a value lives.
    public typealias Path<Value> = any WritableKeyPath<Root, Value> & Sendable
    /// Puts a checked value in.
    public typealias Apply = @Sendable (inout Root, SettingNode) throws(CasemateError) -> Void

    /// Dotted key, relative to the section of the root.
    public let key: String
    /// What may be written.
    public let kind: SettingKind
    /// What it does, a clause for the reference page.
    public let meaning: String
    /// Whether this release serves it.
    public let isServed: Bool
    /// Puts a checked value in.
    public let apply: Apply
    /// Shows the value; `nil` where there is none.
    public let show: @Sendable (Root) -> SettingValue?

    /// Makes a setting of any kind; the factories below cover the common ones.
    public init(
        _ key: String, _ kind: SettingKind, _ meaning: String, isServed: Bool = true, apply: @escaping Apply,
        show: @escaping @Sendable (Root) -> SettingValue?
    ) {
        (self.key, self.kind, self.meaning, self.isServed) = (key, kind, meaning, isServed)
        (self.apply, self.show) = (apply, show)
    }

    /// True or false.
    public static func flag(_ key: String, _ path: Path<Bool>, _ meaning: String) -> Setting {
        Setting(
            key, .flag, meaning, apply: { if let value = $1.flag { $0[keyPath: path] = value } },
            show: { .flag($0[keyPath: path]) })
    }
    /// A whole number.
    public static func integer(
        _ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ meaning: String
    ) -> Setting {
        Setting(
            key, .integer(range), meaning, apply: { if let value = $1.integer { $0[keyPath: path] = value } },
            show: { .integer($0[keyPath: path]) })
    }
    /// A whole number that may be left out.
    public static func integer(
        _ key: String, _ path: Path<Int?>, _ range: ClosedRange<Int>, _ meaning: String
    ) -> Setting {
        Setting(
            key, .integer(range), meaning, apply: { $0[keyPath: path] = $1.integer },
            show: { $0[keyPath: path].map { .integer($0) } })
    }
    /// A number.
    public static func number(_ key: String, _ path: Path<Double>, _ kind: SettingKind, _ meaning: String) -> Setting {
        Setting(
            key, kind, meaning, apply: { if let value = $1.number { $0[keyPath: path] = value } },
            show: { .number($0[keyPath: path]) })
    }
    /// A number that may be left out.
    public static func number(_ key: String, _ path: Path<Double?>, _ kind: SettingKind, _ meaning: String) -> Setting {
        Setting(
            key, kind, meaning, apply: { $0[keyPath: path] = $1.number },
            show: { $0[keyPath: path].map { .number($0) } })
    }
    /// A text.
    public static func text(_ key: String, _ path: Path<String?>, _ meaning: String) -> Setting {
        Setting(
            key, .text, meaning, apply: { $0[keyPath: path] = $1.text }, show: { $0[keyPath: path].map { .text($0) } })
    }
    /// Texts.
    public static func texts(_ key: String, _ path: Path<[String]>, _ meaning: String) -> Setting {
        Setting(
            key, .list(.text, minimum: 0), meaning, apply: { $0[keyPath: path] = $1.texts },
            show: { .list($0[keyPath: path].map { .text($0) }) })
    }
    /// Texts that may be left out.
    public static func texts(_ key: String, _ path: Path<[String]?>, _ meaning: String) -> Setting {
        Setting(
            key, .list(.text), meaning, apply: { $0[keyPath: path] = $1.texts },
            show: { $0[keyPath: path].map { .list($0.map { .text($0) }) } })
    }
    /// One of the words of an enumeration, by raw value; spaces of raw values are written as underscores.
    public static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ key: String, _ path: Path<Value>, _ meaning: String
    ) -> Setting where Value.RawValue == String {
        Setting(
            key, .choice(Value.allCases.map { word($0) }), meaning,
            apply: { if let value: Value = value($1) { $0[keyPath: path] = value } },
            show: { .text(word($0[keyPath: path])) })
    }
    /// One of some words, or none.
    public static func choice<Value: RawRepresentable & Sendable>(
        _ key: String, _ path: Path<Value?>, of values: [Value], _ meaning: String
    ) -> Setting where Value.RawValue == String {
        Setting(
            key, .choice(values.map { word($0) }), meaning,
            apply: { configuration, node in
                configuration[keyPath: path] = values.first { word($0) == node.text }
            }, show: { $0[keyPath: path].map { .text(word($0)) } })
    }

    private static func word<Value: RawRepresentable>(_ value: Value) -> String where Value.RawValue == String {
        value.rawValue.replacing(" ", with: "_")
    }
    private static func value<Value: RawRepresentable & CaseIterable>(
        _ node: SettingNode
    ) -> Value? where Value.RawValue == String {
        Value.allCases.first { word($0) == node.text }
    }
}

extension Setting where Root == AuditConfiguration {
    /// A path; those in a file are taken from its folder.
    static func path(_ key: String, _ path: Path<String?>, _ meaning: String) -> Setting {
        Setting(
            key, .path, meaning, apply: { $0[keyPath: path] = ($1.text).map($0.resolved) },
            show: { $0[keyPath: path].map { .text($0) } })
    }
}
