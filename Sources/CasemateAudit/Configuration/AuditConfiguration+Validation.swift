public import CasemateCore

extension AuditConfiguration {
    /// Checks what an audit cannot do without, and settings beside each other; to be called when file, variables and
    /// options are in.
    /// - Throws: `invalidSetting` with the place of the setting.
    public func validate() throws(CasemateError) {
        if model.path != nil, model.endpoint.url != nil {
            throw clash(
                "model.endpoint.url", "both 'model.path' and 'model.endpoint' name a model", "name one of them")
        }
        if model.endpoint.url == nil, let key = origins.keys.filter({ $0.hasPrefix("model.endpoint.") }).min() {
            throw clash(key, "an endpoint is set up and has no address", "add `url` to `model.endpoint`")
        }
        let required: [(String, String?, String)] = [
            ("model.path", model.path ?? model.endpoint.url, "--model"), ("data.test", data.test, "--test"),
            ("data.target", data.target, "--target"),
        ]
        for (key, value, option) in required where value == nil {
            let parts = key.split(separator: ".")
            throw CasemateError(
                .invalidSetting, at: path ?? "audit", "'\(key)' is not given",
                help: "write `\(parts[0]): {\(parts[1]): …}` in casemate.yaml, or add \(option)")
        }
        try checkRoles()
        try checkRules()
        for type in builtInProbes { _ = try probes.configured(type).prepared(for: self) }
    }

    /// The place of a setting for messages: where it was made, else the configuration file.
    public func place(of key: String) -> String {
        switch origins[key] {
        case .file(let place): place
        case .option(let name), .environment(let name): name
        case .default, nil: path ?? "audit"
        }
    }

    private func clash(_ key: String, _ what: String, _ help: String) -> CasemateError {
        CasemateError(.invalidSetting, at: place(of: key), what, help: help)
    }

    /// Rules that could never be decided, or that no share can keep, are refused before any work is done.
    private func checkRules() throws(CasemateError) {
        for rule in policy.rules {
            let probe = rule.metric.prefix { $0 != "." }
            let known = builtInProbes.first { $0.identifier == probe }?.metricGroups(in: self) ?? []
            if let group = rule.group, case let column = String(group.prefix { $0 != "=" }), !known.contains(column) {
                throw clash(
                    "policy.rules",
                    "the rule '\(rule.text)' names a group of '\(column)', which '\(probe)' does not have"
                        + Suggestion.clause(for: column, among: known),
                    known.isEmpty
                        ? "declare it under `data: {protected: […]}`" : "known are \(known.joined(separator: ", "))")
            }
            let isShare = MetricCatalogue.entry(rule.metric)?.unit == .share
            if isShare, !(0...1).contains(rule.limit) {
                throw clash(
                    "policy.rules", "the rule '\(rule.text)' holds a share, which lies in 0…1, to \(rule.limit)",
                    "write a number between 0 and 1, or a percentage such as 80 %")
            }
        }
    }

    /// No column may have two roles, and no feature may be the target or a weight.
    private func checkRoles() throws(CasemateError) {
        var roles: [String: String] = [:]
        let declared: [(String, [String])] = [
            ("data.target", [data.target].compactMap { $0 }), ("data.weights", [data.weights].compactMap { $0 }),
            ("data.protected", data.protected.map(\.column)), ("data.identifiers", data.identifiers),
            ("data.time", [data.time].compactMap { $0 }), ("data.source", [data.source].compactMap { $0 }),
            ("data.ignore", data.ignore),
        ]
        for (key, columns) in declared {
            for column in columns {
                guard let other = roles.updateValue(key, forKey: column) else { continue }
                let what = other == key ? "named twice in '\(key)'" : "both '\(other)' and '\(key)'"
                throw clash(key, "the column '\(column)' is \(what)", "give each column one role")
            }
        }
        for feature in model.features ?? [] {
            guard let role = roles[feature], role == "data.target" || role == "data.weights" else { continue }
            throw clash(
                "model.features", "the feature '\(feature)' is also '\(role)'",
                "a model that is given its target knows the answer: remove it from the features")
        }
    }
}

extension AuditConfiguration.Protected {
    /// Reads a checked item of `data.protected`.
    init(_ node: SettingNode) throws(CasemateError) {
        self.init(
            node["column"]?.text ?? "", reference: node["reference"]?.text, buckets: node["buckets"]?.numbers ?? [])
        if zip(buckets, buckets.dropFirst()).contains(where: { $0 >= $1 }) {
            throw CasemateError(
                .invalidSetting, at: node["buckets"]?.place ?? node.place,
                "the buckets of '\(column)' are not ascending", help: "list each cut once, the smallest first")
        }
    }
    /// The attribute as `config show` has it.
    var shown: SettingValue {
        if reference == nil && buckets.isEmpty { return .text(column) }
        var members: [String: SettingValue] = ["column": .text(column)]
        if let reference { members["reference"] = .text(reference) }
        if !buckets.isEmpty { members["buckets"] = .list(buckets.map { .number($0) }) }
        return .mapping(members)
    }
}

extension AuditConfiguration {
    /// Reads a checked item of `policy.accept`.
    static func acceptance(_ node: SettingNode) throws(CasemateError) -> Policy.Acceptance {
        let fingerprint = node["fingerprint"]?.text ?? ""
        let isHexadecimal = fingerprint.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard fingerprint.utf8.count == 16, isHexadecimal else {
            throw CasemateError(
                .invalidSetting, at: node["fingerprint"]?.place ?? node.place,
                "'\(fingerprint.prefix(60))' is no fingerprint: expected 16 hexadecimal digits",
                help: "copy it from the finding in the report, in quotes")
        }
        guard let expires = (node["expires"]?.text).flatMap({ CalendarDay($0) }) else {
            throw CasemateError(
                .invalidSetting, at: node.place, "expected the day on which the acceptance expires",
                help: "write `expires: 2027-01-31`")
        }
        return Policy.Acceptance(fingerprint: fingerprint, reason: node["reason"]?.text ?? "", expires: expires)
    }
}
