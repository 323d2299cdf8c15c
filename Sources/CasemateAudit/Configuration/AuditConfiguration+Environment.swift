extension AuditConfiguration {
    /// The variable that sets a key: `CASEMATE_REPORT_OUTPUT` for `report.output`.
    public static func variable(for key: String) -> String {
        "CASEMATE_" + key.uppercased().replacing(".", with: "_")
    }

    /// Takes every setting that a variable gives; variables win over the file and give way to options.
    /// - Throws: `invalidSetting` with the variable as its place.
    public mutating func takeVariables(_ environment: [String: String]) throws {
        for setting in Self.settings where setting.isServed {
            let name = Self.variable(for: setting.key)
            guard let text = environment[name], !text.isEmpty else { continue }
            try set(setting.key, text, origin: .environment(name))
        }
    }
}
