import CasemateCore

extension AuditConfiguration {
    /// Probes with their settings, and which of them are switched off.
    ///
    /// A probe is its own settings: what the configuration holds are the probes of the catalogue as they will run.
    public struct Probes: Sendable {
        private var changed: [String: any Probe] = [:]
        /// Identifiers of probes that do not run.
        public var disabled: Set<String> = []

        /// A probe as it is set: the defaults where nobody said anything.
        public subscript<P: Probe>(_ type: P.Type) -> P {
            get { changed[P.identifier] as? P ?? P() }
            set { changed[P.identifier] = newValue }
        }
        /// The probe of that type as it is set, for types that are only known while the program runs.
        func configured(_ type: any Probe.Type) -> any Probe {
            changed[type.identifier].flatMap { Swift.type(of: $0) == type ? $0 : nil } ?? type.init()
        }
    }

    /// Settings of the probes that ship, from their own tables.
    static let probeSettings: [Setting<AuditConfiguration>] = builtInProbes.flatMap { $0.lifted }
}

extension Probe {
    /// The settings of the probe as keys of the configuration.
    fileprivate static var lifted: [Setting<AuditConfiguration>] {
        let section = "probes.\(identifier)"
        let name = identifier
        let enabled = Setting<AuditConfiguration>(
            "\(section).enabled", .flag, "whether the probe runs",
            apply: { configuration, node in
                guard let isEnabled = node.flag else { return }
                if isEnabled {
                    configuration.probes.disabled.remove(name)
                } else {
                    configuration.probes.disabled.insert(name)
                }
            }, show: { .flag(!$0.probes.disabled.contains(name)) })
        return [enabled]
            + settings.map { setting in
                Setting<AuditConfiguration>(
                    "\(section).\(setting.key)", setting.kind, setting.meaning, isServed: setting.isServed,
                    apply: { configuration, node throws(CasemateError) in
                        try setting.apply(&configuration.probes[Self.self], node)
                    }, show: { setting.show($0.probes[Self.self]) })
            }
    }
}
