import CasemateCore

/// One setting of an audit: its key, what may be written, and how it goes into the configuration and out of it.
struct AuditSetting: Sendable {
    typealias Path<Value> = any WritableKeyPath<AuditConfiguration, Value> & Sendable
    typealias Apply = @Sendable (inout AuditConfiguration, SettingNode) throws(CasemateError) -> Void

    /// Dotted key.
    let key: String
    /// What may be written.
    let kind: SettingKind
    /// What it does.
    let meaning: String
    /// Whether this release serves it.
    let isServed: Bool
    /// Puts a checked value in.
    let apply: Apply
    /// Shows the value; `nil` where there is none.
    let show: @Sendable (AuditConfiguration) -> SettingValue?

    init(
        _ key: String, _ kind: SettingKind, _ meaning: String, isServed: Bool = true, apply: @escaping Apply,
        show: @escaping @Sendable (AuditConfiguration) -> SettingValue?
    ) {
        (self.key, self.kind, self.meaning, self.isServed) = (key, kind, meaning, isServed)
        (self.apply, self.show) = (apply, show)
    }

    /// A setting that the grammar fixes and that no release serves yet.
    static func later(_ key: String, _ meaning: String, _ kind: SettingKind = .anything) -> AuditSetting {
        AuditSetting(key, kind, meaning, isServed: false, apply: { _, _ in }, show: { _ in nil })
    }
    static func flag(_ key: String, _ path: Path<Bool>, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, .flag, meaning, apply: { if let value = $1.flag { $0[keyPath: path] = value } },
            show: { .flag($0[keyPath: path]) })
    }
    static func integer(
        _ key: String, _ path: Path<Int>, _ range: ClosedRange<Int>, _ meaning: String
    ) -> AuditSetting {
        AuditSetting(
            key, .integer(range), meaning, apply: { if let value = $1.integer { $0[keyPath: path] = value } },
            show: { .integer($0[keyPath: path]) })
    }
    static func integer(
        _ key: String, _ path: Path<Int?>, _ range: ClosedRange<Int>, _ meaning: String
    ) -> AuditSetting {
        AuditSetting(
            key, .integer(range), meaning, apply: { $0[keyPath: path] = $1.integer },
            show: { $0[keyPath: path].map { .integer($0) } })
    }
    static func number(_ key: String, _ path: Path<Double>, _ kind: SettingKind, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, kind, meaning, apply: { if let value = $1.number { $0[keyPath: path] = value } },
            show: { .number($0[keyPath: path]) })
    }
    static func number(_ key: String, _ path: Path<Double?>, _ kind: SettingKind, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, kind, meaning, apply: { $0[keyPath: path] = $1.number },
            show: { $0[keyPath: path].map { .number($0) } })
    }
    static func text(_ key: String, _ path: Path<String?>, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, .text, meaning, apply: { $0[keyPath: path] = $1.text }, show: { $0[keyPath: path].map { .text($0) } })
    }
    /// A path; those in a file are taken from its folder.
    static func path(_ key: String, _ path: Path<String?>, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, .path, meaning, apply: { $0[keyPath: path] = ($1.text).map($0.resolved) },
            show: { $0[keyPath: path].map { .text($0) } })
    }
    static func texts(_ key: String, _ path: Path<[String]>, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, .list(.text, minimum: 0), meaning, apply: { $0[keyPath: path] = $1.texts },
            show: { .list($0[keyPath: path].map { .text($0) }) })
    }
    static func texts(_ key: String, _ path: Path<[String]?>, _ meaning: String) -> AuditSetting {
        AuditSetting(
            key, .list(.text), meaning, apply: { $0[keyPath: path] = $1.texts },
            show: { $0[keyPath: path].map { .list($0.map { .text($0) }) } })
    }
    /// One of the words of an enumeration, by raw value; spaces of raw values are written as underscores.
    static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ key: String, _ path: Path<Value>, _ meaning: String
    ) -> AuditSetting where Value.RawValue == String {
        AuditSetting(
            key, .choice(Value.allCases.map { word($0) }), meaning,
            apply: { if let value: Value = value($1) { $0[keyPath: path] = value } },
            show: { .text(word($0[keyPath: path])) })
    }
    static func choice<Value: RawRepresentable & Sendable>(
        _ key: String, _ path: Path<Value?>, of values: [Value], _ meaning: String
    ) -> AuditSetting where Value.RawValue == String {
        AuditSetting(
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
