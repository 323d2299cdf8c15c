import CasemateCore

/// Refuses settings of attacks that make no sense.
enum MinimumNormSettings {
    /// - Throws: `CasemateError` with `invalid-setting` unless the setting of an attack is sensible.
    static func require(
        _ holds: Bool, _ attack: String, _ setting: String, _ value: some Any, _ help: String
    ) throws(CasemateError) {
        guard !holds else { return }
        throw CasemateError(.invalidSetting, at: "\(attack).\(setting)", "'\(value)' makes no sense", help: help)
    }
}
