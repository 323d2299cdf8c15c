import ArgumentParser
import CasemateAudit
import CasemateCore

/// A served model instead of a file. Secrets are named, never given: they would stand in the shell's history.
struct EndpointOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Address of a served model: Open Inference Protocol v2 or MLflow.", valueName: "url"))
    var endpoint: String?
    @Option(name: .customLong("endpoint-model"), help: "Name of the model on the server (default: the only one).")
    var model: String?
    @Option(
        name: .customLong("bearer-variable"),
        help: ArgumentHelp("Environment variable that holds a bearer token.", valueName: "name"))
    var bearerVariable: String?
    @Option(
        name: .customLong("key-variable"),
        help: ArgumentHelp("Environment variable that holds an API key.", valueName: "name"))
    var keyVariable: String?
    @Option(name: .customLong("endpoint-rate"), help: "Most requests a second.") var rate: String?
    @Option(name: .customLong("endpoint-queries"), help: "Most rows asked in all.") var queries: String?

    /// The settings that were given: key, value, option.
    var settings: [(String, String?, String)] {
        [
            ("model.endpoint.url", endpoint, "--endpoint"), ("model.endpoint.model", model, "--endpoint-model"),
            ("model.endpoint.bearer_variable", bearerVariable, "--bearer-variable"),
            ("model.endpoint.key_variable", keyVariable, "--key-variable"),
            ("model.endpoint.rate", rate, "--endpoint-rate"),
            ("model.endpoint.queries", queries, "--endpoint-queries"),
        ]
    }
}
