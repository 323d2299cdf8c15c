public import CasemateCore
public import CasemateModels

/// Examines the facts about an ONNX file that passed the bounded reader. Rules: `docs/probes/file.md`.
public struct FileGate: Hashable, Sendable {
    /// Operator domains that raise no finding, besides the standard ones.
    public let allowedDomains: Set<String>
    /// Files above this size raise a finding; `nil` sets no limit.
    public let maximumBytes: Int?

    /// Makes a gate.
    public init(allowedDomains: Set<String> = [], maximumBytes: Int? = nil) {
        (self.allowedDomains, self.maximumBytes) = (allowedDomains, maximumBytes)
    }

    /// Something that a rule objects to.
    public struct Issue: Hashable, Sendable {
        /// The rule, such as `custom_domain`.
        public let rule: String
        /// How bad it is.
        public let severity: Severity
        /// One sentence.
        public let title: String
        /// What proves it.
        public let evidence: [Evidence]
        /// How to mend it.
        public let remedy: String
        /// What the fingerprint names besides rule and file.
        public let feature: String
    }
    /// Facts and issues.
    public struct Verdict: Hashable, Sendable {
        /// Size of the file in bytes; version of the standard operators; nodes; values in constants.
        public let bytes: Int, opset: Int, operatorCount: Int, parameters: Int
        /// Facts for the report.
        public let tables: [EvidenceTable]
        /// Facts in sentences.
        public let summary: [String]
        /// What rules object to.
        public let issues: [Issue]
    }

    private static let standardDomains: Set<String> = ["ai.onnx", "ai.onnx.ml"]
    private static let random: Set<String> = [
        "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli",
    ]
    private static let controlFlow: Set<String> = ["If", "Loop", "Scan"]

    /// Examines a file.
    public func examine(_ file: OnnxFile) -> Verdict {
        let opset = file.opsets.first { $0.domain == "ai.onnx" }?.version ?? 0
        let nodes = file.operators.reduce(0) { $0 + $1.count }
        let external = file.externalFiles.map(\.location).joined(separator: ", ")
        let facts = [
            ["producer", file.producer.isEmpty ? "not stated" : file.producer],
            ["format version", "IR \(file.irVersion)"],
            ["operator sets", file.opsets.map { "\($0.domain) \($0.version)" }.joined(separator: ", ")],
            ["inputs", file.inputs.map { "\($0.name): \($0.type)" }.joined(separator: "; ")],
            ["outputs", file.outputs.map { "\($0.name): \($0.type)" }.joined(separator: "; ")],
            ["nodes", "\(nodes)" + (file.subgraphCount > 0 ? ", with \(file.subgraphCount) subgraphs" : "")],
            ["parameters", "\(file.parameterCount) values in initialisers"],
            ["external data", external.isEmpty ? "none" : external],
            ["metadata keys", file.metadataKeys.isEmpty ? "none" : file.metadataKeys.joined(separator: ", ")],
        ]
        let operators = file.operators.sorted { $0.count > $1.count }
        return Verdict(
            bytes: file.bytes, opset: opset, operatorCount: nodes, parameters: file.parameterCount,
            tables: [
                EvidenceTable(title: "Facts", columns: ["fact", "value"], rows: facts),
                EvidenceTable(
                    title: "Operators", columns: ["domain", "operator", "nodes"],
                    rows: operators.prefix(40).map { [$0.domain, $0.name, "\($0.count)"] }),
            ],
            summary: [
                "The file passed the bounded reader: \(nodes) nodes of \(file.operators.count) kinds, nothing outside its folder."
            ] + file.warnings.map { "Unusual: \($0)." }, issues: issues(file, opset: opset))
    }

    private func issues(_ file: OnnxFile, opset: Int) -> [Issue] {
        var found: [Issue] = []
        let known = Self.standardDomains.union(allowedDomains)
        let foreign = file.operators.filter { !known.contains($0.domain) }
        for domain in Set(foreign.map(\.domain)).sorted() {
            let names = foreign.filter { $0.domain == domain }.map(\.name)
            found.append(
                issue(
                    file, "vendor_domain", .low, "Operators of the domain '\(domain)' are not part of ONNX",
                    evidence: "Used: \(names.prefix(10).joined(separator: ", ")).",
                    remedy: "They run on one engine only: export without them, or name the domain under "
                        + "`probes.file.allowed_domains`.", feature: domain))
        }
        if let maximumBytes, file.bytes > maximumBytes {
            found.append(
                issue(
                    file, "too_large", .medium, "The file is larger than the declared limit",
                    evidence: "\(file.bytes) bytes, \(maximumBytes) are allowed.",
                    remedy: "Check what was added to the model, or raise `probes.file.max_bytes`."))
        }
        if opset > 0, opset < 9 {
            found.append(
                issue(
                    file, "old_opset", .low, "The model asks for operator set \(opset), which is no longer maintained",
                    evidence: "Operator set 9 dates from 2018.",
                    remedy: "Export the model again with a current exporter."))
        }
        found += uses(
            file, Self.random, "randomness", .medium, "The model draws random numbers when it answers",
            "Answers cannot be repeated. Fix the seed in the graph, or remove the operator from the exported model.")
        found += uses(
            file, Self.controlFlow, "control_flow", .low, "The model holds branches that only some inputs reach",
            "Read the condition of each branch: a hidden one is the plainest backdoor.")
        if !file.externalFiles.isEmpty {
            found.append(
                issue(
                    file, "external_data", .info,
                    "Constants lie outside the model file, whose hash does not cover them",
                    evidence: file.externalFiles.map { "\($0.location) (\($0.bytes) bytes)" }.joined(separator: ", "),
                    remedy: "Sign the whole folder, or export with the weights inside."))
        }
        return found
    }

    private func uses(
        _ file: OnnxFile, _ names: Set<String>, _ rule: String, _ severity: Severity, _ title: String, _ remedy: String
    ) -> [Issue] {
        let used = file.operators.filter { $0.domain == "ai.onnx" && names.contains($0.name) }
        guard !used.isEmpty else { return [] }
        let list = used.map { "\($0.name) × \($0.count)" }.joined(separator: ", ")
        return [issue(file, rule, severity, title, evidence: "Used: \(list).", remedy: remedy)]
    }

    private func issue(
        _ file: OnnxFile, _ rule: String, _ severity: Severity, _ title: String, evidence: String, remedy: String,
        feature: String = ""
    ) -> Issue {
        Issue(
            rule: rule, severity: severity, title: title,
            evidence: [.text(evidence), .location(FileLocation(path: file.path))], remedy: remedy, feature: feature)
    }
}
