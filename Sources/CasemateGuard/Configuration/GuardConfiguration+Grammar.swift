public import CasemateCore

extension GuardConfiguration {
    /// The grammar of `guard.yaml`: reader, JSON Schema and reference page come from it.
    public static let keys: [SettingKey] = [
        SettingKey("version", .integer(1...1), "version of this grammar", fallback: .integer(1)),
        SettingKey(
            "listen", .text, "address and port to listen on; port 0 takes a free one", fallback: .text("127.0.0.1:8080")
        ),
        SettingKey("server", .mapping(ServerSettings.keys), "limits of connections and requests"),
        SettingKey("tls", .mapping(ServerSettings.tlsKeys), "certificates; without it connections are not encrypted"),
        SettingKey("auth", .mapping(Authenticator.keys), "who may ask"),
        SettingKey(
            "models",
            .list(
                .mapping(
                    [
                        SettingKey("name", .text, "name in addresses and records", isRequired: true),
                        SettingKey("version", .text, "version in addresses and records", fallback: .text("1")),
                    ] + BackendOpener.keys + [stages]), minimum: 1), "the models that are served", isRequired: true),
        stages,
        SettingKey(
            "audit_log", .mapping(AuditLog.keys, short: "path"),
            "where every decision is kept; a path alone is short for `path`", isRequired: true),
        SettingKey(
            "secret", .path,
            "file of the guard's secret, for keyed hashes, noise and watermarks; `guard.secret` beside the audit log "
                + "where left out; made, for its owner alone, when it is not there"),
        SettingKey("ui", .mapping(AdminFace.keys), "the pages under /ui"),
    ]

    /// The settings of the stages, for all models or for one.
    private static var stages: SettingKey {
        let keys = builtInStages.map { stage in
            SettingKey(stage.identifier, .mapping(common(stage) + stage.keys, short: "mode"), stage.purpose)
        }
        return SettingKey("stages", .mapping(keys), "what stands between callers and models, each on or off")
    }

    private static func common(_ stage: any GuardStage.Type) -> [SettingKey] {
        [
            SettingKey(
                "mode", .choice(StageMode.allCases.map(\.rawValue)),
                "off, observe (say it in the record, change nothing) or enforce",
                fallback: .text(stage.defaultMode.rawValue)),
            SettingKey(
                "on_failure", .choice(["closed", "open"]),
                "what holds when the stage itself fails: refuse with 503, or let it pass and count it",
                fallback: .text("closed")),
        ]
    }

    /// The JSON Schema (draft 2020-12) of `guard.yaml`, as committed in `docs/reference/guard.schema.json`.
    public static var jsonSchema: String {
        SettingKind.schema(keys: keys, identifier: "urn:casemate:guard:1", title: "guard.yaml, version 1")
    }
}
