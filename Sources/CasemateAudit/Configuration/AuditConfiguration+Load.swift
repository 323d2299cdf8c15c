public import CasemateCore

extension AuditConfiguration {
    /// A setting as it holds: key, value in YAML (empty where there is none), and where it comes from.
    public struct EffectiveSetting: Hashable, Sendable {
        /// Dotted key, value, origin.
        public let key: String, value: String, origin: Origin
    }

    /// Reads a configuration file.
    ///
    /// Relative paths in it are taken from its folder. Settings that are left out keep their defaults; what is required
    /// is only checked by `validate()`, because options may still give it.
    /// - Throws: `CasemateError` with file, line and column.
    public init(contentsOf path: String) throws(CasemateError) {
        self.init()
        self.path = path
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        try apply(SettingChecker.read(contentsOf: path, keys: Self.keys), folder: folder)
    }

    /// Reads a configuration from text.
    /// - Parameters:
    ///   - file: Name for messages.
    ///   - folder: Folder that relative paths are taken from, with a slash at its end; empty for the working folder.
    public init(yaml text: String, file: String, folder: String = "") throws(CasemateError) {
        self.init()
        try apply(SettingChecker.read(text, file: file, keys: Self.keys), folder: folder)
    }

    private mutating func apply(_ root: SettingNode, folder: String) throws(CasemateError) {
        base = folder
        for setting in Self.settings where setting.isServed {
            guard let node = root.value(at: setting.key) else { continue }
            try setting.apply(&self, node)
            origins[setting.key] = .file(node.place)
        }
        base = ""
    }

    /// Sets one setting as an option or variable gives it: `set("probes.evasion.samples", "50", origin: …)`. Items of
    /// lists stand between commas; paths are taken as they are.
    /// - Throws: `unknownKey`, `notYet` or `invalidSetting` with the option or variable as its place.
    public mutating func set(_ key: String, _ text: String, origin: Origin) throws(CasemateError) {
        let place =
            switch origin {
            case .option(let name), .environment(let name), .file(let name): name
            case .default: key
            }
        guard let setting = Self.settings.first(where: { $0.key == key }) else {
            let near = Suggestion.clause(for: key, among: Self.settings.map(\.key))
            throw CasemateError(
                .unknownKey, at: place, "unknown setting '\(key)'\(near)", help: "see docs/reference/casemate-yaml.md")
        }
        guard setting.isServed else {
            throw CasemateError(
                .notYet, at: place, "'\(key)' is not yet served",
                help: "remove it for now; it will mean: \(setting.meaning)")
        }
        try setting.apply(&self, SettingChecker.read(option: text, setting.kind, key: key, place: place))
        origins[key] = origin
    }

    /// Every served setting with its value and origin, in the order of the reference page.
    public var effective: [EffectiveSetting] {
        Self.settings.filter(\.isServed).map { setting in
            EffectiveSetting(
                key: setting.key, value: setting.show(self)?.yaml ?? "", origin: origins[setting.key] ?? .default)
        }
    }

    func resolved(_ path: String) -> String {
        path.hasPrefix("/") || base.isEmpty || base == "./" ? path : base + path
    }
}
